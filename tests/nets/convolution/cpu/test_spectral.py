"""Fourier forms of the convolution and its gradients against XLA's convolution."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from long_form import long

from jaxgan.nets.convolution.cpu import spectral
from jaxgan.nets.convolution.geometry import Geometry


@pytest.mark.parametrize(
    ("k", "pads", "h", "w"),
    [
        (5, ((2, 2), (2, 2)), 7, 7),
        (4, ((1, 2), (0, 3)), 4, 5),
        (3, ((0, 0), (-1, 2)), 6, 7),
        *long((5, ((2, 2), (1, 3)), 8, 7), (1, ((0, 0), (0, 0)), 3, 2)),
    ],
)
def test_convolution_and_both_gradients(k, pads, h, w):
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        x, kernel = jnp.asarray(rng.normal(size=(3, h, w, 4))), jnp.asarray(rng.normal(size=(k, k, 4, 6)))
        y, pull = jax.vjp(
            lambda x, w: lax.conv_general_dilated(x, w, (1, 1), pads, dimension_numbers=("NHWC", "HWIO", "NHWC")),
            x,
            kernel,
        )
        g = jnp.asarray(rng.normal(size=y.shape))
        by_x, by_kernel = pull(g)
        geo = Geometry((h, w), (k, k), (1, 1), pads)
        np.testing.assert_allclose(spectral.forward(geo, x, kernel), y, atol=1e-12)
        np.testing.assert_allclose(spectral.input_grad(geo, kernel, g), by_x, atol=1e-12)
        np.testing.assert_allclose(spectral.kernel_grad(geo, x, g), by_kernel, atol=1e-12)


def test_pays_for_large_kernels_on_small_maps_with_many_channels_and_images():
    same = Geometry((7, 7), (5, 5), (1, 1), ((2, 2), (2, 2)))
    assert spectral.pays(same, 64, (256, 128))
    assert not spectral.pays(same, 1, (256, 128))
    assert not spectral.pays(same, 64, (256, 1))
    assert not spectral.pays(same._replace(size=(28, 28)), 64, (256, 128))
    assert not spectral.pays(same._replace(taps=(3, 3), pads=((1, 1), (1, 1))), 64, (32, 32))
    assert not spectral.pays(same._replace(strides=(2, 2)), 1000, (256, 128))
