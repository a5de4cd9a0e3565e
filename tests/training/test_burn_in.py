import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.training.burn_in import NO_BURN_IN, BurnIn


def test_half_a_cosine_in_images():
    seen = 2e6 * np.array([0, 0.25, 0.5, 0.75, 1, 3])
    values = [float(BurnIn(images=2_000_000).value(1.0, 0.1, t)) for t in seen]
    np.testing.assert_allclose(values, [1, 0.868198, 0.55, 0.231802, 0.1, 0.1], atol=1e-6)


def test_what_does_not_change_stays_a_python_number():
    assert NO_BURN_IN.value(10.0, 1.0, jnp.float32(0)) == 1.0
    assert BurnIn(images=100).value(1.0, 1.0, jnp.float32(0)) == 1.0


def test_what_cannot_be_meant_is_refused():
    with pytest.raises(ValueError, match=r"burn_in\.penalty is -1"):
        BurnIn(penalty=-1)
