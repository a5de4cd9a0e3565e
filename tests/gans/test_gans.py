"""Properties of all bundled GANs."""

import functools
import importlib
import math
import pickle
import sys
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import systems
from tiny_params import make_params

from jaxgan import config as config_lib, gans, generate, sample
from jaxgan.base.checks import UserError
from jaxgan.base.types import Batch, DataInfo
from jaxgan.config_files import get_config
from jaxgan.nets.layer_graph import network_rows, totals
from jaxgan.nets.norm import KINDS
from jaxgan.training.gan import UpdateRule, generator_params
from jaxgan.training.loss import d_loss, g_loss
from jaxgan.training.passes import Keys, Noise, apply
from jaxgan.training.step import make_train_step

# Parameters of G, running statistics of G, the same of D.
COUNTS = {
    "gan_mlp": (227_344, 0, 201_217, 0),
    "dcgan": (2_343_904, 960, 212_673, 0),
    "acgan": (326_601, 512, 94_539, 448),
    "dcgan64": (3_585_347, 1_920, 2_766_529, 1_792),
    "dcgan_z1x1": (3_050_945, 2_944, 314_594, 832),
    "cgan": (953_540, 448, 222_113, 0),
}
RULES = {
    "gan_mlp": UpdateRule(
        order="simultaneous", d_passes="separate", latents="shared", d_loss_weight=1.0, d_loss_report=1.0
    ),
    "dcgan": UpdateRule(),
    "acgan": UpdateRule(
        d_passes="two_steps", latents="shared", g_stats_for_d="running", d_loss_weight=1.0, accuracy_stats="running"
    ),
    "dcgan64": UpdateRule(d_passes="separate", d_loss_weight=1.0),
    "dcgan_z1x1": UpdateRule(order="g_first", d_passes="separate", latents="shared"),
    "cgan": UpdateRule(),
}
# Batch size, steps, learning rate, b1, epsilon, form of Adam.
NUMBERS = {
    "gan_mlp": (128, 70_000, 2e-4, 0.9, 1e-8, "adam_tf"),
    "dcgan": (128, 23_450, 2e-4, 0.5, 1e-7, "adam_tf"),
    "acgan": (256, 4_700, 2e-4, 0.5, 1e-7, "adam_tf"),
    "dcgan64": (64, 50_000, 2e-3, 0.5, 1e-8, "adam"),
    "dcgan_z1x1": (100, 12_000, 2e-4, 0.5, 1e-8, "adam"),
    "cgan": (128, 9_380, 2e-4, 0.5, 1e-8, "adam"),
}
CONDITIONAL = ("acgan", "cgan")
FAMILY = ("dcgan", "acgan", "dcgan64", "dcgan_z1x1", "cgan")


# Two stand for all where the programs of all take long: one with classes in D, one without.
some = pytest.mark.parametrize(
    "system",
    [name if name in ("gan_mlp", "acgan") else pytest.param(name, marks=pytest.mark.long) for name in systems.NAMES],
    indirect=True,
    scope="module",
)


class System:
    """A GAN and its state at step 0."""

    def __init__(self, name):
        self.name = name
        self.gan = systems.build(name)
        self.state = systems.initialise(self.gan)


@pytest.fixture(scope="module", params=systems.NAMES)
def system(request):
    return System(request.param)


def size(tree):
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def test_all_gans_are_tested():
    assert sorted([*systems.NAMES, "compact", "r3gan"]) == gans.names()  # which have files of their own


def test_parameter_counts(system):
    nets = system.state.g, system.state.d
    assert tuple(size(tree) for net in nets for tree in (net.params, net.batch_stats)) == COUNTS[system.name]


@pytest.mark.long
def test_summary_counts_the_same(system):
    g_inputs = systems.noise(system.gan, 1)
    d_inputs = systems.images(system.gan, 1), g_inputs[1]
    counts = (
        *totals(network_rows(system.gan.generator, g_inputs)),
        *totals(network_rows(system.gan.discriminator, d_inputs)),
    )
    assert counts == COUNTS[system.name]


def test_config_is_valid_and_names_its_gan(system):
    config = systems.get_config(system.name)
    config_lib.validate(config)
    assert config.gan == system.name
    assert system.gan.rule == RULES[system.name]
    for net in config.optim.g, config.optim.d:
        form = (net.learning_rate, net.b1, net.eps, net.name)
        assert (config.data.batch_size, config.train.num_steps, *form) == NUMBERS[system.name]
        assert net.b2 == 0.999
    assert config.train.ema_decay == 0.999
    assert config.class_weight == (system.name == "acgan")
    assert config.sample.num % config.sample.columns == 0


def test_conditional_gans_need_labels(system):
    if system.name in CONDITIONAL:
        assert system.gan.num_classes == 10
        with pytest.raises(ValueError, match=f"{system.name} is conditional, but .* have no labels"):
            systems.build(system.name, num_classes=None)
    else:
        assert system.gan.num_classes is None
        systems.build(system.name, num_classes=None)


def test_modules_are_hashable(system):
    assert hash(system.gan.generator) == hash(systems.build(system.name).generator)
    assert system.gan.discriminator == systems.build(system.name).discriminator
    hash(system.gan)


def test_outputs(system):
    gan, state = system.gan, system.state
    z, labels = systems.noise(gan, 4)
    assert z.shape == (4, *gan.latent.shape)
    images, stats = systems.forward(gan.generator, state.g, z, labels, train=True)
    assert (images.shape, images.dtype) == ((4, *gan.data.image_shape), jnp.float32)
    low = 0 if system.name == "gan_mlp" else -1
    assert low <= images.min() < images.max() <= 1
    assert jax.tree.structure(stats) == jax.tree.structure(state.g.batch_stats)
    (logits, class_logits), _ = systems.forward(gan.discriminator, state.d, images, labels, train=True)
    assert (logits.shape, logits.dtype) == ((4,), jnp.float32)
    assert (None if class_logits is None else class_logits.shape) == ((4, 10) if system.name == "acgan" else None)


@pytest.mark.long
def test_running_statistics_stay_without_train_and_rows_are_independent(system):
    gan, state = system.gan, system.state
    z, labels = systems.noise(gan, 4)
    images, stats = systems.forward(gan.generator, state.g, z, labels, train=False)
    jax.tree.map(np.testing.assert_array_equal, stats, state.g.batch_stats)
    others, _ = systems.forward(gan.generator, state.g, z.at[2:].set(1.0), labels, train=False)
    np.testing.assert_allclose(images[:2], others[:2], atol=1e-5)
    if stats:
        _, moved = systems.forward(gan.generator, state.g, z, labels, train=True)
        assert all(jax.tree.leaves(jax.tree.map(lambda a, b: bool((a != b).any()), moved, stats)))


@pytest.mark.long
def test_variables_have_the_same_dtypes_where_jax_is_told_of_wide_numbers(system):
    """A checkpoint of such a process is read by others."""

    def kinds():
        state = systems.shapes(system.gan)
        return [(x.shape, x.dtype) for x in jax.tree.leaves((state.g.variables, state.d.variables))]

    expected = kinds()
    assert {dtype for _, dtype in expected} == {jnp.dtype("float32")}
    with jax.enable_x64(True):
        assert kinds() == expected


def test_labels_matter_where_they_should(system):
    gan, state = system.gan, system.state
    z, labels = systems.noise(gan, 4)
    one, _ = systems.forward(gan.generator, state.g, z, labels, train=False)
    other, _ = systems.forward(gan.generator, state.g, z, (labels + 3) % 10, train=False)
    assert np.array_equal(one, other) == (system.name not in CONDITIONAL)


@partial(systems.quick_jit, static_argnums=0)
def first_losses(gan, state, real, noise, keys):
    """Return the metrics of both networks at their first parameters."""
    images, _ = apply(gan, gan.generator, state.g.variables, *noise, train=True)
    sides = {"real": Batch(real, noise.labels), "fake": Batch(images, noise.labels)}
    _, (_, d_metrics) = d_loss(state.d.params, gan, state.d.batch_stats, sides, Keys(*jax.random.split(keys[0])))
    g_keys = Keys(*jax.random.split(keys[1]))
    _, (_, _, g_metrics) = g_loss(state.g.params, gan, state, (noise, sides["real"]), g_keys)
    return d_metrics | g_metrics


@some
def test_first_losses(system):
    gan = system.gan
    noise = Noise(*systems.noise(gan, 20))
    keys = jax.random.split(jax.random.key(1))
    metrics = first_losses(gan, system.state, systems.images(gan, 20), noise, keys)
    assert all(np.isfinite(value) for value in metrics.values())
    if system.name == "gan_mlp":  # He's rule spreads the first logits
        return
    # D cannot tell yet: log 2 on either side, and log 10 where it names one of ten classes.
    slack = {"acgan": 0.6, "dcgan_z1x1": 0.2}.get(system.name, 0.1)  # heads that start wide
    classes = math.log(10) if system.name == "acgan" else 0.0
    for name in "d/loss_real", "d/loss_fake", "g/loss":
        assert metrics[name] == pytest.approx(math.log(2) + classes, abs=slack), name
    for name in {"d/class_real", "d/class_fake", "g/class"} & metrics.keys():
        assert metrics[name] == pytest.approx(math.log(10), abs=slack), name


def test_a_step_keeps_the_form_of_the_state(system):
    """The step is traced only: no dtype, shape or structure may change, or it would compile again."""
    gan = system.gan
    images = jax.ShapeDtypeStruct((gan.rule.d_steps, 4, *gan.data.image_shape), jnp.uint8)
    labels = jax.ShapeDtypeStruct((gan.rule.d_steps, 4), jnp.int32)
    new, metrics = jax.eval_shape(make_train_step(gan), system.state, images, labels)
    jax.tree.map(lambda a, b: np.testing.assert_equal((a.shape, a.dtype), (b.shape, b.dtype)), new, system.state)
    assert {"d/loss", "d/acc", "g/loss", "g/acc"} <= metrics.keys()
    assert ("g/class" in metrics) == (system.name == "acgan")


@some
def test_samples_are_in_one_range_whatever_the_gan_uses(system):
    params = generator_params(system.gan, system.state.ema)
    images = systems.quick_jit(partial(sample, num=4))(params, jax.random.key(3))
    assert images.shape == (4, *system.gan.data.image_shape)
    assert -1 <= images.min() < images.max() <= 1
    with pytest.raises(ValueError, match="z has shape"):
        generate(params, jnp.zeros((2, 7)))


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("dcgan", (32, 32, 3), r"dcgan makes images of shape \(28, 28, 3\), but the data has \(32, 32, 3\)"),
        ("acgan", (28, 28, 3), r"acgan makes images of shape \(28, 28, 1\), but the data has \(28, 28, 3\)"),
        ("dcgan_z1x1", (32, 32, 1), r"dcgan_z1x1 makes images of shape \(28, 28, 1\), but the data has"),
        ("dcgan64", (28, 28, 1), r"dcgan64 makes images whose height and width are multiples of 16, but the data has"),
        (
            "cgan",
            (30, 30, 1),
            r"cgan makes images whose height and width are multiples of 4, but the data has \(30",
        ),
    ],
)
def test_images_of_a_wrong_shape_are_refused(name, shape, message):
    with pytest.raises(ValueError, match=message) as error:
        systems.build(name, shape=shape)
    assert "set config.data.image_size" in str(error.value)


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("dcgan", "upsample", "nearst"),
        ("dcgan", "g_activation", "tanh"),
        ("acgan", "label_mode", "sum"),
        ("gan_mlp", "hidden", 0),
        ("dcgan64", "width", 0),
        ("dcgan64", "d_norm", "instance"),
        ("dcgan_z1x1", "d_group", -1),
        ("cgan", "d_label", "concat"),
        ("cgan", "label_size", 0),
    ],
)
def test_bad_numbers_of_a_model_are_refused(name, field, value):
    with pytest.raises(ValueError, match=f"config.model.{field} is"):
        systems.build(name, **{field: value})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["acgan", *(pytest.param(n, marks=pytest.mark.long) for n in FAMILY if n != "acgan")])
def test_norm_of_d_is_a_switch(name, kind):
    d = systems.build(name, d_norm=kind).discriminator
    shapes = systems.shapes(systems.build(name, d_norm=kind)).d
    layers = {layer.split("_")[0] for layer in shapes.params}
    assert ("BatchNorm" in layers) == (kind == "batch")
    assert ("GroupNorm" in layers) == (kind in ("group", "layer"))
    vectors = [stat for net in shapes.batch_stats.values() for stat in net if stat.endswith("/u")]
    kernels = sum("kernel" in layer or "embedding" in layer for layer in shapes.params.values())
    assert len(vectors) == (kernels if kind == "spectral" else 0)
    images = jax.ShapeDtypeStruct((2, *systems.build(name).data.image_shape), jnp.float32)
    labels = jax.ShapeDtypeStruct((2,), jnp.int32)
    (logits, _), moved = jax.eval_shape(
        lambda v, x, y: d.apply(v, x, y, train=True, mutable=["batch_stats"]), shapes.variables, images, labels
    )
    assert logits.shape == (2,)
    assert jax.tree.structure(moved.get("batch_stats", {})) == jax.tree.structure(shapes.batch_stats)


@pytest.mark.long
@pytest.mark.parametrize("name", FAMILY)
def test_d_may_be_shown_the_spread_of_a_batch(name):
    gan = systems.build(name, d_group=4)
    plain, shown = (size(systems.shapes(g).d.params) for g in (systems.build(name), gan))
    # One more feature for each weight of the last layers: a map, or a number where maps are averaged.
    sides = {"dcgan": 7, "cgan": 7, "dcgan64": 4}
    assert shown - plain == {"acgan": 11, "dcgan_z1x1": 2}.get(name, sides.get(name, 0) ** 2)


@pytest.mark.parametrize("name", FAMILY)
def test_runs_of_earlier_versions_are_built_as_they_were(name):
    config = systems.get_config(name)
    side = config.data.image_size
    info = DataInfo((side, side, config.data.channels), 60_000, 10)
    preset = gans.build(config, info)
    for field, value in importlib.import_module(f"jaxgan.gans.{name}").ADDED.items():
        assert config.model[field] == value
        del config.model[field]
    before = gans.build(config, info)
    assert (before.generator, before.discriminator) == (preset.generator, preset.discriminator)


def test_a_custom_file_may_be_any_module(tmp_path):
    """Postponed annotations need the module where dataclasses look for it."""
    own = tmp_path / "mine.py"
    own.write_text((Path(gans.__file__).parent / "dcgan.py").read_text())
    config = importlib.import_module("dcgan").get_config()
    config.gan = str(own)
    assert gans.build(config, DataInfo((28, 28, 1), 10)).latent.shape == (100,)
    own.write_text("")
    with pytest.raises(ValueError, match=r"a file without a function build\(config, data\)"):
        gans.build(config, DataInfo((28, 28, 1), 10))
    own.write_text("def build(config, data):\n    return {}\n")
    with pytest.raises(ValueError, match=r"mine.py returns dict; expected a jaxgan\.Gan"):
        gans.build(config, DataInfo((28, 28, 1), 10))
    own.unlink()
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        gans.build(config, DataInfo((28, 28, 1), 10))


@functools.cache
def step_of_dcgan(convolution, matmul):
    """The program of a whole step with gradients, before XLA compiles it."""
    config = systems.get_config("dcgan")
    config.convolution, config.matmul = convolution, matmul
    gan = gans.build(config, DataInfo((28, 28, 1), 60_000, 10))
    batch = np.zeros((1, 2, 28, 28, 1), np.uint8), np.zeros((1, 2), np.int32)
    return jax.jit(make_train_step(gan)).lower(systems.shapes(gan), *batch).as_text()


@pytest.mark.long
def test_the_form_of_convolutions_follows_the_config():
    assert "lhs_dilate = [2, 2]" in step_of_dcgan("lax", "default")
    assert "lhs_dilate = [2, 2]" not in step_of_dcgan("cpu", "default")


@pytest.mark.long
@pytest.mark.parametrize("convolution", ["lax", "cpu"])
def test_all_products_of_a_step_have_the_precision_asked_for(convolution):
    asked, plain = step_of_dcgan(convolution, "float32"), step_of_dcgan(convolution, "default")
    products = plain.count("stablehlo.dot_general") + plain.count("stablehlo.convolution")
    assert products == plain.count("DEFAULT") / 2 > 10  # both operands of each
    assert products == asked.count("HIGHEST") / 2
    assert "DEFAULT" not in asked


@pytest.mark.parametrize(
    ("name", "setting", "value"),
    [
        ("gan_mlp", "init_scale", None),
        ("gan_mlp", "hidden", 2.5),
        ("dcgan", "dropout", None),
        ("dcgan64", "width", 4.5),
    ],
)
def test_settings_that_no_network_can_have_give_one_error_message(name, setting, value):
    config = importlib.import_module(f"configs.{name}").get_config()
    with config.ignore_type():
        config.model[setting] = value
    with pytest.raises(UserError, match=f"{name} cannot be made with config.model="), gans.explained(config):
        systems.shapes(gans.build(config, DataInfo((64, 64, 3) if name == "dcgan64" else (28, 28, 1), 60_000, 10)))


def test_a_pickle_of_a_custom_gan_is_read_where_its_file_was_built(monkeypatch):
    params = make_params()
    name = type(params.module).__module__
    content = pickle.dumps(params)
    module = sys.modules[name]
    monkeypatch.delitem(sys.modules, name)  # as in another process
    with pytest.raises(UserError, match="parts of a custom GAN, whose file was not read in this process; call jaxgan"):
        pickle.loads(content)
    monkeypatch.setitem(sys.modules, name, module)
    assert jax.tree.structure(pickle.loads(content)) == jax.tree.structure(params)


@pytest.mark.parametrize("name", ["acgan", "cgan", "compact", "dcgan", "dcgan64", "dcgan_z1x1", "gan_mlp"])
def test_a_range_that_no_generator_reaches_is_refused(name):
    preset = {"compact": "mnist"}.get(name, name)
    config = get_config(preset)
    config.data.range = (-2.0, 2.0)
    size, channels = config.data.image_size, config.data.channels
    with pytest.raises(ValueError, match=rf"{name} makes pixels in .*, but config.data.range is \(-2.0, 2.0\); set it"):
        gans.build(config, DataInfo((size, size, channels), 100, 10))
