#!/usr/bin/env bash
# In JAX no byte is less than 256, and a label of 255 equals -1.
#
# Common guess: `image < 256` and `labels == -1` of a uint8 array are as in NumPy, and a number that does not fit raises
#   OverflowError, as `jnp.asarray(256, jnp.uint8)` and NumPy's `array + 256` do.
# Seen (jax 0.10.2): a Python integer takes the array's dtype first and starts over at 256, without error or warning.
#   `image < 256` is False everywhere. `labels == -1` picks label 255. `jnp.clip(image, 0, 256)` is all 0 and
#   `jnp.clip(image, -1, 255)` is all 255, where NumPy changes nothing. searchsorted does the same. With int8, a clip to
#   0 and 255 makes all numbers -1. Numbers of a wider dtype and Python floats give the right answers.
# So: cast images and labels to int32 before you compare or clip them.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
cd "$work"
JAX_PLATFORMS=cpu venv/bin/python -W error - << 'PY'
import jax
import jax.numpy as jnp
import numpy as np

image = np.array([0, 1, 44, 100, 200, 255], np.uint8)
steps = {
    "image < 256": (lambda m, a: a < 256, [False] * 6),
    "image >= 256": (lambda m, a: a >= 256, [True] * 6),
    "image > -1": (lambda m, a: a > -1, [False] * 6),
    "image == -1": (lambda m, a: a == -1, [False] * 5 + [True]),
    "clip(image, 0, 256)": (lambda m, a: m.clip(a, 0, 256), [0] * 6),
    "clip(image, -1, 255)": (lambda m, a: m.clip(a, -1, 255), [255] * 6),
    "clip(image, 0, 300)": (lambda m, a: m.clip(a, 0, 300), [0, 1, 44, 44, 44, 44]),
    "searchsorted(image, 256)": (lambda m, a: m.searchsorted(a, 256), 0),
}
for name, (step, wrong) in steps.items():
    right = step(np, image).tolist()
    seen = step(jnp, jnp.asarray(image)).tolist()
    jitted = jax.jit(lambda a, step=step: step(jnp, a))(image).tolist()
    print(f"{name}: NumPy {right}, JAX {seen}")
    assert seen == jitted == wrong and seen != right
    assert step(jnp, jnp.asarray(image, jnp.int32)).tolist() == right

signed = np.array([-100, -1, 0, 100], np.int8)
print("int8, clip to 0 and 255:", jnp.clip(jnp.asarray(signed), 0, 255), "NumPy:", np.clip(signed, 0, 255))
assert jnp.clip(jnp.asarray(signed), 0, 255).tolist() == [-1] * 4
assert np.clip(signed, 0, 255).tolist() == [0, 0, 0, 100]

# The ways that are right, and the one that raises.
bytes_ = jnp.asarray(image)
assert bool((bytes_ < 256.0).all()) and bool((bytes_ < np.int32(256)).all()) and bool((bytes_ < jnp.int32(256)).all())
assert jnp.clip(bytes_, np.int32(0), np.int32(256)).tolist() == image.tolist()
for make in (lambda: jnp.asarray(256, jnp.uint8), lambda: image + 256):
    try:
        make()
    except OverflowError as error:
        print("OverflowError:", error)
    else:
        raise SystemExit("no OverflowError")
PY
