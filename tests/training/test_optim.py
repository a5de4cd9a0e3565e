import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import config as config_lib
from jaxgan.training.burn_in import BurnIn
from jaxgan.training.optim import make_optimiser, make_schedule, scale_by_adam_tf, shared_counter


def section(**fields):
    config = config_lib.default().optim.g
    config.update(fields)
    return config


def run(optimiser, grads, start):
    params, state = jnp.asarray(start), optimiser.init(jnp.asarray(start))
    for grad in grads:
        updates, state = optimiser.update(jnp.asarray(grad), state, params)
        params = optax.apply_updates(params, updates)
    return np.asarray(params)


GRADS = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
START = np.ones(4, np.float32)


def test_tf_adam_first_step_is_the_closed_form():
    lr, b2, eps = 2e-4, 0.999, 1e-2
    g = np.array([3.0, -0.5, 1e-3], np.float32)
    optimiser = make_optimiser(section(name="adam_tf", b1=0.5, eps=eps), optax.constant_schedule(lr))
    updates, _ = optimiser.update(jnp.asarray(g), optimiser.init(jnp.zeros(3)))
    expected = -lr * np.sqrt(1 - b2) * g / (np.sqrt(1 - b2) * np.abs(g) + eps)
    np.testing.assert_allclose(updates, expected, rtol=1e-4)


@pytest.mark.parametrize("name", ["adam", "adamw", "adam_tf", "sgd"])
def test_updates_are_float32_where_jax_is_told_of_wide_numbers(name):
    rate = make_schedule(section(schedule="cosine"), 10.0, 100, BurnIn(images=9, learning_rate=2.0), 8.0)
    optimiser = make_optimiser(section(name=name, weight_decay=0.1), rate)
    with jax.enable_x64(True):
        state = jax.eval_shape(optimiser.init, START)
        updates, new = jax.eval_shape(optimiser.update, START, state, START)
    assert updates.dtype == np.float32
    assert [x.dtype for x in jax.tree.leaves(new)] == [x.dtype for x in jax.tree.leaves(state)]


def test_tf_adam_is_adam_with_epsilon_that_shrinks():
    b1, b2, eps = 0.5, 0.999, 1e-3
    tf = scale_by_adam_tf(b1, b2, eps)
    state = tf.init(jnp.zeros(4))
    m = v = np.zeros(4)
    for t, g in enumerate(GRADS, 1):
        updates, state = tf.update(jnp.asarray(g), state)
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        corrected = (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps / np.sqrt(1 - b2**t))
        np.testing.assert_allclose(updates, corrected, rtol=2e-4)


@pytest.mark.parametrize(
    ("fields", "reference"),
    [
        ({"name": "adam", "b1": 0.5}, optax.adam(1e-2, b1=0.5)),
        ({"name": "adamw", "b1": 0.9, "weight_decay": 0.1}, optax.adamw(1e-2, weight_decay=0.1)),
        ({"name": "sgd", "b1": 0.9}, optax.sgd(1e-2, momentum=0.9, nesterov=True)),
    ],
)
def test_optimisers_match_optax(fields, reference):
    ours = make_optimiser(section(**fields), optax.constant_schedule(1e-2))
    np.testing.assert_allclose(run(ours, GRADS, START), run(reference, GRADS, START), rtol=1e-6)


def test_coupled_weight_decay_is_added_to_the_gradient():
    ours = make_optimiser(section(name="sgd", b1=0.0, weight_decay=0.5), optax.constant_schedule(0.1))
    np.testing.assert_allclose(run(ours, GRADS[:1], START), START - 0.1 * (GRADS[0] + 0.5 * START), rtol=1e-6)


def test_step_schedule_halves_every_five_epochs_of_600_steps():
    schedule = make_schedule(section(schedule="step", decay_rate=0.5, decay_epochs=5.0), 600, 12_000)
    rates = [float(schedule(jnp.int32(epoch * 600))) for epoch in (0, 4, 5, 10, 15)]
    np.testing.assert_allclose(rates, [2e-4, 2e-4, 1e-4, 5e-5, 2.5e-5], rtol=1e-6)
    np.testing.assert_allclose(schedule(jnp.int32(2_999)), 2e-4, rtol=1e-6)


def test_exponential_schedule_reaches_the_published_rate():
    schedule = make_schedule(section(learning_rate=2e-3, schedule="exponential", decay_rate=0.99), 10, 5_000)
    np.testing.assert_allclose(schedule(jnp.int32(4_999)), 1.327e-5, rtol=1e-3)
    np.testing.assert_allclose(schedule(jnp.int32(999)), 7.4e-4, rtol=2e-3)


def test_cosine_schedule_warms_up_and_ends_low():
    config = section(schedule="cosine", warmup_epochs=1.0, final_scale=0.01)
    schedule = make_schedule(config, 10, 100)
    np.testing.assert_allclose([schedule(0), schedule(10), schedule(100)], [2e-5, 2e-4, 2e-6], rtol=1e-5)
    np.testing.assert_allclose(schedule(55), (2e-4 + 2e-6) / 2, rtol=1e-4)


def test_schedules_compile():
    schedule = make_schedule(section(schedule="step", decay_rate=0.5), 468.75, 100)
    np.testing.assert_allclose(jax.jit(schedule)(jnp.int32(469)), 1e-4, rtol=1e-6)


def test_a_burn_in_is_a_factor_on_any_schedule():
    config = section(schedule="step", decay_rate=0.5)
    burn_in = BurnIn(images=1_000, learning_rate=4.0)
    plain, scaled = make_schedule(config, 10, 100), make_schedule(config, 10, 100, burn_in, images=50)
    ratios = [float(scaled(jnp.int32(n)) / plain(jnp.int32(n))) for n in (0, 10, 20, 99)]
    np.testing.assert_allclose(ratios, [4, 2.5, 1, 1], rtol=1e-5)


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_b2_moves_as_adam_with_other_settings_at_each_update(name):
    """PyTorch's loop of R3GAN writes new betas into its optimiser before each update."""
    b1, eps, burn_in = 0.3, 1e-8, BurnIn(images=100, b2=0.9)
    fields = section(name=name, b1=b1, b2=0.99, eps=eps)
    ours = run(make_optimiser(fields, optax.constant_schedule(0.1), burn_in=burn_in, images=20), GRADS, START)
    w, m, v = START.astype(np.float64), 0.0, 0.0
    for n, g in enumerate(GRADS.astype(np.float64)):
        b2 = 0.99 - 0.09 * (1 + np.cos(np.pi * min(n * 20 / 100, 1))) / 2
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        w -= 0.1 * (m / (1 - b1 ** (n + 1))) / (np.sqrt(v / (1 - b2 ** (n + 1))) + eps)
    np.testing.assert_allclose(ours, w, rtol=1e-4)


def test_b2_that_an_optimiser_does_not_know_is_refused():
    with pytest.raises(ValueError, match="only adam and adamw know"):
        make_optimiser(section(name="sgd"), optax.constant_schedule(0.1), burn_in=BurnIn(images=1, b2=0.9))


def test_unknown_optimiser_is_named():
    with pytest.raises(ValueError, match='Did you mean "adam"'):
        make_optimiser(section(name="adem"), optax.constant_schedule(1.0))


def test_a_shared_counter_counts_every_update_once():
    d, g = shared_counter(0, 2, 1), shared_counter(2, 1, 0)
    assert [int(d(jnp.int32(n))) for n in (1, 2, 3, 4)] == [1, 2, 4, 5]
    assert [int(g(jnp.int32(n))) for n in (1, 2, 3)] == [3, 6, 9]


def test_adam_with_a_shared_counter_is_one_adam_over_both_networks():
    b1, b2, eps = 0.5, 0.999, 1e-3
    ours = scale_by_adam_tf(b1, b2, eps, shared_counter(2, 1, 0))
    state, m, v = ours.init(jnp.zeros(4)), 0.0, 0.0
    for n, grad in enumerate(GRADS, 1):
        updates, state = ours.update(jnp.asarray(grad), state)
        m, v, t = b1 * m + (1 - b1) * grad, b2 * v + (1 - b2) * grad**2, 3 * n
        np.testing.assert_allclose(updates, np.sqrt(1 - b2**t) / (1 - b1**t) * m / (np.sqrt(v) + eps), rtol=2e-4)
