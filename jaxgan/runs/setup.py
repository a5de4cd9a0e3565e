"""All that a run is made of before its first step: networks, optimisers, the order of the data."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import jax
import optax

from jaxgan import data, gans
from jaxgan.base import keys, machine
from jaxgan.base.types import Config, Device, Source
from jaxgan.runs.warm_start import warm_started
from jaxgan.training.gan import Gan
from jaxgan.training.optim import Counter, make_optimiser, make_schedule, own_counter, shared_counter
from jaxgan.training.state import GanState, create_state


@dataclasses.dataclass(frozen=True)
class Setup:
    """All that a run is made of and that does not change in it."""

    config: Config
    source: Source
    gan: Gan
    devices: list[Device]
    plan: data.IndexPlan
    schedules: dict[str, optax.Schedule]
    optimiser_parts: dict[str, tuple]  # what `make_optimiser` takes after the config's section
    create: Callable[[jax.Array], GanState]  # from a key
    state_shapes: GanState
    steps_per_call: int

    def new_state(self) -> GanState:
        """Return the state at step 0 that follows from the seed."""
        return self.create(keys.stream(self.config.seed, keys.Stream.PARAMETERS))

    def first_state(self) -> GanState:
        """Return the state that a new run begins with: of its seed, or with the networks of another run."""
        state, other = self.new_state(), self.config.train.warm_start
        return warm_started(state, other) if other else state

    @property
    def num_steps(self) -> int:
        """Length of the run."""
        return self.config.train.num_steps

    @property
    def steps_per_epoch(self) -> float:
        """Training steps in one pass over the data."""
        return self.plan.steps_per_epoch / self.gan.rule.d_steps


def create_setup(config: Config, source: Source, devices: list[Device]) -> Setup:
    """Build networks, optimisers and the index plan."""
    gan = gans.build(config, source.info)
    info, rule = source.info, gan.rule
    plan = data.IndexPlan(
        config.seed, info.num_images, config.data.batch_size, config.data.drop_remainder, config.data.shuffle
    )
    epoch = plan.steps_per_epoch / rule.d_steps
    counters = make_counters(rule.d_updates, rule.order) if config.optim.shared_counter else {}
    schedules, parts, optimisers = {}, {}, {}
    for net, updates in ("g", 1), ("d", rule.d_updates):
        ramp = gan.burn_in, rule.d_steps * config.data.batch_size / updates
        schedules[net] = make_schedule(config.optim[net], epoch * updates, config.train.num_steps * updates, *ramp)
        parts[net] = schedules[net], counters.get(net, own_counter), *ramp
        optimisers[net] = make_optimiser(config.optim[net], *parts[net])

    create = jax.jit(
        lambda key: create_state(gan, optimisers["g"], optimisers["d"], key),
        compiler_options=machine.compiler_options(seldom=True),
    )
    with gans.explained(config):
        shapes = jax.eval_shape(create, jax.random.key(0))
    return Setup(
        config=config,
        source=source,
        gan=gan,
        devices=devices,
        plan=plan,
        schedules=schedules,
        optimiser_parts=parts,
        create=create,
        state_shapes=shapes,
        steps_per_call=config.train.steps_per_call or auto_steps_per_call(shapes, config, devices[0].platform),
    )


def make_counters(d_updates: int, order: str) -> dict[str, Counter]:
    """Return the step counters of two networks that share one, by the order of their updates."""
    if order == "d_first":
        return {"d": shared_counter(0, d_updates, 1), "g": shared_counter(d_updates, 1, 0)}
    return {"g": shared_counter(0, 1, d_updates), "d": shared_counter(1, d_updates, 0)}


def auto_steps_per_call(shapes: GanState, config: Config, platform: str) -> int:
    """Choose how many steps one call makes: XLA's CPU loops run convolutions some 30 times slower."""
    convolves = any(leaf.ndim >= 4 for leaf in jax.tree.leaves((shapes.g.params, shapes.d.params)))
    return 1 if platform == "cpu" and convolves else min(50, config.train.log_every)
