import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import tiny
from cli import call
from scipy.optimize import approx_fprime
from scipy.special import log_expit

import jaxgan
from jaxgan.objectives import losses
from jaxgan.runs.evaluate import evaluate_run
from jaxgan.runs.record import report

LOGITS = np.linspace(-30, 30, 61, dtype=np.float32)


def d_loss(loss, r, f):
    r, f = jnp.asarray(r, jnp.float32).reshape(-1), jnp.asarray(f, jnp.float32).reshape(-1)
    return float(jnp.mean(loss.d_real(r, f) + loss.d_fake(r, f)))


def g_loss(loss, r, f):
    return float(jnp.mean(loss.g(jnp.asarray(r, jnp.float32).reshape(-1), jnp.asarray(f, jnp.float32).reshape(-1))))


def test_non_saturating_is_binary_cross_entropy():
    loss = losses.get("non_saturating")
    np.testing.assert_allclose(loss.d_real(jnp.asarray(LOGITS), None), -log_expit(LOGITS), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(loss.d_fake(None, jnp.asarray(LOGITS)), -log_expit(-LOGITS), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(loss.g(None, jnp.asarray(LOGITS)), -log_expit(LOGITS), rtol=1e-5, atol=1e-7)
    minimax = losses.get("minimax").g(None, jnp.asarray(LOGITS))
    np.testing.assert_allclose(minimax, log_expit(-LOGITS), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "r", "f", "d", "g"),
    [
        ("non_saturating", 0, 0, 2 * np.log(2), np.log(2)),
        ("non_saturating", 1, -1, 0.626523, 1.313262),
        ("minimax", 0, 0, 2 * np.log(2), -np.log(2)),
        ("hinge", 0, 0, 2.0, 0.0),
        ("hinge", 0.5, -0.5, 1.0, 0.5),
        ("least_squares", 0.5, 0.5, 0.25, 0.125),
        ("wasserstein", 3, 3, 0.0, -3.0),
        ("rpgan", 2, 0, 0.126928, 2.126928),
        ("rpgan", 5, 5, np.log(2), np.log(2)),
        ("ragan", 5, 5, np.log(2), np.log(2)),
        ("ragan_least_squares", 1, 1, 1.0, 1.0),
        ("ragan_hinge", 1, 1, 1.0, 1.0),
    ],
)
def test_published_values(name, r, f, d, g):
    loss = losses.get(name)
    assert d_loss(loss, r, f) == pytest.approx(d, abs=1e-5)
    assert g_loss(loss, r, f) == pytest.approx(g, abs=1e-5)


def test_relativistic_average_is_its_formula():
    rng = np.random.default_rng(0)
    r, f = rng.normal(size=(2, 9)).astype(np.float32)
    d = (-log_expit(r - f.mean()).mean() - log_expit(-(f - r.mean())).mean()) / 2
    g = (-log_expit(f - r.mean()).mean() - log_expit(-(r - f.mean())).mean()) / 2
    assert d_loss(losses.get("ragan"), r, f) == pytest.approx(d, rel=1e-5)
    assert g_loss(losses.get("ragan"), r, f) == pytest.approx(g, rel=1e-5)


@pytest.mark.parametrize("name", losses.LOSSES)
def test_relative_losses_see_differences_only_and_others_one_kind(name):
    loss, logits = losses.get(name), jnp.asarray([0.3, -1.2, 2.0])
    if loss.relative:
        for terms in loss.d_real, loss.d_fake, loss.g:
            total = [float(jnp.sum(terms(logits + c, 2 * logits + c))) for c in (0.0, 7.0)]
            if name != "wasserstein":  # each of its terms moves, their sum does not
                assert total[0] == pytest.approx(total[1], rel=1e-5)
        assert d_loss(loss, logits + 7, 2 * logits + 7) == pytest.approx(d_loss(loss, logits, 2 * logits), abs=1e-5)
    else:
        assert loss.d_real(logits, None).shape == loss.d_fake(None, logits).shape == loss.g(None, logits).shape == (3,)


@pytest.mark.parametrize("name", losses.LOSSES)
def test_gradients_pull_the_logits_the_right_way(name):
    loss = losses.get(name)
    r, f = jnp.asarray([0.2, -0.1]), jnp.asarray([-0.3, 0.4])
    by_r, by_f = jax.grad(lambda r, f: jnp.mean(loss.d_real(r, f) + loss.d_fake(r, f)), (0, 1))(r, f)
    by_g = jax.grad(lambda f: jnp.mean(loss.g(r, f)))(f)
    # Least squares pulls towards 1 and 0, which logits may lie beyond; these do not.
    assert (by_r < 0).all()
    assert by_f.sum() > 0
    assert (by_g < 0).all()


@pytest.mark.parametrize("name", losses.LOSSES)
@pytest.mark.parametrize("terms", ["d_real", "d_fake", "g"])
def test_gradients_are_slopes_in_float64(name, terms):
    term, place = getattr(losses.get(name), terms), np.array([0.7, -1.3, 2.1, -0.4, 1.6, -2.2])  # away from kinks
    with jax.enable_x64(True):

        def total(logits):
            return jnp.sum(term(logits[:3], logits[3:]))

        slope = jax.grad(total)(jnp.asarray(place))
        assert slope.dtype == np.float64
        measured = approx_fprime(place, lambda logits: float(total(jnp.asarray(logits))), 1e-7)
    np.testing.assert_allclose(slope, measured, atol=1e-6)


@pytest.mark.parametrize("name", ["non_saturating", "minimax", "rpgan", "ragan"])
def test_logistic_losses_and_gradients_are_finite_far_out(name):
    loss, logits = losses.get(name), jnp.asarray([-1e30, 1e30])
    for terms in loss.d_real, loss.d_fake, loss.g:
        value, grads = jax.value_and_grad(lambda r, f, terms=terms: jnp.sum(terms(r, f)), (0, 1))(logits, logits[::-1])
        assert np.isfinite([value, *jnp.concatenate(grads)]).all()


@pytest.mark.parametrize("name", ["non_saturating", "minimax"])
def test_a_smoothed_label_is_the_target_of_real_images_only(name):
    smoothed, usual = losses.get(name, 0.1), losses.get(name)
    logits = jnp.asarray(LOGITS)
    entropy = optax.sigmoid_binary_cross_entropy(logits, jnp.full_like(logits, 0.9))
    np.testing.assert_allclose(smoothed.d_real(logits, None), entropy, rtol=1e-5, atol=1e-6)
    assert (smoothed.d_fake, smoothed.g) == (usual.d_fake, usual.g)
    assert float(jax.grad(lambda r: smoothed.d_real(r, None))(np.log(9.0))) == pytest.approx(0, abs=1e-6)


def test_a_loss_without_a_label_is_not_smoothed():
    with pytest.raises(ValueError, match=r"config\.loss, with config\.label_smoothing, is 'rpgan'; expected one of"):
        losses.get("rpgan", 0.1)


def test_unknown_loss_is_named():
    with pytest.raises(ValueError, match=r'config\.loss is .non_saturatin.; .*Did you mean "non_saturating"'):
        losses.get("non_saturatin")


def test_undecided_is_the_value_at_logits_in_the_middle():
    assert losses.get("non_saturating").undecided() == pytest.approx(2 * np.log(2))
    assert losses.get("hinge").undecided() == pytest.approx(2.0)
    assert losses.get("least_squares").undecided() == pytest.approx(0.25)  # at logits of 0.5
    assert losses.get("rpgan").undecided() is None


def test_a_loss_of_your_own_has_a_name():
    own = losses.AdversarialLoss(lambda r, f: jnp.exp(-r), lambda r, f: jnp.exp(f), lambda r, f: jnp.exp(-f))
    config = jaxgan.get_config("gan_mlp")
    config.loss = "exponential"
    data = jaxgan.DataInfo((28, 28, 1), 10)
    with pytest.raises(jaxgan.UserError, match=r"config.loss is 'exponential'; expected one of non_saturating"):
        jaxgan.build(config, data)
    try:
        jaxgan.register_loss("exponential", own)
        own = dataclasses.replace(own, g=lambda r, f: jnp.exp(-f))
        jaxgan.register_loss("exponential", own)  # as when a notebook's cell runs again
        assert jaxgan.build(config, data).loss == own
        again = losses.AdversarialLoss(*[lambda r, f: r + f] * 3)
        jaxgan.register_loss("exponential", again)  # as when a notebook's cell was changed
        assert jaxgan.build(config, data).loss == again
        for name in "hinge", "a loss", "", 5:
            with pytest.raises(jaxgan.UserError, match="letters, digits, _, and none of"):
                jaxgan.register_loss(name, own)
        with pytest.raises(jaxgan.UserError, match=r"the loss .x. is function; expected a jaxgan"):
            jaxgan.register_loss("x", lambda r, f: r)
    finally:
        losses.LOSSES.pop("exponential", None)


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (lambda r, f: r - f, "the loss .own. is function; expected a jaxgan.AdversarialLoss"),
        (
            losses.AdversarialLoss(lambda r, f: r, lambda r, f: f.mean(), lambda r, f: f),
            "d_fake of the loss .own. makes",
        ),
        (
            losses.AdversarialLoss(lambda r, f: r, lambda r, f: f, lambda f: f),
            r"g of the loss .own. fails \(TypeError: ",
        ),
        (losses.AdversarialLoss(lambda r, f: r > 0, lambda r, f: f, lambda r, f: f), "d_real of the loss .own. makes"),
    ],
)
def test_what_is_no_loss_is_refused_when_it_is_registered(loss, said):
    with pytest.raises(jaxgan.UserError, match=said):
        jaxgan.register_loss("own", loss)
    assert "own" not in losses.LOSSES


@pytest.mark.long
def test_a_run_of_such_a_loss_is_read_by_processes_that_do_not_know_it(tmp_path):
    own = losses.AdversarialLoss(lambda r, f: jnp.exp(-r), lambda r, f: jnp.exp(f), lambda r, f: jnp.exp(-f))
    config = tiny.get_config()
    config.loss, config.train.num_steps = "exponential", 2
    try:
        jaxgan.register_loss("exponential", own)
        jaxgan.train(config, tmp_path)
        losses.LOSSES.pop("exponential")  # as in another process
        for mode in "--mode=sample", "--mode=verify", "--mode=summary":
            done = call(mode, f"--workdir={tmp_path}", *(["--trust"] if mode != "--mode=verify" else []))
            assert done.returncode == 0, done.stderr
        evaluate_run(tmp_path, num=12, features="none", trust=True)
        report.report_again(tmp_path, trust=True)
        with pytest.raises(jaxgan.UserError, match=r"config.loss is 'exponential'; expected one of"):
            jaxgan.train(config, tmp_path)
        jaxgan.register_loss("exponential", own)
        config.train.num_steps = 4
        assert int(jaxgan.train(config, tmp_path).step) == 4
    finally:
        losses.LOSSES.pop("exponential", None)
