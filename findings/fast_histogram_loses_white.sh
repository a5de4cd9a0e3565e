#!/usr/bin/env bash
# fast-histogram does not count the white pixels of an image that is clipped to [0, 1].
#
# Common guess: `histogram1d(x, bins, range)` counts what `np.histogram` counts with the same bins and range. Its
#   documentation names what differs, the edges that it does not return, and says no more.
# Seen (fast-histogram 0.14): NumPy's last bin takes its upper edge, and here no bin does. Black counts and white does
#   not, and generated images have a lot of both after clipping. Of the bytes with range (0, 255) those of 255 are
#   missing. Histograms do not add up to the number of pixels, and their distance to a true one is off. histogram2d and
#   histogramdd are the same. Nothing warns.
# So: np.histogram; or a range that ends a little higher, such as (0, 256) with 256 bins for bytes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q fast-histogram==0.14 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import numpy as np
from fast_histogram import histogram1d, histogram2d, histogramdd

draw = np.random.default_rng(0)
image = draw.normal(0.5, 0.4, 100_000).clip(0, 1)
white, black = (image == 1).sum(), (image == 0).sum()
found, true = histogram1d(image, 10, (0, 1)), np.histogram(image, 10, (0, 1))[0]
print(f"black {black}, white {white}")
print("fast-histogram", found.astype(int))
print("NumPy         ", true)
assert white > 9_000 and found.sum() == image.size - white and true.sum() == image.size
assert true[-1] - found[-1] == white and np.array_equal(found[:-1], true[:-1])

pairs = image.reshape(2, -1)
lost = (pairs == 1).any(0).sum()
for both in histogram2d(*pairs, 10, [(0, 1), (0, 1)]), histogramdd(tuple(pairs), 10, [(0, 1), (0, 1)]):
    print(f"pairs: {both.sum():.0f} of {pairs.shape[1]} are counted")
    assert both.sum() == pairs.shape[1] - lost
assert np.histogram2d(*pairs, 10, [(0, 1), (0, 1)])[0].sum() == pairs.shape[1]

bytes_ = draw.integers(0, 256, 100_000).astype(np.uint8)
counts = np.bincount(bytes_, minlength=256)
assert histogram1d(bytes_, 255, (0, 255)).sum() == bytes_.size - counts[255]
assert np.array_equal(histogram1d(bytes_, 256, (0, 256)), counts)
inner = draw.uniform(0.05, 0.95, 100_000)
assert histogram1d(inner, 10, (0, 1)).sum() == inner.size
PY
