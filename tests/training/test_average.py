import jax.numpy as jnp
import numpy as np

from jaxgan.training.average import average


def test_average_warms_up_and_zero_decay_copies():
    one, zero = {"w": jnp.ones(2)}, {"w": jnp.zeros(2)}
    np.testing.assert_allclose(average(0.999, jnp.int32(0), one, zero)["w"], 0.1, rtol=1e-6)
    np.testing.assert_allclose(average(0.999, jnp.int32(10**6), one, zero)["w"], 0.999, rtol=1e-6)
    np.testing.assert_array_equal(average(0.0, jnp.int32(5), one, zero)["w"], 0.0)
