"""What a run consists of before its first step: networks, optimisers, the order of the data; and many such runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import jax
import numpy as np
import optax

from jaxgan import config as config_lib, data, gans
from jaxgan.base import keys, machine
from jaxgan.base.checks import UserError
from jaxgan.base.digests import digest
from jaxgan.base.pixels import visible
from jaxgan.base.types import Config, Device, Source
from jaxgan.rundir import layout, own_code, saved_config, sweep
from jaxgan.runs import instances
from jaxgan.runs.by_size import decided
from jaxgan.runs.record import loggers
from jaxgan.runs.schedule import Schedule
from jaxgan.runs.warm_start import warm_started
from jaxgan.training import parallel
from jaxgan.training.gan import Gan
from jaxgan.training.optim import Counter, make_optimiser, make_schedule, own_counter, shared_counter
from jaxgan.training.state import GanState, create_state

Optimisers = Mapping[str, optax.GradientTransformation]  # of 'g' and 'd'; what is missing is made from config.optim
NO_OPTIMISERS: Optimisers = MappingProxyType({})


@dataclasses.dataclass(frozen=True)
class Setup:
    """What a run consists of and what does not change in it."""

    config: Config
    source: Source
    gan: Gan
    devices: list[Device]
    plan: data.IndexPlan
    learning_rates: dict[str, optax.Schedule]
    optimiser_parts: dict[str, tuple]  # what `make_optimiser` takes after the config's section
    create: Callable[[jax.Array], GanState]  # from a key
    state_shapes: GanState
    steps_per_call: int
    own_optimisers: tuple[str, ...] = ()  # networks whose optimiser the caller gave
    code: Mapping[str, bytes] = dataclasses.field(default_factory=dict)  # of the user, as networks were built from it

    def new_state(self) -> GanState:
        """Return the state at step 0 that follows from the seed."""
        return self.create(keys.stream(self.config.seed, keys.Stream.PARAMETERS))

    def first_state(self) -> GanState:
        """Return the state that a new run begins with: of its seed, or with the networks of another run."""
        state, other = self.new_state(), self.config.train.warm_start
        return warm_started(state, other) if other else state

    @property
    def schedule(self) -> Schedule:
        """What is due at which step."""
        return Schedule(self.config, self.steps_per_call)

    @property
    def steps_per_epoch(self) -> float:
        """Training steps in one pass over the data."""
        return self.plan.steps_per_epoch / self.gan.rule.d_steps


@dataclasses.dataclass(frozen=True)
class Plan:
    """The runs that one program trains together: one, or many seeds.

    Attributes:
      config: of them all.
      setups: of each.
      shared: a setup whose networks and program serve all.
    """

    config: Config
    setups: list[Setup]
    shared: Setup

    @property
    def is_many(self) -> bool:
        """Whether each run has a folder within that of the whole."""
        return sweep.is_many(self.config)

    def folder(self, workdir: Path, number: int) -> Path:
        """Return the folder of a run."""
        return layout.replica(workdir, number) if self.is_many else workdir


def create_plan(config: Config, source: Source | None, own: Optimisers = NO_OPTIMISERS) -> Plan:
    """Check a configuration, open its data and choose devices.

    Raises:
      UserError, FileNotFoundError: the configuration, the data or the devices do not fit.
    """
    config_lib.validate(config)
    check_own(own, config)
    configs = sweep.expand(config) if sweep.is_many(config) else [config]
    loggers.check(config.train.log_to)
    machine.keep_memory()
    devices = parallel.choose_devices(config.train.num_devices, config.data.batch_size)
    if source is not None and config.data.mirror:
        raise UserError(
            "config.data.mirror is True, but images of source= are taken as they are; flip them there, or set it to "
            "False."
        )
    asked, config = source is None, instances.with_own_labels(config)
    source = data.open_source(config.data) if source is None else data.checked(source)
    config = decided(data.resolved(config) if asked else config, source.info.num_images)
    source = instances.for_training(instances.with_instances(source, config.data.instance_features))
    configs = sweep.expand(config) if sweep.is_many(config) else [config]
    for one in (config, *configs):
        saved_config.keep_levels(one, source.info)
    if not sweep.is_many(config):
        setup = create_setup(config, source, devices, own)
        return Plan(config, [setup], setup)
    shared = create_setup(sweep.template(configs), source, devices, own)
    # One program makes all states, whose optimisers then are one: states are compared by them.
    setups = [dataclasses.replace(create_setup(one, source, devices, own), create=shared.create) for one in configs]
    return Plan(config, setups, shared)


def identity(plan: Plan, workdir: Path) -> str:
    """Return what all processes of a job must have in common, a line of name=value for each fact.

    The folder tells jobs with equal settings apart, since one of them alone can lock it.
    """
    config, setup = plan.config, plan.shared
    own = {"data.path", "data.workers"}  # they may differ where the images do not
    config = config_lib.with_files(config, lambda path, file: path)  # their content counts
    leaves = jax.tree.leaves_with_path(setup.state_shapes)
    shapes = [(jax.tree_util.keystr(path), x.shape, x.dtype) for path, x in leaves]
    facts = {f"config.{name}": value for name, value in config_lib.flatten(config).items() if name not in own} | {
        "images": data.fingerprint(setup.source),
        "data.cache as it turned out": data.resolve_cache(config.data, setup.source.info),
        "steps a call": setup.steps_per_call,
        "devices": len(jax.local_devices()),
        "code": digest(*setup.code.values()),
        "networks": digest(str(shapes)),
        "jax": jax.__version__,
        "--workdir": workdir,
    }
    short = ((name, str(value)) for name, value in facts.items())
    return "\n".join(f"{name}={text if len(text) < 200 else digest(text)[:8]}" for name, text in short)


def check_own(own: Optimisers, config: Config) -> None:
    """Raise UserError where what is given is no optimiser, or where seeds are to have optimisers of their own."""
    for net, given in own.items():
        if not isinstance(given, optax.GradientTransformation):
            raise UserError(f"{net}_optimiser is {type(given).__name__}; expected an optax.GradientTransformation.")
    if own and (swept := list(sweep.lists(config))):
        raise UserError(f"{min(own)}_optimiser is one for all seeds, config.sweep.{swept[0]} is not; leave one out.")


def create_setup(config: Config, source: Source, devices: list[Device], own: Optimisers = NO_OPTIMISERS) -> Setup:
    """Build networks, optimisers and the index plan."""
    visible(np.zeros((1, source.info.image_shape[2]), np.uint8), config.sample.channels)  # or grids would refuse later
    code = own_code.copies(config)  # before they are executed: whoever trains may go on writing them
    gan = gans.build(config, source.info)
    info, rule = source.info, gan.rule
    parts = info.num_images, config.data.batch_size, config.data.drop_remainder, config.data.shuffle
    plan = data.IndexPlan(config.seed, *parts)
    if config.data.balance:
        plan = data.balanced(plan, source)
    epoch = plan.steps_per_epoch / rule.d_steps
    counters = make_counters(rule.d_updates, rule.order) if config.optim.shared_counter else {}
    rates, parts, optimisers = {}, {}, {}
    for net, updates in ("g", 1), ("d", rule.d_updates):
        ramp = gan.burn_in, rule.d_steps * config.data.batch_size / updates
        rates[net] = make_schedule(config.optim[net], epoch * updates, config.train.num_steps * updates, *ramp)
        parts[net] = rates[net], counters.get(net, own_counter), *ramp
        optimisers[net] = own[net] if net in own else make_optimiser(config.optim[net], *parts[net])

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
        learning_rates={net: rate for net, rate in rates.items() if net not in own},
        optimiser_parts=parts,
        create=create,
        state_shapes=shapes,
        steps_per_call=config.train.steps_per_call or auto_steps_per_call(shapes, config, devices[0].platform),
        own_optimisers=tuple(sorted(own)),
        code=code,
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
