"""Layers as PyTorch documents them, NCHW, in NumPy: what networks of PyTorch compute, without PyTorch."""

import numpy as np


def conv_transpose2d(x, weight, bias, stride, padding, output_padding):
    """x [B, I, H, W] and weight [I, O, k, k]: each pixel adds its multiple of the kernel at s times its place."""
    (batch, _, height, width), (_, out, k, _) = x.shape, weight.shape
    y = np.zeros((batch, out, (height - 1) * stride + k + output_padding, (width - 1) * stride + k + output_padding))
    for i, j in np.ndindex(height, width):
        y[:, :, i * stride : i * stride + k, j * stride : j * stride + k] += np.einsum(
            "bi,iokl->bokl", x[:, :, i, j], weight
        )
    y = y[:, :, padding : y.shape[2] - padding, padding : y.shape[3] - padding]
    return y + bias.reshape(1, -1, 1, 1)


def conv2d(x, weight, bias, padding):
    """x [B, I, H, W] and weight [O, I, k, k], stride 1."""
    k = weight.shape[-1]
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), (2, 3))
    return np.einsum("bihwkl,oikl->bohw", windows, weight) + bias.reshape(1, -1, 1, 1)


def batch_norm(x, state, name, epsilon):
    """Normalise by running statistics; weight and bias may be missing, as with affine=False."""
    mean, var = state[f"{name}.running_mean"], state[f"{name}.running_var"]
    scale, shift = state.get(f"{name}.weight", np.ones_like(mean)), state.get(f"{name}.bias", np.zeros_like(mean))
    gain = scale / np.sqrt(var + epsilon)
    shape = (1, -1, *(1,) * (x.ndim - 2))
    return x * gain.reshape(shape) + (shift - mean * gain).reshape(shape)


def leaky_relu(x, slope):
    return np.where(x > 0, x, slope * x)
