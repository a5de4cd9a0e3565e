"""Train a GAN, draw its pictures, look at its networks: `python run.py --config=configs/dcgan.py`."""

from __future__ import annotations

import ast
import dataclasses
import functools
import importlib.util
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn


def leave(*_: object) -> NoReturn:
    """End at once, as Ctrl-C asks: one line, no traceback, no waiting for threads."""
    os.write(2, b"interrupted\n")
    os._exit(128 + signal.SIGINT)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, leave)  # before the other imports, which take seconds

import jax
from absl import app, flags, logging
from ml_collections import ConfigDict

import jaxgan
from jaxgan import config as config_lib
from jaxgan import data, gans
from jaxgan.base import background, checks, terminal
from jaxgan.base.types import Config
from jaxgan.runs import evaluate, evaluations, folder, gallery, journal, metrics_log, peers, report, team
from jaxgan.show import diagram, table
from jaxgan.training import parallel

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


def main(argv: list[str]) -> None:
    """Do what --mode says; a mistake of the user ends in one sentence and exit status 1."""
    if len(argv) > 1:
        fail(f"{argv[1]!r} is no flag; flags are written --name=value.")
    keep_compiled_programs()
    mode = MODES[FLAGS.mode]
    try:
        refuse_all_but(mode.reads, f"--mode={FLAGS.mode}")
        mode.run()
    except team.Dismissed:
        sys.exit(1)
    except peers.Lost as lost:
        peers.leave(lost)  # the usual end would wait for the others
    except (jaxgan.UserError, OSError, MemoryError) as error:
        logging.debug("Where it happened:", exc_info=True)
        if parallel.connected() and not hasattr(error, "told"):
            peers.leave(error)
        fail(str(error))
    except Exception as error:
        if parallel.connected() and not hasattr(error, "told"):  # the usual end would wait for the others
            traceback.print_exc()
            os._exit(1)
        raise


# ---- One function a mode --------------------------------------------------------------------------------------------


def train_or_resume() -> None:
    """Train, or go on with the run in --workdir."""
    if FLAGS.distributed or FLAGS.coordinator is not None:
        parallel.connect(FLAGS.coordinator, FLAGS.num_processes, FLAGS.process_id)
        peers.watch()
    elif FLAGS.num_processes is not None or FLAGS.process_id is not None:
        raise jaxgan.UserError("--num_processes and --process_id need --coordinator=HOST:PORT of process 0.")
    config = given_config()
    if FLAGS.config is None and not FLAGS.trust and "eval.features" not in changed(config):
        evaluate.refuse_code(config)
    jaxgan.train(config, FLAGS.workdir or Path("runs") / Path(FLAGS.config or "").stem)


def write_samples() -> None:
    """Write pictures, or the animation of a training's progress."""
    if (FLAGS.out or "").lower().endswith(".gif"):
        refuse_all_but("workdir out scale", "a .gif, which shows the training's progress")
        path = gallery.save_progress(given_workdir(), FLAGS.out, scale=FLAGS.scale)
    else:
        path = gallery.save_samples(given_workdir(), **chosen(MODES["sample"].reads))
    print(f"wrote {path}")


def write_walks() -> None:
    """Write a strip or an animation of walks between latents."""
    print(f"wrote {gallery.save_walks(given_workdir(), **chosen(MODES['interpolate'].reads))}")


def show_summary() -> None:
    """Print the tables of both networks, or draw them."""
    if FLAGS.config is not None and FLAGS.workdir is not None:
        raise jaxgan.UserError("--mode=summary shows the networks of --config or of --workdir; leave one of them out.")
    config = given_config()
    gan = jaxgan.build(config, data_info(config))
    with gans.explained(config):
        if FLAGS.out is None:
            print(table.text(gan))
            return
        diagram.save_diagram(gan, FLAGS.out)
        print(f"wrote {FLAGS.out}")


def score() -> None:
    """Score checkpoints of a run, print the table and add it to evaluation.json."""
    workdir = Path(given_workdir())
    done, nearest = evaluate.evaluate_run(workdir, **chosen(MODES["evaluate"].reads))
    print(evaluate.table(done))
    journal.report_again(workdir, nearest, trust=FLAGS.trust)
    print(f"wrote {workdir / evaluations.EVALUATION_FILE} and {workdir / report.REPORT_FILE}")


def learn_features() -> None:
    """Train a classifier of the labelled pictures, whose features evaluations of this data use from then on."""
    net = evaluate.train_features(given_config(), on_step=say_loss)
    print(f"{net.distance_name}: {net.about}")


def say_loss(step: int, loss: Any) -> None:
    """Print the loss now and then."""
    if step % 100 == 0:
        print(f"step {step}  loss {float(loss):.4f}", file=sys.stderr, flush=True)


def check_files() -> None:
    """Check a run's files by their digests, and say what it holds."""
    from jaxgan.runs import checkpoint  # Orbax takes a second to import

    workdir = Path(given_workdir())
    saved = folder.load_saved(workdir)
    found = checkpoint.verify(workdir)
    rows = metrics_log.read_metrics(workdir)
    print(f"{workdir}: {saved.config.gan} on {saved.data.num_images:,} pictures {saved.data.image_shape}")
    print(f"{len(rows)} logged rows, {len(evaluations.read_evaluations(workdir))} evaluations")
    for step, wrong in found:
        print(f"step {step}: {wrong or 'good'}")
    bad = [step for step, wrong in found if wrong]
    if bad:
        raise jaxgan.UserError(
            f"{len(bad)} of {len(found)} checkpoints are damaged; resume and sampling use the newest good one."
        )


@dataclasses.dataclass(frozen=True)
class Mode:
    """What a name of --mode stands for: a function, and the flags that it reads."""

    run: Callable[[], None]
    reads: str


GENERATOR = "step weights ema_std trust"  # which generator of a run

MODES = {
    "train": Mode(train_or_resume, "config workdir trust distributed coordinator num_processes process_id"),
    "sample": Mode(
        write_samples, "workdir out num label z_scale truncation stats weights ema_std step seed scale trust"
    ),
    "interpolate": Mode(write_walks, "workdir out num label weights ema_std step seed scale trust"),
    "evaluate": Mode(score, "workdir step num seed weights ema_std trust"),
    "features": Mode(learn_features, "config workdir"),
    "verify": Mode(check_files, "workdir"),
    "summary": Mode(show_summary, "config workdir out trust"),
}
flags.DEFINE_enum("mode", "train", list(MODES), "What to do. All but train and summary need only --workdir.")


# ---- What the flags say ---------------------------------------------------------------------------------------------


def chosen(reads: str) -> dict[str, Any]:
    """Return the values of some flags, without --workdir."""
    return {name: FLAGS[name].value for name in reads.split() if name != "workdir"}


def refuse_all_but(reads: str, reader: str) -> None:
    """Raise ValueError where a flag was given that would be ignored."""
    read = reads.split()
    ours = {name for mode in MODES.values() for name in mode.reads.split()}
    for name in FLAGS:
        if FLAGS[name].present and name.partition(".")[0] in ours.difference(read):
            listed = ", ".join(f"--{other}" for other in read)
            raise jaxgan.UserError(f"--{name} means nothing to {reader}; leave it out: what counts is {listed}.")


def given_workdir() -> str:
    """Return --workdir, which must be there."""
    if FLAGS.workdir is None:
        raise jaxgan.UserError(f"--mode={FLAGS.mode} needs --workdir; give the folder of a training run.")
    return FLAGS.workdir


def given_config() -> Config:
    """Return the configuration of --config, or of the run in --workdir, with what --config.FIELD=VALUE changes."""
    config = base_config()
    if config is None:
        raise jaxgan.UserError(
            f"--mode={FLAGS.mode} needs --config, a file such as --config=configs/dcgan.py, or the --workdir of a run."
        )
    if FLAGS.config is None:
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


def load_file(path: str, *argument: str) -> Config:
    """Return what get_config() of a Python file returns; of `file.py:x`, get_config("x")."""
    spec = importlib.util.spec_from_file_location("config_file", path)
    if not Path(path).is_file() or spec is None or spec.loader is None:
        raise FileNotFoundError(f"--config={path} is no Python file; give one such as --config=configs/dcgan.py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look a module up
    spec.loader.exec_module(module)
    config = module.get_config(*argument) if hasattr(module, "get_config") else None
    if not isinstance(config, ConfigDict):
        raise jaxgan.UserError(
            f"--config={path} has no function get_config() that returns a ConfigDict; configs/dcgan.py shows one."
        )
    return config


# ---- Reading flags --------------------------------------------------------------------------------------------------


def parse(argv: list[str]) -> list[str]:
    """Read the flags; a misspelt setting or a wrong type is a sentence, not a traceback."""
    FLAGS.set_default("verbosity", logging.WARNING)
    FLAGS.set_gnu_getopt()
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


def keep_compiled_programs() -> None:
    """Let jax keep compiled programs on disk, so that a second start is quick."""
    if not os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jaxgan"
        jax.config.update("jax_compilation_cache_dir", str(cache))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)


def interrupt(*_: object) -> NoReturn:
    """Unwind at the first Ctrl-C, which removes half-written files; the next one ends at once."""
    signal.signal(signal.SIGINT, leave)
    raise KeyboardInterrupt


def leave_quickly(ending: SystemExit) -> NoReturn:
    """End with a status, without waiting for a compiler that still runs and cannot be stopped."""
    peers.part()
    if not background.is_busy():
        raise ending
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(ending.code if isinstance(ending.code, int) else 0)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, interrupt)
    try:
        app.run(main, flags_parser=parse)
    except KeyboardInterrupt:
        leave()
    except SystemExit as ending:
        leave_quickly(ending)
    finally:
        signal.signal(signal.SIGINT, leave)
