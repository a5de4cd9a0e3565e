"""What is due at which step of a run, and the compiled calls between these steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from jaxgan.base.types import Config


def is_due(step: int, every: int) -> bool:
    """Return whether something that happens every `every` steps (0: never) happens after this one."""
    return every > 0 and step % every == 0


@dataclasses.dataclass(frozen=True)
class Schedule:
    """What happens after which step.

    Attributes:
      config: of the run.
      steps_per_call: the most steps that one compiled call makes.
    """

    config: Config
    steps_per_call: int

    @property
    def last(self) -> int:
        """The number of steps of the whole run."""
        return self.config.train.num_steps

    def logs(self, step: int) -> bool:
        """Return whether a row of metrics is written."""
        return is_due(step, self.config.train.log_every) or step == self.last

    def draws(self, step: int) -> bool:
        """Return whether the fixed-latent grid is drawn."""
        return is_due(step, self.config.train.sample_every)

    def saves(self, step: int) -> bool:
        """Return whether the state is saved, wherever the run ends."""
        return is_due(step, self.config.train.checkpoint_every) or is_due(step, self.config.eval.every)

    def scores(self, step: int) -> bool:
        """Return whether the generator is scored: where that is due, and at the end of the run."""
        return is_due(step, self.config.eval.every) or (self.config.eval.every > 0 and step == self.last)

    def reads(self, step: int) -> bool:
        """Return whether metrics are read at once, which else happens one call late."""
        # Or a request to stop, which reads all of them, would end a run earlier than it ends by itself.
        may_end = self.config.early_stop.metric or self.config.watch.action == "stop"
        return step == self.last or self.saves(step) or bool(may_end and self.logs(step))

    def calls(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield (first step, number of steps) of each compiled call; none crosses a step where something is due."""
        train = self.config.train
        periods = [train.log_every, train.sample_every, train.checkpoint_every, self.config.eval.every]
        step = start
        while step < end:
            due = [end, *(step - step % every + every for every in periods if every)]
            num = min(self.steps_per_call, min(due) - step)
            yield step, num
            step += num
