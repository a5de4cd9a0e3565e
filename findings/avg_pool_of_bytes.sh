#!/usr/bin/env bash
# The average pooling of Flax, Haiku and Equinox returns 0.5 for an image in bytes whose mean is 128.
#
# Common guess: avg_pool of a uint8 image is the mean of the bytes as floats, as jnp.mean is, or it is refused.
# Seen (flax 0.12.8, dm-haiku 0.0.17, equinox 0.13.8, jax 0.10.2): the window's sum is a uint8 that starts over at 256.
#   It is divided afterwards, so the answer is a float, and never over 256 / the window's size: with 2 x 2 windows no
#   pixel is over 63.75. No error, no warning. max_pool and equinox's AdaptiveAvgPool2d are right. In float16 the sum is
#   float16 as well: a window of 32 x 32 pixels of 100 has the mean infinity.
# So: cast to float32 before pooling, or use jnp.mean.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6 flax==0.12.8 dm-haiku==0.0.17 equinox==0.13.8
cd "$work"
JAX_PLATFORMS=cpu venv/bin/python - << 'PY'
import equinox
import haiku
import jax.numpy as jnp
import numpy as np
from flax import linen, nnx

image = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), np.uint8)


def of_equinox(x, size):
    return equinox.nn.AvgPool2d(size, size)(jnp.moveaxis(x[0], -1, 0)).transpose(1, 2, 0)[None]


pools = {
    "flax.linen": lambda x, size: linen.avg_pool(x, (size, size), (size, size)),
    "flax.nnx": lambda x, size: nnx.avg_pool(x, (size, size), (size, size)),
    "haiku": lambda x, size: haiku.avg_pool(x, (1, size, size, 1), (1, size, size, 1), "VALID"),
    "equinox": of_equinox,
}
for name, pool in pools.items():
    for size in 2, 32:
        windows = image.reshape(1, 32 // size, size, 32 // size, size, 3)
        right = windows.mean((2, 4))
        seen = np.asarray(pool(jnp.asarray(image), size))
        print(f"{name}, {size} x {size}: mean {seen.mean():.2f} of dtype {seen.dtype}, right {right.mean():.2f}")
        np.testing.assert_allclose(seen, windows.sum((2, 4)) % 256 / size**2)
        assert seen.max() < 256 / size**2 and right.mean() > 120
        np.testing.assert_allclose(pool(jnp.asarray(image, jnp.float32), size), right, rtol=1e-6)
        np.testing.assert_allclose(jnp.asarray(image).mean((1, 2)), image.mean((1, 2)), rtol=1e-6)

hundred = jnp.full((1, 32, 32, 1), 100, jnp.float16)
for name in pools:
    print(f"{name}, float16 pixels of 100: {pools[name](hundred, 32).item()}, jnp.mean {hundred.mean().item()}")
    assert hundred.mean().item() == 100 and pools[name](hundred, 32).item() == float("inf")
adaptive = equinox.nn.AdaptiveAvgPool2d(1)(jnp.moveaxis(jnp.asarray(image)[0], -1, 0))
np.testing.assert_allclose(adaptive.ravel(), image.mean((0, 1, 2)), rtol=1e-6)
assert linen.max_pool(jnp.asarray(image), (32, 32)).max() == image.max()
PY
