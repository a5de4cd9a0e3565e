"""The labels of a whole data set: some of them as a table, and how often each class occurs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxgan.base.checks import UserError
from jaxgan.base.types import DataInfo, Source
from jaxgan.data.order.balanced import BalancedPlan
from jaxgan.data.order.plan import IndexPlan
from jaxgan.data.rows import parts, spaced

# Label vectors that a run keeps, to draw labels by which nobody asks for.
TABLE = 256
CHUNK = 1024  # images read at a time for their labels alone
UNEVEN = 10  # a ratio of counts from which on it is said


def as_table(vectors: np.ndarray) -> tuple[tuple[float, ...], ...]:
    """Return label vectors float32[n, L] as a table that text can hold: six digits are kept."""
    return tuple(tuple(float(f"{number:.6g}") for number in row) for row in vectors.tolist())


def table_of(labels: np.ndarray) -> tuple[tuple[float, ...], ...]:
    """Return the table of all label vectors float32[N, L]; () for classes."""
    return as_table(labels[spaced(len(labels), TABLE)]) if labels.ndim == 2 else ()


def instance_info(info: DataInfo, size: int) -> DataInfo:
    """Return what is known of images whose labels are `size` features of each (`config.data.instance_features`)."""
    if not size:
        return info
    names = tuple(f"feature{number}" for number in range(1, size + 1))
    return dataclasses.replace(info, num_classes=None, label_size=size, label_names=names, label_table=())


def with_table(source: Source) -> Source:
    """Return a source of label vectors whose `info` has a table of them; others as they are."""
    if source.info.label_size and not source.info.label_table:
        source.info = dataclasses.replace(source.info, label_table=table_of(labels_of(source)))
    return source


def labels_of(source: Source) -> np.ndarray:
    """Return the labels of all images, as `read` gives them; images are decoded only where a source does not know."""
    known: Any = getattr(source, "labels", None)
    if known is not None:
        return np.asarray(known)
    return np.concatenate([source.read(rows)[1] for rows in parts(source.info.num_images, CHUNK)])


def balanced(plan: IndexPlan, source: Source) -> BalancedPlan:
    """Return a plan that draws all classes of a source alike.

    Raises:
      ValueError: the images have no classes, or are shuffled in another way than one by one.
    """
    if source.info.num_classes is None:
        what = "label vectors" if source.info.label_size else "no labels"
        raise UserError(f"config.data.balance is True, but the images have {what}; set it to False.")
    if plan.shuffle != "samples" or plan.drop_remainder:
        raise UserError("config.data.balance is for data.shuffle=samples and drop_remainder=False; set one otherwise.")
    return BalancedPlan(**dataclasses.asdict(plan), labels=labels_of(source))


def counts_sentence(info: DataInfo, labels: np.ndarray, *, is_balanced: bool) -> str:
    """Return the report on classes with unequal counts, an empty text where they are alike.

    Args:
      info: of the data.
      labels: int[N].
      is_balanced: whether classes are drawn alike.
    """
    counts = np.bincount(labels, minlength=info.num_classes or 1)
    least, most = int(counts.argmin()), int(counts.argmax())
    if counts[most] <= UNEVEN * counts[least]:
        return ""
    few, many = (f"{counts[k]:,} ({name_of(info.label_names, k)})" for k in (least, most))
    how = "they are drawn alike" if is_balanced else "config.data.balance=True draws them alike"
    return f"classes have from {few} to {many} images; {how}"


def name_of(names: Sequence[str], label: int) -> str:
    """Return the name of a class, or its number."""
    return names[label] if names else f"class {label}"
