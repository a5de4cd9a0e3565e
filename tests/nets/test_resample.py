import jax
import jax.numpy as jnp
import numpy as np
from scipy.signal import upfirdn

from jaxgan.nets.resample import downsample, upsample

FILTER = np.array([1.0, 3.0, 3.0, 1.0])


def by_scipy(x, up, down):
    """Filter along both axes; of the full convolution the part that a padding of 1 leaves."""
    for axis in 1, 2:
        size = x.shape[axis] * up // down
        padded = np.pad(x, [(1, 1) if i == axis and down > 1 else (0, 0) for i in range(4)])
        full = upfirdn(FILTER / (4 if up > 1 else 8), padded, up, 1, axis)
        start = 1 if up > 1 else 3
        x = np.take(full, start + down * np.arange(size), axis)
    return x


def test_up_and_down_are_those_of_scipy():
    x = np.random.default_rng(0).normal(size=(2, 6, 4, 3))
    np.testing.assert_allclose(upsample(jnp.asarray(x)), by_scipy(x, 2, 1), atol=1e-5)
    np.testing.assert_allclose(downsample(jnp.asarray(x)), by_scipy(x, 1, 2), atol=1e-5)


def test_beyond_the_border_are_zeros():
    ones = jnp.ones((1, 4, 4, 1))
    np.testing.assert_allclose(upsample(ones)[0, 0, :, 0], 0.75 * np.array([0.75, 1, 1, 1, 1, 1, 1, 0.75]))
    np.testing.assert_allclose(downsample(ones)[0, :, :, 0], np.outer([0.875, 0.875], [0.875, 0.875]))


def test_one_is_the_transpose_of_the_other():
    x, y = jax.random.normal(jax.random.key(0), (1, 8, 6, 2)), jax.random.normal(jax.random.key(1), (1, 4, 3, 2))
    # sum(down(x) y) = sum(x up(y)) / 4
    np.testing.assert_allclose(jnp.sum(downsample(x) * y), jnp.sum(x * upsample(y)) / 4, rtol=1e-4)
