"""A function split in two: what some of its arguments determine, to be computed once, and the rest.

Known as partial evaluation: Jones, Gomard and Sestoft, "Partial Evaluation and Automatic Program Generation", 1993.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
from jax.extend import core

from jaxgan.base.types import Array, PyTree

# Calls, which are replaced by what they call, and the parameter that holds it.
_CALLS = {"jit": "jaxpr", "pjit": "jaxpr", "custom_jvp_call": "call_jaxpr", "custom_vjp_call": "call_jaxpr"}
# What costs next to nothing, but may make a large array of a small one: done again in each call.
_CHEAP = ("broadcast_in_dim", "iota", "reshape", "squeeze")
_insides: dict[core.Primitive, Callable[..., Any]] = {}


class _Value:
    """An array in a function: the result of a step, an argument, or a constant."""

    def __init__(self, constant: Any = None):
        self.constant = constant


class _Step(NamedTuple):
    """One operation of a function without calls."""

    equation: core.JaxprEqn
    inputs: list[_Value]
    outputs: list[_Value]


def show_inside(primitive: core.Primitive, function: Callable[..., Any]) -> None:
    """Say of which operations a primitive of our own consists: those of function(*arrays, **parameters)."""
    _insides[primitive] = function


class Halves(NamedTuple):
    """A function in two: second([*(known[i] for i in passed), *first(known)], *others). Both can be compiled.

    Attributes:
      first: from the leaves of what is known to all that depends on them alone and is not trivial.
      passed: which of those leaves the second half wants as they are.
      second: the rest.
    """

    first: Callable[[Sequence[Array]], list[Array]]
    passed: list[int]
    second: Callable[..., PyTree]


def split(function: Callable[..., PyTree], known: PyTree, *others: PyTree) -> Halves:
    """Split a function of arrays.

    Args:
      function: takes `known` and `others`, is pure, and need not be differentiable afterwards.
      known: trees of arrays or of their shapes, as the function will be given.
      *others: likewise.

    Returns:
      Two halves that do what function(known, *others) does, to rounding.
    """
    leaves, structure = jax.tree.flatten(known)

    def flat(leaves: Sequence[Array], *others: PyTree) -> PyTree:
        return function(jax.tree.unflatten(structure, leaves), *others)

    traced, shape = jax.make_jaxpr(flat, return_shape=True)(leaves, *others)
    steps: list[_Step] = []
    arguments = [_Value() for _ in traced.jaxpr.invars]
    results = _unroll(traced, arguments, steps)
    steps = _used(steps, results)
    given, unknown = arguments[: len(leaves)], arguments[len(leaves) :]
    early, late, wanted = _divide(steps, given, results)
    passed = [i for i, value in enumerate(given) if value in wanted]
    made = [value for step in early for value in step.outputs if value in wanted]

    def first(leaves: Sequence[Array]) -> list[Array]:
        return _evaluate(early, dict(zip(given, leaves, strict=True)), made)

    def second(arrays: Sequence[Array], *others: PyTree) -> PyTree:
        inputs = [*(given[i] for i in passed), *made, *unknown]
        values = dict(zip(inputs, [*arrays, *jax.tree.leaves(others)], strict=True))
        return jax.tree.unflatten(jax.tree.structure(shape), _evaluate(late, values, results))

    return Halves(first, passed, second)


def _unroll(traced: core.ClosedJaxpr, arguments: Sequence[_Value], steps: list[_Step]) -> list[_Value]:
    """Append the steps of a traced function, calls replaced by their own steps, and return its results."""
    jaxpr = traced.jaxpr
    values = dict(zip(jaxpr.invars, arguments, strict=True))
    values |= {var: _Value(constant) for var, constant in zip(jaxpr.constvars, traced.consts, strict=True)}

    def value(atom: Any) -> _Value:
        return _Value(atom.val) if isinstance(atom, core.Literal) else values[atom]

    for equation in jaxpr.eqns:
        inputs = [value(atom) for atom in equation.invars]
        called = _called(equation)
        if called is None:
            outputs = [_Value() for _ in equation.outvars]
            steps.append(_Step(equation, inputs, outputs))
        else:
            outputs = _unroll(called, inputs, steps)
        values |= dict(zip(equation.outvars, outputs, strict=True))
    return [value(atom) for atom in jaxpr.outvars]


def _called(equation: core.JaxprEqn) -> core.ClosedJaxpr | None:
    """Return what an equation calls, None if it is an operation of its own."""
    inside = _insides.get(equation.primitive)
    if inside is not None:
        shapes = [atom.aval for atom in equation.invars]
        return jax.make_jaxpr(lambda *arrays: inside(*arrays, **equation.params))(*shapes)
    return equation.params.get(_CALLS.get(equation.primitive.name, ""))


def _used(steps: Sequence[_Step], results: Sequence[_Value]) -> list[_Step]:
    """Return the steps on which the results depend: what the others need would be kept for nothing."""
    wanted, used = set(results), []
    for step in reversed(steps):
        if wanted.intersection(step.outputs):
            wanted.update(step.inputs)
            used.append(step)
    return used[::-1]


def _divide(
    steps: Sequence[_Step], given: Sequence[_Value], results: Sequence[_Value]
) -> tuple[list[_Step], list[_Step], set[_Value]]:
    """Return the steps that need only what is given, the others, and what these take over."""
    known, early, late = set(given), [], []
    for step in steps:
        if all(value in known or value.constant is not None for value in step.inputs):
            known.update(step.outputs)
            early.append(step)
        else:
            late.append(step)
    wanted = {value for step in late for value in step.inputs}.union(results)
    again = []
    for step in reversed(early):
        trivial = step.equation.primitive.name in _CHEAP or not any(value in known for value in step.inputs)
        if trivial and wanted.intersection(step.outputs):
            wanted.difference_update(step.outputs)
            wanted.update(step.inputs)
            again.append(step)
    return early, [*reversed(again), *late], wanted


def _evaluate(steps: Sequence[_Step], values: dict[_Value, Any], results: Sequence[_Value]) -> list[Any]:
    """Do the steps and return the results."""

    def read(value: _Value) -> Any:
        return values[value] if value.constant is None else value.constant

    for equation, inputs, outputs in steps:
        made = equation.primitive.bind(*map(read, inputs), **equation.primitive.get_bind_params(equation.params))
        values |= dict(zip(outputs, made if equation.primitive.multiple_results else [made], strict=True))
    return [read(value) for value in results]
