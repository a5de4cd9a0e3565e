#!/usr/bin/env bash
# The gradient of a Flax embedding with dtype=bfloat16 stops growing: 4,096 rows of one class count as 256.
#
# Common guess: `Embed(dtype=bfloat16)` with weights in float32 rounds a gradient by half a percent, as a dense layer
#   does, which adds up in float32.
# Seen (Flax 0.12.8, JAX 0.10.2 on a CPU; Linen and NNX, and w[ids] of a bfloat16 array): Flax casts the table before
#   it looks the rows up. So the gradient is a scatter that adds row after row in bfloat16, and small numbers no longer
#   change a large sum. The result is then cast to float32, and looks like any gradient. With 32,768 rows (label maps
#   of eight images of 64 by 64), 10 classes and gradients of one sign, it is 84% too small. The smaller a class, the
#   less it loses, so the balance between the classes changes. Nothing warns.
# So: leave dtype at float32 and cast what the layer returns, or one_hot(ids) @ table.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2 flax==0.12.8 numpy==2.4.6
cd "$work"
JAX_PLATFORMS=cpu venv/bin/python - << 'PY'
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

low = jnp.bfloat16


def linen(ids, weights, classes, dtype):
    """Return the gradient of the sum of the embedded rows, each times its weight."""
    layer = nn.Embed(classes, 4, dtype=dtype)
    state = layer.init(jax.random.key(0), ids)
    return jax.grad(lambda s: (layer.apply(s, ids) * weights).sum())(state)["params"]["embedding"]


def with_nnx(ids, weights, classes):
    layer = nnx.Embed(classes, 4, dtype=low, rngs=nnx.Rngs(0))
    return nnx.grad(lambda m: (m(ids) * weights).sum())(layer)["embedding"][...]


same, ones = jnp.zeros(4096, int), jnp.ones((4096, 4))
dense = jax.grad(lambda w: ((jax.nn.one_hot(same, 2, dtype=low) @ w.astype(low)) * ones).sum())(jnp.ones((2, 4)))
cast = jax.grad(lambda w: (w[same].astype(low) * ones).sum())(jnp.ones((2, 4)))
sums = [float(linen(same, ones, 2, low)[0, 0]), float(with_nnx(same, ones, 2)[0, 0]),
        float(jax.grad(lambda w: w[same].astype(float).sum())(jnp.ones((2, 4), low))[0, 0])]
print("4,096 gradients of 1: Linen, NNX, w[ids]:", sums)
assert sums == [256, 256, 256]
right = [dense, cast, linen(same, ones, 2, None)]
assert all(float(gradient[0, 0]) == 4096 for gradient in right)

ids = jax.random.randint(jax.random.key(0), (32_768,), 0, 10)
weights = jax.nn.relu(1 + 0.3 * jax.random.normal(jax.random.key(1), (32_768, 4))) / 32_768
ratio = np.asarray(linen(ids, weights, 10, low) / linen(ids, weights, 10, None))
print(f"10 classes: {ratio.min():.1%} to {ratio.max():.1%} of the gradient are left")
assert linen(ids, weights, 10, low).dtype == jnp.float32 and ratio.max() < 0.25
rare = jnp.where(jnp.arange(32_768) < 128, 1, 0)
ratio = np.asarray(linen(rare, weights, 2, low) / linen(rare, weights, 2, None)).mean(1)
print(f"a class with 128 rows keeps {ratio[1]:.1%}, one with 32,640 rows {ratio[0]:.1%}")
assert ratio[1] > 0.95 and ratio[0] < 0.1
table = jnp.ones((10, 4))
late = jax.grad(lambda w: (w[ids].astype(low) * weights).sum())(table)
assert np.allclose(late, linen(ids, weights, 10, None), rtol=0.01)
PY
