"""What a run measures, in `metrics.jsonl`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jaxgan.base import files
from jaxgan.base.terminal import say
from jaxgan.rundir.layout import METRICS_FILE
from jaxgan.rundir.records import keep_damaged

Row = dict[str, Any]  # 'step' and numbers by name

RENAMED = {"fid": "fid_clean"}  # scores of previous versions


class MetricsLog:
    """`metrics.jsonl`: one JSON object a logged step.

    Attributes:
      rows: all rows so far, oldest first.
    """

    def __init__(self, workdir: Path, start: int):
        """Continue the file of a run from step `start`; later lines, of lost work, are dropped."""
        self.path = Path(workdir) / METRICS_FILE
        found, bad = _read(self.path)
        self.rows = [row for row in found if row["step"] <= start]
        self._unwritten: list[str] = []
        if bad:
            keep_damaged(self.path)
        files.write(self.path, "".join(map(_line, self.rows)))

    def write(self, row: Row) -> None:
        """Append one line and hand it to the system, so that a killed run has it.

        A disk that refuses is reported, and the line is kept for the next time.
        """
        self.rows.append(row)
        self._unwritten.append(_line(row))
        try:
            with self.path.open("a") as file:
                file.write("".join(self._unwritten))
            self._unwritten.clear()
        except OSError as error:
            self._unwritten.insert(0, "\n")  # ends the line that may have been cut short
            say(f"warning: {self.path} could not be written ({error.strerror}); training goes on")

    def amend(self, columns: Row) -> Row:
        """Add columns to the last row, in the file too, and return it."""
        self.rows[-1] |= columns
        try:
            files.write(self.path, "".join(map(_line, self.rows)))
            self._unwritten.clear()
        except OSError as error:
            say(f"warning: {self.path} could not be written ({error.strerror or error}); training goes on")
        return self.rows[-1]


def _line(row: Row) -> str:
    return json.dumps(row) + "\n"


def read_metrics(workdir: Path) -> list[Row]:
    """Return the logged rows of a run in order.

    A line cut short by a crash is left out. Other lines that are no rows are left out, too, and reported.
    """
    return _read(Path(workdir) / METRICS_FILE)[0]


def _read(path: Path) -> tuple[list[Row], int]:
    """Return the rows of a file, and how many lines are something else, which is reported."""
    try:
        lines = files.read(path).split(b"\n")
    except FileNotFoundError:
        return [], 0
    if lines[-1].startswith(b"{") and _parse(lines[-1]) is None:
        lines.pop()  # cut short
    rows = [_parse(line) for line in lines if line.strip()]
    bad = sum(row is None for row in rows)
    if bad:
        say(f"warning: {bad} lines of {path} are no rows of metrics and were left out")
    return [row for row in rows if row is not None], bad


def _parse(line: bytes) -> Row | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    is_row = isinstance(row, dict) and isinstance(row.get("step"), int) and not isinstance(row["step"], bool)
    if not is_row or not all(is_number(value) for value in row.values()):
        return None
    return {current_column(name): value for name, value in row.items()}


def current_column(name: str) -> str:
    """Return the present name of a column, such as 'eval/fid_clean' for 'eval/fid'."""
    section, slash, score = name.partition("/")
    return f"eval/{RENAMED.get(score, score)}" if slash and section == "eval" else name


def is_number(value: object) -> bool:
    """Return whether a value read from JSON is a number that arithmetic can take; NaN and infinities are."""
    return isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63)
