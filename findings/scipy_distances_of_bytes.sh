#!/usr/bin/env bash
# SciPy's distances between two images in bytes are wrong, because differences below 0 start over at 255.
#
# Common guess: `scipy.spatial.distance.euclidean(x, y)` is what `cdist` gives for the same two vectors.
# Seen (SciPy 1.17.1): for uint8 vectors `euclidean`, `cityblock`, `chebyshev` and `minkowski` subtract in uint8, and
#   |100 - 103| counts as 253: two noisy copies of an image are further apart than unrelated images. `cosine` multiplies
#   in uint8 and gives 0.0, as for vectors of one direction, where 0.23 is right. `sqeuclidean`, `correlation`,
#   `canberra`, `braycurtis`, and `cdist` with all of these names, are right. Only `cosine` warns.
# So: use cdist, or give floats.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q scipy==1.17.1 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import warnings

import numpy as np
from scipy.spatial import distance

random = np.random.default_rng(0)
image, other = random.integers(0, 256, (2, 100)).astype(np.uint8)
noisy = np.clip(image.astype(int) + random.integers(-3, 4, 100), 0, 255).astype(np.uint8)
right = "sqeuclidean", "correlation", "canberra", "braycurtis"
for name in "euclidean", "cityblock", "chebyshev", "minkowski", "cosine", *right:
    measure = getattr(distance, name)
    for pair in (image, noisy), (image, other):
        with warnings.catch_warnings():
            if name == "cosine":
                warnings.filterwarnings("ignore", "overflow")
            found = measure(*pair)
        floats = measure(*np.float64(pair))
        many = distance.cdist(pair[0][None], pair[1][None], name)[0, 0]
        print(f"{name}: {found:.4f} of bytes, {floats:.4f} of floats, {many:.4f} by cdist")
        assert np.isclose(many, floats)
        assert np.isclose(found, floats, atol=1e-6) == (name in right)
    if name == "cosine":
        assert found == 0 < 0.2 < floats
assert distance.euclidean(image, noisy) > distance.euclidean(*np.float64((image, other)))
PY
