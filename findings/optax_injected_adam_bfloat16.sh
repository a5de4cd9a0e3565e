#!/usr/bin/env bash
# inject_hyperparams turns a working Adam into NaN for bfloat16 weights.
#
# Common guess: wrapping an optimiser, to read or change its learning rate, leaves its updates as they are.
# Seen (optax 0.2.8, jax 0.10.2): all numbers of the optimiser are cast to the widest type of the weights. In bfloat16
#   b2 = 0.999 becomes 1, so the second moment stays 0 and its correction divides 0 by 0: the first update is NaN. With
#   b2 = 0.99 there is no NaN, and b1, b2 and the rate are rounded. Unwrapped, the same Adam keeps Python's floats.
# So: inject_hyperparams(optax.adam, hyperparam_dtype=jnp.float32), or weights in float32.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2 optax==0.2.8 numpy==2.4.6
cd "$work"
JAX_PLATFORMS=cpu venv/bin/python - << 'PY'
import math

import jax.numpy as jnp
import optax

weights, gradients = {"w": jnp.ones(4, jnp.bfloat16)}, {"w": jnp.full(4, 0.1, jnp.bfloat16)}


def first(optimiser):
    """Return the first update and the state after it."""
    updates, state = optimiser.update(gradients, optimiser.init(weights), weights)
    return float(updates["w"][0]), state


plain, _ = first(optax.adam(2e-4, b1=0.5))
injected, state = first(optax.inject_hyperparams(optax.adam)(learning_rate=2e-4, b1=0.5))
wide, _ = first(optax.inject_hyperparams(optax.adam, hyperparam_dtype=jnp.float32)(learning_rate=2e-4, b1=0.5))
print("first update:", {"plain": plain, "injected": injected, "injected in float32": wide})
print("injected:", {name: float(value) for name, value in state.hyperparams.items()})
assert abs(plain + 2e-4) < 2e-6
assert math.isnan(injected)
assert float(state.hyperparams["b2"]) == 1
assert abs(wide + 2e-4) < 2e-6
PY
