"""A GAN's two networks drawn as a flow of layers."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxgan.base import files
from jaxgan.base.checks import UserError
from jaxgan.nets.layer_graph import Output, Row, totals, trace
from jaxgan.training.gan import Gan, example_inputs
from jaxgan.views.table import dims

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ENDINGS = (".png", ".svg")


# Places in units of 1/1000 of the diagram's width.

_WIDTH, _TOP, _STEP = 1000, 140, 72
_BOX, _SIDE = (226, 46), 120  # box size, and half the distance of two boxes side by side
_G_CENTRE, _D_CENTRE, _GUTTER = 250, 750, 500
_INK, _GREY, _LINE = "#1f2933", "#6b7785", "#9aa5b1"
_CENTRED: dict[str, Any] = {"ha": "center", "va": "center"}
_PILL = ("#fdf3d8", "#d9b650")
_PLAIN = ("#f5f7f9", "#c3ccd5")
_COLOURS = {"Conv": ("#dcebfa", "#7fb0de"), "Dense": ("#def2e3", "#82c495"), "Norm": ("#ece6f8", "#b09cd8")}
_COLOURS["Embed"] = _COLOURS["Dense"]


def save_diagram(gan: Gan, path: str | os.PathLike[str]) -> None:
    """Draw both networks as a flow of layers; folders are made, and a file appears whole or not at all.

    Args:
      gan: the GAN.
      path: a .png, 1500 pixels wide, or an .svg.

    Raises:
      ValueError: another ending.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise UserError(f"{path} has no ending that diagrams are written to; use one of {', '.join(ENDINGS)}.")
    # Imported here because only this function needs it; a Figure without pyplot leaves global state alone.
    from matplotlib.figure import Figure

    g, d = _flows(gan)
    height = _TOP + _STEP * (max(g.num_levels, d.num_levels) - 1) + _BOX[1] / 2 + 90
    figure = Figure(figsize=(_WIDTH / 100, height / 100), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, _WIDTH), ylim=(height, 0))
    axes.set_axis_off()
    _draw(axes, g, d, height)
    files.write(path, lambda half: figure.savefig(half, format=ending[1:], dpi=150))


@dataclasses.dataclass
class _Node:
    """A box: a layer, or an input or output of a network. x is its centre, level its line from the top."""

    title: str
    detail: str
    sources: tuple[str, ...]
    colours: tuple[str, str]
    pill: bool = False
    x: float = 0.0
    level: int = 0

    @property
    def y(self) -> float:
        return _TOP + _STEP * self.level


@dataclasses.dataclass
class _Flow:
    title: str
    subtitle: str
    parameters: int
    nodes: dict[str, _Node]

    @property
    def num_levels(self) -> int:
        return 1 + max(node.level for node in self.nodes.values())


def _typeset(shape: tuple[int, ...]) -> str:
    return dims(shape).replace("x", "\N{MULTIPLICATION SIGN}")


def _flows(gan: Gan) -> tuple[_Flow, _Flow]:
    g_inputs, d_inputs = example_inputs(gan)
    image, label = _typeset(gan.data.image_shape), f"one of {gan.num_classes}"
    label = f"{gan.label_size} numbers" if gan.label_size else label
    latent = f"{_typeset(gan.latent.shape)} · {gan.latent.law}"
    g_named, d_named = [("Latent z", latent), ("Label", label)], [("Real image", image), ("Label", label)]
    g = _flow("Generator", *trace(gan.generator, g_inputs), g_named, ["Generated image"])
    d = _flow("Discriminator", *trace(gan.discriminator, d_inputs), d_named, ["Logit", "Class logits"])
    _place(g, _G_CENTRE)
    _place(d, _D_CENTRE)
    return g, d


def _flow(title: str, rows: list[Row], outputs: list[Output], inputs: list[tuple[str, str]], ends: list[str]) -> _Flow:
    trainable, other = totals(rows)
    subtitle = f"{trainable + other:,} parameters" + (f", {other:,} of them not trainable" if other else "")
    used = {source for fed in (*rows, *outputs) for source in fed.sources}
    nodes = {
        f"input {i}": _Node(*words, (), _PILL, pill=True)
        for i, words in enumerate(inputs)
        if i == 0 or f"input {i}" in used
    }
    previous = "input 0"
    for row in rows:
        # Tracing sees no sources inside loops and branches: then it is the row above.
        nodes[row.name] = _layer_node(row, row.sources or (previous,))
        previous = row.name
    for end, output in zip(ends, outputs, strict=False):
        nodes[f"output {end}"] = _Node(end, _typeset(output.shape), output.sources or (previous,), _PILL, pill=True)
    return _Flow(title, subtitle, trainable + other, nodes)


def _layer_node(row: Row, sources: tuple[str, ...]) -> _Node:
    kind = "" if row.name.split("/")[-1].startswith(row.kind) else f" ({row.kind})"
    room = max(8, 27 - len(kind))
    name = row.name if len(row.name) <= room else "…" + row.name[1 - room :]
    size = f" · {row.parameters:,} parameters" if row.parameters else ""
    colours = next((value for word, value in _COLOURS.items() if word in row.kind), _PLAIN)
    return _Node(name + kind, _typeset(row.shape) + size, sources, colours)


def _place(flow: _Flow, centre: float) -> None:
    """Put every node below its sources, at most two side by side."""
    levels: dict[int, list[_Node]] = {}
    for node in flow.nodes.values():
        node.level = 1 + max((flow.nodes[name].level for name in node.sources), default=-1)
        while len(levels.get(node.level, ())) == 2:
            node.level += 1
        levels.setdefault(node.level, []).append(node)
    for _, nodes in sorted(levels.items()):
        for node in nodes:
            above = [flow.nodes[name].x for name in node.sources]
            node.x = sum(above) / len(above) if above else centre
        if len(nodes) == 2:
            left, right = sorted(nodes, key=lambda node: node.x)
            left.x, right.x = centre - _SIDE, centre + _SIDE


def _draw(axes: Axes, g: _Flow, d: _Flow, height: float) -> None:
    for flow, x in (g, _G_CENTRE), (d, _D_CENTRE):
        axes.text(x, 44, flow.title, fontsize=15, weight="bold", color=_INK, **_CENTRED)
        axes.text(x, 72, flow.subtitle, fontsize=9.5, color=_GREY, **_CENTRED)
        for node in flow.nodes.values():
            _draw_box(axes, node)
            for name in node.sources:
                _draw_arrow(axes, list(_route(flow.nodes[name], node, flow)))
    made, half = g.nodes["output Generated image"], _BOX[0] / 2
    for node in d.nodes.values():
        if "input 0" in node.sources:
            ends = (made.x + half, made.y), (node.x - half, node.y)
            _draw_arrow(axes, [ends[0], (_GUTTER, made.y), (_GUTTER, node.y), ends[1]])
    joint = f"Joint model: {g.parameters + d.parameters:,} parameters"
    axes.text(_WIDTH / 2, height - 34, joint, fontsize=9.5, color=_GREY, **_CENTRED)


def _draw_box(axes: Axes, node: _Node) -> None:
    from matplotlib.patches import FancyBboxPatch

    width, height = _BOX
    fill, edge = node.colours
    style = f"round,pad=0,rounding_size={height / 2 if node.pill else 7}"
    corner = node.x - width / 2, node.y - height / 2
    axes.add_patch(FancyBboxPatch(corner, width, height, style, fc=fill, ec=edge, lw=1.1, zorder=2))
    small = 8 * min(1, 32 / len(node.detail))
    axes.text(node.x, node.y - 9, node.title, fontsize=9.5, weight="bold", color=_INK, zorder=3, **_CENTRED)
    axes.text(node.x, node.y + 10, node.detail, fontsize=small, color=_INK, zorder=3, **_CENTRED)


def _route(source: _Node, target: _Node, flow: _Flow) -> Iterator[tuple[float, float]]:
    """Give the corners of an arrow that passes beside the boxes between its ends."""
    half_width, half_height = _BOX[0] / 2, _BOX[1] / 2
    start, end = source.y + half_height, target.y - half_height
    gap = (_STEP - _BOX[1]) / 2
    between = [node for node in flow.nodes.values() if source.level < node.level < target.level]
    yield source.x, start
    lane = source.x
    if any(abs(node.x - lane) < half_width for node in between):
        lane += _SIDE  # midway to a box beside this one
        yield source.x, start + gap
        yield lane, start + gap
    if lane != target.x:
        yield lane, end - gap
        yield target.x, end - gap
    yield target.x, end


def _draw_arrow(axes: Axes, corners: list[tuple[float, float]]) -> None:
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path as Line

    style: dict[str, Any] = {"color": _LINE, "lw": 1.2, "shrinkA": 0, "shrinkB": 0, "joinstyle": "round", "zorder": 1}
    axes.add_patch(FancyArrowPatch(path=Line(corners), arrowstyle="-|>,head_length=4,head_width=2.2", **style))
