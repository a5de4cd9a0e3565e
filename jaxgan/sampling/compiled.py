"""Functions of a generator, called outside `jit`: by compiled programs, kept by shape.

What follows from the parameters alone (kernels turned as the fastest form wants them, batch norm's factors) is computed
at the first call and kept for as long as the parameters live. Drawing one picture takes half of its time from that.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Any

import jax
from jax.core import Tracer
from jax.extend.core import get_opaque_trace_state

from jaxgan.base import machine, staging
from jaxgan.base.types import Array, PyTree
from jaxgan.sampling.generator import GeneratorParams

# Prepared copies of one generator's parameters, for so many shapes of calls; programs of all generators.
_MOST_COPIES, _MOST_PROGRAMS = 4, 64

Programs = tuple[Callable[[PyTree], list[Array]], Callable[..., Array]]


class _Copies:
    """A generator's parameters as programs want them, by what was called."""

    def __init__(self, params: GeneratorParams, leaves: list[Array], forget: Callable[[Any], object]):
        self.owner, self.leaves = weakref.ref(params, forget), [weakref.ref(leaf) for leaf in leaves]
        self.ready: dict[Any, tuple[list[Array], Callable[..., Array]]] = {}

    def are_of(self, params: GeneratorParams, leaves: list[Array]) -> bool:
        """Whether these are the very parameters that were copied, and still hold the same arrays."""
        same = self.owner() is params and len(leaves) == len(self.leaves)
        return same and all(ref() is leaf for ref, leaf in zip(self.leaves, leaves, strict=True))


_copies: dict[int, _Copies] = {}
_NO_TRACE = get_opaque_trace_state()


def call(function: Callable[..., Array], params: GeneratorParams, *others: Array | None, **static: Any) -> Array:
    """Return function(params, *others, **static), by compiled programs where nothing is being traced."""
    leaves = jax.tree.leaves(params)
    given = [other for other in others if other is not None]
    if get_opaque_trace_state() != _NO_TRACE or any(isinstance(x, Tracer) for x in (*leaves, *given)):
        return function(params, *others, **static)
    of_others = tuple(None if other is None else (other.shape, other.dtype) for other in others)
    config: Any = jax.config  # pyright does not know settings of JAX that have no attribute of their own
    settings = config.jax_default_matmul_precision, config.jax_enable_x64
    program = function, tuple(static.items()), settings
    key = program, of_others
    copies = _copies_of(params, leaves)
    found = None if copies is None else copies.ready.get(key)
    if found is None:
        shapes = jax.tree.map(jax.typeof, (params, others))
        first, second = _programs(*program, *_hashable(shapes))
        found = first(params), second
        if copies is not None:
            while len(copies.ready) >= _MOST_COPIES:
                copies.ready.pop(next(iter(copies.ready), None), None)
            copies.ready[key] = found
    arrays, second = found
    return second(arrays, *others)


def _copies_of(params: GeneratorParams, leaves: list[Array]) -> _Copies | None:
    """Return the copies of these parameters; None where they could change, as NumPy's arrays can."""
    if not all(isinstance(leaf, jax.Array) for leaf in leaves):
        return None
    name = id(params)
    if name not in _copies or not _copies[name].are_of(params, leaves):
        # Bound here, for at the end of Python parameters die after this module's names.
        _copies[name] = _Copies(params, leaves, functools.partial(_copies.pop, name))
    return _copies[name]


def _hashable(tree: PyTree) -> tuple[Any, tuple]:
    leaves, structure = jax.tree.flatten(tree)
    return structure, tuple(leaves)


@functools.lru_cache(_MOST_PROGRAMS)
def _programs(function: Callable[..., Array], static: tuple, settings: Any, structure: Any, leaves: tuple) -> Programs:
    """Compile the two parts of a function of parameters."""
    del settings  # are read while the function is traced
    params, others = jax.tree.unflatten(structure, leaves)
    first, second = staging.split(functools.partial(function, **dict(static)), params, *others)
    compiled = functools.partial(jax.jit, compiler_options=machine.compiler_options())
    return compiled(first), compiled(second)
