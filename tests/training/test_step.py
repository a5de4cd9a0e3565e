"""The step against closed forms: a GAN that is linear, so that NumPy can do it by hand."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import systems
from flax import linen as nn
from long_form import long

from jaxgan.base import axis
from jaxgan.base.types import DataInfo
from jaxgan.nets.dropout import Dropout
from jaxgan.nets.norm import BatchNorm
from jaxgan.objectives import lecam, losses, penalties
from jaxgan.objectives.augment import augmentation
from jaxgan.sampling.generator import Latent
from jaxgan.training.burn_in import BurnIn
from jaxgan.training.gan import Gan, UpdateRule
from jaxgan.training.passes import draw_noise, packed
from jaxgan.training.state import create_state
from jaxgan.training.step import make_train_step

BATCH, RATE = 6, 0.1
SGD = optax.sgd(RATE)


class LinearG(nn.Module):
    norm: bool = False

    @nn.compact
    def __call__(self, z, labels, *, train):
        x = nn.Dense(4, kernel_init=nn.initializers.normal(1.0))(z)
        if self.norm:
            x = BatchNorm(train=train, momentum=0.5, epsilon=1e-5)(x)
        return x.reshape(-1, 2, 2, 1)


class LinearD(nn.Module):
    norm: bool = False
    classes: int = 0

    @nn.compact
    def __call__(self, images, labels, *, train):
        x = images.reshape(-1, 4)
        if self.norm:
            x = BatchNorm(train=train, momentum=0.5, epsilon=1e-5)(x)
        logits = nn.Dense(1, kernel_init=nn.initializers.normal(1.0))(x)[:, 0]
        return logits, nn.Dense(self.classes)(x) if self.classes else None


def make(norm=False, classes=0, ema_decay=0.9, loss="non_saturating", parts=None, **rule):
    gan = Gan(
        generator=LinearG(norm),
        discriminator=LinearD(norm, classes),
        latent=Latent((3,)),
        data=DataInfo((2, 2, 1), 100, classes or None),
        image_range=(-1.0, 1.0),
        num_classes=classes or None,
        loss=losses.get(loss),
        class_weight=1.0,
        ema_decay=ema_decay,
        rule=UpdateRule(**rule),
        **parts or {},
    )
    return gan, start(gan)


def batch(n=1, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, BATCH, 2, 2, 1), np.uint8), rng.integers(0, 3, (n, BATCH), np.int32)


@functools.cache
def start(gan):
    """Return the first state."""
    return systems.quick_jit(lambda: create_state(gan, SGD, SGD, jax.random.key(0)))()


compiled = functools.cache(lambda gan: jax.jit(make_train_step(gan)))


def step(gan, state, n=1):
    return compiled(gan)(state, *batch(n))


def numpy_params(net):
    dense = net.params["Dense_0"]
    return np.asarray(dense["kernel"], np.float64), np.asarray(dense["bias"], np.float64)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_hand(gan, state, d_rule, order):
    """One step of the linear GAN: D minimises w (BCE_real + BCE_fake), G the non-saturating loss."""
    keys = jax.random.split(jax.random.fold_in(state.key, state.step))
    g_noise_key = jax.random.split(keys[0], 3)[0]
    d_noise_key = jax.random.split(keys[1], (3, 1))[0, 0]
    z_g = np.asarray(draw_noise(gan, g_noise_key, BATCH).z, np.float64)
    z_d = z_g if gan.rule.latents == "shared" else np.asarray(draw_noise(gan, d_noise_key, BATCH).z, np.float64)
    (wg, bg), (wd, bd) = numpy_params(state.g), numpy_params(state.d)
    real = batch()[0][0].reshape(BATCH, 4) / 127.5 - 1.0

    def update_d(wd, bd, wg, bg):
        fake = z_d @ wg + bg
        # dL/dlogit of -log s(l) is s(l) - 1, of -log(1 - s(l)) is s(l).
        e_real, e_fake = sigmoid(real @ wd + bd) - 1, sigmoid(fake @ wd + bd)
        weight = d_rule / BATCH
        return (
            wd - RATE * weight * (real.T @ e_real + fake.T @ e_fake),
            bd - RATE * weight * (e_real + e_fake).sum(0),
        )

    def update_g(wg, bg, wd, bd):
        error = (sigmoid((z_g @ wg + bg) @ wd + bd) - 1) @ wd.T / BATCH
        return wg - RATE * z_g.T @ error, bg - RATE * error.sum(0)

    if order == "d_first":
        wd, bd = update_d(wd, bd, wg, bg)
        wg, bg = update_g(wg, bg, wd, bd)
    elif order == "simultaneous" or gan.rule.latents == "shared":
        (wd, bd), (wg, bg) = update_d(wd, bd, wg, bg), update_g(wg, bg, wd, bd)
    else:
        wg, bg = update_g(wg, bg, wd, bd)
        wd, bd = update_d(wd, bd, wg, bg)
    return wg, bg, wd, bd


@pytest.mark.parametrize("order", ["d_first", "g_first", "simultaneous"])
@pytest.mark.parametrize("latents", ["fresh", "shared"])
@pytest.mark.parametrize(("passes", "weight"), [("joint", 0.5), *long(("separate", 1.0))])
def test_step_is_what_numpy_computes(order, latents, passes, weight):
    gan, state = make(order=order, latents=latents, d_passes=passes, d_loss_weight=weight)
    new, _ = step(gan, state)
    wg, bg, wd, bd = by_hand(gan, state, weight, order)
    for ours, theirs in zip([*numpy_params(new.g), *numpy_params(new.d)], (wg, bg, wd, bd), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_two_d_optimiser_steps_follow_one_another():
    gan, state = make(d_passes="two_steps", d_loss_weight=1.0)
    new, metrics = step(gan, state)
    assert int(new.d.step) == 2
    # The loss on fakes is that after the update on real images: undo nothing, so it differs from one joint pass.
    _, joint = step(*make(d_passes="separate", d_loss_weight=1.0))
    np.testing.assert_allclose(metrics["d/loss_real"], joint["d/loss_real"], rtol=1e-5)
    assert abs(float(metrics["d/loss_fake"] - joint["d/loss_fake"])) > 1e-4


@pytest.mark.long
@pytest.mark.parametrize("n", [1, 3])
def test_number_of_updates_and_nothing_goes_to_the_device_unasked(n):
    gan, state = make(d_steps=n)
    images, labels = jax.device_put(batch(n))
    with jax.transfer_guard("disallow"):
        new, _ = jax.jit(make_train_step(gan))(state, images, labels)
    assert (int(new.step), int(new.g.step), int(new.d.step)) == (1, 1, n)


def moves(before, after):
    """Whether the running mean of a network's batch norm moved."""
    return not np.array_equal(before.batch_stats["BatchNorm_0"]["mean"], after.batch_stats["BatchNorm_0"]["mean"])


def count_updates(gan, state, net):
    """Count running-statistic updates: with momentum 1/2, a huge initial mean is halved by each."""
    old = getattr(state, net)
    grown = old.replace(batch_stats=jax.tree.map(lambda x: jnp.full_like(x, 2.0**40), old.batch_stats))
    new, _ = step(gan, state.replace(**{net: grown}))
    left = float(getattr(new, net).batch_stats["BatchNorm_0"]["mean"][0])
    return round(40 - np.log2(left))


@pytest.mark.parametrize(
    ("rule", "g_updates", "d_updates"),
    [
        # systems.md calls: dcgan (reference), acgan, dcgan64, dcgan_z1x1
        ({"d_passes": "joint", "g_stats_for_d": "running", "d_stats_in_g": "running"}, 1, 1),
        ({"d_passes": "two_steps", "latents": "shared", "g_stats_for_d": "running", "d_stats_in_g": "running"}, 1, 2),
        ({"d_passes": "separate"}, 2, 3),
        ({"order": "g_first", "latents": "shared", "d_passes": "separate"}, 1, 3),
    ],
)
def test_batch_norm_update_counts(rule, g_updates, d_updates):
    gan, state = make(norm=True, **rule)
    assert count_updates(gan, state, "g") == g_updates
    assert count_updates(gan, state, "d") == d_updates


def test_frozen_networks_do_not_move():
    gan, state = make(norm=True, g_stats_for_d="running", d_stats_in_g="running")
    frozen_d = optax.set_to_zero()
    still = state.replace(d=state.d.replace(tx=frozen_d, opt_state=frozen_d.init(state.d.params)))
    new, _ = step(gan, still)
    jax.tree.map(np.testing.assert_array_equal, new.d.params, state.d.params)
    assert moves(state.g, new.g)


@pytest.mark.long
def test_accuracy_is_a_count_and_inference_accuracies_are_complements():
    gan, state = make(norm=True)
    _, metrics = step(gan, state)
    count = float(metrics["d/acc"]) * 2 * BATCH
    assert abs(count - round(count)) < 1e-5
    gan, state = make(norm=True, latents="shared", g_stats_for_d="running", accuracy_stats="running")
    _, metrics = step(gan, state)
    np.testing.assert_allclose(metrics["g/acc"] + metrics["d/acc_fake"], 1.0, rtol=1e-6)


def test_class_losses_are_cross_entropies():
    gan, state = make(classes=3)
    _, metrics = step(gan, state)
    names = {"d/loss", "d/loss_real", "d/loss_fake", "d/acc", "d/acc_real", "d/acc_fake", "g/loss", "g/acc"}
    assert set(metrics) == names | {"d/class_real", "d/class_fake", "g/class"}
    logits, classes = gan.discriminator.apply(
        state.d.variables, jnp.asarray(batch()[0][0]) / 127.5 - 1, None, train=True
    )
    log_p = jax.nn.log_softmax(classes)[jnp.arange(BATCH), batch()[1][0]]
    np.testing.assert_allclose(metrics["d/class_real"], -log_p.mean(), rtol=1e-5)
    np.testing.assert_allclose(metrics["d/loss_real"], (jax.nn.softplus(-logits) - log_p).mean(), rtol=1e-5)


class TwinD(LinearD):
    @nn.compact
    def __call__(self, images, labels, *, train):
        x = images.reshape(-1, 4)
        twins = nn.Dense(2 * self.classes, name="told")(x).reshape(-1, 2, self.classes)
        return nn.Dense(1)(x)[:, 0], twins


def test_twin_heads_learn_label_vectors_by_squared_errors_each_on_its_own_images():
    table = ((0.0, -5.0, 7.0), (1.0, 5.0, 7.0))  # the spans of three numbers; the last is always the same
    info = DataInfo((2, 2, 1), 100, label_size=3, label_table=table)
    parts = {"data": info, "label_size": 3, "num_classes": None, "class_weight": 2.0, "discriminator": TwinD(classes=3)}
    gan = dataclasses.replace(make(latents="shared")[0], **parts)
    state = start(gan)
    images = batch()[0]
    labels = np.random.default_rng(1).uniform([0, -5, 7], [1, 5, 7], (1, BATCH, 3)).astype(np.float32)
    after, metrics = compiled(gan)(state, images, labels)

    noise = draw_noise(gan, jax.random.split(jax.random.split(jax.random.fold_in(state.key, 0))[0], 3)[0], BATCH)
    fakes = np.asarray(gan.generator.apply({"params": state.g.params}, noise.z, None, train=True))
    rows = {"real": images[0].reshape(BATCH, 4) / 127.5 - 1, "fake": fakes.reshape(BATCH, 4)}
    wanted = (labels[0] - [0.5, 0, 7]) / [0.5, 5, 1]
    values = {}
    for place, (name, x) in enumerate(rows.items()):
        of_head = np.s_[..., 3 * place : 3 * place + 3]

        def loss_and_errors(told, x=x, of_head=of_head):
            errors = x @ np.asarray(told["kernel"])[of_head] + np.asarray(told["bias"])[of_head] - wanted
            return np.square(errors).mean(), errors

        before, now = state.d.params["told"], after.d.params["told"]
        values[name], errors = loss_and_errors(before)
        np.testing.assert_allclose(metrics[f"d/class_{name}"], values[name], rtol=1e-5)
        moved = np.asarray(before["kernel"] - now["kernel"])[of_head]
        by_hand = RATE * gan.rule.d_loss_weight * gan.class_weight * 2 * x.T @ errors / (3 * BATCH)
        np.testing.assert_allclose(moved, by_hand, rtol=1e-3, atol=1e-6)
    # G sees the heads as they are after D's update, on images of its own before.
    told, x = after.d.params["told"], rows["fake"]
    errors = x @ np.asarray(told["kernel"]) + np.asarray(told["bias"]) - np.tile(wanted, 2)
    of_real, of_fake = np.square(errors).reshape(BATCH, 2, 3).mean((0, 2))
    np.testing.assert_allclose(metrics["g/class"], of_real - of_fake, rtol=1e-4)


def test_key_never_advances_and_steps_differ():
    gan, state = make()
    first, _ = step(gan, state)
    second, _ = step(gan, first)
    assert jax.random.key_data(second.key).tolist() == jax.random.key_data(state.key).tolist()
    noise = [draw_noise(gan, jax.random.fold_in(state.key, t), 4).z for t in (0, 1)]
    assert not np.array_equal(*noise)


@pytest.mark.long
def test_bfloat16_layers_leave_parameters_and_statistics_float32():
    gan, state = make(norm=True, classes=3)
    after, metrics = step(gan, state)
    low, low_metrics = step(dataclasses.replace(gan, precision="bfloat16"), state)
    for old, new in zip(jax.tree.leaves(state.replace(key=0)), jax.tree.leaves(low.replace(key=0)), strict=True):
        assert jnp.asarray(old).dtype == jnp.asarray(new).dtype
    for name in ("d/loss", "g/loss", "d/class_real"):
        assert low_metrics[name].dtype == jnp.float32
        np.testing.assert_allclose(low_metrics[name], metrics[name], rtol=0.02)
        assert low_metrics[name] != metrics[name], "nothing was rounded"
    # One update of plain descent, off by the rounding of its gradient only.
    moved, expected = (
        jax.tree.map(lambda new, old: new - old, s.g.params, state.g.params)["Dense_0"]["kernel"] for s in (low, after)
    )
    assert np.linalg.norm(moved - expected) < 0.03 * np.linalg.norm(expected)


def test_products_are_made_as_asked_and_else_as_jax_is_told():
    gan, state = make()
    inputs = state, *batch()

    def text(matmul):
        return str(jax.make_jaxpr(make_train_step(dataclasses.replace(gan, matmul=matmul)))(*inputs))

    assert "Precision.HIGHEST" in text("float32")
    assert "Precision.HIGH" not in text("default")
    with jax.default_matmul_precision("tensorfloat32"):
        assert "Precision.HIGH," in text("default")
        assert "Precision.HIGH," not in text("float32")


def test_relative_loss_is_what_numpy_computes():
    """RpGAN on the linear GAN: D minimises mean sp(f - r), G mean sp(r - f), pairs by index."""
    gan, state = make(loss="rpgan", d_loss_weight=1.0)
    new, metrics = step(gan, state)
    keys = jax.random.split(jax.random.fold_in(state.key, state.step))
    z_g, z_d = (
        np.asarray(draw_noise(gan, key, BATCH).z, np.float64)
        for key in (jax.random.split(keys[0], 3)[0], jax.random.split(keys[1], (3, 1))[0, 0])
    )
    (wg, bg), (wd, bd) = numpy_params(state.g), numpy_params(state.d)
    real = batch()[0][0].reshape(BATCH, 4) / 127.5 - 1.0
    fake = z_d @ wg + bg
    gap = (fake - real) @ wd
    np.testing.assert_allclose(metrics["d/loss"], np.mean(np.log1p(np.exp(gap))) / 2, rtol=1e-5)
    np.testing.assert_allclose(metrics["d/acc_real"], np.mean(gap < 0), rtol=1e-6)
    wd_new = wd - RATE * (fake - real).T @ sigmoid(gap) / BATCH
    back = (real - (z_g @ wg + bg)) @ wd_new
    np.testing.assert_allclose(metrics["g/loss"], np.mean(np.log1p(np.exp(back))), rtol=1e-5)
    error = -sigmoid(back) * wd_new.T / BATCH
    np.testing.assert_allclose(numpy_params(new.d)[0], wd_new, atol=1e-5)
    np.testing.assert_allclose(numpy_params(new.d)[1], bd, atol=1e-6)
    np.testing.assert_allclose(numpy_params(new.g)[0], wg - RATE * z_g.T @ error, atol=1e-5)


def test_penalties_move_d_as_their_closed_form_says():
    """D is linear, so R1 with weight gamma is gamma |w|^2 / 2, whose gradient is gamma w."""
    gamma = 0.5
    plain, _ = step(*make())
    gan, state = make(parts={"penalties": penalties.from_weights({"r1": gamma})})
    new, metrics = step(gan, state)
    w = numpy_params(state.d)[0]
    np.testing.assert_allclose(metrics["d/r1"], np.sum(w**2) / 2, rtol=1e-5)
    np.testing.assert_allclose(numpy_params(new.d)[0], numpy_params(plain.d)[0] - RATE * gamma * w, atol=1e-6)
    assert "d/r2" not in metrics


def test_lazy_penalties_have_more_weight_at_fewer_steps():
    gamma = 0.5
    pieces = penalties.from_weights({"r1": gamma})
    gan, state = make(parts={"penalties": pieces, "penalty_interval": 3})
    plain, _ = make()
    w = numpy_params(state.d)[0]
    for number in range(4):
        now = state.replace(step=jnp.int32(number))
        new, metrics = step(gan, now)
        without, _ = step(plain, now)
        factor = 3.0 if number % 3 == 0 else 0.0
        np.testing.assert_allclose(metrics["d/r1"], factor * np.sum(w**2) / 2, rtol=1e-5)
        expected = numpy_params(without.d)[0] - RATE * factor * gamma * w
        np.testing.assert_allclose(numpy_params(new.d)[0], expected, atol=1e-6)


def test_penalties_fade_with_the_images_that_d_has_seen():
    gamma, burn_in = 0.5, BurnIn(images=4 * BATCH, penalty=10.0)
    gan, state = make(parts={"penalties": penalties.from_weights({"r1": gamma}), "burn_in": burn_in})
    plain, _ = make()
    for number, factor in (0, 10.0), (2, 5.5), (4, 1.0), (9, 1.0):
        now = state.replace(step=jnp.int32(number))
        new, metrics = step(gan, now)
        without, _ = step(plain, now)
        w = numpy_params(state.d)[0]
        expected = numpy_params(without.d)[0] - RATE * factor * gamma * w
        np.testing.assert_allclose(numpy_params(new.d)[0], expected, atol=1e-5)
        np.testing.assert_allclose(metrics["d/r1"], np.sum(w**2) / 2, rtol=1e-5)


def test_a_half_life_of_the_averaged_generator_counts_images():
    gan, state = make(parts={"ema_half_life": 2.0 * BATCH, "burn_in": BurnIn(images=8 * BATCH, ema_half_life=0.0)})
    for number, weight in (0, 0.0), (4, 0.5), (8, np.sqrt(0.5)):
        old = jax.tree.map(jnp.zeros_like, state.ema)
        new, _ = step(gan, state.replace(step=jnp.int32(number), ema=old))
        kernel, average = (x["params"]["Dense_0"]["kernel"] for x in (new.g.variables, new.ema))
        np.testing.assert_allclose(average, (1 - weight) * kernel, rtol=1e-5, atol=1e-7)


class Grouped(nn.Module):
    group: int

    @nn.compact
    def __call__(self, images, labels, *, train):
        return LinearD()(images, labels, train=train)


def test_penalties_are_refused_where_d_mixes_the_images_of_a_batch():
    parts = {"penalties": penalties.from_weights({"r1": 1.0})}
    with pytest.raises(ValueError, match="penalty r1 is the gradient of one image's logit, but D has batch norm"):
        make(norm=True, parts=parts)
    gan, _ = make()
    with pytest.raises(ValueError, match="has batch norm"):
        dataclasses.replace(gan, discriminator=FlaxNormD(), **parts)
    with pytest.raises(ValueError, match="judges 2 images at once"):
        dataclasses.replace(gan, pack=2, **parts)
    with pytest.raises(ValueError, match="compares the images of a batch"):
        dataclasses.replace(gan, discriminator=Grouped(4), **parts)
    dataclasses.replace(gan, discriminator=Grouped(0), **parts)


def test_lecam_joins_late_and_its_anchors_are_carried():
    gan, state = make(parts={"lecam": 0.3})
    plain, plain_state = make()
    early, metrics = step(gan, state)
    without, _ = step(plain, plain_state)
    np.testing.assert_array_equal(numpy_params(early.d)[0], numpy_params(without.d)[0])
    images, z_key = batch()[0], jax.random.split(jax.random.split(jax.random.fold_in(state.key, 0))[1], (3, 1))[0, 0]
    (w, b), real = numpy_params(state.d), images[0].reshape(BATCH, 4) / 127.5 - 1.0
    fake = np.asarray(draw_noise(gan, z_key, BATCH).z) @ numpy_params(state.g)[0] + numpy_params(state.g)[1]
    anchors = early.d.batch_stats["lecam"]
    np.testing.assert_allclose(
        [anchors["real"], anchors["fake"]], [(x @ w + b).mean() for x in (real, fake)], atol=1e-5
    )
    late, metrics = step(gan, early.replace(step=jnp.int32(lecam.START)))
    without, _ = step(plain, plain_state.replace(step=jnp.int32(lecam.START), d=early.d.replace(batch_stats={})))
    assert metrics["d/lecam"] > 0
    assert np.abs(numpy_params(late.d)[0] - numpy_params(without.d)[0]).max() > 1e-5


def test_lecam_of_two_updates_is_the_sum_of_its_terms():
    gan, state = make(parts={"lecam": 0.3}, d_passes="two_steps")
    anchors = {"real": jnp.float32(9.0), "fake": jnp.float32(-9.0)}
    _, metrics = step(
        gan, state.replace(step=jnp.int32(lecam.START), d=state.d.replace(batch_stats={"lecam": anchors}))
    )
    gan, _ = make(parts={"lecam": 0.3}, d_passes="separate")
    _, both = step(gan, state.replace(step=jnp.int32(lecam.START), d=state.d.replace(batch_stats={"lecam": anchors})))
    np.testing.assert_allclose(metrics["d/lecam"], both["d/lecam"], rtol=0.2)  # D moves in between


def sure(params):
    """Give D logits that are far above zero for every image."""
    return jax.tree.map(lambda x: jnp.full_like(x, 50.0 if x.ndim == 1 else 0.0), params)


@pytest.mark.parametrize(
    "rule", [{}, *long({"d_passes": "two_steps"}, {"order": "g_first"}, {"order": "simultaneous"})]
)
def test_augmentations_become_likelier_where_d_is_sure(rule):
    policy = augmentation.from_policy("translation", 0.5)
    gan, state = make(parts={"augment": policy, "augment_target": 0.6, "augment_images": 10 * BATCH}, **rule)
    state = state.replace(d=state.d.replace(params=sure(state.d.params), tx=optax.sgd(0.0)))
    seen, move = [], compiled(gan)
    for _ in range(9):
        state, metrics = move(state, *batch())
        seen.append(float(metrics["d/augment_p"]))
    np.testing.assert_allclose(seen, [0.0] * 4 + [0.2] * 4 + [0.4], atol=1e-6)  # 4/10 of 0.5 after each four
    assert float(state.d.batch_stats["augment"]["share"]) == pytest.approx(0.8)


@pytest.mark.long
def test_the_probability_that_is_shown_is_the_one_that_counts():
    parts = {"augment": augmentation.from_policy("translation,cutout"), "augment_target": 0.6}
    gan, state = make(parts=parts)
    plain, _ = make()
    none, _ = step(gan, state)
    without, _ = step(plain, state.replace(d=state.d.replace(batch_stats={})))
    np.testing.assert_array_equal(numpy_params(none.d)[0], numpy_params(without.d)[0])
    half = {"augment": {"share": jnp.float32(0.5), "sum": jnp.float32(0.0)}}
    some, metrics = step(gan, state.replace(d=state.d.replace(batch_stats=half)))
    assert float(metrics["d/augment_p"]) == 0.5
    assert np.abs(numpy_params(some.d)[0] - numpy_params(without.d)[0]).max() > 1e-5


def test_augmentations_follow_only_what_says_how_sure_d_is():
    policy = augmentation.from_policy("translation")
    with pytest.raises(ValueError, match=r"augment_target is 0.6, but nothing is augmented; set config.augment"):
        make(parts={"augment_target": 0.6})
    with pytest.raises(ValueError, match="with this loss only their differences mean anything"):
        make(loss="rpgan", parts={"augment": policy, "augment_target": 0.6})
    with pytest.raises(ValueError, match=r"burn_in.augment moves the same probability"):
        make(parts={"augment": policy, "augment_target": 0.6, "burn_in": BurnIn(images=10, augment=0.0)})


def test_least_squares_takes_for_real_what_is_nearer_to_one():
    gan, state = make(loss="least_squares")
    for logit, expected in (0.4, 0.0), (0.6, 1.0):
        params = jax.tree.map(lambda x, b=logit: jnp.full_like(x, b if x.ndim == 1 else 0.0), state.d.params)
        _, metrics = step(gan, state.replace(d=state.d.replace(params=params)))
        assert (float(metrics["d/acc_real"]), float(metrics["d/acc_fake"])) == (expected, 1 - expected)


def test_packs_are_neighbouring_images_laid_over_each_other():
    images = jnp.arange(4 * 2 * 3 * 2).reshape(4, 2, 3, 2)
    pack = packed(images, 2)
    np.testing.assert_array_equal(pack[1, ..., :2], images[2])
    np.testing.assert_array_equal(pack[1, ..., 2:], images[3])
    with pytest.raises(ValueError, match="4 images do not divide into packs of 3"):
        packed(images, 3)


class PackD(nn.Module):
    @nn.compact
    def __call__(self, images, labels, *, train):
        return nn.Dense(1)(images.reshape(-1, 8))[:, 0], None


@pytest.mark.parametrize("passes", ["joint", *long("separate", "two_steps")])
def test_d_sees_packs(passes):
    gan, _ = make(d_passes=passes)
    gan = dataclasses.replace(gan, discriminator=PackD(), pack=2)
    state = start(gan)
    new, metrics = step(gan, state)
    w, b = numpy_params(state.d)
    real = batch()[0][0].reshape(BATCH, 4) / 127.5 - 1.0
    real = np.stack([real[0::2], real[1::2]], -1).reshape(BATCH // 2, 8)
    np.testing.assert_allclose(metrics["d/loss_real"], np.log1p(np.exp(-(real @ w + b))).mean(), rtol=1e-5)
    assert np.abs(numpy_params(new.g)[0] - numpy_params(state.g)[0]).max() > 1e-5


def test_packs_of_images_with_classes_are_refused():
    with pytest.raises(ValueError, match="pack is 2, which shows D several images"):
        make(classes=3, parts={"pack": 2})


@pytest.mark.long
def test_averages_of_several_widths_are_carried():
    gan, state = make(parts={"ema_stds": (0.05, 0.1)})
    for track in state.tracks:
        jax.tree.map(np.testing.assert_array_equal, track, state.g.variables)
    first, _ = step(gan, state)
    jax.tree.map(np.testing.assert_array_equal, first.tracks[1], first.g.variables)
    far = first.replace(step=jnp.int32(9))
    new, _ = step(gan, far)
    old, moved, track = (x["params"]["Dense_0"]["kernel"] for x in (far.tracks[1], new.g.variables, new.tracks[1]))
    np.testing.assert_allclose(track, 0.433325 * old + 0.566675 * moved, atol=1e-6)


@pytest.mark.long
def test_augmentation_is_shown_to_d_in_both_steps_and_its_slope_is_in_the_penalty():
    seen = []

    def half(key, images, p):
        seen.append(images.shape)
        return images / 2

    parts = {"augment": augmentation.Augment((half,)), "penalties": penalties.from_weights({"r1": 1.0})}
    gan, state = make(parts=parts)
    _, metrics = step(gan, state)
    assert len(seen) == 4  # reals, fakes, the penalty, G's images
    # The derivative is by the image before augmentation: half as large.
    np.testing.assert_allclose(metrics["d/r1"], np.sum(numpy_params(state.d)[0] ** 2) / 8, rtol=1e-5)


def test_what_needs_both_kinds_is_refused_where_d_sees_one_at_a_time():
    with pytest.raises(ValueError, match="the loss compares real and generated"):
        make(loss="rpgan", d_passes="two_steps")
    with pytest.raises(ValueError, match="penalty wgan_gp compares"):
        make(parts={"penalties": penalties.from_weights({"wgan_gp": 1.0})}, d_passes="two_steps")


class Plain(nn.Module):
    @nn.compact
    def __call__(self, z, labels, *, train):
        return LinearG()(z, labels, train=train)


class WithDropout(nn.Module):
    @nn.compact
    def __call__(self, z, labels, *, train):
        return Dropout(0.5)(LinearG()(z, labels, train=train))


@pytest.mark.long
def test_dropout_of_the_generator_is_on_in_training():
    gan, _ = make()
    gan = dataclasses.replace(gan, generator=Plain())
    state = start(gan)
    plain, dropped = step(gan, state)[1], step(dataclasses.replace(gan, generator=WithDropout()), state)[1]
    assert abs(float(dropped["d/loss_fake"] - plain["d/loss_fake"])) > 1e-3
    assert abs(float(dropped["g/loss"] - plain["g/loss"])) > 1e-3


@pytest.mark.parametrize(
    ("images", "labels", "sentence"),
    [
        (np.zeros((1, 4, 2, 2, 1), np.float32), np.zeros((1, 4), np.int32), r"images are float32\[1, 4, 2, 2, 1\]"),
        (np.zeros((4, 2, 2, 1), np.uint8), np.zeros((1, 4), np.int32), r"expected uint8\[1, B, 2, 2, 1\]"),
        (np.zeros((1, 4, 3, 2, 1), np.uint8), np.zeros((1, 4), np.int32), "pixels 0..255"),
        (np.zeros((1, 4, 2, 2, 1), np.uint8), None, r"labels are NoneType\[\]; expected int32\[1, 4\]"),
        (np.zeros((1, 4, 2, 2, 1), np.uint8), np.zeros((4,), np.int32), r"labels are int32\[4\]"),
        (np.zeros((1, 4, 2, 2, 1), np.uint8), np.zeros((1, 4), np.float32), r"labels are float32"),
    ],
)
def test_wrong_batches_are_named_when_traced(images, labels, sentence):
    gan, state = make()
    with pytest.raises(ValueError, match=sentence):
        jax.jit(make_train_step(gan))(state, images, labels)


class WrongImages(nn.Module):
    @nn.compact
    def __call__(self, z, labels, *, train):
        return nn.Dense(9)(z).reshape(-1, 3, 3, 1)


class NoPair(nn.Module):
    @nn.compact
    def __call__(self, images, labels, *, train):
        return nn.Dense(1)(images.reshape(images.shape[0], -1))[:, 0]


class Column(nn.Module):
    @nn.compact
    def __call__(self, images, labels, *, train):
        return nn.Dense(1)(images.reshape(images.shape[0], -1)), None


@pytest.mark.parametrize(
    ("net", "module", "sentence"),
    [
        ("generator", WrongImages(), r"the generator returns \[{B}, 3, 3, 1\]; expected images \[{B}, 2, 2, 1\]"),
        ("discriminator", NoPair(), r"the discriminator returns \[{2B}\]; expected a pair"),
        ("discriminator", Column(), r"the discriminator returns \(\[{2B}, 1\], None\); expected a pair"),
    ],
)
def test_networks_that_return_something_else_are_named(net, module, sentence):
    gan, _ = make(d_passes="joint")
    gan = dataclasses.replace(gan, class_weight=0.0, **{net: module})
    state = start(gan)
    with pytest.raises(ValueError, match=sentence.replace("{B}", str(BATCH)).replace("{2B}", str(2 * BATCH))):
        step(gan, state)


class FlaxNormD(nn.Module):
    @nn.compact
    def __call__(self, images, labels, *, train):
        x = nn.BatchNorm(use_running_average=not train, momentum=0.5)(images.reshape(-1, 4))
        return nn.Dense(1)(x)[:, 0], None


class FlaxNormG(nn.Module):
    @nn.compact
    def __call__(self, z, labels, *, train):
        x = nn.BatchNorm(use_running_average=not train, momentum=0.5)(nn.Dense(4)(z))
        return x.reshape(-1, 2, 2, 1)


NORMS = {"none": (LinearG(), LinearD()), "ours": (LinearG(True), LinearD(True)), "Flax's": (FlaxNormG(), FlaxNormD())}


ORDERS = ("d_first", "g_first", "simultaneous")


@pytest.mark.long
@pytest.mark.parametrize(
    ("norm", "order"),
    [
        ("Flax's", "simultaneous"),
        *long(*((norm, order) for norm in NORMS for order in ORDERS if (norm, order) != ("Flax's", "simultaneous"))),
    ],
)
def test_devices_end_with_the_same_state_to_the_bit(norm, order):
    """All passes, latents and statistics in one program; a custom batch norm knows nothing of other devices."""
    rules = [
        {"d_passes": passes, "latents": latents, "g_stats_for_d": stats, "d_stats_in_g": stats}
        for passes, latents, stats in (
            ("joint", "fresh", "batch"),
            ("separate", "fresh", "batch"),
            ("two_steps", "fresh", "batch"),
            ("joint", "shared", "batch"),
            ("separate", "shared", "running"),
        )
    ]
    g, d = NORMS[norm]
    made = [make(order=order, **rule) for rule in rules]
    gans = [dataclasses.replace(gan, generator=g, discriminator=d) for gan, _ in made]
    states = [create_state(gan, optax.sgd(RATE), optax.sgd(RATE), jax.random.key(0)) for gan in gans]

    def steps(states, images, labels):
        return [make_train_step(gan)(state, images, labels)[0] for gan, state in zip(gans, states, strict=True)]

    images, labels = batch()
    shares = images.reshape(2, 1, BATCH // 2, 2, 2, 1), labels.reshape(2, 1, BATCH // 2)
    for rule, new in zip(
        rules, jax.pmap(steps, axis_name=axis.NAME, in_axes=(None, 0, 0))(states, *shares), strict=True
    ):
        for path, leaf in jax.tree.leaves_with_path(new.replace(key=jax.random.key_data(new.key))):
            np.testing.assert_array_equal(leaf[0], leaf[1], err_msg=f"{rule} {jax.tree_util.keystr(path)}")


@pytest.mark.long
@pytest.mark.parametrize(
    ("parts", "rule"),
    [
        ({"penalties": {"wgan_gp": 1.0, "r1": 1.0, "approx_r2": 1.0}, "penalty_interval": 3}, {"d_steps": 2}),
        (
            {"lecam": 0.3, "augment_target": 0.6, "augment": ",".join(augmentation.OPERATIONS)},
            {"accuracy_stats": "running"},
        ),
        (
            {"augment": "translation,color,cutout", "microbatches": 2, "ema_stds": (0.05, 0.1)},
            {"d_passes": "two_steps"},
        ),
        *long(
            ({"penalties": {"zero_centred": 1.0, "r2": 1.0}, "penalty_interval": 3}, {"order": "simultaneous"}),
            ({"penalties": {"wgan_gp": 1.0, "zero_centred": 1.0}, "burn_in": BurnIn(images=9, penalty=2.0)}, {}),
            ({"penalties": {"wgan_gp": 1.0}, "penalty_interval": 2, "ema_half_life": 10.0, "ema_ramp": 0.5}, {}),
        ),
    ],
)
def test_every_number_names_its_dtype(parts, rule):
    """Whatever JAX is told of wide numbers and of promotion, states and metrics are as without."""
    parts, norm = dict(parts), "penalties" not in parts  # which need images to be judged on their own
    if "penalties" in parts:
        parts["penalties"] = penalties.from_weights(parts["penalties"])
    if "augment" in parts:
        parts["augment"] = augmentation.from_policy(parts["augment"])

    def shapes():
        gan, _ = make(norm=norm, classes=3, parts=parts, **rule)
        optimiser = optax.adam(RATE)
        state = jax.eval_shape(lambda: create_state(gan, optimiser, optimiser, jax.random.key(0)))
        images, labels = batch(gan.rule.d_steps)
        new, metrics = jax.eval_shape(make_train_step(gan), state, images, labels)
        leaves = [state, new.replace(g=new.g.replace(tx=None), d=new.d.replace(tx=None)), metrics]
        return [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(leaves)]

    expected = shapes()
    for told in jax.enable_x64(True), jax.numpy_dtype_promotion("strict"):
        with told:
            assert shapes() == expected
