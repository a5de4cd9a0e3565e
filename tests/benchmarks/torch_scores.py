"""The scores `fd` and `prdc` in PyTorch: jaxgan's digit classifier, and what is computed of its features.

As a careful PyTorch user would write it: the network in inference mode, what follows in float64 and in chunks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

CHUNK = 500
K_MANIFOLD, K_DENSITY = 3, 5


class Classifier(nn.Module):
    """uint8[N, 1, 28, 28] -> float32[N, 64], the features of `jaxgan.metrics.features.classifier.Classifier`."""

    def __init__(self, params: Mapping[str, Any]):
        super().__init__()
        convs = [params[f"Conv_{i}"] for i in range(5)]
        self.kernels = nn.ParameterList([torch.tensor(np.asarray(c["kernel"]).transpose(3, 2, 0, 1)) for c in convs])
        self.biases = nn.ParameterList([torch.tensor(np.asarray(c["bias"])) for c in convs])
        self.weight = nn.Parameter(torch.tensor(np.asarray(params["Dense_0"]["kernel"]).T))
        self.bias = nn.Parameter(torch.tensor(np.asarray(params["Dense_0"]["bias"])))

    def forward(self, images: Tensor) -> Tensor:
        """Compute features."""
        x = images.float() / 255
        for kernel, bias, stride in zip(self.kernels, self.biases, (2, 1, 2, 1, 2), strict=True):
            side, size = x.shape[-1], kernel.shape[-1]
            pad = max((-(-side // stride) - 1) * stride + size - side, 0)  # SAME, the odd row last
            x = F.pad(x, (pad // 2, pad - pad // 2) * 2) if pad % 2 else x
            x = F.relu(F.conv2d(x, kernel, bias, stride, 0 if pad % 2 else pad // 2))
        return F.leaky_relu(F.linear(x.permute(0, 2, 3, 1).flatten(1), self.weight, self.bias), 0.1)


class Scorer:
    """Scores images against real ones.

    Attributes:
      net: makes features of images.
      real: float64[M, D] features of some real images, for neighbours.
      mean, cov: of the features of all real images, float64[D] and float64[D, D].
    """

    def __init__(self, params: Mapping[str, Any], real: np.ndarray, mean: np.ndarray, cov: np.ndarray, device: str):
        self.net = Classifier(params).to(device, memory_format=torch.channels_last)
        self.real, self.mean, self.cov = (
            torch.tensor(x, dtype=torch.float64, device=device) for x in (real, mean, cov)
        )

    @torch.inference_mode()
    def score(self, images: Tensor, rows: Tensor) -> dict[str, float]:
        """Return `fd`, precision, recall, density and coverage of uint8[N, 1, 28, 28].

        Args:
          images: the images.
          rows: which of them have neighbours.
        """
        features = torch.cat([self.net(part) for part in images.split(CHUNK)]).double()
        return {"fd": self._distance(features), **self._neighbours(features[rows])}

    def _distance(self, features: Tensor) -> float:
        mean, cov = features.mean(0), torch.cov(features.T)
        values, vectors = torch.linalg.eigh(self.cov)
        root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
        overlap = torch.linalg.eigvalsh(root @ cov @ root).clamp(min=0).sqrt().sum()
        shift = (mean - self.mean).square().sum()
        return float(shift + cov.trace() + self.cov.trace() - 2 * overlap)

    def _neighbours(self, fake: Tensor) -> dict[str, float]:
        real = self.real
        own = torch.cdist(real, real).topk(K_DENSITY + 1, largest=False).values  # itself first
        fakes_own = torch.cdist(fake, fake).topk(K_MANIFOLD + 1, largest=False).values[:, -1]
        distances = torch.cdist(real, fake)
        within = distances < own[:, K_DENSITY, None]
        return {
            "precision": float((distances <= own[:, K_MANIFOLD, None]).any(0).double().mean()),
            "recall": float((distances <= fakes_own).any(1).double().mean()),
            "density": float(within.sum() / (K_DENSITY * len(fake))),
            "coverage": float(within.any(1).double().mean()),
        }
