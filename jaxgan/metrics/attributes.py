"""Do images show the label vectors that they were made for? Each attribute by itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jaxgan.base.checks import UserError
from jaxgan.metrics.registry import ERROR, RIGHT, Given, measure


def attribute_scores(
    told: np.ndarray, labels: np.ndarray, names: Sequence[str], is_binary: Sequence[bool]
) -> dict[str, float]:
    """Return how well a network's answers agree with label vectors.

    Numbers called 'hair=red', 'hair=brown' are one attribute, hair: right is the largest answer among them.

    Args:
      told: float[N, L], logits where a number is yes or no, else values.
      labels: float[N, L], what was asked for; yes is above 0.
      names: of the L numbers.
      is_binary: of each.

    Returns:
      `right/NAME`, the share of images with the attribute that was asked for; `error/NAME`, the mean absolute error of
      other numbers, in their own unit; and `attributes_right`, the mean of all shares, where there are any. Real images
      reach the network's own.
    """
    if told.shape != labels.shape:
        raise UserError(f"labels have shape {labels.shape}; expected {told.shape}, a vector for each image.")
    scores: dict[str, float] = {}
    for name, columns in groups(names, is_binary).items():
        seen, asked = told[:, columns], labels[:, columns]
        if len(columns) > 1:
            scores[RIGHT + name] = float((seen.argmax(1) == asked.argmax(1)).mean())
        elif is_binary[columns[0]]:
            scores[RIGHT + name] = float(((seen > 0) == (asked > 0)).mean())
        else:
            scores[ERROR + name] = float(np.abs(seen - asked).mean(dtype=np.float64))
    rights = [value for name, value in scores.items() if name.startswith(RIGHT)]
    return {**({"attributes_right": float(np.mean(rights))} if rights else {}), **scores}


def groups(names: Sequence[str], is_binary: Sequence[bool]) -> dict[str, list[int]]:
    """Return the columns of each attribute: those of one text before '=' that are yes or no, and each other one."""
    found: dict[str, list[int]] = {}
    for column, name in enumerate(names):
        stem, mark, _ = name.partition("=")
        found.setdefault(stem if mark and is_binary[column] else name, []).append(column)
    return found


@measure("attributes", "attributes", higher=("attributes_right",))
def _measure(given: Given) -> dict[str, float]:
    net = given.real.net
    return attribute_scores(given.logits, given.labels, net.label_names, net.is_binary)
