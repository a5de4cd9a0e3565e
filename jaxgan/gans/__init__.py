"""One GAN a file: its two networks, and `build(config, data) -> Gan`.

`config.gan` is the name of a file here, or the path of a .py file anywhere.
"""

from __future__ import annotations

import contextlib
import copy
import importlib
import pkgutil
import types
from collections.abc import Iterator
from typing import Any

from flax.errors import FlaxError

from jaxgan import config as config_lib, parts
from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.types import Config, DataInfo
from jaxgan.objectives import losses
from jaxgan.training.gan import Gan


def names() -> list[str]:
    """Return the GANs that come with the package."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def build(config: Config, data: DataInfo) -> Gan:
    """Build the GAN that `config.gan` names for images as `data` describes them.

    Args:
      config: complete, as `jaxgan.config.default()` or a file in `configs/` makes it.
      data: `DataInfo` of the images; a source has it as `source.info`.

    Raises:
      UserError: settings that cannot be, an unknown name, a file without `build`, or what the GAN refuses.
      FileNotFoundError: the path of a .py file that is not there.
    """
    if not isinstance(data, DataInfo):
        raise UserError(f"data is {type(data).__name__}; expected a jaxgan.DataInfo, such as the info of a source.")
    config_lib.validate(config)
    losses.LOSSES.check(config.loss)
    if not config.gan.endswith(".py"):
        with explained(config):
            return _from_package(config.gan).build(config, data)
    module = parts.execute("config.gan", config.gan)
    if not hasattr(module, "build"):
        raise UserError(f"config.gan is {config.gan!r}, a file without a function build(config, data); add one.")
    gan = module.build(config, data)
    if not isinstance(gan, Gan):
        raise UserError(f"build of {config.gan} returns {type(gan).__name__}; expected a jaxgan.Gan.")
    return gan


def build_networks(config: Config, data: DataInfo, *, keep_loss: bool = False) -> Gan:
    """Build a GAN of which only the networks count, or they and the loss, without what else a user added."""
    config = copy.deepcopy(config)
    for path in ["penalty.own", "projected.weight"] + ["loss"] * (not keep_loss):
        config.update_from_flattened_dict({path: config_lib.SETTINGS[path].default})
    config.update_from_flattened_dict({path: config_lib.SETTINGS[path].default for path in config_lib.unused(config)})
    return build(config, data)


@contextlib.contextmanager
def explained(config: Config) -> Iterator[None]:
    """Turn what goes wrong while networks are made or traced with settings of another kind into a UserError.

    A custom GAN is left to its author, who wants to see where it happened.
    """
    try:
        yield
    except UserError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError, FlaxError) as error:
        if config.gan.endswith(".py"):
            raise
        raise UserError(
            f"{config.gan} cannot be made with config.model={config.model.to_dict()} ({checks.brief(error)}); its file "
            "in configs/ shows settings that can be."
        ) from error


def added_settings(gan: str) -> dict[str, Any]:
    """Return the settings that a GAN of the package got later, with the values that stood for them before."""
    return dict(getattr(_from_package(gan), "ADDED", {})) if gan in names() else {}


def _from_package(name: str) -> types.ModuleType:
    if name not in names():
        listed = ", ".join(names())
        hint = checks.suggest(name, names())
        raise UserError(f"config.gan is {name!r}; expected one of {listed}, or the path of a .py file.{hint}")
    return importlib.import_module(f"{__name__}.{name}")
