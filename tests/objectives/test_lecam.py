import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import approx_fprime

from jaxgan.objectives import lecam

LOGITS = {"real": jnp.array([1.0, 3.0]), "fake": jnp.array([-2.0, 0.0, -1.0])}


def test_anchors_follow_the_last_batch_until_they_count():
    anchors = {"real": jnp.float32(100.0), "fake": jnp.float32(-100.0)}
    early = lecam.moved(anchors, LOGITS, jnp.float32(0))
    assert (float(early["real"]), float(early["fake"])) == (2, -1)
    late = lecam.moved(anchors, LOGITS, jnp.float32(1))
    np.testing.assert_allclose([late["real"], late["fake"]], [99.02, -99.01], rtol=1e-6)


def test_a_kind_that_was_not_seen_keeps_its_anchor():
    anchors = {"real": jnp.float32(1.0), "fake": jnp.float32(2.0)}
    moved = lecam.moved(anchors, {"real": LOGITS["real"]}, jnp.float32(0))
    assert float(moved["fake"]) == 2


def test_what_lies_beyond_the_other_anchor_is_squared():
    anchors = {"real": jnp.float32(2.0), "fake": jnp.float32(1.5)}
    # reals: 3 is 1.5 above the fakes' anchor; fakes are 4, 2 and 3 below the reals'
    expected = 1.5**2 / 2 + (16 + 4 + 9) / 3
    assert float(lecam.penalty(anchors, LOGITS)) == pytest.approx(expected)


def test_anchors_have_no_slope():
    def loss(r):
        logits = LOGITS | {"real": r}
        return lecam.penalty(lecam.moved(lecam.initial_anchors(), logits, jnp.float32(0)), logits)

    # At anchors (2, -1): relu(r + 1)^2 has the slope r + 1 each of two.
    np.testing.assert_allclose(jax.grad(loss)(LOGITS["real"]), [2.0, 4.0], rtol=1e-6)


def test_gradients_are_slopes_in_float64():
    place = np.array([1.0, 3.0, -2.0, 0.0, -1.0])
    with jax.enable_x64(True):
        anchors = {"real": jnp.float64(0.6), "fake": jnp.float64(1.5)}

        def value(x):
            return lecam.penalty(anchors, {"real": x[:2], "fake": x[2:]})

        slope = jax.grad(value)(jnp.asarray(place))
        measured = approx_fprime(place, lambda x: float(value(jnp.asarray(x))), 1e-7)
    np.testing.assert_allclose(slope, measured, atol=1e-6)
