#!/usr/bin/env bash
# WebDataset clips 16-bit grey images instead of scaling them.
#
# Common guess: a decoder that returns 8 bits, or floats from 0 to 1, scales 16 bits down to them.
# Seen (webdataset 1.0.2, Pillow 13.0.0): of the levels 0, 100, 256 and 65,535 of a 16-bit PNG, `decode("l8")` makes
#   0, 100, 255, 255, and `decode("l")` 0, 0.39, 1, 1: all above 255 is white. Nothing warns. An X-ray or a depth map
#   becomes a white sheet.
# So: decode such files yourself, with one scale for the whole set.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q webdataset==1.0.2 pillow==13.0.0 numpy==2.4.6
cd "$work"
venv/bin/python - << 'PY'
import io

import numpy as np
import webdataset
from PIL import Image

levels = np.array([[0, 100, 256, 65535]], np.uint16)
png = io.BytesIO()
Image.fromarray(levels).save(png, "PNG")
assert np.array_equal(np.asarray(Image.open(png)), levels)
with webdataset.TarWriter("shard.tar") as writer:
    writer.write({"__key__": "depth", "png": png.getvalue()})
found = {}
for kind in "l8", "l":
    sample = next(iter(webdataset.WebDataset("shard.tar", shardshuffle=False).decode(kind)))
    found[kind] = np.asarray(sample["png"]).ravel()
    print(f"decode({kind!r}) of {levels.ravel()}: {found[kind]}")
assert found["l8"].tolist() == [0, 100, 255, 255]
assert np.allclose(found["l"], [0, 100 / 255, 1, 1])
PY
