#!/usr/bin/env bash
# NumPy's mean of 4,096 ones in bfloat16 is 0.0625.
#
# Common guess: NumPy takes the mean of a 16-bit float array in float32, as its docs say of float16. So the mean of
#   activations or of a loss that came from JAX is right to a percent.
# Seen (NumPy 2.4.6, ml_dtypes 0.6.0, which JAX uses): NumPy does not know bfloat16 as a float, so it adds up in
#   bfloat16, and the sum stays at 256. Of 64 images with values from 0 to 1 the mean is 0.001 for 0.5. `var` and `std`
#   are wrong too: 17 for a variance of 1 around a mean of 10, with 1,001 numbers. float8 stops at 16. The sum of int4
#   stays in 4 bits: 1,000 sevens make -8, and their mean is 0. `median`, `norm` and float16 are right. So is np.mean of
#   the JAX array itself, which asks JAX, and np.asarray before it makes the difference. Nothing warns.
# So: np.asarray(x, np.float32) first, np.mean(x, dtype=np.float32), or jnp.mean.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2 ml_dtypes==0.6.0 numpy==2.4.6
cd "$work"
JAX_PLATFORMS=cpu venv/bin/python -W error - << 'PY'
import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np

found = {
    name: float(np.ones(4096, dtype).mean())
    for name, dtype in [
        ("bfloat16", ml_dtypes.bfloat16),
        ("float8_e4m3fn", ml_dtypes.float8_e4m3fn),
        ("float16", np.float16),
    ]
}
print("mean of 4,096 ones:", found)
assert found == {"bfloat16": 0.0625, "float8_e4m3fn": 16 / 4096, "float16": 1.0}

images = jax.random.uniform(jax.random.key(0), (64, 32, 32, 3)).astype(jnp.bfloat16)
loaded = np.asarray(images)
right = [np.mean(images), jnp.mean(images), loaded.astype(np.float32).mean(), np.mean(loaded, dtype=np.float32)]
print(f"mean of 64 images: {float(loaded.mean()):.5f} for", [round(float(mean), 3) for mean in right])
assert loaded.dtype == images.dtype and float(loaded.mean()) < 0.01
assert all(0.49 < float(mean) < 0.51 for mean in right)

data = (np.random.default_rng(0).normal(size=1001) + 10).astype(ml_dtypes.bfloat16)
exact = data.astype(np.float64)
print(f"variance: {float(data.var()):.2f} for {exact.var():.2f}, deviation: {float(data.std()):.2f}")
assert float(data.var()) > 5 and 0.9 < exact.var() < 1.1
assert float(np.median(data)) == np.median(exact)
assert abs(np.linalg.norm(data) / np.linalg.norm(exact) - 1) < 1e-3

sevens = np.full(1000, 7, ml_dtypes.int4)
print("1,000 sevens in int4: sum", sevens.sum(), "mean", sevens.mean(), "| int8: sum", sevens.astype(np.int8).sum())
assert int(sevens.sum()) == -8 and int(sevens.mean()) == 0 and sevens.astype(np.int8).sum() == 7000
PY
