import dataclasses
import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
import tiny
from ml_collections import ConfigDict

from jaxgan import config as config_lib
from jaxgan.base.settings import Setting, get
from jaxgan.base.types import DataInfo
from jaxgan.rundir import saved_config, sweep
from jaxgan.training.gan import UpdateRule

SETTINGS = config_lib.settings()
BOUNDED = [path for path, one in SETTINGS.items() if one.low is not None]


def with_field(path, value):
    config = config_lib.default()
    section, _, field = path.rpartition(".")
    (get(config, section) if section else config)[field] = value
    return config


def test_default_is_valid():
    config_lib.validate(config_lib.default())


@pytest.mark.parametrize("path", [*(path for path, one in SETTINGS.items() if one.choices and not one.code), *BOUNDED])
def test_every_check_names_its_field(path):
    bad = "nonsense" if isinstance(get(config_lib.default(), path), str) else -1
    if isinstance(get(config_lib.default(), path), float):
        bad = -1.0
    with pytest.raises(ValueError, match=f"config.{path} is"):
        config_lib.validate(with_field(path, bad))


@pytest.mark.parametrize("path", [path for path in BOUNDED if path.startswith("data.")])
def test_sizes_have_an_upper_bound(path):
    high = SETTINGS[path].high
    for value in (high + 1, 10**30):
        with pytest.raises(ValueError, match=f"config.{path} is"):
            config_lib.validate(with_field(path, value))
    config_lib.validate(with_field(path, high))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("data.range", (1.0, 0.0)),
        ("train.ema_decay", 1.5),
        ("optim.g.b1", 1.0),
        ("optim.d.eps", float("nan")),
        ("optim.g.learning_rate", float("inf")),
        ("data.image_size", 10**30),
        ("data.workers", 10**12),
        ("optim.shared_counter", True),
        ("data.range", (0.0, 1.0, 2.0)),
        ("data.range", ("a", "b")),
        ("train.ema_stds", ("a", "b")),
        ("train.ema_ramp", 0.5),
        ("augment_p", 0.5),
        ("burn_in.learning_rate", 2.0),
        ("burn_in.b2", 0.9),
        ("penalty.interval", 4),
    ],
)
def test_other_bad_values(path, value):
    with pytest.raises(ValueError, match=f"config.{path} is"):
        config_lib.validate(with_field(path, value))


def test_types_are_kept():
    with pytest.raises(TypeError):
        config_lib.default().train.num_steps = "many"


def test_misspelt_fields_are_refused_in_python_too():
    with pytest.raises(AttributeError, match="num_step"):
        config_lib.default().train.num_step = 5


def test_what_is_no_configuration_is_said():
    with pytest.raises(ValueError, match="config is dict; expected what"):
        config_lib.validate({"gan": "dcgan"})
    with pytest.raises(ValueError, match=r"config has no field seed"):
        config_lib.validate(ConfigDict({"gan": "dcgan"}))


def test_what_a_setting_needs_is_named():
    config = config_lib.default()
    config.burn_in.images, config.burn_in.penalty = 100, 10.0
    with pytest.raises(ValueError, match=r"penalty is 10\.0, but without a weight of a gradient penalty it has"):
        config_lib.validate(config)
    config.penalty.r1 = 1.0
    config_lib.validate(config)


@pytest.fixture
def novelty(monkeypatch):
    """A setting that one entry of the table adds."""
    one = Setting("novelty", 1.0, "how new it is", 0, 9, needs=("class_weight",), fixed=True, swept=True)
    monkeypatch.setitem(config_lib.SETTINGS, "train.novelty", one)
    return one


def test_one_entry_is_a_default_that_is_validated(novelty):
    config = config_lib.default()
    assert config.train.novelty == 1.0
    config.train.novelty, config.class_weight = 10.0, 1.0
    with pytest.raises(ValueError, match=r"config\.train\.novelty is 10\.0; expected a value from 0 to 9"):
        config_lib.validate(config)
    config.train.novelty, config.class_weight = 5.0, 0.0
    with pytest.raises(ValueError, match=r"novelty is 5\.0, but without config\.class_weight it has no effect"):
        config_lib.validate(config)


def test_one_entry_can_be_swept(novelty):
    config = config_lib.default()
    config.class_weight, config.sweep.train.novelty = 1.0, (2.0, 3.0)
    assert [one.train.novelty for one in sweep.expand(config)] == [2.0, 3.0]
    config.sweep.train.novelty = (2.0, 10.0)
    with pytest.raises(ValueError, match="novelty is 10"):
        sweep.expand(config)


def test_one_entry_counts_when_a_run_resumes_also_one_that_did_not_have_it(novelty, tmp_path):
    config, info = config_lib.default(), DataInfo((28, 28, 1), 12, None)
    config.gan = "gan_mlp"
    saved_config.save_config(tmp_path, config, info, None)
    content = json.loads((tmp_path / "config.json").read_text())
    del content["config"]["train"]["novelty"], content["config"]["sweep"]["train"]["novelty"]
    (tmp_path / "config.json").write_text(json.dumps(content))
    assert saved_config.changes(tmp_path, config, info, None) == {}
    config.class_weight, config.train.novelty = 1.0, 2.0
    with pytest.raises(ValueError, match=r"config\.train\.novelty is 2\.0, but the run in .* has 1\.0"):
        saved_config.changes(tmp_path, config, info, None)


def test_what_a_class_checks_too_is_what_the_table_says(monkeypatch):
    wider = dataclasses.replace(SETTINGS["rule.order"], choices=("d_first", "backwards"))
    monkeypatch.setitem(config_lib.SETTINGS, "rule.order", wider)
    assert UpdateRule(order="backwards").order == "backwards"
    with pytest.raises(ValueError, match=r"rule\.order is 'g_first'; expected one of d_first, backwards"):
        UpdateRule(order="g_first")


@pytest.mark.parametrize("value", [np.int64(3), np.ones(2), jnp.ones(2), b"x", {1, 2}, len, [1, [Path("x")]], 1j])
def test_values_that_a_run_could_not_keep_are_refused(value):
    config = tiny.get_config()
    with config.unlocked():
        config.model.extra = value
    with pytest.raises(ValueError, match=r"config.model.extra is .*; expected text, numbers, booleans, None or lists"):
        config_lib.validate(config)


@pytest.mark.parametrize(
    "value", [None, 2**70, 0.5, np.float64(0.5), True, "x", (1, 2), [1, ["a", None]], {"a": {"b": 1}}]
)
def test_values_that_json_holds_are_settings_of_a_gan(value):
    config = tiny.get_config()
    with config.unlocked():
        config.model.extra = value
    config_lib.validate(config)
