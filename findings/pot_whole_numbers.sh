#!/usr/bin/env bash
# POT's sliced Wasserstein distance of images in bytes is 0.0, however different they are.
#
# Common guess: `ot.sliced_wasserstein_distance` of uint8 or int64 arrays is that of the same numbers as floats, or they
#   are refused.
# Seen (POT 0.9.7.post1): its default weights, 1 / n for each point, take the type of the data, and as whole numbers
#   they are 0. So `sliced_wasserstein_distance`, `max_sliced_wasserstein_distance` and `wasserstein_1d` give 0, as
#   for equal data, where floats give 93, 179 and 100. With weights that are floats the first is right, and `emd2_1d`
#   is right without them. Nothing warns.
# So: give POT floats: x.astype(np.float64).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q POT==0.9.7.post1 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import numpy as np
import ot

random = np.random.default_rng(0)
x, y = random.integers(0, 256, (60, 5)), random.integers(0, 100, (60, 5))
measures = {
    "sliced": lambda x, y: ot.sliced_wasserstein_distance(x, y, seed=0),
    "max sliced": lambda x, y: ot.max_sliced_wasserstein_distance(x, y, seed=0),
    "wasserstein_1d": lambda x, y: ot.wasserstein_1d(x[:, 0], y[:, 0]),
    "emd2_1d": lambda x, y: ot.emd2_1d(x[:, 0], y[:, 0]),
}
for name, measure in measures.items():
    found = {kind: float(measure(x.astype(kind), y.astype(kind))) for kind in ("float64", "uint8", "int64")}
    print(f"{name}: {found}")
    assert found["float64"] > 90
    if name == "emd2_1d":
        assert np.allclose(list(found.values()), found["float64"])
    else:
        assert found["uint8"] == found["int64"] == 0
weights = np.full(60, 1 / 60)
weighted = ot.sliced_wasserstein_distance(x, y, weights, weights, seed=0)
assert np.isclose(weighted, ot.sliced_wasserstein_distance(x.astype(float), y.astype(float), seed=0))
PY
