#!/usr/bin/env bash
# A PyTorch EfficientNet-Lite that was built for one image size shifts the maps of images of another size.
#
# Common guess: the network is convolutional with SAME padding, so its features of a 128x128 image do not depend on the
#   size that the network was built for. Resize images as you like, and only the scale of what it sees changes.
# Seen (efficientnet-lite-pytorch 0.1.0, torch 2.14.1): padding is computed once, from the nominal size, 240 for
#   Lite1. There the fifth reduction is from 15 to 8 pixels, with zeros on both sides alike; at 128 it is from 8 to 4,
#   with one more zero behind than before. So later maps are shifted, and features differ by 16 % of their norm (with
#   random weights). Lite0 is built for 224, whose reductions are even like those of 128, and shows nothing.
# So: build it with image_size= of the images that it is given, or compute the padding from each input.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q torch==2.14.1 numpy==2.4.6 efficientnet-lite-pytorch==0.1.0
cd "$work"
venv/bin/python - << 'PY'
import torch
from efficientnet_lite_pytorch import EfficientNet

torch.manual_seed(0)
images = torch.rand(2, 3, 128, 128)


def difference(name):
    """Return the relative difference of features between a network of the nominal size and one of 128 pixels."""
    nominal, fitting = EfficientNet.from_name(name).eval(), EfficientNet.from_name(name, image_size=128).eval()
    fitting.load_state_dict(nominal.state_dict())
    with torch.no_grad():
        first, second = (net.extract_features(images).mean((2, 3)) for net in (nominal, fitting))
    return ((first - second).norm() / second.norm()).item()


found = {name: difference(name) for name in ("efficientnet-lite0", "efficientnet-lite1")}
print({name: round(value, 3) for name, value in found.items()})
assert found["efficientnet-lite0"] == 0
assert found["efficientnet-lite1"] > 0.05
PY
