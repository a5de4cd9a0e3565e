#!/usr/bin/env bash
# jnp.partition loses the smallest number of an array where it is -128 in int8 or -32768 in int16.
#
# Common guess: jnp.partition returns the same numbers in another order, as np.partition does.
# Seen (JAX 0.10.2): it negates the array to find the small numbers, and in int8 -(-128) is -128 again. So the smallest
#   is taken for the largest: [-128, 1, 2, 5] becomes [1, 2, 5, 2], where -128 is gone and 2 is there twice.
#   argpartition puts it behind larger ones. In int16 it is -32768, as in clipped sound and in the padding of some
#   scans. A trimmed mean that leaves the lowest and highest out is computed from the wrong numbers.
#   Unsigned numbers, floats and jnp.sort are right. Nothing warns. The main branch has a fix that is not released yet.
# So: jnp.sort, or cast to a wider type first.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
cd "$work"
JAX_PLATFORMS=cpu venv/bin/python -W error - << 'PY'
import jax.numpy as jnp
import numpy as np

small = np.array([-128, 1, 2, 5], np.int8)
found, at = jnp.partition(small, 1), jnp.argpartition(small, 1)
print("int8:", found, "NumPy:", np.partition(small, 1), "argpartition:", at)
assert found.tolist() == [1, 2, 5, 2] and at.tolist()[0] != 0
assert np.partition(small, 1).tolist() == [-128, 1, 2, 5]

generator = np.random.default_rng(0)
for dtype in np.int8, np.int16, np.int32, np.uint8, np.uint16, np.float32:
    whole = np.issubdtype(dtype, np.integer)
    low, high = (np.iinfo(dtype).min, np.iinfo(dtype).max) if whole else (-1000, 1000)
    numbers = generator.integers(low + 1, high, 1000).astype(dtype)
    right = np.array_equal(np.sort(jnp.partition(numbers, 500)), np.sort(numbers))
    numbers[generator.choice(1000, 100, replace=False)] = low
    parts = np.asarray(jnp.partition(numbers, 500))
    kept = np.array_equal(np.sort(parts), np.sort(numbers))
    print(f"{np.dtype(dtype).name}: 100 of 1,000 are {low}, then {(parts == low).sum()} are. "
          f"The 500th is {parts[500]} for {np.sort(numbers)[500]}")
    assert right
    assert kept == (not whole or low == 0)
    assert np.array_equal(jnp.sort(numbers), np.sort(numbers))
    wide = np.asarray(jnp.partition(numbers.astype(np.float32), 500))
    assert np.array_equal(np.sort(wide), np.sort(numbers.astype(np.float32)))
PY
