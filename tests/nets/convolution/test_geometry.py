"""Sizes and padding of convolutions against the shapes that XLA infers."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from jaxgan.nets.convolution.geometry import Geometry, adjoint, pair

DIMS = ("NHWC", "HWIO", "NHWC")
GEOMETRIES = [
    Geometry((6, 7), (3, 5), (1, 1), ((1, 1), (0, 2))),
    Geometry((9, 8), (4, 2), (2, 3), ((-1, 1), (0, 2))),
]


@pytest.mark.parametrize("geo", GEOMETRIES)
def test_outputs(geo):
    x, w = jnp.zeros((1, *geo.size, 1)), jnp.zeros((*geo.taps, 1, 1))
    y = jax.eval_shape(lambda x, w: lax.conv_general_dilated(x, w, geo.strides, geo.pads, dimension_numbers=DIMS), x, w)
    assert y.shape[1:3] == geo.outputs


def test_exchanged_roles_return_the_input():
    geo = GEOMETRIES[0]
    other = geo.exchanged()
    assert (other.size, other.outputs) == (geo.outputs, geo.size)
    assert other.exchanged() == geo


@pytest.mark.parametrize("padding", ["SAME", "VALID", ((2, 2), (1, 2))])
@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (5, 2)])
def test_adjoint_has_the_output_of_a_transposed_convolution_as_its_input(strides, padding):
    x, w = jnp.zeros((1, 4, 5, 1)), jnp.zeros((4, 3, 1, 1))
    y = jax.eval_shape(lambda x, w: lax.conv_transpose(x, w, strides, padding, dimension_numbers=DIMS), x, w)
    geo = adjoint((4, 5), (4, 3), strides, padding)
    assert geo.size == y.shape[1:3]
    assert geo.outputs == (4, 5)


def test_words_that_are_no_padding():
    with pytest.raises(ValueError, match="padding is 'FULL'; expected one of SAME, VALID"):
        adjoint((4, 4), (3, 3), (1, 1), "FULL")


def test_maps_without_a_pixel():
    assert GEOMETRIES[0].checked() is GEOMETRIES[0]
    with pytest.raises(ValueError, match=r"makes maps of \(0, 1\) from \(2, 2\); expected at least one pixel"):
        Geometry((2, 2), (3, 2), (1, 1), ((0, 0), (0, 0))).checked()


def test_pair():
    assert pair(3) == (3, 3)
    assert pair([1, 2]) == (1, 2)
