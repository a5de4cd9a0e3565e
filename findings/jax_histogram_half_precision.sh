#!/usr/bin/env bash
# jnp.histogram stops counting at 256 where the numbers are bfloat16, and at 2048 where they are float16.
#
# Common guess: counts are counts, whatever the numbers' dtype; at worst the edges are rounded.
# Seen (jax 0.10.2): the counts have the dtype of the numbers and are added one by one. In bfloat16 256 + 1 is 256, in
#   float16 2048 + 1 is 2048. So an image of 12,288 bfloat16 pixels has a histogram that is flat at 256, and
#   `density=True` makes a uniform density of it, whatever the image shows. Nothing warns. NumPy counts the same
#   bfloat16 numbers right. jnp.histogramdd and jnp.histogram2d return int32 and are right too.
# So: cast to float32 before jnp.histogram, or use jnp.bincount or jnp.histogramdd.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6 ml_dtypes==0.6.0
cd "$work"
JAX_PLATFORMS=cpu venv/bin/python -W error - << 'PY'
import jax.numpy as jnp
import ml_dtypes
import numpy as np

# Bell-shaped numbers that lie in the middles of eight bins, so that no rounding moves them to a neighbour.
bins = np.clip(np.random.default_rng(0).normal(4, 1.2, 12288), 0, 7.9).astype(int)
image = ((bins + 0.5) / 4 - 1).astype(np.float32)
right = np.bincount(bins, minlength=8)
print("the right counts:", right)
most = {"bfloat16": (ml_dtypes.bfloat16, 256), "float16": (np.float16, 2048)}
for name, (dtype, limit) in most.items():
    half = jnp.asarray(image, dtype)
    counts, _ = jnp.histogram(half, bins=8, range=(-1, 1))
    print(f"jnp.histogram of {name}:", np.asarray(counts, int), "dtype", counts.dtype)
    assert counts.dtype == dtype
    assert np.array_equal(np.asarray(counts, int), np.minimum(right, limit))
    assert np.array_equal(np.histogram(np.asarray(half), bins=8, range=(-1, 1))[0], right)
    assert np.array_equal(jnp.histogramdd(half[:, None], bins=8, range=[(-1, 1)])[0], right)
counts, _ = jnp.histogram(jnp.asarray(image), bins=8, range=(-1, 1))
print("jnp.histogram of float32:", np.asarray(counts, int), "dtype", counts.dtype)
assert np.array_equal(counts, right)

density, _ = jnp.histogram(jnp.asarray(image, jnp.bfloat16), bins=8, range=(-1, 1), density=True)
true_density, _ = np.histogram(image, bins=8, range=(-1, 1), density=True)
print("density of bfloat16:", np.asarray(density, float).round(2), "right:", true_density.round(2))
assert (np.asarray(density, float)[1:7] == float(density[1])).all() and true_density.max() > 2 * true_density[1]
PY
