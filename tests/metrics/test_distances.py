import numpy as np
from sklearn.metrics import pairwise_distances

from jaxgan.metrics import distances


def test_blocks_are_the_whole_matrix(monkeypatch):
    monkeypatch.setattr(distances, "BLOCK", 100)
    rng = np.random.default_rng(0)
    a, b = rng.random((23, 5), np.float32), rng.random((17, 5), np.float32)
    blocks = distances.over_distances(lambda rows, block: (rows, block), a, b)
    assert len(blocks) > 1
    whole = np.concatenate([block for _, block in blocks])
    np.testing.assert_allclose(whole, pairwise_distances(a, b, "sqeuclidean"), atol=1e-6)
    assert [rows.start for rows, _ in blocks[1:]] == [rows.stop for rows, _ in blocks[:-1]]


def test_copies_are_at_0_wherever_they_lie():
    x = np.random.default_rng(0).standard_normal((40, 8)) + 1e3
    assert not distances.nearest_distances(np.concatenate([x, x[::-1]])).any()
    apart = distances.nearest_distances(x)
    np.testing.assert_allclose(apart, np.sort(np.linalg.norm(x[:, None] - x, axis=-1))[:, 1], rtol=1e-9)


def test_no_distance_is_below_zero():
    x = np.full((5, 3), 1e6) + np.random.default_rng(0).random((5, 3))
    assert all(distances.over_distances(lambda rows, block: (block >= 0).all(), x, x))
