"""The page of a run: everything in its folder that people look at, as `report.html`."""

from __future__ import annotations

import functools
import importlib.metadata
import platform
import time
from collections.abc import Sequence
from pathlib import Path

import jax

from jaxgan.base import files
from jaxgan.base.types import Config, DataInfo
from jaxgan.config import default, flatten
from jaxgan.metrics.neighbours import Nearest
from jaxgan.metrics.registry import better
from jaxgan.rundir import layout, own_code, saved_config
from jaxgan.rundir.evaluations import best_of, read_evaluations
from jaxgan.rundir.metrics_log import read_metrics
from jaxgan.runs.health.health import saved_health
from jaxgan.runs.health.watch import Finding
from jaxgan.runs.record.standing import standing
from jaxgan.views import page

MOST_NAMES = 100  # of classes


def save_report(
    workdir: Path, config: Config, info: DataInfo, findings: Sequence[Finding] | None, nearest: Nearest | None = None
) -> None:
    """Write the page of a run from what its folder holds.

    Args:
      workdir: folder of the run.
      config: of the run.
      info: of its data.
      findings: of the health checks; None where they were off.
      nearest: generated images beside their nearest training images, if known.
    """
    evaluations, rows = read_evaluations(workdir), read_metrics(workdir)
    names = {name for entry in evaluations for name in entry["metrics"]}
    grids = [(int(path.stem.removeprefix("step_")), path) for path in layout.grids(workdir)]
    report = page.Report(
        title=workdir.absolute().name,
        written=time.strftime("%Y-%m-%d %H:%M"),
        rows=rows,
        standing=standing(evaluations, rows),
        evaluations=evaluations,
        goals={name: better(name) for name in names},
        best_metric=str(evaluations[-1].get("main", "")) if evaluations else "",
        best_step=best_of(evaluations) if evaluations else None,
        grids=grids,
        nearest=nearest,
        config=flatten(config),
        defaults=flatten(default()),
        environment={**_environment(), **_labels(info)},
        findings=findings,
        shown_channels=tuple(config.sample.channels),
    )
    files.write(workdir / layout.REPORT_FILE, page.render(report))


def _labels(info: DataInfo) -> dict[str, str]:
    """Return the names of labels in their order, where they have names."""
    what = "numbers of a label" if info.label_size else "classes"
    named = ", ".join(f"{i} {name}" for i, name in enumerate(info.label_names[:MOST_NAMES]))
    return {what: named + ", ..." * (len(info.label_names) > MOST_NAMES)} if named else {}


def report_again(workdir: Path, nearest: Nearest | None = None, *, trust: bool = False) -> None:
    """Write the page of a run that is not being trained, from what its folder holds.

    Args:
      workdir: folder of the run.
      nearest: generated images beside their nearest training images.
      trust: consent to execute the run's own Python files.
    """
    config, info = saved_config.trusted_config(workdir, trust=trust, executes=own_code.BUILT)
    save_report(workdir, config, info, saved_health(workdir, config, info).report, nearest)


@functools.cache
def _environment() -> dict[str, str]:
    versions = {name: importlib.metadata.version(name) for name in ("jaxgan", "jax", "flax", "optax", "numpy")}
    devices = jax.local_devices()
    return {
        **versions,
        "Python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "devices": f"{len(devices)} x {devices[0].device_kind} ({devices[0].platform})",
    }
