"""What `--mode` may be: a function each, and the flags that it reads."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from absl import flags

import jaxgan
from jaxgan import gans
from jaxgan.base import processes
from jaxgan.base.terminal import say, show
from jaxgan.cli.flags import FLAGS, changed, data_info, given_config, given_workdir
from jaxgan.data.sources.kind import existing
from jaxgan.generators import export, gallery, invert_folder
from jaxgan.generators.load import Which, load_with_config
from jaxgan.nets import efficientnet
from jaxgan.rundir import evaluations, layout, metrics_log, restore, saved_config
from jaxgan.runs import compare, evaluate, reproduce
from jaxgan.runs.record import report, score_table
from jaxgan.views import diagram, table


def train_or_resume() -> None:
    """Train, or go on with the run in --workdir."""
    if FLAGS.distributed or FLAGS.coordinator is not None:
        processes.join(FLAGS.coordinator, FLAGS.num_processes, FLAGS.process_id)
    elif FLAGS.num_processes is not None or FLAGS.process_id is not None:
        raise jaxgan.UserError("--num_processes and --process_id need --coordinator=HOST:PORT of process 0.")
    config = given_config()
    jaxgan.train(config, FLAGS.workdir or Path("runs") / Path(FLAGS.config or "").stem)


def write_samples() -> None:
    """Write images, or the animation of a training's progress."""
    if (FLAGS.out or "").lower().endswith(".gif"):
        refuse_all_but("workdir replica out scale", "a .gif, which shows the training's progress")
        path = gallery.save_progress(given_workdir(), FLAGS.out, scale=FLAGS.scale)
    else:
        path = gallery.save_samples(given_workdir(), **drawing())
    show(f"wrote {path}")


def write_walks() -> None:
    """Write a strip or an animation of walks between latents."""
    show(f"wrote {gallery.save_walks(given_workdir(), **drawing(), direction=FLAGS.direction)}")


def write_inversion() -> None:
    """Write images of a folder beside their reconstructions, the latents found, and a walk between two."""
    workdir = given_workdir()
    if FLAGS.images is None:
        raise jaxgan.UserError("--mode=invert needs --images, a folder of the images whose latents are sought.")
    existing(FLAGS.images, "a folder of images", "--images")
    how = chosen("starts steps distance")
    path, psnr = invert_folder.save_inversion(workdir, FLAGS.images, **drawing(), **how)
    show(f"wrote {path}; the reconstructions have a median PSNR of {psnr:.1f} dB")


def write_export() -> None:
    """Write a generator to a file that other programs read."""
    workdir = given_workdir()
    if FLAGS.out is None:
        raise jaxgan.UserError(f"--mode=export needs --out, a file that ends in {', '.join(export.WRITERS)}.")
    params, _ = load_with_config(workdir, bundle(Which))
    path = export.export(params, FLAGS.out, run=workdir, batch=FLAGS.batch)
    show(f"wrote {path}")


def show_summary() -> None:
    """Print the tables of both networks, or draw them."""
    if FLAGS.config is not None and FLAGS.workdir is not None:
        raise jaxgan.UserError("--mode=summary shows the networks of --config or of --workdir; leave one of them out.")
    config = given_config(("gan", "data.source"))
    gan = gans.build_networks(config, data_info(config))
    with gans.explained(config):
        if FLAGS.out is None:
            show(*table.text(gan).splitlines())
            if config.projected.weight:
                show("", f"Not counted: a second discriminator on features of {efficientnet.LITE0.network}")
            return
        diagram.save_diagram(gan, FLAGS.out)
        show(f"wrote {FLAGS.out}")


def score() -> None:
    """Score checkpoints of a run, or of all runs of a program, print the table and add it to evaluation.json."""
    if FLAGS.fake is not None or FLAGS.real is not None:
        score_folders()
        return
    refuse_all_but(OF_SCORES, "--mode=evaluate of a run")
    whole = FLAGS.workdir or ""
    many = [] if FLAGS.replica is not None else [layout.folder_of(whole, number) for number in layout.replicas(whole)]
    if many and FLAGS.out is not None:
        raise jaxgan.UserError(f"{whole} holds {len(many)} runs, and --out the scores of one; add --replica=NUMBER.")
    missing, newest = [], []
    for workdir in many or [Path(given_workdir())]:
        written: list[Path] = []
        try:
            done, nearest = evaluate.evaluate_run(workdir, **chosen(OF_SCORES), on_write=written.append)
        except FileNotFoundError as error:
            missing.append(error)
            if len(missing) == max(1, len(many)):
                raise
            say(f"warning: {error} It is left out")
            continue
        if many:
            show(f"{workdir}:")
        show(*score_table.table(done))
        newest.append(done[-1])
        try:
            if FLAGS.out is None:
                report.report_again(workdir, nearest, trust=FLAGS.trust)
                written.append(workdir / layout.REPORT_FILE)
        except (OSError, jaxgan.UserError) as error:
            say(f"warning: the report of {workdir} could not be written ({getattr(error, 'strerror', None) or error})")
        if written:
            show(f"wrote {' and '.join(map(str, dict.fromkeys(written)))}")
        elif FLAGS.out is not None:
            sys.exit(1)  # a warning said why
    if len(newest) > 1:
        show(*score_table.over_runs(newest))


def score_folders() -> None:
    """Score the images of --fake against those of --real."""
    refuse_all_but("config real fake out num seed", "a comparison of folders")
    if FLAGS.real is None or FLAGS.fake is None:
        raise jaxgan.UserError("a comparison of folders needs --real=FOLDER and --fake=FOLDER; give both.")
    for name in "real", "fake":
        existing(str(FLAGS[name].value), "a folder of images", f"--{name}")
    score_table.check_out(FLAGS.out)
    config = given_config(())
    if "data.image_size" not in changed(config):
        config.data.image_size = compare.size_of(config, FLAGS.fake)
    config.data.path, config.eval.num = FLAGS.real, FLAGS.num or config.eval.num
    config.seed = config.seed if FLAGS.seed is None else FLAGS.seed
    scores = compare.compare_folders(config, FLAGS.fake)
    show(*score_table.table([scores]))
    if FLAGS.out is not None:
        if not score_table.is_written(None, FLAGS.out, [scores]):
            sys.exit(1)
        show(f"wrote {FLAGS.out}")


def learn_features() -> None:
    """Train a classifier of the labelled images, whose features evaluations of this data use from then on."""
    net = evaluate.train_features(given_config(("data.source",)), on_step=say_loss)
    show(f"{net.distance_name}: {net.about}")


def say_loss(step: int, loss: Any) -> None:
    """Print the loss now and then."""
    if step % 100 == 0:
        print(f"step {step}  loss {float(loss):.4f}", file=sys.stderr, flush=True)


def check_files() -> None:
    """Check a run's files by their digests, and say what it holds."""
    workdir = Path(given_workdir())
    saved = saved_config.load_saved(workdir)
    found = restore.verify(workdir)
    rows = metrics_log.read_metrics(workdir)
    show(f"{workdir}: {saved.config.gan} on {saved.data.num_images:,} images {saved.data.image_shape}")
    show(f"{len(rows)} logged rows, {len(evaluations.read_evaluations(workdir))} evaluations")
    for step, wrong in found:
        show(f"step {step}: {wrong or 'intact'}")
    bad = [step for step, wrong in found if wrong]
    if bad:
        raise jaxgan.UserError(f"{len(bad)} of {len(found)} checkpoints are damaged; the newest good one is used.")


def reproduce_row() -> None:
    """List the reported results, or train one again and compare."""
    if FLAGS.row is None:
        show(*(row.line() for row in reproduce.rows().values()))
        show("--mode=reproduce --row=NAME trains one again")
        return
    row = reproduce.find(FLAGS.row)
    seed = row.seeds[0] if FLAGS.seed is None else FLAGS.seed
    workdir = FLAGS.workdir or Path("runs") / "rows" / f"{row.name}-{seed}"
    show(row.line())
    show(reproduce.verdict(row, reproduce.reproduce(row, workdir, seed)))


@dataclasses.dataclass(frozen=True)
class Mode:
    """What a name of --mode stands for: a function, and the flags that it reads."""

    run: Callable[[], None]
    reads: str


# Flags that scores of a run read.
OF_SCORES = (
    "workdir replica out step num seed weights ema_std trust "
    "config.eval.features config.eval.metrics config.eval.fid config.data.path"
)
MODES = {
    "train": Mode(train_or_resume, "config workdir trust preview distributed coordinator num_processes process_id"),
    "sample": Mode(
        write_samples, "workdir replica out num label z_scale truncation stats weights ema_std step seed scale trust"
    ),
    "interpolate": Mode(write_walks, "workdir replica out num label direction weights ema_std step seed scale trust"),
    "evaluate": Mode(score, f"{OF_SCORES} real fake config"),
    "invert": Mode(
        write_inversion,
        "workdir replica images out num label weights ema_std step seed scale trust starts steps distance",
    ),
    "export": Mode(write_export, "workdir replica out batch step weights ema_std trust"),
    "features": Mode(learn_features, "config workdir trust"),
    "verify": Mode(check_files, "workdir replica"),
    "summary": Mode(show_summary, "config workdir out trust"),
    "reproduce": Mode(reproduce_row, "row workdir seed"),
}
flags.DEFINE_enum("mode", "train", list(MODES), "What to do. All but train, summary and reproduce need only --workdir.")


def chosen(reads: str) -> dict[str, Any]:
    """Return the values of some flags, without --workdir; those of settings are there where a run is."""
    names = [name for name in reads.split() if name not in ("workdir", "replica")]
    return {name.rpartition(".")[2]: FLAGS[name].value if name in FLAGS else None for name in names}


def bundle(kind: type[Any]) -> Any:
    """Return a dataclass whose fields are the flags of their names."""
    return kind(**{field.name: FLAGS[field.name].value for field in dataclasses.fields(kind)})


def drawing() -> dict[str, Any]:
    """Return what flags say of images to draw; a flag that a mode does not read has its default."""
    return {"out": FLAGS.out, "scale": FLAGS.scale, "which": bundle(Which), "draw": bundle(gallery.Draw)}


def first_part(name: str) -> str:
    """Return 'config' for 'config.data.path', and other names as they are."""
    return name.partition(".")[0]


def refuse_all_but(reads: str, reader: str) -> None:
    """Raise ValueError where a flag was given that would be ignored."""
    read = reads.split()
    ours = {first_part(name) for mode in MODES.values() for name in mode.reads.split()}
    for name in FLAGS:
        if FLAGS[name].present and first_part(name) in ours and not {name, first_part(name)}.intersection(read):
            listed = ", ".join(f"--{other}" for other in read)
            raise jaxgan.UserError(f"--{name} means nothing to {reader}; leave it out: what counts is {listed}.")
