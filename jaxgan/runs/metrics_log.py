"""What a run measures, in `metrics.jsonl`."""

from __future__ import annotations

import json
from pathlib import Path

from jaxgan.base import files

METRICS_FILE = "metrics.jsonl"


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
