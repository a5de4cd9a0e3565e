import pytest
from ml_collections import ConfigDict

from jaxgan import config as config_lib


def with_field(path, value):
    config = config_lib.default()
    section, _, field = path.rpartition(".")
    (config_lib.get(config, section) if section else config)[field] = value
    return config


def test_default_is_valid():
    config_lib.validate(config_lib.default())


@pytest.mark.parametrize("path", [*config_lib.CHOICES, *config_lib.RANGES])
def test_every_check_names_its_field(path):
    bad = "nonsense" if isinstance(config_lib.get(config_lib.default(), path), str) else -1
    if isinstance(config_lib.get(config_lib.default(), path), float):
        bad = -1.0
    with pytest.raises(ValueError, match=f"config.{path} is"):
        config_lib.validate(with_field(path, bad))


@pytest.mark.parametrize("path", [p for p in config_lib.RANGES if p.startswith("data.")])
def test_sizes_have_an_upper_bound(path):
    high = config_lib.RANGES[path][1]
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
    with pytest.raises(ValueError, match=r"config has no field augment"):
        config_lib.validate(ConfigDict({"gan": "dcgan"}))


def test_what_a_setting_needs_is_named():
    config = config_lib.default()
    config.burn_in.images, config.burn_in.penalty = 100, 10.0
    with pytest.raises(ValueError, match=r"penalty is 10\.0, but without a weight of a gradient penalty it has"):
        config_lib.validate(config)
    config.penalty.r1 = 1.0
    config_lib.validate(config)
