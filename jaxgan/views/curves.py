"""Curves of a run as images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from jaxgan.base import files

# Fixed, for finding them takes as long as drawing.
MARGINS = {"left": 0.09, "right": 0.98, "top": 0.95, "bottom": 0.08, "hspace": 0.05}
NETS = (("g", "generator", "tab:blue"), ("d", "discriminator", "tab:red"))

# A loss axis is at least this high, so that noise around a constant looks like noise.
LEAST_RANGE = 1.0
# Fewer rows are dots as well as a line, which has no length where there is one row.
FEW_ROWS = 30


def save_losses(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Draw the losses and accuracies of logged rows, at least one, as a .png."""
    # Imported here because it takes a second; a Figure without pyplot leaves global state alone.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), dpi=100)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1), gridspec_kw=MARGINS)
    marker = "." if len(rows) < FEW_ROWS else ""
    for axes, metric in ((top, "loss"), (bottom, "acc")):
        for net, name, colour in NETS:
            steps, values = series(rows, f"{net}/{metric}")
            axes.plot(steps, values, color=colour, label=name, linewidth=1, marker=marker)
        axes.grid(alpha=0.3)
    losses = np.concatenate([series(rows, f"{net}/loss")[1] for net, _, _ in NETS])
    low, high = loss_limits(losses)
    top.set(ylabel="loss", ylim=(low, high))
    top.ticklabel_format(axis="y", scilimits=(-3, 4))  # longer labels would leave the image
    outside = int(np.sum((losses < low) | (losses > high)))
    top.legend(title=f"not shown: {outside} of {losses.size} values" if outside else None)
    bottom.set(ylabel="accuracy", ylim=(-0.03, 1.03), xlabel="step")
    files.write(path, lambda half: figure.savefig(half, format="png"))


def series(rows: Sequence[Mapping[str, float]], name: str) -> tuple[list[float], np.ndarray]:
    """Return the steps of the rows that have a metric, and its values, float64[n]."""
    found = [row for row in rows if name in row]
    return [row["step"] for row in found], np.array([row[name] for row in found], float)


def loss_limits(losses: np.ndarray) -> tuple[float, float]:
    """Return the ends of a loss axis: honest about the size of changes, and not ruled by single spikes.

    The axis has all values but those that are farther from the middle 98 % than these are wide. It starts at 0 where no
    loss is negative, and is at least 1 high.

    Args:
      losses: float64[n], of all curves that share the axis; NaN and infinite ones do not count.
    """
    losses = losses[np.isfinite(losses)]
    if not losses.size:
        return 0.0, LEAST_RANGE
    first, last = np.quantile(losses, (0.01, 0.99), method="closest_observation")
    room = max(last - first, LEAST_RANGE)
    low, high = max(losses.min(), first - room), min(losses.max(), last + room)
    if losses.min() >= 0:
        return 0.0, 1.05 * float(max(high, LEAST_RANGE))
    margin = max(0.0, LEAST_RANGE - (high - low)) / 2 + 0.05 * (high - low)
    return float(low - margin), float(high + margin)
