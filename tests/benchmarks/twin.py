"""What every PyTorch twin shares: placing the networks, drawing latents, the two updates, the average, sampling.

A twin does the work of one jaxgan step in the way a careful PyTorch user would write it. Nothing here imports JAX,
so that a process with a twin in it holds one framework only.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Metrics = dict[str, Tensor]
Config = Mapping[str, Any]  # a file of configs/, as nested dicts or as a ConfigDict


@dataclasses.dataclass(frozen=True)
class Options:
    """How PyTorch runs a twin.

    Attributes:
      device: 'cpu' or 'cuda'.
      channels_last: keep maps and kernels as NHWC in memory.
      compile: run both networks through `torch.compile`.
    """

    device: str = "cpu"
    channels_last: bool = False
    compile: bool = False

    @property
    def memory_format(self) -> torch.memory_format:
        """Of maps and kernels."""
        return torch.channels_last if self.channels_last else torch.contiguous_format


class Twin:
    """Two networks, their optimisers and the generator's average; a system adds `networks` and `update`.

    Attributes:
      mirrored: the images are those of jaxgan turned by 180 degrees. TensorFlow's SAME puts the odd row of zeros
        last, PyTorch's cheap paddings put it first, so the mirror image saves a padded copy of every map.
      d_weight: factor on the sum of D's two losses that is minimised.
      d_report: the same factor in the reported loss.
    """

    mirrored = False
    d_weight = d_report = 1.0

    def __init__(self, config: Config, num_classes: int, options: Options):
        self.config, self.model, self.options = config, config["model"], options
        self.num_classes = num_classes
        self.batch_size = config["data"]["batch_size"]
        self.latent_shape: tuple[int, ...] = (self.model["latent_size"],)
        g, d = self.networks()
        for net in g, d:
            self.start(net)
        self.g_net = g.to(options.device, memory_format=options.memory_format)
        self.d_net = d.to(options.device, memory_format=options.memory_format)
        self.g: Callable[..., Tensor] = torch.compile(self.g_net) if options.compile else self.g_net
        self.d: Callable[..., Any] = torch.compile(self.d_net) if options.compile else self.d_net
        self.g_params, self.d_params = list(self.g_net.parameters()), list(self.d_net.parameters())
        self.g_optimiser, self.d_optimiser = self._adam("g", self.g_params), self._adam("d", self.d_params)
        # Buffers that count batches are integers and have no average.
        self.averaged = [*self.g_params, *(b for b in self.g_net.buffers() if b.is_floating_point())]
        self.ema = [x.detach().clone() for x in self.averaged]
        self.steps = 0

    def networks(self) -> tuple[nn.Module, nn.Module]:
        """Return G and D."""
        raise NotImplementedError

    def update(self, real: Tensor, labels: Tensor) -> Metrics:
        """Update both networks once in the reference's order."""
        raise NotImplementedError

    def step(self, images: Tensor, labels: Tensor) -> Metrics:
        """Make one training step on uint8[B, C, H, W] images and int64[B] labels."""
        low, high = self.config["data"]["range"]
        metrics = self.update(images.to(torch.get_default_dtype()).mul_((high - low) / 255).add_(low), labels)
        self._average()
        self.steps += 1
        return metrics

    def draw(self, num: int | None = None) -> tuple[Tensor, Tensor | None]:
        """Draw latents and, for a conditional GAN, labels."""
        z = torch.empty(num or self.batch_size, *self.latent_shape, device=self.options.device)
        z = z.uniform_(-1, 1) if self.model["latent_law"] == "uniform" else z.normal_()
        return z, None

    def make(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """Make images with G as it is."""
        return self.g(z)

    @torch.inference_mode()
    def sample(self, num: int) -> Tensor:
        """Draw images in [-1, 1] with running statistics, as `jaxgan.sample` does."""
        self.g_net.eval()
        low, high = self.config["data"]["range"]
        return self.make(*self.draw(num)).sub_(low).mul_(2 / (high - low)).sub_(1).clamp_(-1, 1)

    def start(self, net: nn.Module) -> None:
        """Initialise a network as the DCGAN family does."""
        stddev = self.model["init_stddev"]
        for layer in net.modules():
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
                nn.init.normal_(layer.weight, std=stddev)
            elif isinstance(layer, nn.BatchNorm2d):
                nn.init.normal_(layer.weight, self.model.get("bn_scale_mean", 1.0), stddev)

    def norm(self, features: int) -> nn.BatchNorm2d:
        """Return a batch norm with the config's numbers."""
        return nn.BatchNorm2d(features, self.model["bn_epsilon"], 1 - self.model["bn_momentum"])

    def descend_g(self, loss: Tensor) -> None:
        """Move G along its gradient."""
        _descend(self.g_optimiser, loss)

    def descend_d(self, loss: Tensor) -> None:
        """Move D along its gradient."""
        _descend(self.d_optimiser, loss)

    def d_metrics(self, on_real: Tensor, on_fake: Tensor, loss_real: Tensor, loss_fake: Tensor) -> Metrics:
        """Return D's losses and accuracies."""
        metrics = accuracies(on_real, on_fake)
        loss = self.d_report * (loss_real + loss_fake)
        losses = {"d/loss": loss, "d/loss_real": loss_real, "d/loss_fake": loss_fake}
        return metrics | {name: value.detach() for name, value in losses.items()}

    def _adam(self, name: str, params: list[nn.Parameter]) -> torch.optim.Optimizer:
        c = self.config["optim"][name]
        capturable = self.options.device == "cuda"  # may be recorded as a CUDA graph
        betas = c["b1"], c["b2"]
        return torch.optim.Adam(params, c["learning_rate"], betas, c["eps"], fused=True, capturable=capturable)

    def share(self) -> float:
        """Return the share of the new generator in the averaged one."""
        return 1 - min(self.config["train"]["ema_decay"], (1 + self.steps) / (10 + self.steps))

    @torch.no_grad()
    def _average(self) -> None:
        if self.config["train"]["ema_decay"]:
            torch._foreach_lerp_(self.ema, self.averaged, self.share())


class Reshape(nn.Module):
    """Dense output [B, C H W] to a map [B, C, H, W] in the twin's memory format."""

    def __init__(self, shape: tuple[int, int, int], options: Options):
        super().__init__()
        self.shape, self.memory_format = shape, options.memory_format

    def forward(self, x: Tensor) -> Tensor:
        """Reshape."""
        return x.unflatten(1, self.shape).contiguous(memory_format=self.memory_format)


def bce(logits: Tensor, target: float) -> Tensor:
    """Return the mean binary cross-entropy of logits [B] with a target of 1 (real) or 0 (fake)."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


@torch.no_grad()
def accuracies(on_real: Tensor, on_fake: Tensor) -> Metrics:
    """Return the shares of real and of fake images that D, with these logits, tells right."""
    real, fake = (on_real > 0).float().mean(), (on_fake <= 0).float().mean()
    return {"d/acc_real": real, "d/acc_fake": fake, "d/acc": (real + fake) / 2}


def g_metrics(logits: Tensor, loss: Tensor) -> Metrics:
    """Return G's loss and the share of its images that D takes for real."""
    with torch.no_grad():
        return {"g/loss": loss.detach(), "g/acc": (logits > 0).float().mean()}


@contextlib.contextmanager
def frozen(params: list[nn.Parameter]) -> Iterator[None]:
    """Compute no gradients of these parameters."""
    for param in params:
        param.requires_grad_(False)
    try:
        yield
    finally:
        for param in params:
            param.requires_grad_(True)


def _descend(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()
