"""A run on one page: what it did, how good it became, what it draws; a file that opens anywhere and needs nothing."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import importlib.resources
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from jaxgan.metrics.neighbours import Nearest
from jaxgan.views import charts
from jaxgan.views.embed import Picture, embed_all
from jaxgan.views.figures import chart, class_grid, pairs, player, side_by_side
from jaxgan.views.markup import duration, listing, section, text, value

# The page stays light enough to send around: so many grids, of so many bytes together.
MOST_GRIDS = 40
GRID_BYTES = 8 << 20

_No: Mapping[str, Any] = {}


class Finding(Protocol):
    """What a watch noticed: at which step, what kind of thing, how bad ('warning', 'error'), in words and numbers."""

    @property
    def step(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def severity(self) -> str: ...
    @property
    def sentence(self) -> str: ...
    @property
    def evidence(self) -> Mapping[str, float]: ...


@dataclasses.dataclass(frozen=True)
class Report:
    """Everything that the page of a run shows; what is empty is left out.

    Attributes:
      title: name of the run.
      written: when the report was made, as people read it.
      rows: logged rows, oldest first, as in metrics.jsonl.
      evaluations: {"step", "num", "split", "metrics": {name: value}, "floor": {name: value}}, oldest first.
      goals: 'min' or 'max' for each metric: which way is better.
      best_metric: the metric by which the best step was chosen.
      best_step: that step.
      grids: (step, image) of the same latents over time, oldest first.
      class_grid: samples, one row for each class.
      nearest: samples beside what they resemble most in the training data.
      config: every setting, {"section.field": value}.
      defaults: the settings' defaults, likewise.
      environment: versions, device, data and other facts, {name: text}.
      findings: what the watch noticed, () if nothing, None if nobody watched.
    """

    title: str
    written: str = ""
    rows: Sequence[Mapping[str, Any]] = ()
    evaluations: Sequence[Mapping[str, Any]] = ()
    goals: Mapping[str, str] = dataclasses.field(default_factory=dict)
    best_metric: str = ""
    best_step: int | None = None
    grids: Sequence[tuple[int, Picture]] = ()
    class_grid: Picture | None = None
    nearest: Nearest | None = None
    config: Mapping[str, object] = dataclasses.field(default_factory=dict)
    defaults: Mapping[str, object] = dataclasses.field(default_factory=dict)
    environment: Mapping[str, object] = dataclasses.field(default_factory=dict)
    findings: Sequence[Finding] | None = None


def render(report: Report) -> str:
    """Return a report as HTML that holds its styles, script and images, and asks no network for anything."""
    grids = embed_all(report.grids, MOST_GRIDS, GRID_BYTES)
    style, script = _read("page.css"), _read("page.js")
    scores = charts.of_evaluations(report.evaluations, report.goals)
    drawn = scores + charts.of_rows(report.rows)
    figures = [chart(i, one) for i, one in enumerate(drawn)]
    # The chart that says most stands beside the images.
    first = next((i for i, one in enumerate(scores) if one["title"] == report.best_metric), 0)
    others = ["" if i == first else figure for i, figure in enumerate(figures)]
    facts = _verdict(report.findings) + _tiles(report) + "".join(figures[first : first + 1])
    body = "".join(
        [
            _header(report),
            f'<div class="first">{player(grids)}<div class="facts">{facts}</div></div>',
            section("Quality", side_by_side(others[: len(scores)]) + _scores(report)),
            section("Training", side_by_side(others[len(scores) :])),
            class_grid(report.class_grid),
            pairs(report.nearest),
            section("Configuration", _config(report.config, report.defaults)),
            section("Environment", listing([], [[k, value(v)] for k, v in report.environment.items()])),
        ]
    )
    data = {
        "charts": drawn,
        "end": _end(report),
        "epoch": _epoch_length(report.rows),
        "best": report.best_step,
        "grids": [[step, picture.uri] for step, picture in grids],
    }
    page = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_policy(style, script)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>{text(report.title)}</title>
<style>{style}</style>
</head>
<body>
<main>{body}</main>
<script type="application/json" id="data">{_json(data)}</script>
<script>{script}</script>
</body>
</html>
"""
    # Names of files and settings may hold what UTF-8 cannot say.
    return page.encode("utf-8", "replace").decode()


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


def _header(report: Report) -> str:
    written = f'<p class="quiet">{text(report.written)}</p>' if report.written else ""
    return f'<header><p class="quiet">Training run</p><h1>{text(report.title)}</h1>{written}</header>'


def _verdict(findings: Sequence[Finding] | None) -> str:
    if findings is None:
        return ""
    if not findings:
        return (
            '<div class="verdict good"><h2>Nothing noticed</h2><p>The watch for collapse saw no sign of it.</p></div>'
        )
    notes = "".join(
        f"<li><b>Step {one.step:,}: {text(one.kind.replace('_', ' '))}.</b> {text(one.sentence)}"
        f'<span class="quiet">{text(", ".join(f"{k} {value(v)}" for k, v in one.evidence.items()))}</span></li>'
        for one in findings
    )
    level = "error" if any(one.severity == "error" for one in findings) else "warning"
    count = f"{len(findings)} finding{'s' if len(findings) > 1 else ''}"
    return f'<div class="verdict {level}"><h2>{count} of the watch</h2><ul>{notes}</ul></div>'


def _tiles(report: Report) -> str:
    rows = report.rows
    tiles: list[tuple[str, str, str]] = []
    best = _score(report, report.best_step, "metrics")
    if best is not None:
        floor = _score(report, report.best_step, "floor")
        beside = f"best, at step {report.best_step:,}" + ("" if floor is None else f"; floor {value(floor)}")
        tiles.append((report.best_metric, value(best), beside))
    if rows:
        total, epoch = report.config.get("train.num_steps"), rows[-1].get("epoch")
        of = f"of {total:,}" if charts.is_number(total) else ""
        epochs = f"{epoch:.4g} epochs" if charts.is_number(epoch) else ""
        tiles.append(("Steps", f"{_end(report):,}", ", ".join(filter(None, [of, epochs]))))
        tiles.append(("Time", duration(_seconds(rows)), "of training"))
    speeds = sorted(v for _, v in charts.column(rows, "images_per_sec") if math.isfinite(v))
    if speeds:
        tiles.append(("Speed", f"{value(speeds[len(speeds) // 2])}", "images a second, median"))
    for name, title in ("g/loss", "Generator loss"), ("d/loss", "Discriminator loss"):
        values = charts.column(rows[-1:], name)
        tiles += [(title, value(number), "last row") for _, number in values]
    cells = "".join(
        f"<div><dt>{text(name)}</dt><dd>{text(shown)}<small>{text(note)}</small></dd></div>"
        for name, shown, note in tiles
    )
    return f'<dl class="tiles">{cells}</dl>' if cells else ""


def _scores(report: Report) -> str:
    """Return a table of every metric: at the best step, at the last, and of real images."""
    if not report.evaluations:
        return ""
    last = report.evaluations[-1]
    at_best = [one for one in report.evaluations if one.get("step") == report.best_step]
    shown = [("best", one) for one in at_best[-1:]] + [("last", last)]
    heads = ["metric", "better", *(f"{name}, step {one.get('step', 0):,}" for name, one in shown), "floor"]
    lines = []
    for metric in last.get("metrics", _No):
        better = {"min": "lower", "max": "higher"}.get(report.goals.get(metric, ""), "")
        scores = [value(one.get("metrics", _No).get(metric)) for _, one in shown]
        lines.append([metric, better, *scores, value(last.get("floor", _No).get(metric))])
    how = f"Measured on {charts.protocol_of(last) or 'samples'}. Floor: the score of real images."
    return listing(heads, lines) + (f'<p class="quiet">{text(how)}</p>' if lines else "")


def _config(config: Mapping[str, object], defaults: Mapping[str, object]) -> str:
    """Return the settings: those that differ from the defaults, and the others folded away."""
    own = {name: set_to for name, set_to in config.items() if name not in defaults or defaults[name] != set_to}
    changed = listing(
        ["setting", "value", "default"],
        [[name, value(own[name]), value(defaults[name]) if name in defaults else ""] for name in own],
    )
    rest = [[name, value(config[name])] for name in config if name not in own]
    if not rest:
        return changed
    folded = listing(["setting", "value"], rest)
    return f"{changed}<details><summary>{len(rest)} settings at their defaults</summary>{folded}</details>"


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


def _seconds(rows: Sequence[Mapping[str, Any]]) -> float:
    """Add up the time of training; the clock of a resumed run starts again at zero."""
    total = before = 0.0
    for now in filter(math.isfinite, (seconds for _, seconds in charts.column(rows, "seconds"))):
        total += now - before if now >= before else now
        before = now
    return total
