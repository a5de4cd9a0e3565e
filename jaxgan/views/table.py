"""The two networks of a GAN as tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from jaxgan.nets.layer_graph import Row, network_rows, totals
from jaxgan.training.gan import Gan, example_inputs


def text(gan: Gan) -> str:
    """Return the two networks and their totals as a table for a terminal.

    The joint model is the one that a generator's step works on: there the discriminator's parameters do not train.
    """
    g_inputs, d_inputs = example_inputs(gan)
    g_rows, d_rows = network_rows(gan.generator, g_inputs), network_rows(gan.discriminator, d_inputs)
    label = "" if gan.num_classes is None else f"   label 0..{gan.num_classes - 1}"
    label = f"   label vector {gan.label_size}" if gan.label_size else label
    low, high = gan.image_range
    (g_train, g_state), (d_train, d_state) = totals(g_rows), totals(d_rows)
    return "\n".join(
        [
            f"latent {dims(gan.latent.shape)} ({gan.latent.law}){label}"
            f"   image {dims(gan.data.image_shape)} in [{low:g}, {high:g}]",
            "",
            *_table("Generator", g_rows),
            "",
            *_table("Discriminator", d_rows),
            "",
            "Joint model (discriminator frozen)",
            _total_line(g_train, g_state + d_train + d_state),
        ]
    )


def _table(title: str, rows: list[Row]) -> list[str]:
    cells = [("Layer", "Kind", "Output", "Parameters", "Not trainable")]
    cells += [(row.name, row.kind, dims(row.shape), f"{row.parameters:,}", f"{row.not_trainable:,}") for row in rows]
    lines = aligned(cells, "<<<>>")
    rule = "-" * len(lines[0])
    return [title, rule, lines[0], rule, *lines[1:], rule, _total_line(*totals(rows))]


def aligned(lines: Sequence[Sequence[str]], aligns: str) -> list[str]:
    """Return lines of cells as text in columns; `aligns` has '<' or '>' for each column."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(f"{cell:{align}{width}}" for cell, align, width in zip(line, aligns, widths, strict=True))
        for line in lines
    ]


def _total_line(trainable: int, other: int) -> str:
    return f"Total {trainable + other:,} (trainable {trainable:,}, not trainable {other:,})"


def dims(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "1"
