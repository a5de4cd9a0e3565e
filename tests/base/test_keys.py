import itertools

import jax
import numpy as np

from jaxgan.base.keys import Stream, stream


def test_streams_and_seeds_differ_and_repeat():
    data = {(seed, s): tuple(np.asarray(jax.random.key_data(stream(seed, s)))) for seed in (0, 1) for s in Stream}
    assert all(a != b for a, b in itertools.combinations(data.values(), 2))
    assert data[1, Stream.GRID] == tuple(np.asarray(jax.random.key_data(stream(1, Stream.GRID))))
