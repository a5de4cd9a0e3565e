#!/usr/bin/env bash
# optax's adaptive_grad_clip works along the wrong axis of Equinox's layers: one unit's outlier stops all others.
#
# Common guess: adaptive_grad_clip compares each output unit's gradient with this unit's weights, as the paper says,
#   and optax does not care which library the layer is from.
# Seen (optax 0.2.8, Equinox 0.13.8): it takes axis 0 of a matrix and axes 0 to 2 of a kernel for what belongs to one
#   unit. That fits Flax, whose units are the last axis. Equinox has them first, as PyTorch. There one
#   "unit" is the weights of all outputs for one input, and of a kernel one column of all outputs and inputs. If one of
#   eight units has a gradient 10,000 times larger, the other seven, which need no clipping, shrink 30-fold or more (300
#   in a kernel), while in Flax they stay as they are. Shapes fit, and nothing warns.
# So: adaptive_grad_clip(clipping, axis=...): 1 for Equinox's matrices, (1, 2, 3) for its kernels, by optax.partition.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q optax==0.2.8 equinox==0.13.8 jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
cd "$work"
JAX_PLATFORMS=cpu venv/bin/python - << 'PY'
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

key = jax.random.key(0)


def clipped(weight, unit_axis, axis=None):
    """Return how much of each unit's gradient is left, where unit 0 has an outlier."""
    gradient = 1e-4 * jax.random.normal(jax.random.key(1), weight.shape)
    first = [slice(None)] * weight.ndim
    first[unit_axis] = 0
    gradient = gradient.at[tuple(first)].multiply(10_000)
    clip = optax.adaptive_grad_clip(0.01, axis=axis)
    update, _ = clip.update(gradient, clip.init(weight), weight)
    norms = [jnp.linalg.norm(jnp.moveaxis(array, unit_axis, 0).reshape(8, -1), axis=1) for array in (update, gradient)]
    return np.asarray(norms[0] / norms[1])


linear, conv = eqx.nn.Linear(16, 8, key=key).weight, eqx.nn.Conv2d(4, 8, 3, key=key).weight
for name, weight, unit_axis, fixed in [
    ("Linear, as Flax has it", linear.T, -1, None),
    ("Linear of Equinox", linear, 0, 1),
    ("Conv2d, as Flax has it", conv.transpose(2, 3, 1, 0), -1, None),
    ("Conv2d of Equinox", conv, 0, (1, 2, 3)),
]:
    left = clipped(weight, unit_axis)
    print(f"{name} {weight.shape}: left of the outlier {left[0]:.4f}, of the other units at most {left[1:].max():.4f}")
    assert left[0] < 0.1
    if fixed is None:
        assert np.allclose(left[1:], 1)
    else:
        assert left[1:].max() < 0.1
        right = clipped(weight, unit_axis, fixed)
        assert right[0] < 0.1 and np.allclose(right[1:], 1)
PY
