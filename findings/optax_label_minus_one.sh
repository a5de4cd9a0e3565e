#!/usr/bin/env bash
# A label of -1, "no label", trains the last class in optax's cross-entropy of integer labels.
#
# Common guess: a label outside the classes raises, gives NaN, or counts as nothing, as a one-hot vector of zeros does.
# Seen (optax 0.2.8, jax 0.10.2): softmax_cross_entropy_with_integer_labels takes -1 for an index from the end. The loss
#   is finite and equals that of the last class, and so does its gradient. A label of 10 among 10 classes gives NaN. The
#   same labels through jax.nn.one_hot and softmax_cross_entropy give 0 for both. The docs only assume labels from 0 on;
#   data sets often mark images that have no label with -1.
# So: pass `where=labels >= 0`, or multiply by a mask, before the mean.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2 optax==0.2.8 numpy==2.4.6
cd "$work"
JAX_PLATFORMS=cpu venv/bin/python -W error - << 'PY'
import jax
import jax.numpy as jnp
import numpy as np
import optax

logits = jnp.asarray(np.random.default_rng(0).normal(size=(4, 10)), jnp.float32)
labels = jnp.array([3, -1, 9, 10])
whole = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
vectors = optax.softmax_cross_entropy(logits, jax.nn.one_hot(labels, 10))
print("labels:", labels)
print("integer labels:", whole)
print("one-hot labels:", vectors)
np.testing.assert_allclose(whole[::2], vectors[::2], rtol=1e-5)
assert vectors[1] == vectors[3] == 0
assert bool(jnp.isnan(whole[3]))
last = optax.softmax_cross_entropy_with_integer_labels(logits, jnp.array([3, 9, 9, 9]))
assert whole[1] == last[1] > 0.1


def trained(label, where):
    """Return the chance of the last class after training on images that all have this label."""
    bias = jnp.zeros(10)
    step = optax.sgd(1.0)
    state = step.init(bias)

    def loss(bias):
        labels = jnp.full(16, label)
        return optax.softmax_cross_entropy_with_integer_labels(
            jnp.broadcast_to(bias, (16, 10)), labels, where=where(labels)
        ).sum()

    for _ in range(20):
        updates, state = step.update(jax.grad(loss)(bias), state)
        bias = optax.apply_updates(bias, updates)
    return float(jax.nn.softmax(bias)[-1])


alone = trained(-1, lambda labels: None)
masked = trained(-1, lambda labels: labels >= 0)
print(f"after training on images without a label: chance of the last class {alone:.3f}, with a mask {masked:.3f}")
assert alone > 0.99 and abs(masked - 0.1) < 1e-6
PY
