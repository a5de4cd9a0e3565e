"""The forms of a convolution and its two gradients against each other, and kernel gradients against XLA's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.nets import conv as layers
from jaxgan.nets.convolution import xla
from jaxgan.nets.convolution.cpu import forms
from jaxgan.nets.convolution.geometry import Geometry

# The tests are all compilation, and what is compiled runs once.
QUICK = {"xla_backend_optimization_level": 0}
GEOMETRIES = [
    Geometry((6, 7), (3, 3), (1, 1), ((1, 1), (0, 2))),
    Geometry((9, 8), (4, 4), (2, 2), ((1, 1), (1, 1))),
    Geometry((9, 8), (3, 3), (2, 3), ((-1, 1), (0, 2))),
    Geometry((9, 8), (2, 2), (3, 3), ((0, 2), (1, 0))),
    Geometry((9, 8), (3, 3), (1, 1), ((-1, 1), (3, 0))),
]


@pytest.mark.parametrize(("num", "channels"), [(5, (6, 5)), (5, (5, 6)), (5, (2, 6)), (5, (6, 3)), (2, (6, 5))])
@pytest.mark.parametrize("geo", GEOMETRIES)
def test_all_three_give_the_same_number(geo, num, channels):
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        shapes = (num, *geo.size, channels[0]), (*geo.taps, *channels), (num, *geo.outputs, channels[1])
        x, w, g = (jnp.asarray(rng.normal(size=shape)) for shape in shapes)

        def numbers(x, w, g):
            by_g, by_x = forms.forward(geo, x, w), forms.input_grad(geo, w, g)
            return jnp.vdot(by_g, g), jnp.vdot(by_x, x), jnp.vdot(forms.kernel_grad(geo, x, g), w)

        theirs = jnp.vdot(xla.forward(geo, x, w), g)
        np.testing.assert_allclose(jax.jit(numbers, compiler_options=QUICK)(x, w, g), theirs, rtol=1e-12)


@pytest.mark.parametrize(("k", "s", "c", "f"), [(3, 1, 6, 5), (3, 1, 5, 6), (4, 2, 6, 5), (3, 1, 3, 6)])
def test_kernel_gradient_of_many_images_in_pieces(k, s, c, f):
    rng = np.random.default_rng(0)
    shape = 70, 6, 4
    kernel, x = jnp.asarray(rng.normal(size=(k, k, c, f))), jnp.asarray(rng.normal(size=(*shape, c)), jnp.bfloat16)
    function = layers.conv if s == 1 else layers.conv_transpose
    g = jnp.asarray(rng.normal(size=(70, 6 * s, 4 * s, f)), jnp.bfloat16)

    def gradient(form, dtype):
        def run(w):
            with layers.forced(form):
                return function(x.astype(dtype), w, (s, s), "SAME")

        return jax.jit(lambda w: jax.vjp(run, w)[1](g.astype(dtype))[0], compiler_options=QUICK)(kernel.astype(dtype))

    with jax.enable_x64(True):
        kernel = kernel.astype(jnp.float64)
        exact = gradient("lax", jnp.float64)
        np.testing.assert_allclose(gradient("cpu", jnp.float64), exact, atol=1e-10)
        # Of 16 bits only the result, not what is summed over the pieces.
        ours = gradient("cpu", jnp.bfloat16).astype(jnp.float64)
        np.testing.assert_allclose(ours, exact, rtol=2.0**-8, atol=1e-3)
