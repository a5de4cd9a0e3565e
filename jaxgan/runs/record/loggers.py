"""Where else a run's metrics and grids go: `config.train.log_to` names the loggers, such as 'tensorboard,csv'."""

from __future__ import annotations

import csv
import io
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.base import checks, files
from jaxgan.base.checks import UserError, brief, needed
from jaxgan.base.terminal import say
from jaxgan.base.types import Config
from jaxgan.config import flatten
from jaxgan.rundir import layout
from jaxgan.rundir.metrics_log import Row, read_metrics
from jaxgan.views import sheets


class Logger:
    """Takes what a run measures and draws, from step `start` on."""

    def row(self, row: Row) -> None:
        """Take a logged row; the same step comes again where scores were added to it."""

    def grid(self, step: int, sheet: np.ndarray) -> None:
        """Take the fixed-latent images of a step, uint8[H, W, C]; called by a thread."""

    def close(self) -> None:
        """Write what is not written yet."""


class Csv(Logger):
    """`metrics.csv`: the rows of metrics.jsonl, a column for each number, for spreadsheets."""

    def __init__(self, workdir: Path, start: int, config: Config):
        del start, config
        self._workdir, self._path = workdir, workdir / layout.CSV_FILE
        self._write_all()

    def row(self, row: Row) -> None:
        if row["step"] <= self._last or not row.keys() <= set(self._columns):
            self._write_all()
        else:
            with self._path.open("a", newline="") as file:
                csv.DictWriter(file, self._columns).writerow(row)
            self._last = row["step"]

    def _write_all(self) -> None:
        rows = read_metrics(self._workdir)
        self._columns = list(dict.fromkeys(name for row in rows for name in row))
        self._last = rows[-1]["step"] if rows else -1
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, self._columns)
        writer.writeheader()
        writer.writerows(rows)
        files.write(self._path, text.getvalue().encode())


class TensorBoard(Logger):
    """Event files in the run's folder: `tensorboard --logdir=RUN`. Needs `jaxgan[tensorboard]`."""

    def __init__(self, workdir: Path, start: int, config: Config):
        writer = needed("tensorboardX", "tensorboard").SummaryWriter
        # Hides what an earlier process wrote for steps that were lost.
        self._writer = writer(str(workdir / layout.TENSORBOARD), purge_step=start + 1)
        self._written: tuple[int, set[str]] = -1, set()
        settings = "\n".join(f"    {path} = {value}" for path, value in flatten(config).items())
        self._writer.add_text("config", settings, start)

    def row(self, row: Row) -> None:
        if row["step"] != self._written[0]:
            self._written = row["step"], {"step"}
        for name in row.keys() - self._written[1]:  # a row comes again with scores
            self._writer.add_scalar(name, row[name], row["step"])
            self._written[1].add(name)
        self._writer.flush()

    def grid(self, step: int, sheet: np.ndarray) -> None:
        self._writer.add_image("samples", sheet, step, dataformats="HWC")
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


class Wandb(Logger):
    """A run of Weights & Biases; its own environment variables choose the account. Needs `jaxgan[wandb]`.

    Steps are a column, so a grid that comes late, or a row again after a crash, is not refused.
    """

    def __init__(self, workdir: Path, start: int, config: Config):
        del start
        self._wandb = needed("wandb", "wandb")
        name = workdir / layout.WANDB_FILE
        if not name.exists():
            files.write(name, secrets.token_hex(8))
        self._run = self._wandb.init(
            project="jaxgan",
            name=workdir.name,
            dir=str(workdir),
            config=flatten(config),
            id=files.read(name, 100).decode().strip(),
            resume="allow",
        )
        self._run.define_metric("step")
        self._run.define_metric("*", step_metric="step")

    def row(self, row: Row) -> None:
        self._run.log(dict(row))

    def grid(self, step: int, sheet: np.ndarray) -> None:
        self._run.log({"samples": self._wandb.Image(sheet.squeeze()), "step": step})

    def close(self) -> None:
        self._run.finish()


class Preview(Logger):
    """Each grid in the terminal, for training on a remote machine."""

    def __init__(self, workdir: Path, start: int, config: Config):
        del workdir, start, config

    def grid(self, step: int, sheet: np.ndarray) -> None:
        drawn = sheets.Sheet(sheet, 1)
        sys.stderr.write(f"step {step}\n{drawn}\n")
        sys.stderr.flush()


PACKAGES = {"tensorboard": "tensorboardX", "wandb": "wandb"}
LOGGERS: dict[str, Callable[[Path, int, Config], Logger]] = {
    "csv": Csv,
    "preview": Preview,
    "tensorboard": TensorBoard,
    "wandb": Wandb,
}
REMOTE = ("wandb",)  # those that send what they are given to a service


def check(names: str) -> None:
    """Raise UserError for an unknown name, or one whose package is not installed."""
    for name in chosen(names):
        if name in PACKAGES:
            needed(PACKAGES[name], name)


def chosen(names: str) -> list[str]:
    """Return the names in a comma-separated list; raise UserError for an unknown one."""
    found = [name.strip() for name in names.split(",") if name.strip()]
    for name in found:
        checks.one_of("A name in config.train.log_to", name, LOGGERS)
    return found


class Loggers:
    """All loggers of a run as one; one that fails is reported and left out, and training continues."""

    def __init__(self, workdir: Path, start: int, config: Config):
        """Begin to log.

        Raises:
          UserError: an unknown name, or a package that is not installed.
        """
        self._loggers: dict[str, Logger] = {}
        for name in chosen(config.train.log_to):
            self._try(name, lambda name=name: self._loggers.update({name: LOGGERS[name](workdir, start, config)}))

    def row(self, row: Row) -> None:
        """See `Logger`."""
        self._all(lambda logger: logger.row(row))

    def grid(self, step: int, sheet: np.ndarray) -> None:
        """See `Logger`."""
        self._all(lambda logger: logger.grid(step, sheet))

    def close(self) -> None:
        """See `Logger`."""
        self._all(lambda logger: logger.close())

    def _all(self, call: Callable[[Logger], Any]) -> None:
        for name, logger in list(self._loggers.items()):
            self._try(name, lambda logger=logger: call(logger))

    def _try(self, name: str, call: Callable[[], Any]) -> None:
        try:
            call()
        except UserError:
            raise
        except Exception as error:  # whatever a disk, a network or a package of others raises
            self._loggers.pop(name, None)
            say(f"warning: nothing more is logged to {name} ({brief(error)}); training continues")
