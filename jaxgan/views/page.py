"""A run on one page: its curves, scores and images, as one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
import importlib.resources
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from jaxgan.base.pixels import visible
from jaxgan.metrics.neighbours import Nearest
from jaxgan.views import charts
from jaxgan.views.embed import ImageFile, embed_all, embed_pixels

# The page stays light enough to send around: so many grids, of so many bytes together.
MOST_GRIDS = 40
GRID_BYTES = 8 << 20
MOST_PAIRS = 24

SMALL = 520  # pixels of a side; smaller images are shown enlarged, pixel by pixel

_No: Mapping[str, Any] = {}


@dataclasses.dataclass(frozen=True)
class Report:
    """Everything that the page of a run shows; what is empty is left out.

    Attributes:
      title: name of the run.
      written: when the report was made, as people read it.
      rows: logged rows, oldest first, as in metrics.jsonl.
      evaluations: {"step", "num", "split", "metrics": {name: value}, "floor": {name: value}}, oldest first.
      goals: which way each metric is better: 'min', 'max', or '' for neither.
      best_metric: the metric by which the best step was chosen.
      best_step: that step.
      grids: (step, image) of the same latents over time, oldest first.
      nearest: samples beside their nearest training images.
      config: every setting, {"section.field": value}.
      defaults: the settings' defaults, likewise.
      environment: versions, device, data and other facts, {name: text}.
      findings: `jaxgan.runs.health.detectors.Finding`s, () for none, None where the health checks were off.
      standing: sentences on how far the run has come.
      shown_channels: of images, see `jaxgan.base.pixels.visible`.
    """

    title: str
    written: str = ""
    rows: Sequence[Mapping[str, Any]] = ()
    evaluations: Sequence[Mapping[str, Any]] = ()
    goals: Mapping[str, str] = dataclasses.field(default_factory=dict)
    best_metric: str = ""
    best_step: int | None = None
    grids: Sequence[tuple[int, ImageFile]] = ()
    nearest: Nearest | None = None
    config: Mapping[str, object] = dataclasses.field(default_factory=dict)
    defaults: Mapping[str, object] = dataclasses.field(default_factory=dict)
    environment: Mapping[str, object] = dataclasses.field(default_factory=dict)
    findings: Sequence[Any] | None = None
    standing: Sequence[str] = ()
    shown_channels: Sequence[int] = ()


def render(report: Report) -> str:
    """Return a report as HTML that holds its styles, script and images, and asks no network for anything."""
    grids = embed_all(report.grids, MOST_GRIDS, GRID_BYTES)
    scores = charts.of_evaluations(report.evaluations, report.goals)
    training = charts.of_rows(report.rows)
    drawn = [{**one, "number": i} for i, one in enumerate(scores + training)]
    # The chart of the main metric stands beside the images.
    main = next((i for i, one in enumerate(scores) if one["title"] == report.best_metric), 0)
    data = {
        "charts": scores + training,
        "end": _end(report),
        "epoch": _epoch_length(report.rows),
        "best": report.best_step,
        "grids": [[step, one.uri] for step, one in grids],
    }
    style, script = _read("page.css"), _read("page.js")
    page = _template().render(
        report=report,
        grids=grids,
        facts=_facts(report),
        main_chart=drawn[main] if drawn else None,
        scores=[one for one in drawn[: len(scores)] if one["number"] != main],
        training=[one for one in drawn[len(scores) :] if one["number"] != main],
        **_score_table(report),
        **_pairs(report.nearest, report.shown_channels),
        **_settings(report.config, report.defaults),
        data=_json(data),
        style=style,
        script=script,
        policy=_policy(style, script),
        small=SMALL,
    )
    # Names of files and settings may hold what UTF-8 cannot encode.
    return page.encode("utf-8", "replace").decode()


@functools.cache
def _template() -> Any:
    """Return the page's template. Whatever comes in is escaped, but for what the template calls safe."""
    import jinja2  # imported here because only reports need it

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    environment.filters["shown"] = shown
    return environment.from_string(_read("page.html"))


def _read(name: str) -> str:
    return importlib.resources.files("jaxgan.views").joinpath(name).read_text("utf-8")


def _policy(style: str, script: str) -> str:
    """Let the browser run this script and these styles, and nothing that came in with names or settings."""
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    return f"default-src 'none'; img-src data:; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'"


def _json(data: object) -> str:
    """Return JSON that cannot end the element it stands in."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


# ---- Parts of the page --------------------------------------------------------------------------------------------


def shown(content: object) -> str:
    """Return a value as people read it."""
    if content is None:
        return ""
    if isinstance(content, float):
        return f"{content:,.0f}" if 1e3 <= abs(content) < 1e9 else f"{content:.4g}"
    return str(content)


def duration(seconds: float) -> str:
    """Return a time as '40 s', '8.5 min' or '2 h 5 min'."""
    minutes = seconds / 60
    if minutes >= 60:
        return f"{int(minutes // 60)} h {int(minutes % 60)} min"
    return f"{minutes:.1f} min" if minutes >= 1 else f"{seconds:.0f} s"


def _facts(report: Report) -> list[tuple[str, object, str]]:
    """Return (name, value, note) of the numbers that come first."""
    rows = report.rows
    facts: list[tuple[str, object, str]] = []
    best, floor = (_score(report, report.best_step, part) for part in ("metrics", "floor"))
    if best is not None:
        beside = f"best, at step {report.best_step:,}" + ("" if floor is None else f"; floor {shown(floor)}")
        facts.append((report.best_metric, best, beside))
    if rows:
        total, epoch = report.config.get("train.num_steps"), rows[-1].get("epoch")
        # A run that the clock ends does not reach its last step.
        of = f"of {total:,}" if charts.is_number(total) and not report.config.get("train.max_minutes") else ""
        epochs = f"{epoch:.4g} epochs" if charts.is_number(epoch) else ""
        facts.append(("Steps", f"{_end(report):,}", ", ".join(filter(None, [of, epochs]))))
        facts.append(("Time", duration(charts.seconds_of_training(rows)), "of training"))
    speeds = sorted(v for _, v in charts.column(rows, "images_per_sec") if math.isfinite(v))
    if speeds:
        facts.append(("Speed", speeds[len(speeds) // 2], "images a second, median"))
    for name, title in ("g/loss", "Generator loss"), ("d/loss", "Discriminator loss"):
        facts += [(title, number, "last row") for _, number in charts.column(rows[-1:], name)]
    return facts


def _score_table(report: Report) -> dict[str, Any]:
    """Return a table of every metric: at the best step, at the last, and of real images."""
    last = report.evaluations[-1] if report.evaluations else _No
    at_best = [one for one in report.evaluations if one.get("step") == report.best_step]
    columns = [("best", one) for one in at_best[-1:]] + [("last", last)]
    lines = []
    for metric in last.get("metrics", _No):
        better = {"min": "lower", "max": "higher"}.get(report.goals.get(metric, ""), "")
        scores = [one.get("metrics", _No).get(metric) for _, one in columns]
        lines.append([metric, better, *scores, last.get("floor", _No).get(metric)])
    heads = ["metric", "better", *(f"{name}, step {one.get('step', 0):,}" for name, one in columns), "floor"]
    return {"score_heads": heads, "score_lines": lines, "how_scored": charts.conditions(last) or "samples"}


def _pairs(nearest: Nearest | None, channels: Sequence[int]) -> dict[str, Any]:
    """Return samples, each beside the training image that it resembles most, and whether distances are known."""
    if nearest is None:
        return {"nearest": [], "measured": False}
    distances = nearest.distances if len(nearest.distances) else [None] * len(nearest.generated)
    both = list(zip(nearest.generated, nearest.real, distances, strict=True))[:MOST_PAIRS]
    found = [
        (embed_pixels(visible(made, channels)), embed_pixels(visible(real, channels)), distance)
        for made, real, distance in both
    ]
    return {"nearest": found, "measured": len(nearest.distances) > 0}


def _settings(config: Mapping[str, object], defaults: Mapping[str, object]) -> dict[str, Any]:
    """Return the settings that differ from the defaults, and the others."""
    own = [name for name in config if name not in defaults or defaults[name] != config[name]]
    return {
        "changed": [(name, config[name], defaults.get(name)) for name in own],
        "unchanged": [(name, config[name]) for name in config if name not in own],
    }


# ---- Numbers -------------------------------------------------------------------------------------------------------


def _score(report: Report, step: int | None, part: str) -> float | None:
    scores = [one.get(part, _No).get(report.best_metric) for one in report.evaluations if one.get("step") == step]
    return scores[-1] if scores and charts.is_number(scores[-1]) else None


def _end(report: Report) -> int:
    """Return the last step that anything on the page is about."""
    steps = [one.get("step", 0) for one in (*report.rows[-1:], *report.evaluations)]
    return max([*steps, *(step for step, _ in report.grids)], default=0)


def _epoch_length(rows: Sequence[Mapping[str, Any]]) -> float | None:
    last = rows[-1] if rows else _No
    step, epoch = last.get("step"), last.get("epoch")
    return step / epoch if step and charts.is_number(epoch) and 0 < epoch < math.inf else None
