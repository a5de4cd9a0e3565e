"""What a process does that follows the leader of its job: the same steps, and shares of what is scored."""

from __future__ import annotations

import contextlib
import json

import jax
import numpy as np

from jaxgan import data
from jaxgan.base.checks import UserError
from jaxgan.generators.averaged import averaged_generator
from jaxgan.runs.calls import batches, make_steps
from jaxgan.runs.evaluate import features_of, scored_images
from jaxgan.runs.processes.shares import spread
from jaxgan.runs.processes.team import FEATURES, GO, IMAGES, Team, say_all, share
from jaxgan.runs.setup import Setup
from jaxgan.runs.signals import StopRequest
from jaxgan.training import parallel
from jaxgan.training.state import GanState


def follow(setup: Setup, team: Team, stop: StopRequest) -> GanState:
    """Make the steps that the leader makes, until it ends the run; return the last state.

    Raises:
      Dismissed: the leader ended it by an error.
    """
    steps, everywhere = make_steps(setup, 0), None
    while (start := team.begin()) is not None:
        del everywhere  # of a run that goes back, or two would be in memory
        everywhere = parallel.replicate(share(None, setup.state_shapes), setup.devices)
        helper = Helper(setup)
        with data.prefetch(batches(setup, start, on_device=steps.dataset is not None)) as stream:
            for (_, num), batch in stream:
                if not helper.help(team, everywhere, stop):
                    break
                everywhere, _ = steps(everywhere, batch, num)
            else:
                helper.help(team, everywhere, stop)
    return setup.new_state() if everywhere is None else parallel.local(everywhere)


class Helper:
    """A follower's part in what is scored."""

    def __init__(self, setup: Setup):
        """Find the same features as the leader, who gets a share of them from all or from none."""
        self._setup, self._images = setup, np.zeros(0)
        if setup.config.eval.every:
            (data_digest, self._class_counts), self._net = json.loads(say_all("")[0]), None
            with contextlib.suppress(Exception):  # its file or packages may be on the leader's machine alone
                self._net = features_of(setup.config, setup.source.info.image_shape, data_digest)
            say_all("none" if self._net is None else self._net.digest)

    def help(self, team: Team, state: GanState, stop: StopRequest) -> bool:
        """Make this process's shares until there is something else to do; return whether that is a call."""
        while (word := team.hear(stop)) in (IMAGES, FEATURES):
            with contextlib.suppress(UserError):  # the leader has the same, and says it
                if word == IMAGES:
                    self._images = self._made(parallel.local(state))
                elif self._net is not None:
                    self._net.features_and_logits(self._images, over=spread)
        return word == GO

    def _made(self, state: GanState) -> np.ndarray:
        config, counts = self._setup.config, self._class_counts
        params = averaged_generator(self._setup.gan, config, jax.device_get(state.ema))
        return scored_images(params, config.eval.num, config.seed, config.sample.stats, counts, spread)[0]
