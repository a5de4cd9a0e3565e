"""What a run's folder says about itself: `config.json`, and whether another configuration may go on with it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from jaxgan.base import files
from jaxgan.base.checks import UserError
from jaxgan.base.types import Config, DataInfo
from jaxgan.config import default, flatten

CONFIG_FILE = "config.json"
SAMPLES = "samples"  # folder of the fixed-latent grids

# What a resumed run may not change: another architecture, other random numbers or other batches.
FROZEN = (
    "gan",
    "seed",
    "model.",
    "rule.latents",
    "optim.g.name",
    "optim.d.name",
    "data.source",
    "data.name",
    "data.split",
    "data.skip",
    "data.batch_size",
    "data.image_size",
    "data.channels",
    "data.shuffle",
    "data.drop_remainder",
)


def grid_file(run: Path, step: int) -> Path:
    """Return where the fixed-latent grid of a step lies."""
    return run / SAMPLES / f"step_{step:08d}.png"


def grids(run: Path) -> list[Path]:
    """Return the fixed-latent grids that a run has so far, oldest first."""
    return sorted((run / SAMPLES).glob("step_*.png"))


def save_config(workdir: Path, config: Config, data: DataInfo) -> None:
    """Write config.json: the configuration and what the data turned out to be."""
    content = {"config": json.loads(config.to_json()), "data": dataclasses.asdict(data)}
    files.write(workdir / CONFIG_FILE, json.dumps(content, indent=2) + "\n")


def load_config(workdir: Path) -> tuple[Config, DataInfo]:
    """Read config.json.

    Raises:
      FileNotFoundError: the folder is not a run's.
      ValueError: the file is not what `save_config` writes.
    """
    path = workdir / CONFIG_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{workdir} holds no {CONFIG_FILE}, so it is not the folder of a run; give the --workdir of a training run."
        )
    try:
        content = json.loads(path.read_text())
        data = content["data"]
        info = DataInfo(tuple(data["image_shape"]), data["num_images"], data["num_classes"])
        config = default()  # settings that came after the run was made
        config.update(content["config"])
        return config, info
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error!r}); restore it from a copy, or train anew elsewhere.") from error


def differences(saved: Config, given: Config) -> dict[str, tuple[object, object]]:
    """Return {path: (saved, given)} of the fields that differ; a missing field is None."""
    old, new = flatten(saved), flatten(given)
    return {path: (old.get(path), new.get(path)) for path in {**old, **new} if old.get(path) != new.get(path)}


def check_resumable(workdir: Path, changed: dict[str, tuple[object, object]]) -> None:
    """Raise ValueError where a changed field is one that a resumed run may not change."""
    refused = [path for path in changed if path.startswith(FROZEN)]
    if refused:
        path = refused[0]
        old, new = changed[path]
        others = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
        raise UserError(
            f"config.{path} is {new!r}, but the run in {workdir} has {old!r}{others}; "
            "resume with the saved value, or choose another --workdir."
        )
