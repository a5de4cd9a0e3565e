"""What a run prints while it trains: a text at the start, then a progress bar or lines."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jax
from tqdm import tqdm

from jaxgan.base.terminal import printable, write_line
from jaxgan.base.types import Config, Device
from jaxgan.config import default, flatten
from jaxgan.rundir.layout import CONFIG_FILE

# Short names of what the bar shows, and of what there is room for in a line.
SHOWN = {"d_loss": "d/loss", "d_acc": "d/acc", "g_loss": "g/loss"}
MORE = {"d_acc_real": "d/acc_real", "d_acc_fake": "d/acc_fake", "g_acc": "g/acc"}


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

    def __init__(self, start: int, stop: int, time_left: Callable[[], float] = lambda: math.inf, stream=None):
        """Show steps `start` to `stop` on a stream, standard error if None; `time_left` bounds the seconds left."""
        self._time_left = time_left
        self._stream = stream or sys.stderr
        self._began = time.monotonic()
        self._start, self._stop = start, stop
        self._bar = None
        if self._stream.isatty():
            self._bar = tqdm(total=stop, initial=start, unit="step", file=self._stream, dynamic_ncols=True)

    def update(self, step: int, row: dict[str, float] | None = None) -> None:
        """Show that `step` is done, with the metrics of a logged row if there is one."""
        names = SHOWN if self._bar is not None else SHOWN | MORE
        shown = {short: f"{row[name]:.4f}" for short, name in names.items() if name in row} if row else {}
        if self._bar is not None:
            self._bar.update(step - self._bar.n)
            if row:
                self._bar.set_postfix(shown | {"img/s": f"{row['images_per_sec']:.0f}"})
        elif row:
            self._print(self._line(step, row, shown))

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

    def _line(self, step: int, row: dict[str, float], shown: dict[str, str]) -> str:
        spent = time.monotonic() - self._began
        left = min(spent / max(1, step - self._start) * (self._stop - step), max(0.0, self._time_left()))
        losses = "  ".join(f"{name} {value}" for name, value in shown.items())
        speed = f"{row['steps_per_sec']:.2f} steps/s  {row['images_per_sec']:.0f} images/s"
        return f"step {step}/{self._stop}  {losses}  {speed}  ETA {clock(left)}"


def clock(seconds: float) -> str:
    """Return h:mm:ss of a length of time."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
