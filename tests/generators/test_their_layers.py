"""Layers of PyTorch that keep their weights in parts."""

import numpy as np
import pytest

from jaxgan.generators.their_layers import convert, layers_of

RNG = np.random.default_rng(0)


def as_named(kind, **arrays):
    """Names of the older functions, and of parametrizations."""
    old = {f"up.weight_{key}": array for key, array in arrays.items()}
    new = {"g": "original0", "v": "original1", "orig": "original"}
    if kind == "spectral":
        new = {"orig": "original", "u": "0._u", "v": "0._v"}
    return old, {f"up.parametrizations.weight.{new[key]}": array for key, array in arrays.items()}


@pytest.mark.parametrize("wide", [True, False])
def test_weight_norm_is_multiplied_out(wide):
    """PyTorch keeps one length for each index of the first axis, or one for all."""
    v = RNG.standard_normal((5, 3, 4, 4))
    g = RNG.uniform(1, 2, (5, 1, 1, 1)) if wide else np.array(2.5)
    for named in as_named("weight", g=g, v=v):
        (layer,) = layers_of({**named, "up.bias": np.ones(5)}).values()
        kernel = convert("Conv", layer, None)["kernel"]
        assert kernel.shape == (4, 4, 3, 5)
        lengths = np.sqrt(np.sum(kernel**2, axis=(0, 1, 2) if wide else None))
        np.testing.assert_allclose(lengths, g.ravel() if wide else 2.5)
        one = kernel[..., 0] / v[0].transpose(1, 2, 0)
        np.testing.assert_allclose(one, one.flat[0])  # only its length differs


@pytest.mark.parametrize(("kind", "axis"), [("Conv", 0), ("ConvTranspose", 1), ("Dense", 0)])
def test_spectral_norm_is_multiplied_out(kind, axis):
    """As a matrix, of the outputs' axis and all others, the kernel has the largest singular value 1."""
    shape = (6, 6) if kind == "Dense" else (6, 6, 3, 3)
    weight = RNG.standard_normal(shape)
    rows = np.moveaxis(weight, axis, 0).reshape(6, -1)
    u, values, v = np.linalg.svd(rows, full_matrices=False)
    for named in as_named("spectral", orig=weight, u=u[:, 0], v=v[0]):
        (layer,) = layers_of(named).values()
        kernel = convert(kind, layer, None)["kernel"]
        outputs_last = kernel.reshape(-1, 6)
        np.testing.assert_allclose(np.linalg.norm(outputs_last, 2), 1)
        np.testing.assert_allclose(np.abs(kernel).sum(), np.abs(weight).sum() / values[0])


def test_counters_of_averaged_models_and_norms_are_no_layers():
    state = {"n_averaged": np.array(3), "module.bn.weight": np.ones(2), "module.bn.num_batches_tracked": np.array(5)}
    assert [*layers_of(state)] == ["module.bn"]


def test_the_bias_of_a_transposed_convolution_of_one_pixel_is_spread_over_the_map():
    layer = {"weight": RNG.standard_normal((7, 2, 3, 3)), "bias": np.array([1.0, 2.0])}
    made = convert("Dense", layer, (3, 3, 2))
    np.testing.assert_array_equal(made["bias"], [1, 2] * 9)
    np.testing.assert_array_equal(made["kernel"].reshape(7, 3, 3, 2), layer["weight"].transpose(0, 2, 3, 1))
