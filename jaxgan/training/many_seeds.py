"""The step of R runs of the same networks in one program: mapped over on accelerators, one by one on a CPU.

A CPU is slow with batches of products: 8 runs of `gan_mlp` took 1.3 times as long mapped as one by one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxgan.base import keys
from jaxgan.base.types import Array, Config
from jaxgan.config import fields_from
from jaxgan.training.gan import Gan
from jaxgan.training.optim import make_optimiser
from jaxgan.training.state import GanState
from jaxgan.training.step import Metrics, train_step

States = GanState | tuple[GanState, ...]  # along a first axis, but for `step`; or one by one
Values = Mapping[str, Any]  # of settings by their path in a config; numbers, or arrays float32[R]
MakeOptimiser = Callable[[Values], optax.GradientTransformation]


def make_step_of_all(
    gan: Gan, make_g: MakeOptimiser, make_d: MakeOptimiser, values: Values
) -> Callable[[States, Array, Array], tuple[States, Metrics]]:
    """Return the training step of R runs.

    It takes (states, images uint8[R, d_steps, B, H, W, C], labels int32[R, d_steps, B]) and returns the next states and
    metrics float32[R].

    Args:
      gan: as all runs have it, with the values of one.
      make_g: the generator's optimiser of a run's values.
      make_d: the discriminator's.
      values: settings in which the runs differ, those that `vary` and the optimisers know; float32[R].
    """
    values = {path: jnp.asarray(value, jnp.float32) for path, value in values.items()}

    def one(state: GanState, own: Values, images: Array, labels: Array) -> tuple[GanState, Metrics]:
        if not own:
            return train_step(gan, state, images, labels)
        g, d = state.g.replace(tx=make_g(own)), state.d.replace(tx=make_d(own))
        new, metrics = train_step(vary(gan, own), state.replace(g=g, d=d), images, labels)
        # Optimisers are no arrays: those made here must not leave.
        return new.replace(g=new.g.replace(tx=state.g.tx), d=new.d.replace(tx=state.d.tx)), metrics

    def step(states: States, images: Array, labels: Array) -> tuple[States, Metrics]:
        if isinstance(states, tuple):
            rows = [{path: value[i] for path, value in values.items()} for i in range(len(states))]
            done = [one(*each) for each in zip(states, rows, images, labels, strict=True)]
            return tuple(state for state, _ in done), jax.tree.map(keys.stack, *(metrics for _, metrics in done))
        axes = jax.tree.map(lambda _: 0, states).replace(step=None)
        mapped = jax.vmap(one, in_axes=(axes, 0, 0, 0), out_axes=(axes, 0))
        return mapped(states, values, images, labels)

    return step


def vary(gan: Gan, own: Values) -> Gan:
    """Return a GAN with a run's values of its own settings."""
    weighted = [
        dataclasses.replace(penalty, weight=own.get(f"penalty.{penalty.name}", penalty.weight))
        for penalty in gan.penalties
    ]
    return dataclasses.replace(gan, penalties=tuple(weighted), **fields_from(Gan, own))


def optimiser_maker(config: Config, net: str, schedule: optax.Schedule, *rest: Any) -> MakeOptimiser:
    """Return what makes the optimiser of a run from its values.

    Args:
      config: the section of `config.optim` for a network, as all runs have it.
      net: 'g' or 'd'.
      schedule: the learning rate of that section.
      *rest: of `make_optimiser`.
    """

    def make(own: Values) -> optax.GradientTransformation:
        mine = {name: own[f"optim.{net}.{name}"] for name in config if f"optim.{net}.{name}" in own}
        rate = mine.pop("learning_rate", None)
        scaled = schedule if rate is None else lambda count: schedule(count) * (rate / config.learning_rate)
        section: Any = SimpleNamespace(**{**config.to_dict(), **mine})
        return make_optimiser(section, scaled, *rest)

    return make


def join(states: Sequence[GanState]) -> States:
    """Join the states of runs that have made the same number of steps, in the form that is fast here."""
    return tuple(states) if len(states) == 1 or jax.default_backend() == "cpu" else stack(states)


def stack(states: Sequence[GanState]) -> GanState:
    """Join states along a first axis; they share `step`.

    What happens at some steps only would else be computed at each, for `vmap` makes both branches of a condition.
    """
    return jax.tree.map(keys.stack, *states).replace(step=states[0].step)


def take(states: States, run: int) -> GanState:
    """Return the state of one run."""
    if isinstance(states, tuple):
        return states[run]
    rows = jax.tree.map(lambda x: keys.on_numbers(lambda numbers: numbers[run], x), states.replace(step=None))
    return rows.replace(step=states.step)
