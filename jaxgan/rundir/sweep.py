"""Many runs in one program: the settings of each."""

from __future__ import annotations

import copy

from jaxgan.base.checks import UserError
from jaxgan.base.settings import flatten, get
from jaxgan.base.types import Config
from jaxgan.config import SETTINGS, default, unused, validate


def lists(config: Config) -> dict[str, tuple[float, ...]]:
    """Return the values of the settings that are swept, by their paths."""
    return {path: tuple(get(config.sweep, path)) for path, values in flatten(config.sweep).items() if values}


def is_many(config: Config) -> bool:
    """Return whether a configuration stands for several runs."""
    try:
        return config.train.num_replicas > 1 or bool(lists(config))
    except (AttributeError, KeyError, TypeError):
        return False  # what is wrong with it is said elsewhere


def expand(config: Config) -> list[Config]:
    """Return the configuration of each run, as if it ran alone.

    With n values of each swept setting, run i has value i mod n and the seed `config.seed + i // n`. Without
    `train.num_replicas` there are n runs.

    Raises:
      UserError: lists of unequal lengths, a number of runs that is no multiple of them, what no run of many can have.
    """
    validate(config)
    swept = lists(config)
    lengths = {len(values) for values in swept.values()} or {1}
    if len(lengths) > 1:
        said = ", ".join(f"{path} {len(values)}" for path, values in swept.items())
        raise UserError(f"the lists of config.sweep have unequal lengths ({said}); give each as many values.")
    (num_values,) = lengths
    replicas = config.train.num_replicas
    if replicas == 1:
        replicas = num_values
    if replicas % num_values:
        raise UserError(
            f"config.train.num_replicas is {replicas}, but the lists of config.sweep have {num_values} values; give a "
            "multiple, for as many seeds of each."
        )
    _check_together(config, swept)
    return [_single(config, swept, i % num_values, config.seed + i // num_values) for i in range(replicas)]


def _check_together(config: Config, swept: dict[str, tuple[float, ...]]) -> None:
    for path, values in swept.items():
        # What is off in one replica and on in another makes other programs.
        if path.endswith(("learning_rate", "ema_half_life")) and min(values) <= 0:
            raise UserError(f"config.sweep.{path} holds {min(values)}; expected numbers above 0.")
    if "train.ema_decay" in swept and config.train.ema_half_life:
        raise UserError("config.sweep.train.ema_decay has no effect beside ema_half_life; sweep that, or set it to 0.")


def _single(config: Config, swept: dict[str, tuple[float, ...]], index: int, seed: int) -> Config:
    single = copy.deepcopy(config)
    single.sweep = default().sweep
    single.train.num_replicas, single.seed = 1, seed
    single.update_from_flattened_dict({path: _as(get(config, path), values[index]) for path, values in swept.items()})
    # With a penalty of 0, an interval has no effect in this run.
    single.update_from_flattened_dict({path: SETTINGS[path].default for path in unused(single)})
    validate(single)
    return single


def _as(old: object, new: float) -> float | int:
    return int(new) if isinstance(old, int) and float(new).is_integer() else float(new)


def template(configs: list[Config]) -> Config:
    """Return a configuration whose networks and program serve all runs: what any of them uses is there."""
    shared = copy.deepcopy(configs[0])
    for path in [path for path, one in SETTINGS.items() if one.needs or (one.swept and not one.default)]:
        used = [value for config in configs if (value := get(config, path)) != SETTINGS[path].default]
        shared.update_from_flattened_dict({path: used[0]} if used else {})
    return shared


def describe(config: Config, replica: Config) -> str:
    """Return what differs in a run, such as 'seed 1, optim.g.learning_rate 0.0002'."""
    return ", ".join([f"seed {replica.seed}", *(f"{path} {get(replica, path):g}" for path in lists(config))])
