#!/usr/bin/env bash
# White becomes black where torchvision converts bfloat16 or float16 images to bytes, or float32 images to uint16.
#
# Common guess: `ToDtype(torch.uint8, scale=True)` takes 0.0 to 1.0 to 0 to 255 for each type of float.
# Seen (torchvision 0.29.1, torch 2.14.1 on a CPU): it multiplies by 255.999 in the image's own type and drops the
#   fraction. In float16 and bfloat16, 1.0 becomes 256, which starts over at 0. The same happens in float32 with uint16.
#   The old `ConvertImageDtype` does it too. float32 to bytes is right. So samples of a generator that runs in half
#   precision get black specks in their whitest places, and nothing warns.
# So: image.float() before the conversion to bytes, image.double() before the one to uint16.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q torch==2.14.1 torchvision==0.29.1 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import torch
from torchvision.transforms import ConvertImageDtype, v2

image = torch.tensor([0, 0.25, 0.5, 0.75, 1]).expand(3, 4, 5)
to_bytes = [0, 64, 128, 192, 255]
for given, asked, right in [
    (torch.float32, torch.uint8, True),
    (torch.float16, torch.uint8, False),
    (torch.bfloat16, torch.uint8, False),
    (torch.float32, torch.uint16, False),
    (torch.float64, torch.uint16, True),
]:
    found = [convert(image.to(given))[0, 0].tolist() for convert in
             (v2.ToDtype(asked, scale=True), ConvertImageDtype(asked))]
    print(f"{given} to {asked}: {found[0]}")
    assert found[0] == found[1]
    assert found[0][-1] == (torch.iinfo(asked).max if right else 0)
    share = torch.tensor(found[0][:-1]) / torch.iinfo(asked).max
    assert torch.allclose(share, image[0, 0, :-1], atol=0.005)
PY
