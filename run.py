"""Train a GAN, draw its pictures, look at its networks: `python run.py --config=configs/dcgan.py`."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any, NoReturn

import jax
from absl import app, flags, logging
from ml_collections import config_flags

import jaxgan
from jaxgan import data
from jaxgan.runs import gallery
from jaxgan.show import diagram, table

MODES = ("train", "sample", "interpolate", "summary")

FLAGS = flags.FLAGS
CONFIG = config_flags.DEFINE_config_file("config", None, "File with get_config(), such as configs/dcgan.py.")
flags.DEFINE_string("workdir", None, "Folder of the run; when training, runs/NAME for configs/NAME.py by default.")
flags.DEFINE_enum("mode", "train", MODES, "What to do. All but train and summary need only --workdir.")
flags.DEFINE_integer("num", None, "Pictures to draw, or points of each walk between latents.", lower_bound=1)
flags.DEFINE_integer("label", None, "Class to draw, for a conditional GAN; by default all classes in turn.")
flags.DEFINE_float("z_scale", 1.0, "Factor on the latents.")
flags.DEFINE_enum("stats", None, ("running", "batch"), "Batch-norm statistics; by default config.sample.stats.")
flags.DEFINE_enum("weights", "ema", ("ema", "raw"), "Averaged generator, or the one that trained last.")
flags.DEFINE_string("step", "latest", "Checkpoint to read: a step, or latest.")
flags.DEFINE_integer("seed", None, "Seed of the drawn pictures; by default config.seed.")
flags.DEFINE_string("out", None, "File to write; its ending decides: .png .jpg .npy .gif, for a summary .png .svg.")


def main(argv: list[str]) -> None:
    """Do what --mode says; a mistake of the user ends in one sentence and exit status 1."""
    if len(argv) > 1:
        fail(f"{argv[1]!r} is no flag; flags are written --name=value.")
    keep_compiled_programs()
    try:
        {"train": train, "sample": sample, "interpolate": interpolate, "summary": summarise}[FLAGS.mode]()
    except (jaxgan.UserError, OSError) as error:
        logging.debug("Where it happened:", exc_info=True)
        fail(str(error))


def train() -> None:
    """Train, or resume."""
    jaxgan.train(given_config(), FLAGS.workdir or Path("runs") / Path(config_file()).stem)


def sample() -> None:
    """Write a grid of pictures."""
    options = chosen("num", "label", "z_scale", "stats", "weights", "step", "seed")
    print(f"wrote {gallery.sample(given_workdir(), FLAGS.out, **options)}")


def interpolate() -> None:
    """Write a strip or an animation of walks between latents."""
    options = chosen("num", "label", "weights", "step", "seed")
    print(f"wrote {gallery.interpolate(given_workdir(), FLAGS.out, **options)}")


def summarise() -> None:
    """Print the tables of both networks, or draw them."""
    config = given_config()
    gan = jaxgan.build(config, data.describe(config.data))
    if FLAGS.out is None:
        print(table.text(gan))
    else:
        diagram.save_diagram(gan, FLAGS.out)
        print(f"wrote {FLAGS.out}")


def chosen(*names: str) -> dict[str, Any]:
    """Return the values of some flags."""
    return {name: FLAGS[name].value for name in names}


def given_config():
    """Return the configuration of --config with its overrides."""
    path = FLAGS["config"].present and config_file()
    if path and not Path(path.partition(":")[0]).is_file():
        raise FileNotFoundError(f"--config={path} is no file; give one such as --config=configs/dcgan.py.")
    if CONFIG.value is None:
        raise jaxgan.UserError(f"--mode={FLAGS.mode} needs --config; give a file such as --config=configs/dcgan.py.")
    return CONFIG.value


def config_file() -> str:
    """Return the path given as --config."""
    return config_flags.get_config_filename(FLAGS["config"])


def given_workdir() -> str:
    """Return --workdir, which must be there."""
    if FLAGS.workdir is None:
        raise jaxgan.UserError(f"--mode={FLAGS.mode} needs --workdir; give the folder of a training run.")
    return FLAGS.workdir


def parse(argv: list[str]) -> list[str]:
    """Read the flags; a misspelt setting or a wrong type is a sentence, not a traceback."""
    FLAGS.set_default("verbosity", logging.WARNING)
    try:
        rest = FLAGS(argv)
    except (flags.Error, AttributeError, KeyError, TypeError, ValueError, OSError) as error:
        fail(explain(error))
    logging.set_verbosity(FLAGS.verbosity)
    # Orbax logs each failed write with tracebacks, from several threads; the one sentence comes from jaxgan.
    logging.get_absl_logger().addFilter(lambda record: "orbax" not in record.pathname or FLAGS.verbosity > 0)
    return rest


def explain(error: Exception) -> str:
    """Make a sentence of what flags and ml_collections raise."""
    if isinstance(error, KeyError | AttributeError):
        # A KeyError's text is quoted twice on its way here, so only the words are taken.
        field, meant = re.search(r"\w+", str(error)), re.search(r'Did you mean "(\w+)"', str(error))
        hint = f' Did you mean "{meant[1]}"?' if meant else ""
        return f"the configuration has no field {field and field[0]!r}; jaxgan/config.py lists all fields.{hint}"
    return str(error)


def fail(sentence: str) -> NoReturn:
    """Print why and leave with status 1."""
    print("error:", " ".join(sentence.split()), file=sys.stderr)
    sys.exit(1)


def keep_compiled_programs() -> None:
    """Let jax keep compiled programs on disk, so that a second start is quick."""
    if not os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jaxgan"
        jax.config.update("jax_compilation_cache_dir", str(cache))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)


if __name__ == "__main__":
    app.run(main, flags_parser=parse)
