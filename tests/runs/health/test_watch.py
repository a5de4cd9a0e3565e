"""The watch, on recorded rows of real runs and on runs made here, healthy ones and some that are made to collapse."""

import functools
import importlib

import jax
import numpy as np
import pytest
from long_form import HOURS, LONG
from scipy.spatial import distance

from jaxgan import data
from jaxgan.base import machine
from jaxgan.base.pixels import to_uint8
from jaxgan.data.memory import InMemory
from jaxgan.runs.health.watch import DIVERSITY, MOST, NEAREST, Watch, diversity
from jaxgan.runs.setup import create_setup
from jaxgan.sampling import sampler
from jaxgan.training.gan import generator_params
from jaxgan.training.step import make_train_step

# ---- Diversity ----------------------------------------------------------------------------------------------------


IMAGES = np.random.default_rng(0).integers(0, 256, (16, 5, 4, 3), np.uint8)


def measures(pictures):
    pairs = distance.pdist(pictures.reshape(len(pictures), -1).astype(float))
    square = distance.squareform(pairs) + np.diag([np.inf] * len(pictures))
    return np.sqrt(np.square(pairs).mean()), square.min(0).mean()


def test_diversity_is_what_scipy_says():
    samples = (IMAGES // 3 + 10)[::-1]
    found = diversity(samples, IMAGES)
    expected = np.divide(measures(samples), measures(IMAGES))
    np.testing.assert_allclose([found[DIVERSITY], found[NEAREST]], expected, rtol=1e-9)


def test_diversity_of_real_images_is_one_and_of_one_image_zero():
    assert diversity(IMAGES, IMAGES) == {DIVERSITY: 1, NEAREST: 1}
    assert diversity(np.repeat(IMAGES[:1], 16, 0), IMAGES) == {DIVERSITY: 0, NEAREST: 0}


def test_the_nearest_neighbour_shows_what_pairs_do_not():
    few = np.repeat(IMAGES[:4], 4, 0)
    found = diversity(few, IMAGES)
    assert found[DIVERSITY] > 0.8
    assert found[NEAREST] == 0


def test_a_large_grid_takes_no_more_memory():
    samples, real = np.random.default_rng(0).integers(0, 256, (2, 50_000, 2, 2, 1), np.uint8)
    assert diversity(samples, real) == diversity(samples[:MOST], real[:MOST])


@pytest.mark.parametrize("samples", [IMAGES[:8], IMAGES[..., :1]])
def test_what_cannot_be_compared_is_said(samples):
    with pytest.raises(ValueError, match="expected the same, N > 1"):
        diversity(samples, IMAGES)


# ---- Rows ---------------------------------------------------------------------------------------------------------


def kinds(rows, **how):
    """Return (step, kind) of all that a watch says."""
    watch = Watch(**how)
    return [(finding.step, finding.kind) for row in rows for finding in watch.update(row)]


def recorded(text, *names):
    return [dict(zip(("step", *names), map(float, line.split()), strict=True)) for line in text.strip().splitlines()]


MLP = recorded(
    """
    500 3.010 0.239 0.162 0.077 0.983 0.003
    1000 3.380 0.093 0.051 0.042 0.998 0
    1500 3.654 0.071 0.034 0.037 0.997 0
    2000 4.097 0.067 0.034 0.033 0.995 0
    2500 4.796 0.035 0.019 0.017 0.998 0
    3000 5.344 0.015 0.008 0.007 0.999 0
    3500 5.118 0.020 0.010 0.011 0.999 0
    4000 3.598 0.096 0.046 0.051 0.991 0.001
    4500 4.343 0.048 0.025 0.023 0.996 0
    10000 3.800 0.200 0.110 0.090 0.965 0.020
    40000 2.893 0.439 0.244 0.195 0.910 0.067
    70000 2.966 0.434 0.230 0.203 0.911 0.072
    """,
    *("g/loss", "d/loss", "d/loss_real", "d/loss_fake", "d/acc", "g/acc"),
)
DCGAN = recorded(
    """
    67 0.620 0.682 0.527 0.837 0.494 0.899
    134 0.646 0.692 0.590 0.793 0.483 0.843
    201 0.682 0.687 0.630 0.744 0.535 0.588
    268 0.673 0.691 0.638 0.743 0.515 0.629
    402 0.701 0.690 0.675 0.705 0.522 0.462
    804 0.718 0.683 0.679 0.688 0.578 0.331
    1407 0.716 0.687 0.676 0.697 0.546 0.402
    2010 0.720 0.688 0.690 0.686 0.546 0.378
    """,
    *("g/loss", "d/loss", "d/loss_real", "d/loss_fake", "d/acc", "g/acc"),
)
ACGAN = recorded(
    """
    20 3.177 2.775 2.814 2.735 2.022 2.320 0.115 0.950
    60 2.422 2.134 2.106 2.161 1.460 1.595 0.708 0.015
    100 1.960 1.754 1.834 1.674 1.246 1.119 0.649 0.049
    140 1.539 1.460 1.696 1.225 1.135 0.680 0.675 0.022
    200 1.160 1.151 1.488 0.814 0.949 0.278 0.675 0.020
    240 1.081 1.056 1.395 0.717 0.853 0.187 0.651 0.010
    """,
    *("g/loss", "d/loss", "d/loss_real", "d/loss_fake", "d/class_real", "d/class_fake", "d/acc", "g/acc"),
)
# Of the fixed-latent samples of the same runs.
MLP += recorded("0 0.59 0.76\n5000 0.46 0.46\n10000 0.87 0.80\n40000 0.86 0.91\n70000 0.89 0.97", DIVERSITY, NEAREST)
DCGAN += recorded("0 0.01 0.02\n469 0.91 0.93\n938 1.00 1.03\n1407 0.95 0.99", DIVERSITY, NEAREST)
ACGAN += recorded("0 0.01 0.01\n235 0.71 0.64", DIVERSITY, NEAREST)
DIVERGING = [{"step": 50 * i, "g/loss": 2.0 * 1.2**i, "d/loss": 0.5, "d/acc": 0.7, "g/acc": 0.3} for i in range(1, 40)]


@pytest.mark.parametrize(("rows", "weight"), [(MLP, 0.0), (DCGAN, 0.0), (ACGAN, 1.0)], ids=["mlp", "dcgan", "acgan"])
def test_recorded_healthy_runs_leave_it_silent(rows, weight):
    assert kinds(sorted(rows, key=lambda row: row["step"]), class_weight=weight) == []


def test_it_says_each_thing_once_and_again_when_it_becomes_serious():
    rows = [{"step": 100 * i, DIVERSITY: 0.05, "g/loss": float("nan")} for i in range(1, 30)]
    watch = Watch()
    said = [(f.step, f.kind, f.severity) for row in rows for f in watch.update(row)]
    assert said == [(100, "not_finite", "error"), (300, "alike", "warning"), (1_000, "alike", "error")]


def test_divergence():
    assert [kind for _, kind in kinds(DIVERGING)] == ["exploded"]


def test_where_zero_means_nothing_accuracies_are_no_evidence():
    rows = [{"step": 500 * i, "g/loss": 12.0, "d/acc": 1.0} for i in range(1, 9)]
    assert [kind for _, kind in kinds(rows)] == ["certain"]
    assert kinds(rows, undecided=None) == []


def test_scores_of_evaluations_come_as_rows_of_their_own():
    scores = [80.0, 49, 90, 120, 137]
    rows = [
        row for i, s in enumerate(scores, 1) for row in ({"step": 100 * i, "d/acc": 0.7}, {"step": 100 * i, "fd": s})
    ]
    assert kinds(rows, metric="fd") == [(500, "worse")]
    assert kinds(rows) == []


@pytest.mark.parametrize("cut", [1, 5, 6, 7, 20])
def test_a_resumed_run_comes_to_the_same_state(cut):
    rows = [row | {DIVERSITY: 0.9 if i < 6 else 0.1, NEAREST: 0.05} for i, row in enumerate(DIVERGING)]
    whole = kinds(rows)
    assert len(whole) >= 3
    watch = Watch()
    for row in rows[:cut]:
        watch.update(row)
    after = [(f.step, f.kind) for row in rows[cut:] for f in watch.update(row)]
    assert after == [one for one in whole if one[0] > rows[cut - 1]["step"]]


def test_the_columns_of_a_step_may_come_apart():
    rows = [row | {DIVERSITY: 0.05, NEAREST: 0.5} for row in DIVERGING]
    parts = []
    for row in rows:
        pictures = {"step": row["step"], DIVERSITY: row[DIVERSITY], NEAREST: row[NEAREST]}
        parts += [pictures, {name: value for name, value in row.items() if name not in pictures or name == "step"}]
    assert sorted(kinds(parts)) == sorted(kinds(rows))


# ---- Whole runs ---------------------------------------------------------------------------------------------------


@functools.cache
def digits():
    """Return 4,096 digits in 14x14 pixels."""
    images, _ = data.open_source(importlib.import_module("dcgan").get_config().data).read(np.arange(4096))
    small = images.reshape(-1, 14, 2, 14, 2).mean((2, 4))
    return InMemory(small.round().astype(np.uint8)[..., None], None, None)


def train(name, steps, *, lr=1.0, d_lr=1.0, seed=0, every=20, **model):
    """Train a small GAN and return what the watch says of it, as {kind: step}."""
    config = importlib.import_module(name).get_config()
    config.seed, config.data.batch_size = seed, 32 if name == "small_dcgan" else 64
    config.model.update(model)
    config.optim.g.learning_rate *= lr
    config.optim.d.learning_rate *= lr * d_lr
    source = digits()
    setup = create_setup(config, source, jax.local_devices()[:1])
    options = machine.compiler_options()
    step = jax.jit(make_train_step(setup.gan), donate_argnums=0, compiler_options=options)

    @functools.partial(jax.jit, compiler_options=machine.compiler_options(seldom=True))
    def draw(variables):
        return to_uint8(sampler.sample(generator_params(setup.gan, variables), jax.random.key(7), num=32))

    state, watch, window, said = setup.new_state(), Watch(), [], {}
    batches = setup.plan.indices(0, steps)
    for i, batch in enumerate(batches, 1):
        state, metrics = step(state, source.images[batch][None], source.labels[batch][None])
        window.append(metrics)
        if i % every == 0:
            means = jax.tree.map(lambda *values: float(np.mean(values)), *jax.device_get(window))
            row = {"step": i, **means, **diversity(np.asarray(draw(state.ema)), source.images[:32])}
            said |= {finding.kind: finding.step for finding in watch.update(row)}
            window = []
    return said


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "steps", "seed"),
    [
        ("gan_mlp", 400, 0),
        pytest.param("small_dcgan", 400, 0, marks=LONG),
        *(pytest.param("gan_mlp", 6_000, seed, marks=HOURS) for seed in (1, 2, 3)),
        *(pytest.param("small_dcgan", 2_000, seed, marks=HOURS) for seed in (1, 2, 3)),
    ],
)
def test_it_is_silent_while_a_gan_learns(name, steps, seed):
    assert train(name, steps, seed=seed) == {}


@pytest.mark.long
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=HOURS), pytest.param(2, marks=HOURS)])
@pytest.mark.parametrize(
    ("name", "steps", "how", "kind"),
    [
        pytest.param("gan_mlp", 600, {"lr": 30}, "certain", marks=LONG),
        ("gan_mlp", 400, {"d_lr": 0}, "fooled"),
        pytest.param("small_dcgan", 400, {"d_lr": 0}, "fooled", marks=LONG),
        pytest.param("small_dcgan", 300, {"norm": False}, "duplicates", marks=LONG),
    ],
    ids=["rate", "frozen", "frozen_dcgan", "no_norm"],
)
def test_it_speaks_when_a_gan_is_made_to_collapse(name, steps, how, kind, seed):
    assert kind in train(name, steps, seed=seed, **how)


def test_data_that_are_uneven_are_no_collapse():
    rows = [{"step": step, "eval/class_entropy": 0.469} for step in range(100, 1_300, 100)]  # of 90 % and 10 %
    for entropy, expected in (0.47, []), (1.0, ["warning", "error"]):
        watch = Watch(class_entropy=entropy)
        assert [finding.severity for row in rows for finding in watch.update(row)] == expected
