"""The state of a run's training, as its rows show it: whether it collapsed, stalled, or is to end."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import gans
from jaxgan.base import machine
from jaxgan.base.types import Config, DataInfo
from jaxgan.objectives import losses
from jaxgan.rundir.evaluations import IN_TRAINING, Evaluation, of_one_protocol, protocol, read_evaluations
from jaxgan.rundir.metrics_log import Row, read_metrics
from jaxgan.runs.health.early_stop import has_stalled
from jaxgan.runs.health.watch import Finding, Watch, first_collapse, make_watch
from jaxgan.training.gan import Gan
from jaxgan.training.state import GanState


class Health:
    """Judges a run by its rows and evaluations; equal ones give equal judgements.

    Attributes:
      findings: of the health checks.
    """

    def __init__(self, gan: Gan, config: Config, rows: Sequence[Row], evaluations: Sequence[Evaluation]):
        """Look at all rows so far. Both lists may grow; `look` and `look_at_scores` take in what is new."""
        self._gan, self._config, self._rows, self._evaluations = gan, config, rows, evaluations
        self._begin()

    def _begin(self) -> None:
        """Show new health checks all rows, but no scores that cannot be compared with the newest."""
        newest = self._evaluations[-1] if self._evaluations else {}
        self._watch: Watch | None = None
        self.findings: list[Finding] = []
        if self._config.watch.action != "off":
            self._watch = make_watch(self._gan, newest.get("main", ""), newest.get("floor", {}))
        for row in of_one_protocol(self._rows, self._evaluations):
            self.look(row)

    def look(self, row: Row) -> list[Finding]:
        """Take one row in, and return what is new."""
        found = [] if self._watch is None else self._watch.update(row)
        self.findings += found
        return found

    def look_at_scores(self, entry: Evaluation, columns: Row | None) -> list[Finding]:
        """Take the newest evaluation in, and its columns of its row if that has been seen without them."""
        own = [one for one in self._evaluations if one.get(IN_TRAINING)]
        if len(own) < 2 or protocol(own[-2]) != protocol(entry):
            self._begin()
            return []
        return [] if columns is None else self.look(columns)

    @property
    def report(self) -> list[Finding] | None:
        """What the page of the run shows; None where the health checks are off."""
        return None if self._watch is None else self.findings

    @property
    def collapsed(self) -> Finding | None:
        """The first finding that makes more training useless, or None."""
        return first_collapse(self.findings)

    @property
    def stalled(self) -> bool:
        """Whether training no longer improves, by config.early_stop."""
        return has_stalled(self._rows, self._config.early_stop, self._evaluations)

    @property
    def ends(self) -> bool:
        """Whether the run is to end here."""
        return self.stalled or (self._config.watch.action == "stop" and self.collapsed is not None)


def health_of(workdir: Path, gan: Gan, config: Config, last: int | None = None) -> Health:
    """Return the health of a run at step `last` (None: its last), from what its folder holds."""
    rows, evaluations = read_metrics(workdir), read_evaluations(workdir)
    if last is not None:
        rows, evaluations = ([one for one in many if one["step"] <= last] for many in (rows, evaluations))
    return Health(gan, config, rows, evaluations)


def saved_health(workdir: Path, config: Config, info: DataInfo) -> Health:
    """Return the health of a run that is not being trained; unchecked where another process registered its loss."""
    is_known = not config.loss.isidentifier() or config.loss in losses.LOSSES
    if not is_known:
        config = copy.deepcopy(config)
        config.watch.action = "off"
    return health_of(workdir, gans.build_networks(config, info, keep_loss=is_known), config)


def watch_again(workdir: Path, config: Config, info: DataInfo) -> list[Finding]:
    """Return what the health checks found in a run, from what its folder holds."""
    return saved_health(workdir, config, info).findings


def bad_metric(metrics: dict[str, np.ndarray], first: int, num: int) -> str:
    """Return which metric of a call became NaN or infinite, as a sentence without a full stop; '' where none did."""
    for name, values in metrics.items():
        if not np.isfinite(values).all():
            bad = values[~np.isfinite(values)][0]
            return f"{name} became {bad} between steps {first + 1} and {first + num}"
    return ""


def bad_state(state: GanState, step: int) -> str:
    """Return what is wrong with a state that cannot be trained on, or ''."""
    if jax.jit(is_finite, compiler_options=machine.compiler_options(seldom=True))(state):
        return ""
    return f"a parameter, a running statistic or an optimiser's moment was no finite number after step {step}"


def is_finite(state: GanState) -> jax.Array:
    """Return bool[], whether every number is finite that training carries: networks, optimisers, the average."""
    kept = (state.g.variables, state.g.opt_state, state.d.variables, state.d.opt_state, state.ema, state.tracks)
    leaves = [leaf for leaf in jax.tree.leaves(kept) if jnp.issubdtype(leaf.dtype, jnp.inexact)]
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(x)) for x in leaves]))
