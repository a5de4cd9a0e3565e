#!/usr/bin/env bash
# Haiku's BatchNorm on bfloat16 images gives NaN in evaluation, though every training step was right.
#
# Common guess: running statistics are kept in float32, as Flax and Keras keep them, also where images are bfloat16.
# Seen (dm-haiku 0.0.17, JAX 0.10.2): the moving averages take the images' dtype. With decay_rate=0.999 the decay
#   itself rounds to 1 in bfloat16, and the correction of the start divides 0 by 0, so the statistics are NaN. With 0.99
#   they come to a stop on the way: after 3,000 steps the mean is 4.0 for 5.0. In training the batch's own
#   statistics are used, so losses and images look right until is_training=False. In float16 a variance above 65,504
#   becomes infinity, and all outputs are 0, in training too. Nothing warns.
# So: cast to float32 before BatchNorm and back after it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q dm-haiku==0.0.17 jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
cd "$work"
JAX_PLATFORMS=cpu venv/bin/python - << 'PY'
import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np


def run(dtype, decay, wide=False, scale=1.0):
    """Return the mean that is kept after 3,000 steps, and the deviation in training and in evaluation."""

    def network(images, is_training):
        images = images.astype(jnp.float32) if wide else images
        return hk.BatchNorm(True, True, decay)(images, is_training)

    def draw(key):
        return (scale * (jax.random.normal(key, (256, 4)) + 5)).astype(dtype)

    def step(state, key):
        out, state = norm.apply(parameters, state, None, draw(key), True)
        return state, out.astype(float).std()

    norm = hk.transform_with_state(network)
    parameters, state = norm.init(jax.random.key(0), draw(jax.random.key(0)), True)
    state, training = jax.lax.scan(step, state, jax.random.split(jax.random.key(1), 3000))
    out, _ = norm.apply(parameters, state, None, draw(jax.random.key(2)), False)
    kept = state["batch_norm/~/mean_ema"]["average"].astype(float).mean() / scale
    return float(kept), float(training[-1]), float(out.astype(float).std()), float(out.astype(float).mean())


for dtype, decay, wide in [
    (jnp.bfloat16, 0.999, False), (jnp.bfloat16, 0.99, False), (jnp.bfloat16, 0.999, True), (jnp.float32, 0.999, False)
]:
    kept, training, evaluation, mean = run(dtype, decay, wide)
    print(f"{jnp.dtype(dtype).name}, {decay}, cast before: {wide}. Mean kept: {kept:.2f} for 5.00. "
          f"Deviation in training {training:.2f}, in evaluation {evaluation:.2f} around {mean:.2f}")
    assert 0.95 < training < 1.05
    if dtype == jnp.float32 or wide:
        assert abs(kept - 5) < 0.05 and 0.9 < evaluation < 1.1 and abs(mean) < 0.1
    elif decay == 0.999:
        assert np.isnan(kept) and np.isnan(evaluation)
    else:
        assert kept < 4.5 and mean > 0.5
kept, training, _, _ = run(jnp.float16, 0.9, scale=300.0)
print("float16, deviation 300: in training", training, "| in float32", run(jnp.float32, 0.9, scale=300.0)[1])
assert training == 0 and 0.95 < run(jnp.float32, 0.9, scale=300.0)[1] < 1.05
PY
