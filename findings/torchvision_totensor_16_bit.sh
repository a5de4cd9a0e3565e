#!/usr/bin/env bash
# torchvision's ToTensor gives negative numbers for the brighter half of a 16-bit grey image.
#
# Common guess: ToTensor of a 16-bit grey PNG gives floats of 0 to 1, as of 8 bits, or at least the image's own numbers.
# Seen (torchvision 0.29.1, Pillow 13.0.0): a tensor of int16, in which 32,768 is -32,768 and 65,535 is -1. White lies
#   right below black. `pil_to_tensor` and v2's `ToImage` give uint16 and the right numbers. Nothing warns.
# So: v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]), which gives 0 to 1.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q torch==2.14.1 torchvision==0.29.1 pillow==13.0.0 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import numpy as np
import torch
from PIL import Image
from torchvision import transforms
from torchvision.transforms import v2

values = np.array([[0, 1000, 32767, 32768, 65535]], np.uint16)
Image.fromarray(values).save("image.png")
image = Image.open("image.png")
seen = transforms.ToTensor()(image)
print(values.tolist(), "becomes", seen.tolist(), seen.dtype)
assert seen.dtype == torch.int16 and seen[0, 0].tolist() == [0, 1000, 32767, -32768, -1]
for right in transforms.functional.pil_to_tensor(image), v2.ToImage()(image):
    assert right.dtype == torch.uint16 and np.array_equal(right[0].numpy(), values)
scaled = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])(image)
assert np.allclose(scaled[0].numpy(), values / 65535)
PY
