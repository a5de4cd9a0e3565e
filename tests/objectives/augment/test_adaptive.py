"""The probability of augmentations against the rule of the published code, done in NumPy."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.objectives.augment import adaptive


def test_the_share_follows_the_sign_of_four_batches_means():
    rng = np.random.default_rng(0)
    sureness = np.concatenate([rng.uniform(0.5, 1, 40), rng.uniform(-0.2, 0.7, 40)])
    control, share, shares = adaptive.initial(), 0.0, []
    for step, value in enumerate(sureness):
        control = adaptive.moved(control, jnp.float32(value), jnp.int32(step), 0.6, 64 / 5_000)
        if step % 4 == 3:
            share = max(share + np.sign(sureness[step - 3 : step + 1].mean() - 0.6) * 64 * 4 / 5_000, 0)
        shares.append(share)
        assert float(control["share"]) == pytest.approx(share, abs=1e-6)
    assert max(shares) > 0.3
    assert shares[-1] < max(shares)


def test_the_share_stays_between_none_and_all():
    for sureness, end in (1.0, 1.0), (-1.0, 0.0):
        control = adaptive.initial()
        for step in range(12):
            control = adaptive.moved(control, jnp.float32(sureness), jnp.int32(step), 0.6, 0.2)
        assert float(control["share"]) == end
