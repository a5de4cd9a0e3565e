"""What a run's folder says about itself: `config.json`, a copy of an own GAN file, what a resumed run may change."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from jaxgan import gans
from jaxgan.base import files
from jaxgan.base.checks import UserError, brief
from jaxgan.base.settings import completed, flatten
from jaxgan.base.types import Config, DataInfo
from jaxgan.config import default, is_fixed, validate
from jaxgan.rundir.layout import CONFIG_FILE, GAN_FILE, checkpoints

MOST_BYTES = 2**24  # of config.json, and of a GAN's file

# Values that had other names: {field: {old: new}}.
RENAMED = {"convolution": {"phases": "cpu"}}


@dataclasses.dataclass(frozen=True)
class Saved:
    """What config.json holds.

    Attributes:
      config: the configuration, complete.
      data: what a model must know of the data.
      fingerprint: what the data turned out to be (`jaxgan.data.fingerprint`), None where the run did not say.
      gan_digest: SHA-256 of the run's copy of an own GAN file, None where there is no copy.
    """

    config: Config
    data: DataInfo
    fingerprint: str | None = None
    gan_digest: str | None = None


def is_own_file(gan: str) -> bool:
    """Return whether config.gan names a .py file rather than a GAN of the package."""
    return gan.endswith(".py")


def save_config(workdir: Path, config: Config, data: DataInfo, fingerprint: str | None) -> None:
    """Write config.json, and a copy of an own GAN file, so that the folder can move."""
    content: dict[str, Any] = {
        "config": json.loads(config.to_json()),
        "data": {**dataclasses.asdict(data), "fingerprint": fingerprint},
    }
    if is_own_file(config.gan):
        code = Path(config.gan).read_bytes()
        content["gan_digest"] = hashlib.sha256(code).hexdigest()
        files.write(workdir / GAN_FILE, code)
    files.write(workdir / CONFIG_FILE, json.dumps(content, indent=2) + "\n")


def load_config(workdir: Path) -> tuple[Config, DataInfo]:
    """Read a run's configuration and what its data turned out to be; see `load_saved`."""
    saved = load_saved(workdir)
    return saved.config, saved.data


def load_settings(workdir: str | Path) -> dict[str, Any]:
    """Return what a run's config.json holds, to be kept elsewhere; errors are those of `load_saved`."""
    load_saved(workdir)
    return json.loads(files.read(Path(workdir) / CONFIG_FILE, MOST_BYTES))


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
        raise UserError(
            f"{path} is damaged ({brief(error)}); restore it from a copy, or train anew elsewhere."
        ) from error


def parse(content: Any) -> Saved:
    """Check and join what config.json holds; raises about anything where it is no whole configuration."""
    given, data = content["config"], content["data"]
    height, width, channels = map(_whole, data["image_shape"])
    classes = data["num_classes"]
    info = DataInfo((height, width, channels), _whole(data["num_images"]), None if classes is None else _whole(classes))
    for field, names in RENAMED.items():
        if isinstance(given.get(field), str):
            given[field] = names.get(given[field], given[field])
    config = default()  # has the settings that came after the run was made
    _fill(config, given, "config")
    if not config.gan:
        raise ValueError("it names no GAN")
    with config.unlocked():
        config.model = completed(config.model, gans.added_settings(config.gan))
    validate(config)
    fingerprint, digest = data.get("fingerprint"), content.get("gan_digest")
    for text in fingerprint, digest:
        if text is not None and not isinstance(text, str):
            raise TypeError(f"{text!r} is no digest")
    return Saved(config, info, fingerprint, digest)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError(f"{value!r} is no whole number of pixels, images or classes")
    return value


def _fill(config: Config, given: Any, path: str) -> None:
    """Take over the values of a saved section; fields and types must be those of today, but for the GAN's own."""
    if not isinstance(given, dict):
        raise TypeError(f"{path} is {type(given).__name__} instead of a section")
    for name, value in given.items():
        where = f"{path}.{name}"
        if where == "config.model":
            with config.unlocked():
                config.model = ConfigDict(value) if isinstance(value, dict) else _refuse(where, value)
        elif name not in config:
            raise ValueError(f"there is no {where}")
        elif value is None:
            raise TypeError(f"{where} is null")
        elif isinstance(config[name], ConfigDict):
            _fill(config[name], value, where)
        else:
            config[name] = tuple(value) if isinstance(value, list) else value


def _refuse(path: str, value: Any) -> Any:
    raise TypeError(f"{path} is {type(value).__name__} instead of a section")


def trusted_config(workdir: str | Path, *, trust: bool) -> tuple[Config, DataInfo]:
    """Return a run's configuration whose `gan` may be built.

    Args:
      workdir: folder of the run.
      trust: consent to execute the GAN's own .py file that came with the run.

    Raises:
      UserError: the run has a GAN of its own and `trust` is False, or its copy of that file was changed.
      FileNotFoundError: the folder is not a run's.
    """
    saved = load_saved(workdir)
    config = saved.config
    if is_own_file(config.gan):
        copy = Path(workdir) / GAN_FILE
        known = saved.gan_digest is not None
        where = copy if known else Path(config.gan)
        if not trust:
            raise UserError(
                f"{workdir} has a GAN of its own, {where}, which would be executed; look at the file, then say --trust "
                "(or load(..., trust=True))."
            )
        if known and not copy.exists():
            raise UserError(
                f"{copy} is missing, without which the run's networks are not known; restore it from a copy."
            )
        if known and hashlib.sha256(files.read(copy, MOST_BYTES)).hexdigest() != saved.gan_digest:
            raise UserError(f"{copy} is not the file that the run was made with; restore it from a copy.")
        config.gan = str(where)
    return config, saved.data


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
            raise UserError(
                f"{workdir} holds checkpoints but no {CONFIG_FILE}, so it is not known what they were trained with; "
                "restore that file from a copy, or train elsewhere."
            )
        return {}
    saved = load_saved(workdir)
    changed = differences(saved.config, config)
    if is_own_file(saved.config.gan) and is_own_file(config.gan) and saved.gan_digest is not None:
        # Its content counts, not where the file lies.
        changed.pop("gan", None)
        digest = hashlib.sha256(Path(config.gan).read_bytes()).hexdigest()
        if digest != saved.gan_digest:
            changed["gan (the file's content)"] = (saved.gan_digest[:12], digest[:12])
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
            "resume with the saved value, or choose another --workdir."
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
        f"the data{place} are {what} in {workdir}; bring the old images back (in Python, if source= gave "
        "them), or choose another --workdir."
    )
