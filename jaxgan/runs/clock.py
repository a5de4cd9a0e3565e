"""The time of a run, over all processes that trained it, and when `config.train.max_minutes` ends it."""

from __future__ import annotations

import math
import time


class Clock:
    """Counts the seconds of a run.

    Attributes:
      before: seconds that earlier processes spent, up to the checkpoint that this one continues from.
    """

    def __init__(self, minutes: float, began: float):
        """Count from `began`, a time of `time.monotonic`; after `minutes` (0: never) the run ends."""
        self._limit = 60 * minutes if minutes else math.inf
        self._began = began
        self._ending = 0.0
        self._is_continued = False
        self.before = 0.0

    def continue_after(self, seconds: float) -> None:
        """Take what earlier processes spent; after a rollback the checkpoint's seconds are this process's own."""
        if not self._is_continued:
            self.before, self._is_continued = seconds, True

    @property
    def spent(self) -> float:
        """Seconds of the whole run so far."""
        return self.before + time.monotonic() - self._began

    def note_ending(self, seconds: float) -> None:
        """Keep this much time for the end of the run: scores took it."""
        self._ending = max(self._ending, seconds)

    def left(self) -> float:
        """Return the seconds left for training, infinity where nothing ends it."""
        return self._limit - self.spent - self._ending
