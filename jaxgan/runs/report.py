"""What a run tells while it trains: a progress bar or lines, and metrics.jsonl."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import jax
from tqdm import tqdm

from jaxgan.base import files
from jaxgan.base.types import Config, Device
from jaxgan.config import flatten

METRICS_FILE = "metrics.jsonl"

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


class MetricsLog:
    """`metrics.jsonl`: one JSON object a logged step."""

    def __init__(self, run: Path, start: int):
        """Open the file of a run that goes on from step `start`; later lines, of lost work, are dropped."""
        self.path = Path(run) / METRICS_FILE
        kept = [row for row in read_metrics(run) if row["step"] <= start]
        files.write(self.path, "".join(json.dumps(row) + "\n" for row in kept))
        self._file = self.path.open("a")

    def write(self, row: dict[str, float]) -> None:
        """Append one line and hand it to the system, so that a killed run has it."""
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_metrics(run: Path) -> list[dict[str, float]]:
    """Return the logged rows of a run in order; a line cut short by a crash is left out."""
    path = Path(run) / METRICS_FILE
    rows = []
    for line in path.read_text().splitlines() if path.is_file() else []:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows


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
