"""Curves of a run as pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from jaxgan.base import files


def save_losses(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Draw the losses and accuracies of logged rows, at least one, as a .png."""
    # Imported here because it takes a second; a Figure without pyplot leaves global state alone.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), dpi=100, layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    steps = [row["step"] for row in rows]
    for axes, metric in ((top, "loss"), (bottom, "acc")):
        for net, name, colour in (("g", "generator", "tab:blue"), ("d", "discriminator", "tab:red")):
            axes.plot(steps, [row[f"{net}/{metric}"] for row in rows], color=colour, label=name, linewidth=1)
        axes.grid(alpha=0.3)
    top.set(ylabel="loss")
    top.legend()
    bottom.set(ylabel="accuracy", ylim=(-0.03, 1.03), xlabel="step")
    files.write(path, lambda half: figure.savefig(half, format="png"))
