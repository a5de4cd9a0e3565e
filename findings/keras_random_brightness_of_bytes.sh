#!/usr/bin/env bash
# Keras' RandomBrightness never darkens an image in bytes, and turns its lightest pixels black.
#
# Common guess: the layer's value_range is (0, 255) unless told otherwise, so images in uint8 are right for it. It adds
#   in float, cuts at 0 and 255, as it does for float images, and casts back.
# Seen (Keras 3.15.1 on JAX 0.10.2): it draws the change in float and casts it to uint8 before adding. A negative
#   change becomes 0, so half of all images come back untouched. A positive one wraps: 217 + 51 becomes 12, and the
#   cut at 255 comes after it. Grey images of 100 have a mean of 117 afterwards, and of 96 in float, where the layer
#   is right. Its docs allow images of integers. Nothing warns.
# So: cast to float32 before the layer.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q keras==3.15.1 jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
cd "$work"
KERAS_BACKEND=jax JAX_PLATFORMS=cpu venv/bin/python - << 'PY'
import keras
import numpy as np

levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)


def brightness(images, factor):
    layer = keras.layers.RandomBrightness(factor, seed=1)
    assert tuple(layer.value_range) == (0, 255)
    return np.asarray(layer(images, training=True)).astype(np.float64)


for factor in 0.2, -0.2:
    in_bytes, in_float = (brightness(levels.astype(dtype), (factor, factor)) for dtype in (np.uint8, np.float32))
    shown = [(level, *(float(image.ravel()[level]) for image in (in_bytes, in_float))) for level in (0, 100, 217, 255)]
    print(f"{factor * 255:+.0f}: (level, in bytes, in float):", shown)
    assert np.allclose(in_float, np.clip(levels + factor * 255.0, 0, 255), atol=0.01)
    if factor > 0:
        assert np.array_equal(in_bytes, (levels.astype(int) + 51) % 256)
        assert in_bytes.ravel()[217] == 12 and in_bytes.ravel()[255] == 50
    else:
        assert np.array_equal(in_bytes, levels)

many = np.full((400, 8, 8, 1), 100, np.uint8)
in_bytes, in_float = (brightness(many.astype(dtype), 0.3)[:, 0, 0, 0] for dtype in (np.uint8, np.float32))
print(f"400 grey images of 100, in bytes: darker {(in_bytes < 100).mean():.0%}, "
      f"untouched {(in_bytes == 100).mean():.0%}, mean {in_bytes.mean():.1f}; "
      f"in float: darker {(in_float < 100).mean():.0%}, mean {in_float.mean():.1f}")
assert (in_bytes >= 100).all() and (in_bytes == 100).mean() > 0.4 and in_bytes.mean() > 110
assert 0.4 < (in_float < 100).mean() < 0.6 and 90 < in_float.mean() < 110
PY
