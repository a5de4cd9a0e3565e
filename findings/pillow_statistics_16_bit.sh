#!/usr/bin/env bash
# Pillow's mean of a 16-bit or float image is not the mean of its pixels.
#
# Common guess: `ImageStat.Stat(image).mean` is the mean, for all modes of one channel.
# Seen (Pillow 13.0.0): for mode "I;16", in which 16-bit grey PNG arrive, `histogram` counts the bytes in the left half
#   of the image: half of an image in black and 40,000 has a mean of 110 or 0, where NumPy says 20,000. For "I" and "F"
#   the values are first stretched from the image's own least and greatest to 0 and 255, so an image and
#   the same at a tenth of the brightness have one mean. `getextrema` is right for all of them.
# So: measure a data set's mean and deviation with NumPy: np.asarray(image).mean().
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q pillow==13.0.0 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import numpy as np
from PIL import Image, ImageStat

half = np.zeros((8, 8), np.uint16)
half[:, :4] = 40000  # the bytes 64 and 156
for pixels, expected in (half, (64 + 156) / 2), (half[:, ::-1].copy(), 0):
    Image.fromarray(pixels).save("half.png")
    image = Image.open("half.png")
    found = ImageStat.Stat(image)
    print(f"{image.mode}: mean {found.mean[0]}, extrema {found.extrema[0]}; NumPy {np.asarray(image).mean()}")
    assert image.mode == "I;16" and found.mean == [expected] and np.asarray(image).mean() == 20000
    assert image.getextrema() == (0, 40000)
    assert sum(image.histogram()) == 64
ramp = np.arange(64).reshape(8, 8) * 1000
for mode, kind in ("I", np.int32), ("F", np.float32):
    bright, dark = (Image.fromarray((ramp // scale).astype(kind)) for scale in (1, 10))
    means = [ImageStat.Stat(image).mean[0] for image in (bright, dark)]
    print(f"{mode}: means {means}; NumPy {[float(np.asarray(image).mean()) for image in (bright, dark)]}")
    assert bright.mode == mode and means[0] == means[1] < 128
    assert np.asarray(bright).mean() == 31500 and np.asarray(dark).mean() == 3150
    assert bright.getextrema() == (0, 63000)
PY
