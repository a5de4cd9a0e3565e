#!/usr/bin/env bash
# pyvips writes a grey NumPy array of 16 bits as an 8-bit PNG in which nearly everything is white.
#
# Common guess: an array of uint16 becomes a 16-bit PNG, grey as well as colour. If it must be 8 bits, as in JPEG,
#   pyvips takes the upper ones.
# Seen (pyvips 3.2.0 with pyvips-binary 8.18.7): a colour array becomes a PNG of 16 bits. A grey one becomes one of 8,
#   and all values above 255 become 255. `new_from_array` has called it "b-w", which means 8 bits, though its format is
#   "ushort". The writer of JPEG takes the same image's upper 8 bits, and TIFF keeps all 16. Nothing is raised.
# So: image.copy(interpretation="grey16") before writing, or write TIFF.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q pyvips==3.2.0 pyvips-binary==8.18.7 numpy==2.4.6 pypng==0.20220715.0 pillow==13.0.0
cd "$work"
venv/bin/python - << 'PY'
import numpy as np
import png
import pyvips
from PIL import Image


def read(path):
    """Return the rows and the bits of a PNG, by a package that knows all kinds."""
    with open(path, "rb") as file:
        _, _, rows, about = png.Reader(file=file).read()
        return np.array([list(row) for row in rows]), about["bitdepth"]


ramp = (np.arange(1024).reshape(32, 32) * 64).astype(np.uint16)
for pixels in ramp, np.stack([ramp] * 3, -1):
    image = pyvips.Image.new_from_array(pixels)
    assert image.format == "ushort" and np.array_equal(image.numpy(), pixels)
    image.write_to_file("image.png")
    seen, bits = read("image.png")
    flat = pixels.reshape(32, -1)
    print(f"{pixels.shape}, {image.interpretation}: PNG of {bits} bits, {(seen == 255).mean():.1%} of it 255, "
          f"given {flat[0, 0:7:3]}, read {seen[0, 0:7:3]}")
    if pixels.ndim == 3:
        assert bits == 16 and np.array_equal(seen, flat)
        continue
    assert image.interpretation == "b-w"
    assert bits == 8 and np.array_equal(seen, np.minimum(flat, 255)) and (seen == 255).mean() > 0.99
    image.write_to_file("image.jpg", Q=100)
    assert np.abs(np.asarray(Image.open("image.jpg")).astype(int) - pixels // 256).max() <= 2
    image.write_to_file("image.tif")
    assert np.array_equal(pyvips.Image.new_from_file("image.tif").numpy(), pixels)
    image.copy(interpretation="grey16").write_to_file("right.png")
    seen, bits = read("right.png")
    assert bits == 16 and np.array_equal(seen, pixels)
PY
