import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.spatial

import jaxgan


def test_spherical_walks_are_scipys():
    a, b = jax.random.normal(jax.random.key(0), (2, 4, 3))
    ours = jaxgan.interpolate(a, b, 6, spherical=True)
    for start, stop, walk in zip(a, b, ours, strict=True):
        unit = [np.asarray(x, np.float64) / np.linalg.norm(np.asarray(x, np.float64)) for x in (start, stop)]
        arc = scipy.spatial.geometric_slerp(*unit, np.linspace(0, 1, 6))
        # On the unit sphere the weights are the same; here each end keeps its own length.
        weights = np.linalg.lstsq(np.stack(unit, 1), arc.T, rcond=None)[0].T
        np.testing.assert_allclose(walk, weights @ np.stack([start, stop]), atol=1e-5)


def test_linear_walks_and_walks_on_one_ray_are_straight():
    a, b = jnp.asarray([[1.0, 0.0]]), jnp.asarray([[3.0, 0.0]])
    for spherical in (False, True):
        walk = jaxgan.interpolate(a, b, 3, spherical=spherical)
        np.testing.assert_allclose(walk, [[[1, 0], [2, 0], [3, 0]]], atol=1e-6)


def test_a_latent_of_zeros_has_a_walk():
    walk = jaxgan.interpolate(jnp.zeros((1, 2)), jnp.asarray([[3.0, 4.0]]), 3, spherical=True)
    assert jnp.isfinite(walk).all()
    np.testing.assert_allclose(walk[0, -1], [3, 4], atol=1e-6)


def test_ends_of_different_shapes_and_walks_without_points_are_refused():
    with pytest.raises(jaxgan.UserError, match=r"from latents \(1, 2\) to \(1, 3\); expected the same shape twice"):
        jaxgan.interpolate(jnp.zeros((1, 2)), jnp.zeros((1, 3)), 3, spherical=False)
    with pytest.raises(jaxgan.UserError, match="num is 0; expected a value at least 1"):
        jaxgan.interpolate(jnp.zeros((1, 2)), jnp.zeros((1, 2)), 0, spherical=False)


def test_whole_numbers_have_no_points_between_them_and_are_refused():
    with pytest.raises(jaxgan.UserError, match="from int32 to float32; expected floats, such as latents"):
        jaxgan.interpolate(jnp.zeros((1, 2), jnp.int32), jnp.ones((1, 2)), 3, spherical=False)


@pytest.mark.parametrize(
    ("start", "stop"),
    [([1.0, 2.0], [1.0, 2.0]), ([1.0, 2.0], [3.0, 6.0]), ([1.0, 2.0], [-1.0, -2.0]), ([0.0, 0.0], [3.0, 4.0])],
)
def test_gradients_of_walks_without_an_arc_are_those_of_the_straight_line(start, stop):
    a, b = jnp.asarray([start]), jnp.asarray([stop])

    def end(a, b):
        return jaxgan.interpolate(a, b, 5, spherical=True)[:, -1].sum()

    for gradient, expected in zip(jax.grad(end, (0, 1))(a, b), (0.0, 1.0), strict=True):
        np.testing.assert_allclose(gradient, jnp.full_like(a, expected), atol=1e-6)


def test_gradients_of_arcs_are_finite_differences():
    a, b, way = jax.random.normal(jax.random.key(0), (3, 2, 3))

    def total(a):
        return (jaxgan.interpolate(a, b, 5, spherical=True) ** 2).sum()

    slope = (total(a + 1e-2 * way) - total(a - 1e-2 * way)) / 2e-2
    np.testing.assert_allclose(jnp.vdot(jax.grad(total)(a), way), slope, rtol=2e-2)


def test_a_single_latent_needs_its_axis():
    z = jnp.ones(5)
    with pytest.raises(ValueError, match=r"from latents \(5,\); expected \[N, \.\.\.\], such as z\[:1\]"):
        jaxgan.interpolate(z, -z, 3, spherical=True)
