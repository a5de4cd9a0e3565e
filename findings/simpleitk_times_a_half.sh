#!/usr/bin/env bash
# In SimpleITK an image in whole numbers times 0.5 is black, and times 2.5 is times 2.
#
# Common guess: `image * 0.5` acts as in NumPy, where bytes times a float give floats, or it rounds the products.
# Seen (SimpleITK 2.5.7): it drops the fraction of the factor first, not that of the product. So 100 * 0.5 is 0, and
#   100 + 0.7 is 100. uint8 products then start over after 255: 200 * 2.5 is 144. int16, the type of most CT scans, and
#   int32 do the same. `image / 2` gives floats and is right. Nothing warns, and a window for a scan, such as
#   `(scan + 1000) * 0.001`, makes a black volume.
# So: sitk.Cast(image, sitk.sitkFloat32) first, or divide.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q simpleitk==2.5.7 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import numpy as np
import SimpleITK as sitk


def pixels(image):
    return sitk.GetArrayFromImage(image)[0].tolist()


for kind in np.uint8, np.int16, np.int32:
    given = np.array([[100, 200]], kind)
    image = sitk.GetImageFromArray(given)
    half, more, added = pixels(image * 0.5), pixels(image * 2.5), pixels(image + 0.7)
    print(f"{np.dtype(kind)} {pixels(image)}: * 0.5 is {half}, * 2.5 is {more}, + 0.7 is {added}")
    assert half == pixels(0.5 * image) == pixels(sitk.Multiply(image, 0.5)) == [0, 0]
    assert more == pixels(image * 2) == (given * 2)[0].tolist()
    assert added == [100, 200]
    assert pixels(image / 2) == pixels(image / 2.0) == [50, 100]
    floats = sitk.Cast(image, sitk.sitkFloat32)
    assert pixels(floats * 0.5) == [50, 100] and pixels(floats * 2.5) == [250, 500]

scan = sitk.GetImageFromArray(np.array([[-1000, -500, 0, 400]], np.int16))
print("window:", pixels((scan + 1000) * 0.001), "instead of", pixels((scan + 1000) / 1000))
assert pixels((scan + 1000) * 0.001) == [0, 0, 0, 0]
assert pixels((scan + 1000) / 1000) == [0, 0.5, 1, 1.4]
PY
