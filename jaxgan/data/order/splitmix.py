"""Random numbers that are a pure function of an index, in numpy: nothing is stored, any index is as near as the first.

References:
  G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators", 2014 (SplitMix64).
"""

from __future__ import annotations

import numpy as np

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def mix(state: np.ndarray) -> np.ndarray:
    """Scramble uint64 words by a bijection in which every input bit moves every output bit."""
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def uniforms(indices: np.ndarray, count: int) -> np.ndarray:
    """Return float64[n, count] numbers in [0, 1), a pure function of each index."""
    counters = indices.astype(np.uint64)[:, None] * np.uint64(count) + np.arange(1, count + 1, dtype=np.uint64)
    return (mix(counters * GOLDEN) >> np.uint64(11)) * 2.0**-53
