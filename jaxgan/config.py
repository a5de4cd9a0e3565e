"""Every setting, with its default, and the checks that need no data.

A file in `configs/` starts from `default()` and writes down what its system fixes.
"""

from __future__ import annotations

import math
from typing import Any

from ml_collections import ConfigDict

from jaxgan import data
from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.settings import flatten, get
from jaxgan.base.types import Config
from jaxgan.nets import conv
from jaxgan.objectives import losses, penalties
from jaxgan.training import optim
from jaxgan.training.gan import RULE_CHOICES


def default() -> Config:
    """Return a complete configuration; `config.model` is left to the GAN. Fields that it has not cannot be set."""
    config: Config = ConfigDict(
        {
            "gan": "",  # a file of jaxgan/gans without its ending, or the path of your own .py file
            "seed": 0,  # everything random follows from it
            "loss": "non_saturating",
            "precision": "float32",  # of the layers in training, or bfloat16; parameters and statistics stay float32
            "matmul": "default",  # float32 products in training, on accelerators: default, tensorfloat32, float32
            "convolution": "auto",  # form in training: auto (by platform), lax (XLA's), cpu (our own)
            "penalty": {
                **dict.fromkeys(penalties.PENALTIES, 0.0),  # weights of D's gradient penalties
                "lecam": 0.0,  # weight of a penalty on D's logits, for few training images
                "interval": 1,  # gradient penalties are computed at each so-manieth step, with so many times the weight
            },
            "pack": 1,  # images that D judges at once (PacGAN), for GANs without classes
            "augment": "",  # of all images that D sees, such as color,translation,cutout
            "augment_p": 1.0,  # probability of each of its operations, for each image
            "augment_target": 0.0,  # mean sign of D's logits of real images that moves it, from 0 to augment_p
            "augment_images": 500_000,  # real images after which it can be there
            "class_weight": 0.0,  # weight of the class cross-entropy, for discriminators with a class head
            "model": ConfigDict(),
            "rule": _rule(),
            "optim": {
                "g": _optimiser(),
                "d": _optimiser(),
                "shared_counter": False,  # adam_tf only: both networks' updates advance one step counter
            },
            "burn_in": _burn_in(),
            "data": _data(),
            "train": _train(),
            "sweep": _sweep(),
            "early_stop": {
                "metric": "",  # a name in metrics.jsonl, such as g/loss; empty: never
                "goal": "min",
                "patience": 20,  # logged rows without a new best
            },
            "sample": {
                "stats": "running",  # batch-norm statistics that draw the run's images; or batch
                "num": 16,  # images in the fixed-latent grid
                "columns": 4,
                "invert": False,  # show 1 - image
            },
            "eval": {
                "every": 0,  # steps between evaluations while training; 0: none
                "num": 10_000,  # generated images that are scored
                "metrics": "",  # such as fd,class_entropy; empty: all that can be computed
                "features": "",  # none, file.py:function or Inception's weights; empty: the data's own classifier
                "fid": "clean",  # how Inception's images are resized: clean (clean-fid), tensorflow (the first FID)
            },
            "watch": {
                "action": "warn",  # when training collapses: warn, stop, rollback (to the best step, new key), or off
                "max_rollbacks": 3,
            },
        }
    )
    config.lock()
    return config


def _rule() -> dict:
    """The facts in which GAN training procedures differ; `jaxgan.UpdateRule` explains them."""
    return {
        "order": "d_first",
        "d_steps": 1,
        "d_passes": "joint",
        "latents": "fresh",
        "g_stats_for_d": "batch",
        "d_stats_in_g": "batch",
        "d_loss_weight": 0.5,
        "d_loss_report": 0.5,
        "accuracy_stats": "batch",
    }


def _optimiser() -> dict:
    return {
        "name": "adam",
        "learning_rate": 2e-4,
        "b1": 0.5,  # of sgd: the momentum
        "b2": 0.999,
        "eps": 1e-8,
        "weight_decay": 0.0,
        "schedule": "constant",
        "decay_rate": 1.0,  # exponential: each epoch; step: each `decay_epochs`
        "decay_epochs": 1.0,
        "warmup_epochs": 0.0,  # of cosine
        "final_scale": 0.0,  # of cosine: last rate as a share of `learning_rate`
    }


def _burn_in() -> dict:
    """What settings start from, as a multiple of them; `jaxgan.training.burn_in` explains it."""
    return {
        "images": 0,  # real images until they have reached their own values; 0: they are constant
        "learning_rate": 1.0,
        "penalty": 1.0,
        "augment": 1.0,
        "ema_half_life": 1.0,
        "b2": 0.0,  # the start itself; 0: as set in optim
    }


def _data() -> dict:
    return {
        "source": "mnist",  # mnist, stacked_mnist, idx, folder, tfds, synthetic
        "path": "",  # idx, folder: the folder; tfds: its data_dir
        "name": "",  # tfds: the data set
        "split": "train",
        "skip": 0,  # leave out the first images
        "batch_size": 128,  # over all devices
        "image_size": 28,
        "channels": 1,
        "range": (-1.0, 1.0),  # of the pixels that the networks see
        "fit": "squeeze",  # squeeze, crop, pad
        "follow_links": False,  # folder: take links that lead out of it
        "background": "white",  # behind transparent and padded images
        "mirror": False,  # add the left-right flip of every image; wrong for digits and text
        "shuffle": "samples",  # index: the same, for 10^8 and more; batches: of fixed content, shuffled whole
        "drop_remainder": False,  # leave out the images that do not fill an epoch's last batch
        "cache": "auto",  # device, host, none
        "workers": 0,  # threads that decode, with a process each where there is much to do; 0: one a core
    }


def _train() -> dict:
    return {
        "num_steps": 10_000,
        "warm_start": "",  # folder of another run, whose networks a new run begins with where shapes are equal
        "log_every": 50,
        "log_to": "",  # besides metrics.jsonl: csv, tensorboard, wandb, preview (in the terminal), or several of them
        "sample_every": 500,  # 0: never
        "checkpoint_every": 1_000,  # 0: only at the end
        "keep_checkpoints": 2,
        "steps_per_call": 0,  # steps in one compiled call; 0: chosen by platform and network
        "microbatches": 1,  # parts of a device's images, one after the other, where its maps do not fit in memory
        "num_devices": 0,  # 0: all
        "num_replicas": 1,  # runs in one program, of the seeds from `seed` on or with the values of `sweep`
        "ema_decay": 0.999,  # of the sampling weights; 0: none
        "ema_stats": "average",  # batch-norm statistics beside them: averaged likewise, or standing, the weights' own
        "ema_half_life": 0,  # of them in images, instead of a decay; 0: ema_decay counts
        "ema_stds": (),  # widths of further averages, such as (0.05, 0.1), for --ema_std to choose afterwards
        "ema_ramp": 0.0,  # the half-life is at most this share of the images seen; 0: no bound
    }


def _sweep() -> dict:
    """Values of settings in which replicas differ, such as (1e-4, 2e-4), as many in each list."""
    net = dict.fromkeys(("learning_rate", "b1", "b2"), ())
    return {
        "class_weight": (),
        "penalty": dict.fromkeys(penalties.PENALTIES, ()),
        "optim": {"g": dict(net), "d": dict(net)},
        "train": dict.fromkeys(("ema_decay", "ema_half_life"), ()),
    }


CHOICES = {
    "loss": tuple(losses.LOSSES),
    "precision": ("float32", "bfloat16"),
    "matmul": ("default", "tensorfloat32", "float32"),
    "convolution": conv.FORMS,
    **{f"rule.{name}": known for name, known in RULE_CHOICES.items()},
    "early_stop.goal": ("min", "max"),
    "watch.action": ("off", "warn", "stop", "rollback"),
    **{f"optim.{net}.name": optim.OPTIMISERS for net in ("g", "d")},
    **{f"optim.{net}.schedule": optim.SCHEDULES for net in ("g", "d")},
    "train.ema_stats": ("average", "standing"),
    "sample.stats": ("running", "batch"),
    "data.source": data.SOURCES,
    "data.shuffle": data.SHUFFLES,
    "data.fit": ("squeeze", "crop", "pad"),
    "data.cache": data.CACHES,
    "data.channels": (1, 3),
    "eval.fid": ("clean", "tensorflow"),
}

# Inclusive bounds; what lies beyond cannot be meant, and would end in an error far from its cause.
_MANY = 10**9
RANGES: dict[str, tuple[float, float]] = {
    "seed": (0, 2**32 - 1),  # what a key takes
    "class_weight": (0, _MANY),
    **{f"penalty.{name}": (0, _MANY) for name in penalties.PENALTIES},
    "penalty.lecam": (0, _MANY),
    "penalty.interval": (1, 10_000),
    "pack": (1, 1_000),
    "augment_p": (0, 1),
    "augment_target": (0, 1),
    "augment_images": (1, 10**12),
    "burn_in.images": (0, 10**12),
    **{f"burn_in.{name}": (0, 1_000) for name in ("learning_rate", "penalty", "augment", "ema_half_life")},
    "burn_in.b2": (0, 1 - 1e-9),
    "rule.d_steps": (1, 1_000),
    **{f"rule.{name}": (0, _MANY) for name in ("d_loss_weight", "d_loss_report")},
    **{
        f"optim.{net}.{name}": bounds
        for net in ("g", "d")
        for name, bounds in {
            "learning_rate": (0, 1_000),
            "b1": (0, 1 - 1e-9),
            "b2": (0, 1 - 1e-9),
            "eps": (0, 1),
            "weight_decay": (0, 1_000),
            "decay_rate": (0, 1_000),
            "decay_epochs": (1e-6, _MANY),
            "warmup_epochs": (0, _MANY),
            "final_scale": (0, 1_000),
        }.items()
    },
    "data.skip": (0, _MANY),
    "data.batch_size": (1, data.MAX_BATCH_SIZE),
    "data.image_size": (1, data.MAX_IMAGE_SIZE),
    "data.workers": (0, data.MAX_WORKERS),
    **{f"train.{name}": (1, 10**12) for name in ("num_steps", "log_every")},
    **{f"train.{name}": (0, 10**12) for name in ("sample_every", "checkpoint_every", "ema_half_life")},
    "train.keep_checkpoints": (1, 10**6),
    "train.steps_per_call": (0, 10**4),
    "train.num_devices": (0, 10**6),
    "train.microbatches": (1, 10**6),
    "train.num_replicas": (1, 10**4),
    "train.ema_decay": (0, 1),
    "train.ema_ramp": (0, 1),
    "early_stop.patience": (1, _MANY),
    **{f"sample.{name}": (1, 10**5) for name in ("num", "columns")},
    "eval.every": (0, 10**12),
    "eval.num": (10, 10**6),
    "watch.max_rollbacks": (0, 1_000),
}


def validate(config: Config) -> None:
    """Check every setting that can be judged without data or devices.

    Raises:
      UserError: naming the field, its value and what is expected.
    """
    _check_complete(config)
    for path, value in flatten(config).items():
        _check_number(f"config.{path}", value)
    for path, known in CHOICES.items():
        checks.one_of(f"config.{path}", get(config, path), known)
    for path, (low, high) in RANGES.items():
        checks.in_range(f"config.{path}", get(config, path), low, high)
    for path in "data.range", "train.ema_stds", *(f"sweep.{path}" for path in flatten(default().sweep)):
        _check_numbers(config, path)
    if len(config.data.range) != 2 or not config.data.range[0] < config.data.range[1]:
        raise UserError(f"config.data.range is {tuple(config.data.range)}; expected (low, high) with low < high.")
    _check_used(config)
    if config.optim.shared_counter and {config.optim.g.name, config.optim.d.name} != {"adam_tf"}:
        raise UserError(
            "config.optim.shared_counter is True, which only adam_tf knows; set config.optim.g.name and "
            "config.optim.d.name to adam_tf, or shared_counter to False."
        )


def _check_numbers(config: Config, path: str) -> None:
    values = get(config, path)
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        raise UserError(f"config.{path} is {tuple(values)}; expected numbers.")


# What a setting has no effect without.
_NEEDS = {
    "burn_in.learning_rate": ("burn_in.images",),
    "burn_in.b2": ("burn_in.images",),
    "burn_in.penalty": ("burn_in.images", "penalty"),
    "burn_in.augment": ("burn_in.images", "augment"),
    "burn_in.ema_half_life": ("burn_in.images", "train.ema_half_life"),
    "train.ema_ramp": ("train.ema_half_life",),
    "augment_p": ("augment",),
    "augment_target": ("augment",),
    "augment_images": ("augment_target",),
    "penalty.interval": ("penalty",),
}


def _check_used(config: Config) -> None:
    """Raise UserError for a setting that another one leaves without effect."""
    standard, penalised = default(), any(config.penalty[x] or config.sweep.penalty[x] for x in penalties.PENALTIES)
    for path, others in _NEEDS.items():
        missing = [other for other in others if not (penalised if other == "penalty" else get(config, other))]
        if missing and get(config, path) != get(standard, path):
            other = "a weight of a gradient penalty" if missing[0] == "penalty" else f"config.{missing[0]}"
            raise UserError(f"config.{path} is {get(config, path)}, but without {other} it has no effect; set both.")


def _check_complete(config: object) -> None:
    if not isinstance(config, ConfigDict):
        raise UserError(
            f"config is {type(config).__name__}; expected what jaxgan.config.default() or a file in configs/ makes."
        )
    missing = [path for path in flatten(default()) if not _has(config, path)]
    if missing:
        raise UserError(f"config has no field {missing[0]}; start from jaxgan.config.default().")


def _has(config: Config, path: str) -> bool:
    section, _, name = path.rpartition(".")
    try:
        return name in (get(config, section) if section else config)
    except (KeyError, TypeError):
        return False


def _check_number(path: str, value: Any) -> None:
    """Raise UserError for a number that is NaN or infinite, which none of the settings can mean."""
    for number in value if isinstance(value, list) else [value]:
        if isinstance(number, float) and not math.isfinite(number):
            raise UserError(f"{path} is {number}; expected a finite number.")
