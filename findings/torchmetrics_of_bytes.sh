#!/usr/bin/env bash
# torchmetrics' errors of images in bytes are wrong by a factor of six, because differences below 0 start over at 255.
#
# Common guess: MeanSquaredError and MeanAbsoluteError of uint8 images are those of the numbers, as in scikit-learn, or
#   are refused.
# Seen (torchmetrics 1.9.0, torch 2.14.1): |100 - 103| counts as 253, and its square as 9. For two noisy copies of
#   a picture the absolute error is 126 instead of 19 and the squared one 92 instead of 585. `total_variation` and
#   `image_gradients` take differences of bytes too. PeakSignalNoiseRatio of the same two tensors is right, and
#   FID and its like ask for bytes, so bytes look welcome. Nothing warns.
# So: give images as floats: metric(a.float(), b.float()).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q torchmetrics==1.9.0 torch==2.14.1 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import torch
from torchmetrics import MeanAbsoluteError, MeanSquaredError
from torchmetrics.functional.image import image_gradients, total_variation
from torchmetrics.image import PeakSignalNoiseRatio

low, high = torch.tensor([100], dtype=torch.uint8), torch.tensor([103], dtype=torch.uint8)
assert MeanAbsoluteError()(low, high) == 253 and MeanAbsoluteError()(high, low) == 3
assert MeanSquaredError()(low, high) == 9
torch.manual_seed(0)
picture = torch.rand(8, 3, 48, 48)
noisy = (picture + 0.1 * torch.randn_like(picture)).clamp(0, 1)
a, b = (255 * picture).to(torch.uint8), (255 * noisy).to(torch.uint8)
for name, measure in {
    "mean absolute error": lambda a, b: MeanAbsoluteError()(a, b),
    "mean squared error": lambda a, b: MeanSquaredError()(a, b),
    "total variation": lambda a, b: total_variation(a, reduction="mean"),
    "image gradients": lambda a, b: image_gradients(a)[0].double().abs().mean(),
    "PSNR": lambda a, b: PeakSignalNoiseRatio(data_range=255.0)(a, b),
}.items():
    of_bytes, right = measure(a, b).item(), measure(a.double(), b.double()).item()
    print(f"{name}: {of_bytes:.4g} of bytes, {right:.4g} of floats")
    if name == "PSNR":
        assert abs(of_bytes - right) < 0.001
    else:
        assert max(of_bytes / right, right / of_bytes) > 1.4
    if name.startswith("mean"):
        assert max(of_bytes / right, right / of_bytes) > 6
PY
