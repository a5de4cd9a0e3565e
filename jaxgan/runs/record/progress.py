"""What a run prints while it trains: a text at the start, then a progress bar or lines."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import jax
from tqdm import tqdm

from jaxgan.base.terminal import printable, write_line
from jaxgan.base.types import Config, Device
from jaxgan.config import default, flatten
from jaxgan.rundir.layout import CONFIG_FILE

# Short names of what the bar shows, and of what there is room for in a line.
SHOWN = {"d_loss": "d/loss", "d_acc": "d/acc", "g_loss": "g/loss"}
MORE = {"d_acc_real": "d/acc_real", "d_acc_fake": "d/acc_fake", "g_acc": "g/acc"}
PATIENCE = 20.0  # seconds after which a line says how far the run is, before there is a row


def start_text(config: Config, devices: list[Device], workdir: Path) -> str:
    """Return the device report and, as aligned lines, the settings that are not the defaults of `jaxgan/config.py`."""
    head = (
        f"jax {jax.__version__}, {len(devices)} x {devices[0].device_kind} ({devices[0].platform}); "
        f"{config.data.batch_size} images a step, {config.data.batch_size // len(devices)} a device"
    )
    usual = flatten(default())
    chosen = {path: value for path, value in flatten(config).items() if path not in usual or value != usual[path]}
    width = max(map(len, chosen), default=0)
    lines = (f"  {path:<{width}}  {value}" for path, value in chosen.items())
    return "\n".join([head, *lines, f"all settings are in {Path(workdir) / CONFIG_FILE}"])


class Progress:
    """A tqdm bar on a terminal, plain lines otherwise."""

    def __init__(
        self,
        start: int,
        stop: int,
        time_left: Callable[[], float] = lambda: math.inf,
        *,
        relative: bool = False,
        stream=None,
    ):
        """Show steps.

        Args:
          start: step that the run continues from.
          stop: its last step.
          time_left: bounds the seconds that are left; where they are finite, the last step means nothing.
          relative: whether D compares real with generated images, so that its accuracies are all the same figure.
          stream: None for standard error.
        """
        self._time_left = time_left
        self._stream = stream or sys.stderr
        self._stop, self._by_clock = stop, math.isfinite(time_left())
        self._origin = start, time.monotonic()  # from which speed is reckoned: the first call compiles
        self._has_begun = False
        self._printed_at = time.monotonic()
        self._names = SHOWN if relative else SHOWN | MORE
        self._bar = None
        if self._stream.isatty() and _has_room(self._stream):
            total = None if self._by_clock else stop
            self._bar = tqdm(total=total, initial=start, unit="step", file=self._stream, dynamic_ncols=True)

    def update(self, step: int, row: dict[str, float] | None = None) -> None:
        """Show that `step` is done, with the metrics of a logged row if there is one."""
        now = time.monotonic()
        if self._bar is not None:
            self._bar.update(step - self._bar.n)
            if row:
                left = {"ETA": self._left(step, now)} if self._by_clock else {}  # else the bar has it
                self._bar.set_postfix(_figures(row, SHOWN) | {"img/s": f"{row['images_per_sec']:.0f}"} | left)
        elif row or now - self._printed_at > PATIENCE:
            self._print(self._line(step, row or {}, now))
            self._printed_at = math.inf if row else now
        if not self._has_begun:
            self._origin, self._has_begun = (step, now), True

    def say(self, text: str) -> None:
        """Print a line without breaking the bar; control characters are escaped."""
        if self._bar is not None:
            self._bar.write(printable(text), file=self._stream)
        else:
            self._print(printable(text))

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()

    def _print(self, text: str) -> None:
        write_line(text, self._stream)

    def _line(self, step: int, row: dict[str, float], now: float) -> str:
        parts = [f"step {step}" if self._by_clock else f"step {step}/{self._stop}"]
        parts += [f"{name} {value}" for name, value in _figures(row, self._names).items()]
        if row:
            parts += [f"{row['steps_per_sec']:.2f} steps/s", f"{row['images_per_sec']:.0f} images/s"]
        if row or self._has_begun:
            parts.append(f"ETA {self._left(step, now)}")
        return "  ".join(parts)

    def _left(self, step: int, now: float) -> str:
        first, began = self._origin
        left = (now - began) / max(1, step - first) * (self._stop - step)
        return clock(min(left, max(0.0, self._time_left())))


def _has_room(stream: TextIO) -> bool:
    """Return whether a terminal has columns; those of containers and of `script` may have none, so show no bar."""
    try:
        return os.get_terminal_size(stream.fileno()).columns > 0
    except OSError:
        return True


def _figures(row: dict[str, float], names: dict[str, str]) -> dict[str, str]:
    """Return the metrics of a row that are shown, by their short names."""
    return {short: f"{row[name]:.4f}" for short, name in names.items() if name in row}


def clock(seconds: float) -> str:
    """Return h:mm:ss of a length of time."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
