"""The layers of a module: their order, shapes and sizes, and what feeds what."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn, traverse_util
from jax.ad_checkpoint import checkpoint_name
from jax.extend.core import Literal


@dataclasses.dataclass(frozen=True)
class Row:
    """One layer.

    Attributes:
      name: its path in the module, such as 'block/Conv_0'; the class for the outermost module itself.
      kind: its class.
      shape: of its (first) output, without the batch axis.
      trainable: numbers in 'params'.
      not_trainable: numbers in other collections, such as batch statistics.
      sources: names of the rows whose outputs it is computed from, and 'input 0', 'input 1' for the module's inputs.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    trainable: int
    not_trainable: int
    sources: tuple[str, ...]

    @property
    def parameters(self) -> int:
        return self.trainable + self.not_trainable


@dataclasses.dataclass(frozen=True)
class Output:
    """One output of a module: its shape without the batch axis, and the rows it comes from."""

    shape: tuple[int, ...]
    sources: tuple[str, ...]


def network_rows(module: nn.Module, inputs: tuple[Any, ...]) -> list[Row]:
    """List the layers of a module in the order in which they finish, without computing anything.

    A row is a module that calls no other module, or one that has parameters of its own, so the rows add up to the
    module's variables. A layer that is called several times is one row, with the shape of its first output.

    Args:
      module: called as module(*inputs, train=False).
      inputs: arrays [B, ...] or `jax.ShapeDtypeStruct`s.
    """
    return trace(module, inputs)[0]


def totals(rows: list[Row]) -> tuple[int, int]:
    """Return the numbers of trainable and of other parameters."""
    return sum(row.trainable for row in rows), sum(row.not_trainable for row in rows)


class Call(NamedTuple):
    """The first call of a layer: the layer, the first array that it took, and the first that it returned."""

    layer: nn.Module
    taken: Any
    returned: Any


def first_calls(module: nn.Module, inputs: tuple[Any, ...]) -> dict[str, Call]:
    """Run a module on random numbers, and return the calls of its layers by their paths, as `network_rows` orders them.

    Args:
      module: called as module(*inputs, train=False).
      inputs: `jax.ShapeDtypeStruct`s; whole numbers are 0.
    """
    calls: dict[str, Call] = {}

    def watch(call, args, kwargs, context):
        output = call(*args, **kwargs)
        if context.method_name == "__call__":
            taken, returned = (next(iter(jax.tree.leaves(tree)), None) for tree in (args, output))
            calls.setdefault("/".join(context.module.path), Call(context.module, taken, returned))
        return output

    floats = [jnp.issubdtype(x.dtype, jnp.floating) for x in inputs]
    given = [
        jax.random.normal(jax.random.key(1), x.shape, x.dtype) if is_float else jnp.zeros(x.shape, x.dtype)
        for x, is_float in zip(inputs, floats, strict=True)
    ]
    with nn.intercept_methods(watch):
        module.init_with_output(jax.random.key(0), *given, train=False)
    return calls


_Path = tuple[str, ...]


def trace(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[list[Row], list[Output]]:
    """Trace the module once; names left on the layers' outputs then tell what feeds what."""
    seen: dict[_Path, tuple[str, tuple[int, ...]]] = {}
    callers: set[_Path] = set()
    active: list[_Path] = []

    def watch(call, args, kwargs, context):
        path = context.module.path
        if context.method_name == "setup" or path in active:  # a helper method of a layer is no layer
            return call(*args, **kwargs)
        callers.update(active)
        active.append(path)
        output = call(*args, **kwargs)
        active.pop()
        arrays = [x for x in jax.tree.leaves(output) if isinstance(x, jax.Array)]
        if arrays:
            seen.setdefault(path, (type(context.module).__name__, arrays[0].shape[1:]))
        name = _name(path, module)
        return jax.tree.map(lambda x: checkpoint_name(x, name) if isinstance(x, jax.Array) else x, output)

    def run(*inputs):
        with nn.intercept_methods(watch):
            return module.init_with_output(jax.random.key(0), *inputs, train=False)

    graph, (output, variables) = jax.make_jaxpr(run, return_shape=True)(*inputs)
    sizes = _sizes(variables, set(seen))
    kept = [path for path in seen if path not in callers or any(sizes[path])]
    edges, ends = _edges(graph.jaxpr, {_name(path, module) for path in kept})
    rows: list[Row] = []
    for path in kept:
        name = _name(path, module)
        # A layer called twice may be fed by a later one; a row names only what stands above it.
        above = [f"input {i}" for i in range(len(inputs))] + [row.name for row in rows]
        sources = tuple(source for source in above if source in edges[name])
        rows.append(Row(name, *seen[path], *sizes[path], sources))
    shapes = [x.shape[1:] for x in jax.tree.leaves(output)]
    return rows, [Output(shape, tuple(sorted(end))) for shape, end in zip(shapes, ends, strict=False)]


def _name(path: _Path, module: nn.Module) -> str:
    return "/".join(path) or type(module).__name__


def _sizes(variables: Any, paths: set[_Path]) -> dict[_Path, tuple[int, int]]:
    """Count (trainable, other) numbers per path; a variable belongs to the innermost module around it."""
    trainable: Counter[_Path] = Counter()
    other: Counter[_Path] = Counter()
    for collection, tree in variables.items():
        counter = trainable if collection == "params" else other
        for path, value in traverse_util.flatten_dict(tree).items():
            owner = next(path[:i] for i in reversed(range(len(path))) if path[:i] in paths)
            counter[owner] += sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(value))
    return {path: (trainable[path], other[path]) for path in paths}


def _edges(jaxpr: Any, names: set[str]) -> tuple[dict[str, set[str]], list[frozenset[str]]]:
    """Follow values through a jaxpr: the nearest named values before each named one and before each output."""
    edges: dict[str, set[str]] = {name: set() for name in names}
    inputs = [frozenset([f"input {i}"]) for i in range(len(jaxpr.invars))]
    return edges, _follow(jaxpr, inputs, edges)


def _follow(jaxpr: Any, inputs: list[frozenset[str]], edges: dict[str, set[str]]) -> list[frozenset[str]]:
    """Add to `edges` what this jaxpr shows, given the sources of its inputs; return the sources of its outputs."""
    before = dict(zip(jaxpr.invars, inputs, strict=True))

    def sources(variables) -> list[frozenset[str]]:
        return [frozenset() if isinstance(v, Literal) else before.get(v, frozenset()) for v in variables]

    for eqn in jaxpr.eqns:
        ins = sources(eqn.invars)
        found = frozenset().union(*ins)
        outs = [found] * len(eqn.outvars)
        # jit, remat and scan carry a jaxpr with the same inputs and outputs; anything else mixes all of its inputs.
        inner = eqn.params.get("jaxpr")
        inner = getattr(inner, "jaxpr", inner)
        if inner is not None and (len(inner.invars), len(inner.outvars)) == (len(ins), len(outs)):
            outs = _follow(inner, ins, edges)
        elif eqn.primitive.name == "name" and eqn.params["name"] in edges:
            edges[eqn.params["name"]] |= found
            outs = [frozenset([eqn.params["name"]])]
        before.update(zip(eqn.outvars, outs, strict=True))
    return sources(jaxpr.outvars)
