"""A batch in parts: the step of the whole batch where images are judged on their own, in less memory."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import small_dcgan
import systems
import tiny
from long_form import long

import jaxgan
from jaxgan import gans
from jaxgan.base.checks import UserError
from jaxgan.base.types import DataInfo
from jaxgan.objectives import losses, penalties
from jaxgan.objectives.augment import augmentation
from jaxgan.training import microbatch
from jaxgan.training.gan import UpdateRule
from jaxgan.training.passes import draw_noise
from jaxgan.training.state import create_state
from jaxgan.training.step import make_train_step

BATCH = 12


def small():
    return systems.build("gan_mlp", shape=(4, 4, 1), hidden=8, latent_size=4)


@functools.cache
def start_of(gan):
    return systems.quick_jit(lambda: create_state(gan, optax.sgd(0.1), optax.sgd(0.1), jax.random.key(0)))()


@functools.cache
def step_of(gan, batch=BATCH, num=1):
    """Make a step and return what moved, with the metrics."""
    rng = np.random.default_rng(0)
    steps = gan.rule.d_steps
    images = rng.integers(0, 256, (steps, batch, *gan.data.image_shape), np.uint8)
    labels = rng.integers(0, gan.num_classes or 1, (steps, batch), np.int32)
    state = start_of(gan)
    gan = dataclasses.replace(gan, microbatches=num)
    run = systems.quick_jit(make_train_step(gan))
    return run(state, images, labels)


@pytest.mark.long
@pytest.mark.parametrize("num", [pytest.param(2, marks=pytest.mark.long), 12])
@pytest.mark.parametrize(
    ("loss", "rule"),
    [
        ("rpgan", {"order": "d_first", "latents": "shared", "d_steps": 2}),
        *long(
            ("non_saturating", {"order": "simultaneous", "latents": "shared", "d_passes": "separate"}),
            ("non_saturating", {"order": "d_first", "d_passes": "two_steps"}),
            ("hinge", {"order": "g_first", "accuracy_stats": "running"}),
        ),
    ],
)
def test_steps_are_those_of_the_whole_batch(loss, rule, num):
    gan = dataclasses.replace(small(), loss=losses.get(loss), rule=UpdateRule(**rule))
    if rule.get("d_passes") != "two_steps":
        gan = dataclasses.replace(gan, penalties=penalties.from_weights({"r1": 0.1, "r2": 0.2}))
    (whole, metrics), (parts, same) = step_of(gan), step_of(gan, num=num)
    for net in "g", "d":
        before = getattr(start_of(gan), net).params
        for old, a, b in zip(
            *(jax.tree.leaves(x) for x in (before, getattr(whole, net).params, getattr(parts, net).params)), strict=True
        ):
            np.testing.assert_allclose(b - old, a - old, atol=1e-6 + 1e-4 * float(jnp.abs(a - old).max()))
    assert set(metrics) == set(same)
    for name, value in metrics.items():
        np.testing.assert_allclose(same[name], value, atol=2e-5, rtol=1e-5, err_msg=name)


@pytest.mark.long
def test_running_statistics_move_once_a_part():
    gan = gans.build(tiny.get_config(), DataInfo((8, 8, 3), 100, None))
    gan = dataclasses.replace(gan, rule=UpdateRule(order="g_first", latents="shared"))
    start = start_of(gan)
    after, _ = step_of(gan, num=3)
    g_key, _ = jax.random.split(jax.random.fold_in(start.key, start.step))
    z = draw_noise(gan, jax.random.split(g_key, 3)[0], BATCH).z
    dense, mean = start.g.params["Dense_0"], np.zeros(16)
    for part in np.split(np.asarray(z) @ np.asarray(dense["kernel"]) + np.asarray(dense["bias"]), 3):
        mean = 0.9 * mean + 0.1 * part.mean(0)
    np.testing.assert_allclose(after.g.batch_stats["BatchNorm_0"]["mean"], mean, atol=1e-5)


def test_parts_have_draws_of_their_own():
    """Dropout and augmentation do not repeat themselves from part to part."""
    seen = []

    def part(state, x, keys):
        seen.append(keys)
        return state, jax.random.uniform(keys[0]), jax.random.uniform(keys[1], x.shape[:1])

    _, value, rows = microbatch.mean(4, part, (), jnp.zeros((8, 2)), [jax.random.key(0), jax.random.key(1)])
    assert rows.shape == (8,)
    assert len(np.unique(np.asarray(rows))) == 8
    expected = np.mean([float(jax.random.uniform(key)) for key in jax.random.split(jax.random.key(0), 4)])
    np.testing.assert_allclose(value, expected, rtol=1e-6)


@pytest.mark.long
def test_maps_of_a_part_are_all_that_is_kept():
    config = small_dcgan.get_config()
    config.model.width = 32
    gan = gans.build(config, DataInfo((14, 14, 1), 100, None))
    gan = dataclasses.replace(gan, augment=augmentation.from_policy("translation", 1.0))
    state = systems.shapes(gan)
    images, labels = jax.ShapeDtypeStruct((1, 128, 14, 14, 1), jnp.uint8), jax.ShapeDtypeStruct((1, 128), jnp.int32)

    def memory(num):
        step = systems.quick_jit(make_train_step(dataclasses.replace(gan, microbatches=num)))
        return step.lower(state, images, labels).compile().memory_analysis().temp_size_in_bytes

    assert memory(8) < memory(1) / 3


@pytest.mark.parametrize(("num", "pack"), [(5, 1), (6, 4)])
def test_parts_that_do_not_divide_the_batch_are_one_sentence(num, pack):
    with pytest.raises(UserError, match=rf"microbatches is {num}, into which the 12 images of a device do not divide"):
        step_of(dataclasses.replace(small(), pack=pack), num=num)


@pytest.mark.long
def test_a_run_takes_it_from_its_config(tmp_path):
    config = tiny.get_config()
    config.train.microbatches = 4
    config.train.num_devices = 1
    jaxgan.train(config, tmp_path)
    assert (tmp_path / "metrics.jsonl").read_text().count("\n") == 3
