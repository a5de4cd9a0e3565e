import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_expit

from jaxgan.objectives import losses


def test_non_saturating_is_binary_cross_entropy():
    logits = np.linspace(-30, 30, 61, dtype=np.float32)
    loss = losses.get("non_saturating")
    np.testing.assert_allclose(loss.d_real(jnp.asarray(logits)), -log_expit(logits), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(loss.d_fake(jnp.asarray(logits)), -log_expit(-logits), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(loss.g(jnp.asarray(logits)), -log_expit(logits), rtol=1e-5, atol=1e-7)


def test_losses_are_finite_far_out():
    logits = jnp.asarray([-1e30, 1e30])
    loss = losses.get("non_saturating")
    assert all(np.isfinite(f(logits)).all() for f in (loss.d_real, loss.d_fake, loss.g))


def test_undecided_discriminator_loses_log_two():
    loss = losses.get("non_saturating")
    np.testing.assert_allclose(loss.d_real(jnp.zeros(1)) + loss.d_fake(jnp.zeros(1)), 2 * np.log(2), rtol=1e-6)


def test_unknown_loss_is_named():
    with pytest.raises(ValueError, match=r'config\.loss is .non_saturatin.; .*Did you mean "non_saturating"'):
        losses.get("non_saturatin")
