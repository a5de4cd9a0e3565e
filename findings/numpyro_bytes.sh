#!/usr/bin/env bash
# NumPyro's log-probability of pixels in bytes is wrong where the mean is written 128, and right where it is 128.0.
#
# Common guess: Normal(128, 64) is Normal(128.0, 64.0), and log_prob computes in float.
# Seen (NumPyro 0.22.0, JAX 0.10.2): a parameter that is a Python integer stays one. So value - loc is computed in
#   uint8, where differences below 0 start over at 255, and half of the pixels lie 128 to 255 above their mean. The
#   mean log-probability of random pixels is -7.8 for -5.8. Laplace, Logistic, StudentT and TruncatedNormal are as
#   wrong, and a likelihood comparison picks the wrong model. Data of int32 and parameters that are arrays of int32
#   are right. validate_args=True does not complain.
# So: write 128.0, or give the pixels as floats.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q numpyro==0.22.0 jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
cd "$work"
JAX_PLATFORMS=cpu venv/bin/python -W error::UserWarning - << 'PY'
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
import scipy.stats

pixels = jax.random.randint(jax.random.key(0), (1000,), 0, 256, jnp.uint8)


def mean(law, data=pixels):
    return float(law.log_prob(data).mean())


for name, whole, real in [
    ("Normal", dist.Normal(128, 64, validate_args=True), dist.Normal(128.0, 64.0)),
    ("Laplace", dist.Laplace(128, 64), dist.Laplace(128.0, 64.0)),
    ("Logistic", dist.Logistic(128, 64), dist.Logistic(128.0, 64.0)),
    ("StudentT", dist.StudentT(3, 128, 64), dist.StudentT(3.0, 128.0, 64.0)),
    ("TruncatedNormal", dist.TruncatedNormal(128, 64, low=0), dist.TruncatedNormal(128.0, 64.0, low=0)),
]:
    wrong, right = mean(whole), mean(real)
    print(f"{name}: {wrong:.2f} for {right:.2f}")
    assert wrong < right - 0.5
    assert abs(mean(whole, pixels.astype(float)) - right) < 1e-3
    assert abs(mean(whole, pixels.astype(int)) - right) < 1e-3
exact = scipy.stats.norm(128, 64).logpdf(pixels.astype(float)).mean()
assert abs(mean(dist.Normal(128.0, 64.0)) - exact) < 1e-3
assert abs(mean(dist.Normal(jnp.int32(128), jnp.int32(64))) - exact) < 1e-3

# Which mean fits the dark pixels better, 20 or 120?
dark = jax.random.randint(jax.random.key(1), (1000,), 0, 41, jnp.uint8)
near, far = mean(dist.Normal(20, 30), dark), mean(dist.Normal(120, 30), dark)
print(f"dark pixels: {near:.2f} with the mean 20, {far:.2f} with the mean 120")
right = mean(dist.Normal(20.0, 30.0), dark), mean(dist.Normal(120.0, 30.0), dark)
print(f"in float: {right[0]:.2f} and {right[1]:.2f}")
assert near < far and right[0] > right[1]
PY
