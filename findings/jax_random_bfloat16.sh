#!/usr/bin/env bash
# jax.random.categorical prefers the first classes where the logits are bfloat16.
#
# Common guess: rounding logits to bfloat16 moves probabilities by a percent. Draws in bfloat16 are draws in float32,
#   rounded at the end, as in PyTorch.
# Seen (jax 0.10.2 on a CPU): noise in bfloat16 is made from 7 random bits, so it has 128 values, and ties go to the
#   first. Of 1,000 classes with equal logits, the first 100 get 54% of all draws and the last 100 get 0.05%; of ten
#   classes the first gets 7% more than the last. bernoulli with p = 0.001 in bfloat16 says yes in 0.8%, normal never
#   goes beyond 2.9, and a layer whose param_dtype is bfloat16 starts with 128 different weights. No warning.
# So: draw in float32 and cast afterwards: categorical(key, logits.astype(float32)), normal(key,
#   shape).astype(bfloat16). categorical and gumbel have mode="high" for it.
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

key, number = jax.random.key(0), 100_000


def ends(dtype, mode=None):
    """Return the shares of the first and the last 100 of 1,000 equal classes."""
    drawn = np.asarray(jax.random.categorical(key, jnp.zeros(1000, dtype), shape=(number,), mode=mode))
    return (drawn < 100).mean().item(), (drawn >= 900).mean().item()


def values(array):
    """Return how many different numbers there are, and the farthest from 0."""
    array = np.asarray(array).astype(np.float32)
    return np.unique(array).size, float(np.abs(array).max())


classes = {"bfloat16": ends(jnp.bfloat16), "float32": ends(jnp.float32), "high": ends(jnp.bfloat16, "high")}
ten = np.bincount(jax.random.categorical(key, jnp.zeros(10, jnp.bfloat16), shape=(10 * number,)), minlength=10)
yes = float(jax.random.bernoulli(key, jnp.bfloat16(0.001), (10 * number,)).mean())
few = values(jax.random.normal(key, (10 * number,), jnp.bfloat16))
many = values(jax.random.normal(key, (10 * number,)).astype(jnp.bfloat16))
kernel = nn.Dense(1024, param_dtype=jnp.bfloat16).init(key, jnp.ones((1, 1024)))["params"]["kernel"]
print("first and last tenth of 1,000 classes:", classes)
print("ten classes, first to last:", round(ten[0] / ten[-1], 3))
print("bernoulli(0.001):", round(yes, 5))
print("normal: values, farthest:", few, "cast afterwards:", many)
print("weights of a layer: values:", values(kernel)[0])
assert classes["bfloat16"][0] > 0.5 and classes["bfloat16"][1] < 0.001
assert all(0.09 < share < 0.11 for name in ("float32", "high") for share in classes[name])
assert ten[0] / ten[-1] > 1.04
assert yes > 0.005
assert few[0] <= 256 and few[1] < 3 and many[0] > 1000 and many[1] > 4
assert values(kernel)[0] <= 256
PY
