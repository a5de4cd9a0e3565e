"""Numbers from an index, against a published sequence and what chance would give."""

import numpy as np

from jaxgan.data.order.splitmix import GOLDEN, mix, uniforms


def test_the_published_sequence():
    # The first outputs of SplitMix64 from the state 1234567, as Rosetta Code lists them.
    states = np.uint64(1234567) + GOLDEN * np.arange(1, 6, dtype=np.uint64)
    assert mix(states).tolist() == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


def test_the_random_numbers_are_even_and_independent():
    numbers = uniforms(np.arange(4096), 9)
    assert numbers.min() >= 0
    assert numbers.max() < 1
    np.testing.assert_allclose(numbers.mean(0), 0.5, atol=0.03)
    np.testing.assert_allclose(np.corrcoef(numbers.T), np.eye(9), atol=0.06)
