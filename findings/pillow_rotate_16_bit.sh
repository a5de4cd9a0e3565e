#!/usr/bin/env bash
# Pillow turns a 16-bit grey image into dark noise when it rotates or warps it smoothly.
#
# Common guess: `rotate` and `transform` treat mode "I;16", in which 16-bit grey PNG arrive, like the modes "I" and "F".
# Seen (Pillow 13.0.0): with BILINEAR and BICUBIC they take the single bytes for pixels. From a smooth ramp of 0 to
#   56,000 come numbers of 0 to 255 without any order. The same image in mode "I" or "F" comes out right, and so does
#   "I;16" with NEAREST, and `resize` with BILINEAR. Nothing is raised and nothing warns.
# So: convert to "F" (or "I") before you rotate or warp, and back afterwards with NumPy.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q pillow==13.0.0 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import numpy as np
from PIL import Image

ramp = np.add.outer(np.arange(8), np.arange(8)).astype(np.uint16) * 4000
Image.fromarray(ramp).save("ramp.png")
image = Image.open("ramp.png")
assert image.mode == "I;16"
changes = {
    "rotate": lambda image, how: image.rotate(30, how),
    "affine": lambda image, how: image.transform((8, 8), Image.Transform.AFFINE, (1, 0, 0.5, 0, 1, 0), how),
    "perspective": lambda image, how: image.transform(
        (8, 8), Image.Transform.PERSPECTIVE, (1, 0, 0.5, 0, 1, 0, 0, 0), how
    ),
}
for name, change in changes.items():
    for how in Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC:
        seen = np.asarray(change(image, how)).astype(float)
        right = np.asarray(change(image.convert("F"), how))
        also_right = np.asarray(change(image.convert("I"), how))
        print(f"{name}, {how.name}: row 3 is {seen[3, :7].astype(int)}, from mode F {right[3, :7].astype(int)}")
        assert np.abs(right - also_right).max() <= 500 and right.max() > 40000
        if how == Image.Resampling.NEAREST:
            assert np.array_equal(seen, right)
        else:
            assert seen.max() <= 255
            assert abs(np.corrcoef(seen[1:-1, 1:-1].ravel(), right[1:-1, 1:-1].ravel())[0, 1]) < 0.5
smaller = [np.asarray(image.convert(mode).resize((4, 4), Image.Resampling.BILINEAR)) for mode in ("I;16", "F")]
assert np.abs(smaller[0] - smaller[1]).max() <= 1
PY
