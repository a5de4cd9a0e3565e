"""Functions of a generator, called outside `jit`: by compiled programs, kept by shape.

What follows from the parameters alone (kernels turned as the fastest form wants them, batch norm's factors) is computed
at the first call and kept for as long as the parameters live. Drawing one image takes half of its time from that.
"""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
from jax.core import Tracer
from jax.extend.core import get_opaque_trace_state

from jaxgan.base import machine, staging
from jaxgan.base.types import Array, PyTree
from jaxgan.sampling.generator import GeneratorParams

# What one generator's parameters determine, for so many shapes of calls; programs of all generators.
_MOST_COPIES, _MOST_PROGRAMS = 8, 64


class _Copies:
    """What follows from a generator's parameters, by what was called."""

    def __init__(self, params: GeneratorParams, leaves: list[Array], forget: Callable[[Any], object]):
        self.owner, self.leaves = weakref.ref(params, forget), [weakref.ref(leaf) for leaf in leaves]
        self.ready: dict[Any, tuple[staging.Halves, list[Array]]] = {}
        self._lock = threading.Lock()

    def are_of(self, params: GeneratorParams, leaves: list[Array]) -> bool:
        """Whether they follow from these very parameters, and those still hold the same arrays."""
        same = self.owner() is params and len(leaves) == len(self.leaves)
        return same and all(ref() is leaf for ref, leaf in zip(self.leaves, leaves, strict=True))

    def add(self, key: Any, halves: staging.Halves, arrays: list[Array]) -> None:
        """Keep some more, and forget the oldest."""
        with self._lock:
            while len(self.ready) >= _MOST_COPIES:
                del self.ready[next(iter(self.ready))]
            self.ready[key] = halves, arrays


_copies: dict[int, _Copies] = {}


class _Program(NamedTuple):
    """A function of parameters and other arrays, and all that its compiled form depends on.

    Attributes:
      function: takes `GeneratorParams`, and what else is given.
      static: names and values of its other arguments.
      settings: of JAX, which are read while it is traced.
    """

    function: Callable[..., Array]
    static: tuple
    settings: tuple

    def __call__(self, params: GeneratorParams, *others: Array | None) -> Array:
        return self.function(params, *others, **dict(self.static))


def call(function: Callable[..., Array], params: GeneratorParams, *others: Array | None, **static: Any) -> Array:
    """Return function(params, *others, **static), by compiled programs where nothing is being traced."""
    leaves, structure = jax.tree.flatten(params)
    given = [other for other in others if other is not None]
    if get_opaque_trace_state() != _no_trace() or any(isinstance(x, Tracer) for x in (*leaves, *given)):
        return function(params, *others, **static)
    config: Any = jax.config  # pyright does not know settings of JAX that have no attribute of their own
    settings = config.jax_default_matmul_precision, config.jax_enable_x64
    program = _Program(function, tuple(static.items()), settings)
    if not all(isinstance(leaf, jax.Array) for leaf in leaves):  # NumPy's may change between calls
        return _whole(program, _Structure(structure))(leaves, *others)
    copies = _copies_of(params, leaves)
    types = tuple(None if other is None else jax.typeof(other) for other in others)
    found = copies.ready.get((program, types))
    if found is None:
        halves = _halves(program, _Structure(structure), tuple(map(jax.typeof, leaves)), types)
        found = halves, halves.first(leaves)
        copies.add((program, types), *found)
    halves, arrays = found
    return halves.second([*(leaves[i] for i in halves.passed), *arrays], *others)


@functools.cache
def _no_trace() -> Any:
    """Return the state of JAX where nothing is traced: that of a new thread, wherever this is first asked."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(get_opaque_trace_state).result()


def _copies_of(params: GeneratorParams, leaves: list[Array]) -> _Copies:
    """Return what is kept of these parameters."""
    name = id(params)
    copies = _copies.get(name)
    if copies is None or not copies.are_of(params, leaves):
        # Bound here, for at the end of Python parameters die after this module's names.
        copies = _copies[name] = _Copies(params, leaves, functools.partial(_copies.pop, name))
    return copies


class _Structure:
    """The structure of parameters as a key, whatever their module's attributes are: of arrays none equals another."""

    def __init__(self, structure: Any):
        self.structure = structure

    def __hash__(self) -> int:
        try:
            return hash(self.structure)
        except TypeError:
            return id(self.structure)

    def __eq__(self, other: object) -> bool:
        try:
            return isinstance(other, _Structure) and self.structure == other.structure
        except ValueError:
            return False


@functools.lru_cache(_MOST_PROGRAMS)
def _halves(program: _Program, structure: _Structure, leaves: tuple, types: tuple) -> staging.Halves:
    """Compile a program in two halves, of which the first needs the parameters alone."""
    params = jax.tree.unflatten(structure.structure, leaves)
    first, passed, second = staging.split(program, params, *types)
    return staging.Halves(_jit(first), passed, _jit(second))


@functools.lru_cache(_MOST_PROGRAMS)
def _whole(program: _Program, structure: _Structure) -> Callable[..., Array]:
    """Compile a program as it is."""

    def whole(leaves: Sequence[Array], *others: PyTree) -> Array:
        return program(jax.tree.unflatten(structure.structure, leaves), *others)

    return _jit(whole)


def _jit(function: Callable) -> Callable:
    return jax.jit(function, compiler_options=machine.compiler_options())
