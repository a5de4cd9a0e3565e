"""Random numbers by hashing: their distributions, and independence of positions and keys."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxgan.base import axis, draws


def many(num, draw):
    """Draws for `num` keys, a row each."""
    keys = jax.random.split(jax.random.key(1), num)
    return np.asarray(jax.jit(jax.vmap(draw))(keys), np.float64)


def masks(num, size, p):
    return many(num, lambda key: draws.bernoulli(key, p, (size,)))


def test_hash_is_the_published_one():
    # Python's integers do not wrap around, so the 2^32 of the C function are written out.
    def lowbias32(x):
        x = (x ^ (x >> 16)) * 0x7FEB352D % 2**32
        x = (x ^ (x >> 15)) * 0x846CA68B % 2**32
        return x ^ (x >> 16)

    key = jax.random.key(7)
    a, b = (int(word) for word in jax.random.bits(key, (2,), jnp.uint32))
    expected = [lowbias32(lowbias32((i + a) % 2**32) ^ b) for i in range(6)]
    np.testing.assert_array_equal(draws.words(jax.random.key(7), (2, 3)).ravel(), expected)


@pytest.mark.parametrize(
    ("draw", "expected"),
    [(draws.uniform, stats.uniform(-1, 2)), (draws.normal, stats.norm())],
    ids=["uniform", "normal"],
)
def test_numbers_have_their_distribution(draw, expected):
    x = many(30, lambda key: draw(key, (100, 67)))
    assert x.shape == (30, 100, 67)
    assert draw(jax.random.key(0), (2,)).dtype == jnp.float32
    p_values = [stats.kstest(row.ravel(), expected.cdf).pvalue for row in x]
    assert min(p_values) > 1e-4
    assert stats.kstest(p_values, "uniform").pvalue > 1e-3
    # Also in the tails.
    assert abs((np.abs(x) > expected.ppf(0.9995)).mean() - 1e-3) < 4 * np.sqrt(1e-3 / x.size)


def test_bounds_and_zero_are_never_reached(monkeypatch):
    seen = {}
    for word in (0, 2**31 - 1, 2**31, 2**32 - 1):
        monkeypatch.setattr(draws, "words", lambda key, shape, word=word: jnp.full(shape, word, jnp.uint32))
        u, n = (float(draw(jax.random.key(0), (1,))[0]) for draw in (draws.uniform, draws.normal))
        np.testing.assert_allclose(n, stats.norm.ppf((1 + u) / 2), rtol=1e-4)
        seen[word] = u
    assert list(seen.values()) == [2**-23 - 1, -(2**-23), 2**-23, 1 - 2**-23]


@pytest.mark.parametrize("shape", [(), (0, 5), (3, 0)])
def test_any_shape_and_the_same_type_with_64_bits(shape):
    with jax.enable_x64(True):
        assert draws.words(jax.random.key(0), shape).dtype == jnp.uint32
        for draw in (draws.uniform, draws.normal):
            x = draw(jax.random.key(0), shape)
            assert (x.shape, x.dtype) == (shape, jnp.float32)


@pytest.mark.parametrize("p", [0.001, 0.1, 0.7])
def test_booleans_keep_their_share(p):
    share = masks(50, 20_000, p).mean(1)
    spread = np.sqrt(p * (1 - p) / 20_000)
    assert abs(share.mean() - p) < 4 * spread / np.sqrt(50)
    assert 0.6 < share.std() / spread < 1.4


def test_elements_and_keys_are_uncorrelated():
    m = (masks(64, 4096, 0.7) - 0.7) / np.sqrt(0.21)
    limit = 5 / np.sqrt(m.size)
    for lag in (1, 2, 3, 7, 8, 16, 64, 256, 1024, 2048):
        assert abs((m[:, lag:] * m[:, :-lag]).mean()) < limit * np.sqrt(4096 / (4096 - lag))
    across_keys = m @ m.T / 4096 - np.eye(64)
    assert np.abs(across_keys[~np.eye(64, dtype=bool)]).max() < 5 / 64
    assert abs(across_keys[~np.eye(64, dtype=bool)].std() * 64 - 1) < 0.1
    # Each key keeps its share, and each position too, with binomial spread.
    assert abs(m.mean(1).std() * 64 - 1) < 0.3
    assert abs(m.mean(0).std() * 8 - 1) < 0.05


def test_runs_of_booleans_are_binomial():
    words = masks(16, 8 * 4096, 0.5).reshape(-1, 8) @ (1 << np.arange(8))
    counts = np.bincount(words.astype(int), minlength=256)
    chi2 = ((counts - counts.mean()) ** 2 / counts.mean()).sum()
    assert 160 < chi2 < 365  # 255 degrees of freedom, both tails about 1e-6


def test_neighbouring_seeds_give_unrelated_numbers():
    draw = jax.jit(lambda seed: draws.normal(jax.random.key(seed), (20_000,)))
    m = np.stack([draw(seed) for seed in range(12)])
    for shift in range(-3, 4):
        corr = m @ np.roll(m, shift, axis=1).T / m.shape[1]
        assert np.abs(corr[~np.eye(12, dtype=bool)]).max() < 5 / np.sqrt(m.shape[1])


def test_columns_of_latents_are_independent():
    z = np.asarray(draws.normal(jax.random.key(3), (20_000, 10)))
    corr = np.corrcoef(z, rowvar=False)[~np.eye(10, dtype=bool)]
    assert np.abs(corr).max() < 5 / np.sqrt(20_000)
    squares = np.corrcoef(z**2, rowvar=False)[~np.eye(10, dtype=bool)]
    assert np.abs(squares).max() < 5 / np.sqrt(20_000)


@pytest.mark.parametrize("shape", [(), (6,), (6, 2, 3)])
def test_devices_share_one_draw(shape):
    def draw(_):
        return draws.words(jax.random.key(3), shape, share=True)

    shares = np.asarray(jax.pmap(draw, axis_name=axis.NAME)(jnp.zeros(2)))
    whole = draws.words(jax.random.key(3), (2 * shape[0], *shape[1:]) if shape else (2,))
    np.testing.assert_array_equal(shares.reshape(whole.shape), whole)
