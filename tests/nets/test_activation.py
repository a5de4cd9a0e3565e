import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.nets.activation import leaky_relu


def test_slope():
    x = jnp.asarray([-5.0, -0.5, 0.0, 2.0])
    np.testing.assert_allclose(leaky_relu(x), [-1.0, -0.1, 0.0, 2.0], rtol=1e-6)
    np.testing.assert_allclose(jax.vmap(jax.grad(leaky_relu))(x), [0.2, 0.2, 1.0, 1.0], rtol=1e-6)
