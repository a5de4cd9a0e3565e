"""A batch in parts, one after the other: the gradients of the whole, in the memory of a part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.base.checks import UserError
from jaxgan.base.types import PyTree


def check(num: int, batch: int, pack: int) -> None:
    """Raise UserError unless a device's images divide into so many parts of whole packs."""
    if batch % pack:
        raise UserError(
            f"config.pack is {pack}, into which the {batch} images of a device do not divide; choose a number that "
            "divides them, or another config.data.batch_size."
        )
    if batch % (num * pack):
        packs = f" of packs of {pack}" if pack > 1 else ""
        raise UserError(
            f"config.train.microbatches is {num}, into which the {batch} images of a device do not divide{packs}; "
            "choose a number that divides them, or another config.data.batch_size."
        )


def mean(
    num: int,
    function: Callable[[PyTree, PyTree, Any], tuple[PyTree, PyTree, PyTree]],
    state: PyTree,
    batch: PyTree,
    keys: PyTree,
) -> tuple[PyTree, PyTree, PyTree]:
    """Call function(state, part, keys) -> (state, values, rows) for each part of a batch in turn.

    Args:
      num: of parts; with 1 the function is called as it is.
      function: its `values` are means over the images that it is given, its `rows` belong to one image each.
      state: handed on from part to part, such as batch statistics.
      batch: arrays [B, ...]; num divides B.
      keys: typed keys []; each part gets its own.

    Returns:
      The last state, the means of all values, and all rows [B, ...].
    """
    if num == 1:
        return function(state, batch, keys)
    parts = jax.tree.map(lambda x: x.reshape(num, -1, *x.shape[1:]), batch)
    split = jax.tree.map(lambda key: jax.random.split(key, num), keys)
    one = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), (parts, split))
    shapes = jax.eval_shape(function, state, *one)[1]
    zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)

    def body(carry: tuple[PyTree, PyTree], inputs: tuple[PyTree, PyTree]) -> tuple[tuple[PyTree, PyTree], Any]:
        state, sums = carry
        state, values, rows = function(state, *inputs)
        return (state, jax.tree.map(jnp.add, sums, values)), rows

    (state, sums), rows = jax.lax.scan(body, (state, zeros), (parts, split))
    whole = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), rows)
    return state, jax.tree.map(lambda x: x / num, sums), whole
