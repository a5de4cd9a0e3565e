"""What a run tells while it trains: a text at the start, then a progress bar or lines."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import jax
from tqdm import tqdm

from jaxgan.base.types import Config, Device
from jaxgan.config import flatten

# Short names of what the bar shows, and of what there is room for in a line.
SHOWN = {"d_loss": "d/loss", "d_acc": "d/acc", "g_loss": "g/loss"}
MORE = {"d_acc_real": "d/acc_real", "d_acc_fake": "d/acc_fake", "g_acc": "g/acc"}


def start_text(config: Config, devices: list[Device], run: Path) -> str:
    """Return the device report and the configuration as aligned lines."""
    head = (
        f"jax {jax.__version__}, {len(devices)} x {devices[0].device_kind} ({devices[0].platform}); "
        f"{config.data.batch_size} pictures a step, {config.data.batch_size // len(devices)} a device"
    )
    flat = flatten(config)
    width = max(map(len, flat))
    return "\n".join([head, *(f"  {path:<{width}}  {value}" for path, value in flat.items()), f"files in {run}"])


class Progress:
    """A tqdm bar on a terminal, plain lines otherwise."""

    def __init__(self, start: int, stop: int, stream=None):
        """Show steps `start` to `stop` on a text stream, standard error if None."""
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
        """Print a line without breaking the bar."""
        if self._bar is not None:
            self._bar.write(text, file=self._stream)
        else:
            self._print(text)

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()

    def _print(self, text: str) -> None:
        print(text, file=self._stream, flush=True)

    def _line(self, step: int, row: dict[str, float], shown: dict[str, str]) -> str:
        spent = time.monotonic() - self._began
        left = spent / max(1, step - self._start) * (self._stop - step)
        losses = "  ".join(f"{name} {value}" for name, value in shown.items())
        speed = f"{row['steps_per_sec']:.2f} steps/s  {row['images_per_sec']:.0f} images/s"
        return f"step {step}/{self._stop}  {losses}  {speed}  ETA {left // 60:.0f}:{left % 60:02.0f}"
