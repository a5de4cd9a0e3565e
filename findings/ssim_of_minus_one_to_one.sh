#!/usr/bin/env bash
# SSIM ranks the same two images in the other order when their values go from -1 to 1 instead of 0 to 1.
#
# Common guess: once `data_range` is right (1 for 0 to 1, 2 for -1 to 1), SSIM does not depend on the scale, like PSNR.
# Seen (scikit-image 0.26.0, a photograph of a flower): with less contrast it has an SSIM of 0.82 from 0 to 1 and 0.99
#   from -1 to 1, and with another gamma 0.98 and 0.97. So the scale decides which is better. A photograph of a temple
#   that is lighter by 5 % goes from 0.98 down to 0.90. 0 to 255 gives the numbers of 0 to 1, and PSNR is the same for
#   all three. SSIM compares the means of places by ratio, (2ab + C) / (aa + bb + C), so it matters where 0 lies.
# So: bring a generator's images from -1..1 to 0..1 before SSIM.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q scikit-image==0.26.0 scikit-learn==1.9.1 numpy==2.4.6 pillow==13.0.0
cd "$work"
venv/bin/python - << 'PY'
import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from sklearn.datasets import load_sample_image


def compare(photo, changed):
    """Return SSIM with values of 0 to 1, 0 to 255 and -1 to 1."""
    found = []
    for low, high in (0, 1), (0, 255), (-1, 1):
        pair = [image * (high - low) + low for image in (photo, changed)]
        settings = {"data_range": high - low}
        found.append([structural_similarity(*pair, **settings, channel_axis=-1),
                      peak_signal_noise_ratio(*pair, **settings)])
    similar, noise = np.transpose(found)
    assert np.isclose(similar[0], similar[1])
    assert np.allclose(noise, noise[0])
    return similar[[0, 2]]


flower, temple = (load_sample_image(name) / 255 for name in ("flower.jpg", "china.jpg"))
contrast = compare(flower, (flower - 0.5) * 0.9 + 0.5)
gamma = compare(flower, flower**1.1)
lighter = compare(temple, np.clip(temple + 0.05, 0, 1))
for name, found in ("less contrast", contrast), ("gamma", gamma), ("lighter", lighter):
    print(f"{name}: SSIM {found[0]:.3f} from 0 to 1, {found[1]:.3f} from -1 to 1")
assert np.allclose(contrast, (0.816, 0.993), atol=0.002)
assert np.allclose(gamma, (0.984, 0.970), atol=0.002)
assert np.allclose(lighter, (0.976, 0.904), atol=0.002)
PY
