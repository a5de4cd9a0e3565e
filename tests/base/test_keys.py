import itertools

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.base import keys
from jaxgan.base.keys import Stream, stream


def test_streams_and_seeds_differ_and_repeat():
    data = {(seed, s): tuple(np.asarray(jax.random.key_data(stream(seed, s)))) for seed in (0, 1) for s in Stream}
    assert all(a != b for a, b in itertools.combinations(data.values(), 2))
    assert data[1, Stream.GRID] == tuple(np.asarray(jax.random.key_data(stream(1, Stream.GRID))))


def test_keys_are_worked_on_as_their_numbers():
    key, array = jax.random.key(5, impl="rbg"), jnp.arange(3)
    assert [keys.is_key(leaf) for leaf in (key, array, jax.eval_shape(lambda: key))] == [True, False, True]
    doubled = keys.on_numbers(lambda x: 2 * x, key)
    assert jax.random.key_impl(doubled) == jax.random.key_impl(key)
    np.testing.assert_array_equal(keys.as_numpy(doubled), 2 * np.asarray(jax.random.key_data(key)))
    np.testing.assert_array_equal(keys.on_numbers(lambda x: 2 * x, array), [0, 2, 4])
    np.testing.assert_array_equal(keys.as_numpy(array), [0, 1, 2])
