"""The command line's flags, and the configuration that they stand for."""

from __future__ import annotations

import ast
import contextlib
import functools
import importlib.util
import inspect
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from absl import flags, logging
from ml_collections import ConfigDict

import jaxgan
from jaxgan import config as config_lib
from jaxgan import data
from jaxgan.base import checks, terminal
from jaxgan.base.types import Config
from jaxgan.runs import folder, sweep

FLAGS = flags.FLAGS
flags.DEFINE_string(
    "config", None, "File with get_config(), such as configs/dcgan.py; --config.FIELD=VALUE changes it."
)
flags.DEFINE_string("workdir", None, "Folder of the run; when training, runs/NAME for configs/NAME.py by default.")
flags.DEFINE_integer("num", None, "Pictures to draw or score, or points of each walk between latents.", lower_bound=1)
flags.DEFINE_integer("label", None, "Class to draw, for a conditional GAN; by default all classes in turn.")
flags.DEFINE_float("z_scale", 1.0, "Factor on the latents.")
flags.DEFINE_float("truncation", None, "Draw numbers of normal latents anew where they are beyond +-T.")
flags.DEFINE_enum("stats", None, ("running", "batch"), "Batch-norm statistics; by default config.sample.stats.")
flags.DEFINE_enum("weights", "ema", ("ema", "raw"), "Averaged generator, or the one that trained last.")
flags.DEFINE_float("ema_std", None, "Width of the average, as a share of the training; needs config.train.ema_stds.")
flags.DEFINE_integer("replica", None, "Which one, of a run of many (config.train.num_replicas).", lower_bound=0)
flags.DEFINE_string("step", "latest", "Checkpoint to read: a step, latest, or best; for --mode=evaluate also all.")
flags.DEFINE_integer("seed", None, "Seed of the drawn pictures; by default config.seed.")
flags.DEFINE_string(
    "out", None, "File to write; its ending decides: .png .jpg .npy .gif, for a summary .png .svg. Or a FOLDER/."
)
flags.DEFINE_integer("scale", None, "Pixels a side for each pixel of a picture; by default small ones are enlarged.")
flags.DEFINE_bool("distributed", False, "Train with the other processes that SLURM, Kubernetes, ... started.")
flags.DEFINE_string("coordinator", None, "HOST:PORT of process 0, to train with others that were started by hand.")
flags.DEFINE_integer("num_processes", None, "Processes that train together.", lower_bound=1)
flags.DEFINE_integer("process_id", None, "Number of this process, from 0.", lower_bound=0)
flags.DEFINE_bool("trust", False, "Run the Python file of a run that has a GAN of its own.")


# ---- What they say ------------------------------------------------------------------------------------------------


def given_workdir() -> str:
    """Return --workdir, which must be there."""
    if FLAGS.workdir is None:
        raise jaxgan.UserError(f"--mode={FLAGS.mode} needs --workdir; give the folder of a training run.")
    # Names of what comes along are no folders.
    has_replicas = FLAGS.replica is not None or sweep.numbers(FLAGS.workdir)
    return str(sweep.folder_of(FLAGS.workdir, FLAGS.replica)) if has_replicas else FLAGS.workdir


def given_config(*, builds: bool = True) -> Config:
    """Return the configuration of --config, or of the run in --workdir, with what --config.FIELD=VALUE changes.

    If the GAN is built of it, a run's own file must be trusted.
    """
    config = base_config()
    if config is None:
        raise jaxgan.UserError(
            f"--mode={FLAGS.mode} needs --config, a file such as --config=configs/dcgan.py, or the --workdir of a run."
        )
    if FLAGS.config is None and builds:
        config.gan = folder.trusted_config(FLAGS.workdir, trust=FLAGS.trust)[0].gan
    for path in changed(config):
        value = FLAGS[f"config.{path}"].value
        if isinstance(config_lib.get(config, path), tuple | list):
            value = read_list(path, str(value))
        config.update_from_flattened_dict({path: value})
    return config


def data_info(config: Config) -> jaxgan.DataInfo:
    """Return what the networks must know of the data: as the run in --workdir found them, or as they are now."""
    if FLAGS.config is None and not any(path.startswith("data.") for path in changed(config)):
        return folder.load_config(Path(FLAGS.workdir))[1]
    return data.describe(config.data)


def changed(config: Config) -> list[str]:
    """Return the settings that the command line changes, such as 'data.batch_size'."""
    return [path for path in config_lib.flatten(config) if FLAGS[f"config.{path}"].present]


def read_list(path: str, text: str) -> tuple:
    """Read a setting that is a list of values."""
    try:
        return tuple(ast.literal_eval(text))
    except (SyntaxError, TypeError, ValueError):
        raise jaxgan.UserError(f"--config.{path}={text} is no list; write one as in --config.{path}=0,1.") from None


@functools.cache
def base_config() -> Config | None:
    """Return the configuration before changes; None where neither --config nor --workdir gives one."""
    if FLAGS.config is not None:
        return load_file(*FLAGS.config.split(":", 1))
    if FLAGS.workdir and (Path(FLAGS.workdir) / folder.CONFIG_FILE).is_file():
        return folder.load_config(Path(FLAGS.workdir))[0]
    return None


def load_file(name: str, *argument: str) -> Config:
    """Return what get_config() of a Python file returns; of `file.py:x`, get_config("x").

    Args:
      name: the file, or the name of one that comes along, such as dcgan.
      argument: of get_config.
    """
    path = find_file(name)
    spec = importlib.util.spec_from_file_location("config_file", path)
    if not path.is_file() or spec is None or spec.loader is None:
        known = ", ".join(sorted(file.stem for file in own_configs().glob("*.py")))
        raise FileNotFoundError(
            f"--config={name} is no Python file; give one such as --config=configs/dcgan.py, or a name: {known}."
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look a module up
    with own_imports() if path.parent == own_configs() else contextlib.nullcontext():
        spec.loader.exec_module(module)
    config = None
    if hasattr(module, "get_config"):
        try:
            inspect.signature(module.get_config).bind(*argument)
        except TypeError as error:
            given = ":".join([name, *argument])
            raise jaxgan.UserError(f"--config={given} does not fit its get_config ({error}).") from None
        config = module.get_config(*argument)
    if not isinstance(config, ConfigDict):
        raise jaxgan.UserError(
            f"--config={name} has no function get_config() that returns a ConfigDict; configs/dcgan.py shows one."
        )
    return config


def find_file(name: str) -> Path:
    """Return the file that --config names."""
    path = Path(name)
    comes_along = own_configs() / f"{name}.py"
    return comes_along if path.name == name and not path.exists() and comes_along.is_file() else path


def own_configs() -> Path:
    """Return the folder of the configurations that come along: in the package, or beside it in a checkout."""
    package = Path(jaxgan.__path__[0])
    return package / "configs" if (package / "configs").is_dir() else package.parent / "configs"


@contextlib.contextmanager
def own_imports() -> Iterator[None]:
    """Let `from configs.dcgan import get_config` mean ours, whatever else is called so."""
    before = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "configs"}
    ours = types.ModuleType("configs")
    ours.__path__ = [str(own_configs())]
    for name in before:
        del sys.modules[name]
    sys.modules["configs"] = ours
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "configs"]:
            del sys.modules[name]
        sys.modules.update(before)


# ---- Reading them -------------------------------------------------------------------------------------------------


def parse(argv: list[str]) -> list[str]:
    """Read the flags; a misspelt setting or a wrong type is a sentence, not a traceback."""
    FLAGS.set_default("verbosity", logging.WARNING)
    FLAGS.set_gnu_getopt()
    argv = [re.sub(r"^--?sweep\.", "--config.sweep.", arg) for arg in argv]
    # Which settings there are is known only when --config and --workdir are.
    rest = read_flags(argv, known_only=True)
    try:
        define_settings(base_config())
    except (jaxgan.UserError, OSError) as error:
        fail(str(error))
    rest = read_flags(rest)
    logging.set_verbosity(FLAGS.verbosity)
    if FLAGS.verbosity <= 0:
        # Orbax logs each failed write with tracebacks, from several threads; the one sentence comes from jaxgan.
        logging.get_absl_logger().addFilter(lambda record: "orbax" not in record.pathname)
    return rest


def read_flags(argv: list[str], *, known_only: bool = False) -> list[str]:
    """Read flags that are defined so far, and return what else there is."""
    try:
        return FLAGS(argv, known_only=known_only)
    except (flags.Error, ValueError) as error:
        fail(explain(error))


def define_settings(config: Config | None) -> None:
    """Define a flag --config.FIELD for each setting."""
    kinds = {bool: flags.DEFINE_bool, int: flags.DEFINE_integer, float: flags.DEFINE_float}
    for path, value in config_lib.flatten(config or ConfigDict()).items():
        define = kinds.get(type(value), flags.DEFINE_string)
        define(f"config.{path}", None, f"Instead of {value!r}.")


# What Python says where a value is of another type, and what is expected.
KINDS = {"invalid literal": "a whole number", "could not convert": "a number", "Non-boolean": "true or false"}


def explain(error: Exception) -> str:
    """Make a sentence of what absl's flags raise."""
    if isinstance(error, flags.UnrecognizedFlagError) and error.flagname.startswith("config."):
        config = base_config()
        if config is None:
            return f"--{error.flagname} has no configuration to change; add --config=FILE or the --workdir of a run."
        known = [f"config.{path}" for path in config_lib.flatten(config)]
        return f"--{error.flagname} is no setting; jaxgan/config.py lists all.{checks.suggest(error.flagname, known)}"
    given, _, reason = str(error).removeprefix("flag ").partition(": ")
    for word, kind in KINDS.items():
        if word in reason:
            return f"{given} is not {kind}, as is expected there."
    return str(error)


def fail(sentence: str) -> NoReturn:
    """Print why and leave with status 1."""
    print("error:", terminal.printable(" ".join(sentence.split())), file=sys.stderr)
    sys.exit(1)
