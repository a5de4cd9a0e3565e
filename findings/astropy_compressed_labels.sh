#!/usr/bin/env bash
# A mask of zeros and ones, or labels, given as floats to astropy's compressed FITS comes back with other numbers.
#
# Common guess: `CompImageHDU` compresses without loss, or loses nothing where an image has but a few whole values.
# Seen (astropy 8.0.2): floats are rounded to steps of its own choice. A mask of 0.0 and 1.0 gets a third
#   value. Of labels 0.0 to 9.0 most come back a little lower, and `astype(int)` puts 74 % of the pixels into the class
#   below. uint8, int16 and uint16 are exact, and so are floats with compression_type="GZIP_1" and quantize_level=0.
#   Nothing warns.
# So: give masks and labels as whole numbers, and floats that must be exact with those two settings.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q astropy==8.0.2 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import numpy as np
from astropy.io import fits


def store(pixels, **settings):
    fits.CompImageHDU(pixels, **settings).writeto("image.fits", overwrite=True)
    with fits.open("image.fits") as file:
        return np.array(file[1].data)


place = np.add.outer(np.arange(64), np.arange(64)) / 126
mask, labels = place > 0.5, (place * 9).astype(int)
seen = store(mask.astype(np.float32))
print("mask:", np.unique(seen))
assert len(np.unique(seen)) > 2
seen = store(labels.astype(np.float32))
moved = seen.astype(int) != labels
print(f"labels: {moved.mean():.1%} of the pixels are in another class, all in the one below")
assert moved.mean() > 0.5 and np.array_equal(seen.astype(int)[moved], labels[moved] - 1)
assert np.array_equal(seen.round(), labels)
for kind in np.uint8, np.int16, np.uint16:
    assert np.array_equal(store(labels.astype(kind)), labels)
assert np.array_equal(store(labels.astype(np.float32), compression_type="GZIP_1", quantize_level=0), labels)
PY
