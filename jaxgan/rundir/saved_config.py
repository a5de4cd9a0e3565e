"""What a run's folder says about itself: `config.json`, copies of a user's code, what a resumed run may change."""

from __future__ import annotations

import copy
import dataclasses
import functools
import json
import math
import os
import platform
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import jax
from ml_collections import ConfigDict

from jaxgan import gans
from jaxgan.base import files
from jaxgan.base.checks import UserError, brief
from jaxgan.base.digests import digest
from jaxgan.base.settings import check_plain, completed, flatten
from jaxgan.base.types import Config, DataInfo
from jaxgan.config import default, is_fixed, settings, validate, with_whole_paths
from jaxgan.rundir import own_code
from jaxgan.rundir.layout import CONFIG_FILE, GAN_FILE, checkpoints

MOST_BYTES = 2**24  # of config.json, and of a file of code

# Settings of JAX that random numbers depend on besides their keys, and the resumed steps with them.
_DRAWS = ("jax_default_prng_impl", "jax_threefry_partitionable", "jax_enable_x64", "jax_random_seed_offset")


@dataclasses.dataclass(frozen=True)
class Saved:
    """What config.json holds.

    Attributes:
      config: the configuration, complete.
      data: what a model must know of the data.
      fingerprint: what the data turned out to be (`jaxgan.data.fingerprint`), None where the run did not say.
      code: SHA-256 of the run's copies of a user's Python files, by their names.
      home: digest of the machine and the folder that the run was last trained in, None where it was not recorded.
      draws: the values of `_DRAWS` that it was trained with, as far as they were recorded.
    """

    config: Config
    data: DataInfo
    fingerprint: str | None = None
    code: Mapping[str, str] = dataclasses.field(default_factory=dict)
    home: str | None = None
    draws: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def _home(workdir: Path) -> str:
    try:
        machine = Path("/etc/machine-id").read_text()
    except OSError:
        machine = platform.node()
    return digest(machine, os.path.realpath(workdir))


def is_from_elsewhere(workdir: str | Path) -> bool:
    """Return whether a run was not trained in this folder of this machine, as far as its config.json records."""
    return load_saved(workdir).home != _home(Path(workdir))


def is_own_file(gan: str) -> bool:
    """Return whether config.gan names a .py file rather than a GAN of the package."""
    return gan.endswith(".py")


def save_config(
    workdir: Path, config: Config, data: DataInfo, fingerprint: str | None, code: Mapping[str, bytes] | None = None
) -> None:
    """Write config.json, and copies of a user's Python files, so that the folder can move.

    Args:
      workdir: folder of the run.
      config: of the run.
      data: what its images turned out to be; likewise `fingerprint`.
      code: copies of the user's files when the networks were built; None reads the files, which may have changed since.
    """
    code = own_code.copies(config) if code is None else code
    content: dict[str, Any] = {
        "config": json.loads(config.to_json()),
        "data": {**_data_facts(data), "fingerprint": fingerprint},
        "draws": {name: getattr(jax.config, name) for name in _DRAWS},
        "home": _home(workdir),
    }
    for name, text in code.items():
        files.write(workdir / name, text)
    if code:
        content["code"] = own_code.digests(code)
    text = json.dumps(content, indent=2) + "\n"
    parse(json.loads(text))  # or a trained run could turn out to be one that nobody can read
    files.write(workdir / CONFIG_FILE, text)


def load_config(workdir: Path) -> tuple[Config, DataInfo]:
    """Read a run's configuration and what its data turned out to be; see `load_saved`."""
    saved = load_saved(workdir)
    return saved.config, saved.data


def load_settings(workdir: str | Path) -> dict[str, Any]:
    """Return what a run's config.json holds, to be kept elsewhere; errors are those of `load_saved`."""
    load_saved(workdir)
    content = json.loads(files.read(Path(workdir) / CONFIG_FILE, MOST_BYTES))
    content.pop("home", None)  # where it was trained is nobody else's business
    return content


def load_saved(workdir: str | Path) -> Saved:
    """Read config.json; nothing in it is executed.

    Raises:
      FileNotFoundError: the folder is not a run's.
      UserError: the file is not what `save_config` writes.
    """
    path = Path(workdir) / CONFIG_FILE
    try:
        content = files.read(path, MOST_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(
            f"{workdir} holds no {CONFIG_FILE}, so it is not the folder of a run; give the --workdir of a training run."
        ) from None
    try:
        return parse(json.loads(content))
    except (ArithmeticError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{path} is damaged ({brief(error)}); restore a copy, or train anew elsewhere.") from error


def parse(content: Any) -> Saved:
    """Check and join what config.json holds; raises about anything where it is no whole configuration."""
    given, data = content["config"], content["data"]
    info = _data_info(data)
    config = _filled(given)
    if not config.gan:
        raise ValueError("it names no GAN")
    validate(config)
    # In runs of earlier versions the GAN was all the code.
    code = {GAN_FILE: content.get("gan_digest"), **content.get("code", {})}
    code = {name: known for name, known in code.items() if known is not None}
    digests = data.get("fingerprint"), content.get("home"), *code.values()
    draws = {name: value for name, value in content.get("draws", {}).items() if name in _DRAWS}
    for text in [text for text in digests if text is not None] + list(draws.values()):
        if not isinstance(text, str if text in digests else str | int):
            raise TypeError(f"{text!r} is no digest and no setting of JAX")
        check_plain("a digest, or a setting of JAX,", text)
    return Saved(config, info, digests[0], code, digests[1], draws)


def _data_facts(data: DataInfo) -> dict[str, Any]:
    """Return what JSON holds of a data set; a label vector is one text, so that people can read the file."""
    return {**dataclasses.asdict(data), "label_table": [" ".join(map(repr, row)) for row in data.label_table]}


def _data_info(data: Mapping[str, Any]) -> DataInfo:
    """Return what `_data_facts` was made from; runs of earlier versions lack all of vectors, names and levels."""
    height, width, channels = map(_whole, data["image_shape"])
    classes, size, levels = data["num_classes"], _whole(data.get("label_size", 0)), data.get("levels")
    names, rows = tuple(data.get("label_names", ())), data.get("label_table", ())
    if len(names) not in (0, size or classes) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{len(names)} label names are not one for each label")
    for name in names:
        check_plain("a label's name", name)
    table = tuple(tuple(float(number) for number in row.split()) for row in rows)
    if any(len(row) != size for row in table) or not all(math.isfinite(number) for row in table for number in row):
        raise ValueError("a label vector has another length than label_size, or is not finite")
    if levels is not None:
        low, high = map(float, levels)
        if not -math.inf < low < high < math.inf:
            raise ValueError(f"levels are {levels}, expected low < high")
        levels = low, high
    classes = None if classes is None else _whole(classes)
    return DataInfo((height, width, channels), _whole(data["num_images"]), classes, size, names, levels, table)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError(f"{value!r} is no whole number of pixels, images or classes")
    return value


def _filled(given: Any) -> Config:
    """Return a saved configuration with today's fields and types; later settings have their defaults."""
    config, known = default(), settings()
    for path, value in flatten(ConfigDict({**given, "model": {}})).items():
        if path not in known or value is None:
            raise ValueError(f"config.{path} is {value!r}, which is no setting's value")
        config.update_from_flattened_dict({path: tuple(value) if isinstance(value, list) else value})
    with config.unlocked():
        config.model = completed(ConfigDict(given.get("model", {})), gans.added_settings(config.gan))
    return config


def trusted_config(
    workdir: str | Path, *, trust: bool, executes: Collection[str] = ("gan",)
) -> tuple[Config, DataInfo]:
    """Return a run's configuration whose code may be executed.

    Args:
      workdir: folder of the run.
      trust: consent to execute the Python files that came with the run.
      executes: settings whose code will be.

    Raises:
      UserError: one of them names a file and `trust` is False, or the run's copy of that file was changed.
      FileNotFoundError: the folder is not a run's.
    """
    saved = load_saved(workdir)
    return own_code.trusted(workdir, saved.config, saved.code, trust=trust, executes=executes), saved.data


def keep_levels(config: Config, data: DataInfo) -> None:
    """Let a configuration hold the levels that the images have: measured ones, or those of a custom source."""
    if data.levels is not None:
        config.data.levels = data.levels


def with_known_levels(workdir: Path, config: Config) -> Config:
    """Return a configuration that asks for levels to be measured with those that its run measured, if there is one."""
    if config.data.levels != "auto" or not (workdir / CONFIG_FILE).is_file():
        return config
    known = copy.deepcopy(config)
    known.data.levels = load_saved(workdir).config.data.levels
    return known


def differences(saved: Config, given: Config) -> dict[str, tuple[object, object]]:
    """Return {path: (saved, given)} of the fields that differ; a missing field is None."""
    old, new = flatten(saved), flatten(given)
    return {path: (old.get(path), new.get(path)) for path in {**old, **new} if old.get(path) != new.get(path)}


def changes(workdir: Path, config: Config, data: DataInfo, fingerprint: str | None) -> dict[str, tuple[object, object]]:
    """Return what differs from the configuration that the run was last saved with; empty for a new run.

    Raises:
      UserError: a changed field, or data, with which a run cannot go on.
    """
    if not (workdir / CONFIG_FILE).exists():
        if any(checkpoints(workdir).glob("[0-9]*")):
            raise UserError(f"{workdir} has checkpoints but no {CONFIG_FILE}; restore it from a copy, or train anew.")
        return {}
    saved = load_saved(workdir)
    _check_draws(workdir, saved)
    called = functools.partial(own_code.by_copies, code=saved.code)
    changed = differences(called(with_whole_paths(saved.config)), called(config))
    for name, now in own_code.digests(own_code.copies(config)).items():
        if saved.code.get(name, now) != now:
            changed[f"{Path(name).stem} (the file's content)"] = (saved.code[name][:12], now[:12])
    _check_resumable(workdir, changed)
    _check_data(workdir, saved, config, data, fingerprint)
    return changed


def _check_resumable(workdir: Path, changed: dict[str, tuple[object, object]]) -> None:
    refused = [path for path in changed if is_fixed(path)]
    if refused:
        path = "gan" if "gan" in refused else refused[0]
        old, new = changed[path]
        others = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
        raise UserError(
            f"config.{path} is {new!r}, but the run in {workdir} has {old!r}{others}; "
            "choose another --workdir for a new run, or give --workdir alone to go on with the saved settings."
        )


def _check_draws(workdir: Path, saved: Saved) -> None:
    for name in _DRAWS:
        now = getattr(jax.config, name)
        then = saved.draws.get(name, now)
        if then != now:
            raise UserError(
                f"JAX's setting {name} is {now!r}, but the run in {workdir} has {then!r}, so it would go on with other "
                f"random numbers; set the environment variable {name.upper()}={then}, or choose another --workdir."
            )


def check_images(workdir: Path, config: Config, data: DataInfo, fingerprint: str | None) -> None:
    """Raise UserError where images are not those that a run was trained on."""
    _check_data(workdir, load_saved(workdir), config, data, fingerprint)


def _check_data(workdir: Path, saved: Saved, config: Config, data: DataInfo, fingerprint: str | None) -> None:
    if (saved.data, saved.fingerprint or fingerprint) == (data, fingerprint):
        return
    what = (
        f"{data.num_images:,} images {data.image_shape}, where the run has {saved.data.num_images:,} "
        f"{saved.data.image_shape}"
        if saved.data != data
        else f"{data.num_images:,} images, but other ones than the run has"
    )
    place = f" in {config.data.path}" if config.data.path else ""
    raise UserError(
        f"the data{place} are {what} in {workdir}; bring the old images back (in Python, if source= gave them). Or "
        f"begin a new run with these networks and the new images: another --workdir, and "
        f"--config.train.warm_start={workdir}."
    )
