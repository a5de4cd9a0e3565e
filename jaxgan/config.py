"""Every setting in one table, and the checks that need no data.

A setting is one entry below. Defaults, checks, what a resumed run may change, what can be swept, the command line's
help and the page of all settings follow from it. A file in `configs/` starts from `default()`.
"""

from __future__ import annotations

import copy
import dataclasses
import os
from collections.abc import Callable, Mapping
from typing import Any

import jax
from ml_collections import ConfigDict, FieldReference

from jaxgan import data, parts
from jaxgan.base.checks import UserError
from jaxgan.base.settings import Setting, flatten, user_path
from jaxgan.base.types import Config
from jaxgan.nets import conv, efficientnet
from jaxgan.objectives import losses, penalties

# Beyond these nothing can be meant, and errors would come far from their cause.
_MANY, _HUGE, _BELOW_1 = 10**9, 10**12, 1 - 1e-9
_STATS = ("batch", "running")

_GENERAL = (
    Setting(
        "gan", "", "a file of jaxgan/gans without its ending, or the path of your own .py file", fixed=True, code="one"
    ),
    Setting("seed", 0, "everything random follows from it", 0, 2**32 - 1, fixed=True),
    Setting("loss", "non_saturating", "or file.py:NAME", choices=losses.LOSSES, code="one"),
    Setting("label_smoothing", 0.0, "D's target for real images is 1 minus this (one-sided)", 0, 0.5),
    Setting("precision", "float32", "of layers in training; parameters stay float32", choices=("float32", "bfloat16")),
    Setting("matmul", "default", "float32 products on accelerators", choices=("default", "tensorfloat32", "float32")),
    Setting("convolution", "auto", "form in training: auto (by platform), lax (XLA's), cpu (ours)", choices=conv.FORMS),
    Setting("pack", 1, "images that D judges at once (PacGAN), for GANs without classes", 1, 1_000, fixed=True),
    Setting("augment", "", "of all images that D sees, such as color,translation,cutout"),
    Setting("augment_p", 1.0, "probability of each of its operations, for each image", 0, 1, needs=("augment",)),
    Setting("augment_by_size", False, "the number of images sets augment_p and instance_features", needs=("augment",)),
    Setting("augment_target", 0.0, "mean sign of D's real logits that steers augment_p", 0, 1, needs=("augment",)),
    Setting("augment_images", 500_000, "real images for the way from 0 to it", 1, _HUGE, needs=("augment_target",)),
    Setting("class_weight", 0.0, "of the loss of labels, where D tells them", 0, _MANY, swept=True),
)
_PENALTY = (
    *(Setting(name, 0.0, "weight of this penalty", 0, _MANY, swept=True) for name in penalties.PENALTIES.bundled),
    Setting("own", "", "names of your own penalties, or file.py:NAME, joined by commas", code="list"),
    Setting("own_weight", 1.0, "factor on their weights", 0, _MANY, needs=("penalty.own",)),
    Setting("lecam", 0.0, "weight of a penalty on D's logits, for few training images", 0, _MANY),
    Setting("interval", 1, "gradient penalties every so many steps, scaled by it", 1, 10_000, needs=("penalty",)),
)
_PROJECTED = (
    Setting("weight", 0.0, "of its loss beside that of the GAN's own discriminator; 0: none", 0, _MANY, fixed=True),
    # Without a weight they have no effect, and are no mistake: a preset may set them, and a user the weight to 0.
    Setting("width", 32, "channels of its maps", 1, 2**14, fixed=True),
    Setting("size", 0, "of what it sees; 0: as images are", 0, 2**12, fixed=True),
)
_RULE = (
    Setting("order", "d_first", "of updates", choices=("d_first", "g_first", "simultaneous"), fixed=True),
    Setting("d_steps", 1, "updates of D for one of G", 1, 1_000, fixed=True),
    Setting("d_passes", "joint", "real and fake images", choices=("joint", "separate", "two_steps"), fixed=True),
    Setting("latents", "fresh", "of G's step", choices=("fresh", "shared"), fixed=True),
    Setting("g_stats_for_d", "batch", "batch-norm statistics of G that makes D's fakes", choices=_STATS, fixed=True),
    Setting("d_stats_in_g", "batch", "batch-norm statistics of D in G's step", choices=_STATS, fixed=True),
    Setting("d_loss_weight", 0.5, "factor on the sum of D's losses on real and fake images", 0, _MANY, fixed=True),
    Setting("d_loss_report", 0.5, "the same factor in the reported d/loss", 0, _MANY, fixed=True),
    Setting("accuracy_stats", "batch", "batch-norm statistics of the reported accuracies", choices=_STATS, fixed=True),
)
_OPTIMISER = (
    Setting("name", "adam", choices=("adam", "adam_tf", "adamw", "sgd"), fixed=True),
    Setting("learning_rate", 2e-4, "", 0, 1_000, swept=True),
    Setting("b1", 0.5, "of sgd: the momentum", 0, _BELOW_1, swept=True),
    Setting("b2", 0.999, "", 0, _BELOW_1, swept=True),
    Setting("eps", 1e-8, "", 0, 1),
    Setting("weight_decay", 0.0, "", 0, 1_000),
    Setting(
        "schedule", "constant", "cosine ends with num_steps", choices=("constant", "exponential", "step", "cosine")
    ),
    Setting("decay_rate", 1.0, "exponential: each epoch; step: each `decay_epochs`", 0, 1_000),
    Setting("decay_epochs", 1.0, "", 1e-6, _MANY),
    Setting("warmup_epochs", 0.0, "of cosine", 0, _MANY),
    Setting("final_scale", 0.0, "of cosine: last rate as a share of `learning_rate`", 0, 1_000),
)
_IMAGES = "burn_in.images"
_BURN_IN = (
    Setting("images", 0, "real images until settings have reached their own values; 0: constant", 0, _HUGE),
    Setting("learning_rate", 1.0, "the start, as a multiple", 0, 1_000, needs=(_IMAGES,)),
    Setting("penalty", 1.0, "the start, as a multiple", 0, 1_000, needs=(_IMAGES, "penalty")),
    Setting("augment", 1.0, "the start, as a multiple", 0, 1_000, needs=(_IMAGES, "augment")),
    Setting("ema_half_life", 1.0, "the start, as a multiple", 0, 1_000, needs=(_IMAGES, "train.ema_half_life")),
    Setting("b2", 0.0, "the start itself; 0: as set in optim", 0, _BELOW_1, needs=(_IMAGES,)),
)
_DATA = (
    Setting("source", "mnist", "auto: by path; or file.py:NAME", choices=data.SOURCES, fixed=True, code="one"),
    Setting("path", "", "the folder or file of the images; tfds: its data_dir", is_path=True),
    Setting("labels", "", "columns of a table beside the images, or keys of a container", fixed=True),
    Setting("name", "", "tfds: the data set", fixed=True),
    Setting("split", "train", fixed=True),
    Setting("skip", 0, "leave out the first images", 0, _MANY, fixed=True),
    Setting("batch_size", 128, "over all devices", 1, data.MAX_BATCH_SIZE, fixed=True),
    Setting("image_size", 28, "or (height, width)", 1, data.MAX_IMAGE_SIZE, fixed=True, kinds=(int, tuple, list)),
    Setting("channels", 1, "1 grey, 2 with alpha, 3 RGB, 4 with alpha, or bands", 1, data.MAX_CHANNELS, fixed=True),
    Setting("levels", (), "(low, high) of pixels that are no bytes, or auto", fixed=True, kinds=(str, tuple, list)),
    Setting("range", (-1.0, 1.0), "of the pixels that the networks see", fixed=True),
    Setting("fit", "squeeze", "of images of another shape; as_is: theirs", choices=data.FITS, fixed=True),
    Setting("follow_links", False, "folder: take links that lead out of it"),
    Setting("background", "white", "behind transparent and padded images", fixed=True),
    Setting("mirror", False, "add the left-right flip of every image; wrong for digits and text", fixed=True),
    Setting("shuffle", "samples", "index: for 10^8 and more; batches: whole ones", choices=data.SHUFFLES, fixed=True),
    Setting("instance_features", 0, "of ImageNet, which the networks get as an image's label", 0, 1_000, fixed=True),
    Setting("balance", False, "draw all classes alike, however many images each has", fixed=True),
    Setting("drop_remainder", False, "leave out the images that do not fill an epoch's last batch", fixed=True),
    Setting("cache", "auto", "of decoded images", choices=data.CACHES),
    Setting("workers", 0, "threads that decode, with a process each; 0: one a core", 0, data.MAX_WORKERS),
)
_HALF_LIFE = "train.ema_half_life"
_TRAIN = (
    Setting("num_steps", 10_000, "", 1, _HUGE),
    Setting("max_minutes", 0.0, "end by the clock: train, save and score in so many; 0: no limit", 0, _HUGE),
    Setting("warm_start", "", "run or bundled generator, whose arrays a new run begins with", fixed=True, is_path=True),
    Setting("log_every", 50, "", 1, _HUGE),
    Setting("log_to", "", "besides metrics.jsonl: csv, tensorboard, wandb, preview, or several of them"),
    Setting("sample_every", 500, "0: never", 0, _HUGE),
    Setting("checkpoint_every", 1_000, "0: only at the end", 0, _HUGE),
    Setting("keep_checkpoints", 2, "", 1, 10**6),
    Setting("steps_per_call", 0, "steps in one compiled call; 0: chosen by platform and network", 0, 10**4),
    Setting("microbatches", 1, "parts of a device's images, one after the other, to save memory", 1, 10**6),
    Setting("num_devices", 0, "0: all", 0, 10**6),
    Setting("num_replicas", 1, "runs in one program: seeds from `seed` on, values of `sweep`", 1, 10**4, fixed=True),
    Setting("ema_decay", 0.999, "of the sampling weights; 0: none", 0, 1, swept=True),
    Setting("ema_stats", "average", "of batch norm: averaged too, or recomputed", choices=("average", "standing")),
    Setting("ema_half_life", 0, "of them in images, instead of a decay; 0: ema_decay counts", 0, _HUGE, swept=True),
    Setting("ema_stds", (), "widths of further averages, such as (0.05, 0.1), for --ema_std", fixed=True),
    Setting("ema_ramp", 0.0, "bound on the half-life, as a share of images seen; 0: none", 0, 1, needs=(_HALF_LIFE,)),
)
_EARLY_STOP = (
    Setting("metric", "", "a name in metrics.jsonl, such as g/loss; empty: never"),
    Setting("goal", "min", choices=("min", "max"), needs=("early_stop.metric",)),
    Setting("patience", 20, "logged rows without a new best", 1, _MANY, needs=("early_stop.metric",)),
)
_SAMPLE = (
    Setting("stats", "running", "batch-norm statistics that draw the run's images", choices=("running", "batch")),
    Setting("num", 16, "images in the fixed-latent grid", 1, 10**5),
    Setting("columns", 4, "", 1, 10**5),
    Setting("invert", False, "show 1 - image"),
    Setting("channels", (), "one or three that are shown; else 2 and 4 over white, of more the first three"),
)
_EVAL = (
    Setting("every", 0, "steps between evaluations while training; 0: none", 0, _HUGE),
    Setting("num", 10_000, "generated images that are scored", 10, 10**6),
    Setting("metrics", "", "such as fd,class_entropy,file.py:NAME; empty: all that can be computed", code="list"),
    Setting(
        "features",
        "",
        "none, imagenet, imagenet_lite1, file.py:function or Inception's weights; empty: the data's classifier",
        is_path=True,
        code="one",
    ),
    Setting("fid", "clean", "resizing for Inception: clean-fid's or the first FID's", choices=("clean", "tensorflow")),
)
_WATCH = (
    Setting("action", "warn", "when training collapses", choices=("off", "warn", "stop", "rollback")),
    Setting("max_rollbacks", 3, "", 0, 1_000),
)
_SHARED = Setting("shared_counter", False, "adam_tf only: both networks' updates advance one step counter", fixed=True)

# Sections, each with what is said of it as a whole.
SECTIONS: dict[str, tuple[str, tuple[Setting, ...]]] = {
    "": ("", _GENERAL),
    "penalty": ("Terms of D's loss.", _PENALTY),
    "projected": ("A second discriminator on frozen features; `jaxgan.nets.projected` explains it.", _PROJECTED),
    "rule": ("The facts in which GAN training procedures differ; `jaxgan.UpdateRule` explains them.", _RULE),
    "optim.g": ("", _OPTIMISER),
    "optim.d": ("", _OPTIMISER),
    "optim": ("", (_SHARED,)),
    "burn_in": ("What settings start from, as a multiple; `jaxgan.training.burn_in` explains it.", _BURN_IN),
    "data": ("", _DATA),
    "train": ("", _TRAIN),
    "early_stop": ("", _EARLY_STOP),
    "sample": ("", _SAMPLE),
    "eval": ("", _EVAL),
    "watch": ("", _WATCH),
}
SETTINGS = {f"{name}.{one.name}".lstrip("."): one for name, (_, section) in SECTIONS.items() for one in section}


# Settings that may name Python files, which are executed.
CODE = tuple(path for path, one in SETTINGS.items() if one.code)


def settings() -> dict[str, Setting]:
    """Return all settings by their paths: SETTINGS, and the lists of values that can be swept."""
    swept = [path for path, one in SETTINGS.items() if one.swept]
    about = "values in which runs of one program differ, as many in each list"
    return SETTINGS | {f"sweep.{path}": Setting(path.split(".")[-1], (), about, fixed=True) for path in swept}


def default() -> Config:
    """Return a complete configuration; `config.model` is left to the GAN. Fields that it has not cannot be set."""
    tree: dict[str, Any] = {"model": {}}
    for path, one in settings().items():
        *sections, name = path.split(".")
        place = tree
        for section in sections:
            place = place.setdefault(section, {})
        place[name] = FieldReference(one.default, field_type=object) if one.kinds else one.default
    config: Config = ConfigDict(tree)
    config.lock()
    return config


def is_fixed(path: str) -> bool:
    """Return whether a resumed run must have the value of a setting that it began with."""
    return path.startswith("model.") or (path in settings() and settings()[path].fixed)


def validate(config: Config) -> None:
    """Check every setting that can be judged without data or devices.

    Raises:
      UserError: naming the field, its value and what is expected.
    """
    kind: type = type(config)
    if not issubclass(kind, ConfigDict):
        raise UserError(
            f"config is {kind.__name__}; expected what jaxgan.config.default() or a file in configs/ makes."
        )
    flat, known = flatten(config), settings()
    for path in known:
        if path not in flat:
            raise UserError(f"config has no field {path}; start from jaxgan.config.default().")
    for path, value in flat.items():
        known.get(path, Setting(path, None)).check(f"config.{path}", value)
        if not _is_json(value):
            raise UserError(
                f"config.{path} is {value!r}, a {type(value).__name__}; expected text, numbers, booleans, None or "
                "lists of them, which a run's config.json can hold."
            )
    for path, need in unused(config).items():
        other = "a weight of a gradient penalty" if need == "penalty" else f"config.{need}"
        raise UserError(f"config.{path} is {flat[path]}, but without {other} it has no effect; set both.")
    if len(config.data.range) != 2 or not config.data.range[0] < config.data.range[1]:
        raise UserError(f"config.data.range is {tuple(config.data.range)}; expected (low, high) with low < high.")
    data.check_settings(config.data)
    if config.optim.shared_counter and {config.optim.g.name, config.optim.d.name} != {"adam_tf"}:
        raise UserError(
            "config.optim.shared_counter is True, which only adam_tf knows; set config.optim.g.name and "
            "config.optim.d.name to adam_tf, or shared_counter to False."
        )


def _is_json(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_json, value))
    if isinstance(value, dict):
        return all(isinstance(name, str) for name in value) and all(map(_is_json, value.values()))
    return value is None or isinstance(value, str | int | float)


def unused(config: Config) -> dict[str, str]:
    """Return the settings that were changed but have no effect, each with the one that is missing."""
    flat: dict[str, Any] = flatten(config)
    known = settings()

    def is_on(path: str) -> bool:
        weights = [f"penalty.{name}" for name in (*penalties.PENALTIES.bundled, "own")]
        paths = weights if path == "penalty" else [path]
        return any(flat[path] or any(flat.get(f"sweep.{path}", ())) for path in paths)

    changed = {path: one for path, one in known.items() if one.needs and flat[path] != one.default}
    return {path: need for path, one in changed.items() for need in reversed(one.needs) if not is_on(need)}


def with_whole_paths(config: Config) -> Config:
    """Return a copy in which `user_path` names the files and folders that are there; a bad configuration as it is."""
    if not isinstance(config, ConfigDict):
        return config
    flat, whole = flatten(config), copy.deepcopy(config)  # settings of several types keep them
    for path, value in [(path, str(flat[path])) for path, one in SETTINGS.items() if one.is_path and flat.get(path)]:
        # A folder may be called as features or a generator are.
        is_name = path == "train.warm_start" and value.isidentifier() and not os.path.exists(f"{value}/config.json")
        if not is_name and value not in ("none", *efficientnet.WHEELS):
            whole.update_from_flattened_dict({path: _whole_path(value)})
    return with_files(whole, lambda path, file: _whole_path(file))


def _whole_path(file: str) -> str:
    return str(user_path(file)) if os.path.exists(os.path.expanduser(file)) else file


def with_files(config: Config, renamed: Callable[[str, str], str]) -> Config:
    """Return a copy in which the Python files that settings name have the paths renamed(setting, path)."""
    new = copy.deepcopy(config)
    for path, old in flatten(config).items():
        if path in CODE and isinstance(old, str):
            values = []
            for value in old.split(",") if SETTINGS[path].code == "list" else [old]:
                file, name = parts.file_of(value.strip())
                values.append(":".join(filter(None, (renamed(path, file), name))) if file else value)
            new.update_from_flattened_dict({path: ",".join(values)})
    return new


# ---- Settings as fields of dataclasses ----------------------------------------------------------------------------


def setting(path: str) -> Any:
    """Return a dataclass's field that stands for a setting, with its default; `check_fields` checks its value."""
    return dataclasses.field(default=SETTINGS[path].default, metadata={"setting": path})


def _paths(cls: Any) -> dict[str, str]:
    fields = dataclasses.fields(cls)
    return {field.name: field.metadata["setting"] for field in fields if "setting" in field.metadata}


def fields_from(cls: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return {field: value} of a dataclass's fields whose settings are among `values`, {path: value}."""
    found = {name: values[path] for name, path in _paths(cls).items() if path in values}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}


def check_fields(instance: Any) -> None:
    """Raise UserError where a field that stands for a setting has a value that cannot be meant."""
    for name, path in _paths(instance).items():
        value = getattr(instance, name)
        if not isinstance(value, jax.Array):  # those of seeds in one program were checked before
            SETTINGS[path].check(path, value)
