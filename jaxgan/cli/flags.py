"""The command line's flags, and the configuration that they stand for."""

from __future__ import annotations

import ast
import functools
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from absl import flags, logging
from ml_collections import ConfigDict

import jaxgan
from jaxgan import config as config_lib, data
from jaxgan.base import checks, terminal
from jaxgan.base.types import Config
from jaxgan.cli import surroundings
from jaxgan.config_files import get_config
from jaxgan.generators import invert
from jaxgan.rundir import layout, saved_config
from jaxgan.runs import compare, instances
from jaxgan.runs.record import loggers

FLAGS = flags.FLAGS
flags.DEFINE_string(
    "config",
    None,
    "File with get_config(), such as configs/dcgan.py, or the name of a bundled one, such as dcgan; "
    "--config.FIELD=VALUE changes it, --sweep.FIELD=VALUE,VALUE trains a run for each.",
)
flags.DEFINE_string("workdir", None, "Folder of the run; when training, runs/NAME for configs/NAME.py by default.")
flags.DEFINE_integer("num", None, "Images to draw or score, or points of each walk between latents.", lower_bound=1)
flags.DEFINE_string("label", None, "Class by number or name, or label vector as 0.5,1 or NAME=0.5; else all in turn.")
flags.DEFINE_float("z_scale", 1.0, "Factor on the latents.")
flags.DEFINE_float("truncation", None, "Draw numbers of normal latents anew where they are beyond +-T.")
flags.DEFINE_enum("stats", None, ("running", "batch"), "Batch-norm statistics; by default config.sample.stats.")
flags.DEFINE_enum("weights", "ema", ("ema", "raw"), "Averaged generator, or the one that trained last.")
flags.DEFINE_float("ema_std", None, "Width of the average, as a share of the training; needs config.train.ema_stds.")
flags.DEFINE_integer("replica", None, "Which one, of a run of many (config.train.num_replicas).", lower_bound=0)
flags.DEFINE_string("step", "latest", "Checkpoint to read: a step, latest, or best; for --mode=evaluate also all.")
flags.DEFINE_integer("seed", None, "Seed of the drawn images; by default config.seed.")
flags.DEFINE_string(
    "out",
    None,
    "File to write; its ending decides: .png .jpg .npy .gif or a FOLDER/ for images, .png .svg for a summary, "
    ".stablehlo .onnx .safetensors .html for an export, .json for scores.",
)
flags.DEFINE_string("real", None, "For --mode=evaluate: folder of real images, to score those of --fake.")
flags.DEFINE_string("fake", None, "For --mode=evaluate: folder of images to score against those of --real.")
flags.DEFINE_string("row", None, "For --mode=reproduce: the reported result to train again; without it all are listed.")
flags.DEFINE_string("direction", None, "For --mode=interpolate: number of jaxgan.directions, or a .npy file of one.")
flags.DEFINE_string("images", None, "For --mode=invert: folder of images whose latents are sought.")
flags.DEFINE_integer("starts", 8, "For --mode=invert: latents from which each image is sought.")
flags.DEFINE_integer("steps", 200, "For --mode=invert: steps of the descent.")
flags.DEFINE_enum("distance", "pixels", list(invert.PRIORS), "For --mode=invert: what is made small.")
flags.DEFINE_integer("batch", None, "Images of each call of an export; by default any number.", lower_bound=1)
flags.DEFINE_integer("scale", None, "Pixels a side for each pixel of an image; by default small ones are enlarged.")
flags.DEFINE_bool("distributed", False, "Train with the other processes that SLURM, Kubernetes, ... started.")
flags.DEFINE_string("coordinator", None, "HOST:PORT of process 0, to train with others that were started by hand.")
flags.DEFINE_integer("num_processes", None, "Processes that train together.", lower_bound=1)
flags.DEFINE_integer("process_id", None, "Number of this process, from 0.", lower_bound=0)
flags.DEFINE_bool("preview", False, "Draw each grid in the terminal, too: config.train.log_to=preview.")
flags.DEFINE_bool("version", False, "Show the version of jaxgan.")
flags.DEFINE_bool("trust", False, "Run the Python files of a run: a custom GAN, other parts of your own.")


# ---- What they say ------------------------------------------------------------------------------------------------


def given_workdir() -> str:
    """Return --workdir, which must be there."""
    if FLAGS.workdir is None:
        raise jaxgan.UserError(f"--mode={FLAGS.mode} needs --workdir; give the folder of a training run.")
    # Names of bundled generators are no folders.
    has_replicas = FLAGS.replica is not None or layout.replicas(FLAGS.workdir)
    return str(layout.folder_of(FLAGS.workdir, FLAGS.replica)) if has_replicas else FLAGS.workdir


def given_config(executes: Iterable[str] = config_lib.CODE) -> Config:
    """Return the configuration of --config, or of the run in --workdir, with what --config.FIELD=VALUE changes.

    A run's own code must be trusted, of the settings that are executed.
    """
    config = base_config()
    if config is None:
        needed = "--config, a file such as --config=configs/dcgan.py, or the --workdir of a run."
        if FLAGS.workdir is not None:
            lacks = f"has no {layout.CONFIG_FILE}" if Path(FLAGS.workdir).is_dir() else "is not there"
            raise jaxgan.UserError(f"--workdir={FLAGS.workdir} {lacks}, so it is no run; give {needed}")
        raise jaxgan.UserError(f"--mode={FLAGS.mode} needs {needed}")
    if FLAGS.config is None and FLAGS.fake is None:
        executes = set(executes) - changed(config).keys()
        config = saved_config.trusted_config(FLAGS.workdir, trust=FLAGS.trust, executes=executes)[0]
    for path, old in changed(config).items():
        value = FLAGS[f"config.{path}"].value
        several = config_lib.settings()[path].kinds if path in config_lib.settings() else ()
        if several or isinstance(old, list):
            value = read_list(path, str(value), several)
        config.update_from_flattened_dict({path: value})
    if FLAGS.config is None and FLAGS.mode == "train" and "train.log_to" not in changed(config):
        refuse_to_send(config)
    if FLAGS.preview and "preview" not in config.train.log_to:
        config.train.log_to = ",".join(filter(None, [config.train.log_to, "preview"]))
    return instances.with_own_labels(config_lib.with_whole_paths(config))


def refuse_to_send(config: Config) -> None:
    """Raise UserError where a run's folder that came from elsewhere would send what it measures to a service."""
    remote = [name for name in loggers.chosen(config.train.log_to) if name in loggers.REMOTE]
    if remote and not FLAGS.trust and saved_config.is_from_elsewhere(FLAGS.workdir):
        raise jaxgan.UserError(
            f"{FLAGS.workdir} was not trained in this folder of this machine, and its config.train.log_to is "
            f"{config.train.log_to!r}, which sends to a service; say --trust, or choose by --config.train.log_to."
        )


def data_info(config: Config) -> jaxgan.DataInfo:
    """Return what the networks must know of the data: as the run in --workdir found them, or as they are now."""
    if FLAGS.config is None and not any(path.startswith("data.") for path in changed(config)):
        return saved_config.load_config(Path(FLAGS.workdir))[1]
    return data.describe(config.data)


def changed(config: Config) -> dict[str, object]:
    """Return the settings that the command line changes, such as 'data.batch_size', with their values before."""
    return {path: old for path, old in config_lib.flatten(config).items() if FLAGS[f"config.{path}"].present}


def read_list(path: str, text: str, kinds: tuple[type, ...] = ()) -> object:
    """Read a setting that is a list of values, or also something of other kinds."""
    try:
        value = ast.literal_eval(text)
        if isinstance(value, kinds):
            return value
        return (value,) if isinstance(value, int | float) else tuple(value)
    except (SyntaxError, TypeError, ValueError):
        if str in kinds:
            return text
        raise jaxgan.UserError(f"--config.{path}={text} is no list; write one as in --config.{path}=1,2.") from None


@functools.cache
def base_config() -> Config | None:
    """Return the configuration before changes; None where neither --config nor --workdir gives one."""
    if FLAGS.config is not None:
        return get_config(*FLAGS.config.split(":", 1))
    if FLAGS.fake is not None:
        return compare.folder_config()
    if FLAGS.workdir and (Path(FLAGS.workdir) / layout.CONFIG_FILE).is_file():
        return saved_config.load_config(Path(FLAGS.workdir))[0]
    return None


# ---- Reading them -------------------------------------------------------------------------------------------------


def parse(argv: list[str]) -> list[str]:
    """Read the flags; a misspelt setting or a wrong type is a sentence, not a traceback."""
    surroundings.open_streams()
    FLAGS.set_default("verbosity", logging.WARNING)
    FLAGS.set_gnu_getopt()
    argv = [re.sub(r"^--?sweep\.", "--config.sweep.", arg) for arg in argv]
    # Which settings there are is known only when --config and --workdir are.
    rest = read_flags(argv, known_only=True)
    if FLAGS.version:
        print(f"jaxgan {jaxgan.__version__}")
        sys.exit(0)
    for name in "config", "workdir", "out", "real", "fake", "images", "direction":
        if FLAGS[name].value is not None:
            FLAGS[name].value = os.path.expanduser(str(FLAGS[name].value))
    try:
        surroundings.check(argv)
        define_settings(base_config())
    except (jaxgan.UserError, OSError) as error:
        fail(str(error))
    rest = read_flags(rest)
    logging.set_verbosity(FLAGS.verbosity)
    if FLAGS.verbosity <= 0:
        surroundings.quieten_failed_saves()
    return rest


def read_flags(argv: list[str], *, known_only: bool = False) -> list[str]:
    """Read flags that are defined so far, and return what else there is."""
    try:
        return FLAGS(argv, known_only=known_only)
    except (flags.Error, ValueError) as error:
        fail(explain(error))
    except SystemExit:  # absl showed its help, which it takes for a failure
        sys.exit(0)


def define_settings(config: Config | None) -> None:
    """Define a flag --config.FIELD for each setting."""
    kinds = {bool: flags.DEFINE_bool, int: flags.DEFINE_integer, float: flags.DEFINE_float}
    known = config_lib.settings()
    for path, value in config_lib.flatten(config or ConfigDict()).items():
        several = path in known and known[path].kinds
        define = flags.DEFINE_string if several else kinds.get(type(value), flags.DEFINE_string)
        about = known[path].explained() if path in known else ""
        define(f"config.{path}", None, f"{about}; now {value!r}".removeprefix("; "))


# What Python says where a value is of another type, and what is expected.
KINDS = {"invalid literal": "a whole number", "could not convert": "a number", "Non-boolean": "true or false"}


def explain(error: Exception) -> str:
    """Make a sentence of what absl's flags raise."""
    if isinstance(error, flags.UnrecognizedFlagError) and error.flagname.startswith("config."):
        config = base_config()
        if config is None and FLAGS.mode == "reproduce":
            return f"--{error.flagname} means nothing to --mode=reproduce, which trains a row as it was; leave it out."
        if config is None:
            lacks = f"{FLAGS.workdir} is no run" if FLAGS.workdir else "there is no configuration"
            return f"--{error.flagname} changes a setting, but {lacks}; add --config=FILE or the --workdir of a run."
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
