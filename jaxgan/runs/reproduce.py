"""Reported results, and training them again: `--mode=reproduce`."""

from __future__ import annotations

import dataclasses
import importlib.resources
import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan import data
from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.digests import array_digest
from jaxgan.base.types import Config
from jaxgan.config_files import get_config
from jaxgan.runs.evaluate import evaluate_run
from jaxgan.runs.train import train

COVERED = 0.95  # probability that another seed's score lies within the spread, were scores normal


@dataclasses.dataclass(frozen=True)
class Row:
    """A result that was reported.

    Attributes:
      name: of the row.
      config: name of a preset.
      changes: settings that differ from it, such as {'train.num_steps': 500}.
      score: name of the score, such as 'fd_mnist'; lower is better.
      scores: one for each of the seeds.
      seeds: values of config.seed.
      minutes: that a run took.
      images: fingerprint of the training images.
      measured_with: versions and machine.
      seal: `sealed` of all other entries.
    """

    name: str
    config: str
    changes: dict[str, Any]
    score: str
    scores: tuple[float, ...]
    seeds: tuple[int, ...]
    minutes: float
    images: str
    measured_with: str
    seal: str

    def sealed(self) -> str:
        """Return 16 hexadecimal digits that change with any entry of the row."""
        entries = dataclasses.asdict(dataclasses.replace(self, seal=""))
        return array_digest(json.dumps(entries, sort_keys=True))

    def spread(self) -> tuple[float, float]:
        """Return the interval in which one more seed's score lies with probability `COVERED`.

        The prediction interval of normal scores, mean +- t s sqrt(1 + 1/n), where s is their standard deviation and t a
        quantile of Student's distribution with n - 1 degrees of freedom.
        """
        from scipy.special import stdtrit

        num, scores = len(self.scores), np.asarray(self.scores, np.float64)
        reach = stdtrit(num - 1, (1 + COVERED) / 2) * scores.std(ddof=1) * np.sqrt(1 + 1 / num)
        return float(scores.mean() - reach), float(scores.mean() + reach)

    def line(self) -> str:
        """Return what is listed of the row."""
        scores = ", ".join(f"{score:g}" for score in self.scores)
        seeds = ", ".join(map(str, self.seeds))
        return f"{self.name}: {self.score} {scores} with seeds {seeds}; {self.minutes:g} minutes each"

    def complete_config(self, seed: int) -> Config:
        """Return the configuration of a run."""
        config = get_config(self.config)
        config.update_from_flattened_dict(self.changes)
        config.seed = seed
        return config


def rows() -> dict[str, Row]:
    """Return the rows of rows.toml by their names.

    Raises:
      UserError: a row is not as it was sealed.
    """
    text = (importlib.resources.files("jaxgan.runs") / "rows.toml").read_text("utf-8")
    found = {name: _row(name, entries) for name, entries in tomllib.loads(text).items()}
    for row in found.values():
        if row.seal != row.sealed():
            raise UserError(
                f"row {row.name} of jaxgan/runs/rows.toml was changed after it was sealed; take it from the repository "
                f"again, or seal a new measurement with {row.sealed()}."
            )
    return found


def _row(name: str, entries: dict[str, Any]) -> Row:
    lists = {key: tuple(entries[key]) for key in ("scores", "seeds")}
    return Row(name, **{**entries, **lists})


def find(name: str) -> Row:
    """Return a row; UserError where there is none of that name."""
    known = rows()
    checks.one_of("--row", name, known)
    return known[name]


def reproduce(row: Row, workdir: str | Path, seed: int) -> float:
    """Train a row's run, or continue it, and return its score.

    Args:
      row: from `find`.
      workdir: folder of the run.
      seed: config.seed, such as one of the row's.

    Raises:
      UserError: the images are not those of the row, or the run cannot be trained, or it was stopped.
    """
    config = row.complete_config(seed)
    found = data.fingerprint(data.open_source(config.data))
    if found != row.images:
        raise UserError(
            f"the images of row {row.name} have the fingerprint {row.images}, and those found here {found}; scores of "
            "other images cannot be compared."
        )
    step = int(train(config, workdir).step)
    if step < config.train.num_steps:
        raise UserError(
            f"row {row.name} is not compared: its run was stopped at step {step:,} of {config.train.num_steps:,}; the "
            "same command goes on."
        )
    return evaluate_run(workdir)[0][0]["metrics"][row.score]


def verdict(row: Row, score: float) -> str:
    """Return a sentence about a score; UserError where it is outside of the spread."""
    low, high = row.spread()
    spread = f"{low:.3g} to {high:.3g}, where one more seed is expected in {COVERED:.0%} of cases"
    if low <= score <= high:
        return f"{row.score} is {score:.3g}, within the spread: {spread}"
    raise UserError(f"{row.score} is {score:.3g}, outside of the spread: {spread}; see docs/results.md.")
