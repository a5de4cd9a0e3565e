"""The five systems, and the presets of own images, in PyTorch: their networks, and their updates written out.

Where the references leave a choice that `configs/` makes (dcgan's and acgan's statistics), the twin reads it there.
A network's `map_shape` is the (H, W, C) of the map that its dense layer makes or reads, for comparing weights.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from twin import Config, Metrics, Options, Reshape, Twin, accuracies, bce, frozen, g_metrics


class GanMlp(Twin):
    """Two dense layers each; both gradients at the old parameters, from one forward pass."""

    def networks(self) -> tuple[nn.Module, nn.Module]:
        """Return G and D."""
        data, hidden = self.config["data"], self.model["hidden"]
        shape = data["channels"], data["image_size"], data["image_size"]
        g = nn.Sequential(
            *(nn.Linear(self.model["latent_size"], hidden), nn.ReLU(inplace=True)),
            *(nn.Linear(hidden, math.prod(shape)), nn.Sigmoid(), nn.Unflatten(1, shape)),
        )
        first = nn.Linear(math.prod(shape), hidden)
        return g, nn.Sequential(nn.Flatten(), first, nn.ReLU(inplace=True), nn.Linear(hidden, 1), nn.Flatten(0))

    def start(self, net: nn.Module) -> None:
        """Initialise by He's rule."""
        for layer in net.modules():
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_normal_(layer.weight)
                nn.init.zeros_(layer.bias)

    def update(self, real: Tensor, labels: Tensor) -> Metrics:
        """Move both networks at once."""
        z, _ = self.draw()
        on_real, on_fake = self.d(real), self.d(self.g(z))
        g_loss, loss_real, loss_fake = bce(on_fake, 1), bce(on_real, 1), bce(on_fake, 0)
        self.move(g_loss, loss_real + loss_fake)
        return self.d_metrics(on_real, on_fake, loss_real, loss_fake) | g_metrics(on_fake, g_loss)

    def move(self, g_loss: Tensor, d_loss: Tensor) -> None:
        """Move both networks along their gradients at the old parameters."""
        g_grads = torch.autograd.grad(g_loss, self.g_params, retain_graph=True)
        d_grads = torch.autograd.grad(d_loss, self.d_params)
        for param, grad in zip(self.g_params + self.d_params, g_grads + d_grads, strict=True):
            param.grad = grad
        self.g_optimiser.step()
        self.d_optimiser.step()


class GanMlpReplicas(GanMlp):
    """R GANs of `GanMlp` side by side, each on its own part of the batch: every layer is one batch of R products."""

    def networks(self) -> tuple[nn.Module, nn.Module]:
        """Return R of G and of D."""
        data, hidden, num = self.config["data"], self.model["hidden"], self.config["train"]["num_replicas"]
        pixels = data["channels"] * data["image_size"] ** 2
        g = nn.Sequential(
            *(Products(num, self.model["latent_size"], hidden), nn.ReLU(inplace=True)),
            *(Products(num, hidden, pixels), nn.Sigmoid()),
        )
        return g, nn.Sequential(Products(num, pixels, hidden), nn.ReLU(inplace=True), Products(num, hidden, 1))

    def start(self, net: nn.Module) -> None:
        """Initialise by He's rule."""
        for layer in net:
            if isinstance(layer, Products):
                nn.init.normal_(layer.weight, std=math.sqrt(2 / layer.weight.shape[1]))

    def draw(self, num: int | None = None) -> tuple[Tensor, None]:
        """Draw latents [R, B, Z]."""
        z, _ = super().draw(num)
        return z.unflatten(0, (self.config["train"]["num_replicas"], -1)), None

    def update(self, real: Tensor, labels: Tensor) -> Metrics:
        """Move all networks at once; losses are sums over replicas, so that each gets its own gradient."""
        num = self.config["train"]["num_replicas"]
        z, _ = self.draw()
        on_real, on_fake = self.d(real.reshape(num, -1, real[0].numel())), self.d(self.g(z))
        g_loss, loss_real, loss_fake = (
            num * bce(x, target) for x, target in ((on_fake, 1), (on_real, 1), (on_fake, 0))
        )
        self.move(g_loss, loss_real + loss_fake)
        return self.d_metrics(on_real, on_fake, loss_real, loss_fake) | g_metrics(on_fake, g_loss)


class Products(nn.Module):
    """R dense layers: [R, B, I] -> [R, B, O]."""

    def __init__(self, num: int, inputs: int, outputs: int):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(num, inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(num, 1, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Multiply."""
        return torch.baddbmm(self.bias, x, self.weight)


class Dcgan(Twin):
    """28x28 with dropout in D: D on real and fake images together, then G with fresh latents."""

    mirrored = True
    d_weight = d_report = 0.5

    def networks(self) -> tuple[nn.Module, nn.Module]:
        """Return G and D."""

        def act(features):
            return self.norm(features), nn.LeakyReLU(0.2, inplace=True)

        def double(channels, features):
            return nn.ConvTranspose2d(channels, features, 5, 2, 2, output_padding=1, bias=False), *act(features)

        def halve(channels, features):
            conv = nn.Conv2d(channels, features, 5, 2, 2, bias=False)
            return conv, nn.LeakyReLU(0.2, inplace=True), nn.Dropout(self.model["dropout"])

        g = nn.Sequential(
            *(nn.Linear(self.model["latent_size"], 12544), Reshape((256, 7, 7), self.options), *act(256)),
            *(nn.ConvTranspose2d(256, 128, 5, 1, 2, bias=False), *act(128)),
            *(*double(128, 64), *double(64, 32), nn.Conv2d(32, 1, 5, 1, 2, bias=False), nn.Tanh()),
        )
        d = nn.Sequential(*halve(1, 64), *halve(64, 128), nn.Flatten(), nn.Linear(6272, 1), nn.Flatten(0))
        g.map_shape, d.map_shape = (7, 7, 256), (7, 7, 128)
        return g, d

    def update(self, real: Tensor, labels: Tensor) -> Metrics:
        """D, then G."""
        with torch.no_grad():
            self.g_net.train(self.config["rule"]["g_stats_for_d"] == "batch")
            fake = self.g(self.draw()[0])
        self.d_net.train()
        on_real, on_fake = self.d(torch.cat([real, fake])).chunk(2)
        losses = bce(on_real, 1), bce(on_fake, 0)
        self.descend_d(self.d_weight * sum(losses))
        metrics = self.d_metrics(on_real, on_fake, *losses)

        self.g_net.train()
        with frozen(self.d_params):
            logits = self.d(self.g(self.draw()[0]))
            loss = bce(logits, 1)
            self.descend_g(loss)
        return metrics | g_metrics(logits, loss)


class DcganRobust(Dcgan):
    """The networks of `Dcgan` in pairs of real and fake, with R1 and R2 at each k-th step; images are made once."""

    d_weight = d_report = 1.0

    def norm(self, features: int) -> nn.BatchNorm2d:
        """Return a batch norm that moves as far in one pass as jaxgan's does for D's fakes and then for G."""
        return nn.BatchNorm2d(features, self.model["bn_epsilon"], 1 - self.model["bn_momentum"] ** 2)

    def share(self) -> float:
        """Return the share of the new generator, by half-life."""
        train, batch = self.config["train"], self.batch_size
        half_life = min(train["ema_half_life"], train["ema_ramp"] * self.steps * batch)
        return 1 - 0.5 ** (batch / max(half_life, 1e-8))

    def update(self, real: Tensor, labels: Tensor) -> Metrics:
        """D with its penalties, then G on the images that D has seen."""
        gammas, interval = self.config["penalty"], self.config["penalty"]["interval"]
        fake = self.g(self.draw()[0])
        penalised = self.steps % interval == 0
        shown = torch.cat([real, fake.detach()]).requires_grad_(penalised)
        logits = self.d(shown)
        on_real, on_fake = logits.chunk(2)
        loss = F.softplus(on_fake - on_real).mean()
        r1 = r2 = torch.zeros_like(loss)
        if penalised:
            (slopes,) = torch.autograd.grad(logits.sum(), shown, create_graph=True)
            r1, r2 = (interval * part.square().sum((1, 2, 3)).mean() / 2 for part in slopes.chunk(2))
        self.descend_d(loss + gammas["r1"] * r1 + gammas["r2"] * r2)
        right = (on_real > on_fake).to(loss.dtype).mean()
        metrics = {"d/loss": loss, "d/loss_real": loss / 2, "d/loss_fake": loss / 2, "d/r1": r1, "d/r2": r2}
        metrics |= {"d/acc_real": right, "d/acc_fake": right, "d/acc": right}
        with frozen(self.d_params):
            on_real, on_fake = self.d(torch.cat([real, fake])).chunk(2)
            loss = F.softplus(on_real - on_fake).mean()
            self.descend_g(loss)
        metrics |= {"g/loss": loss, "g/acc": (on_fake > on_real).to(loss.dtype).mean()}
        return {name: value.detach() for name, value in metrics.items()}


class Compact(DcganRobust):
    """Own images by `compact`, without classes, kinds and augmentation: a convolution that keeps each map's size."""

    mirrored = False

    def networks(self) -> tuple[nn.Module, nn.Module]:
        """Return G and D."""
        g_widths, d_widths = self.model["g_widths"], self.model["d_widths"]
        colours, side = self.config["data"]["channels"], self.config["data"]["image_size"] >> len(g_widths)

        def act(features):
            return self.norm(features), nn.LeakyReLU(0.2, inplace=True)

        g: list[nn.Module] = [nn.Linear(self.model["latent_size"], side * side * g_widths[0])]
        g += [Reshape((g_widths[0], side, side), self.options), *act(g_widths[0])]
        for before, features in zip((None, *g_widths), g_widths, strict=False):
            if before:
                g += [nn.ConvTranspose2d(before, features, 4, 2, 1, bias=False), *act(features)]
            g += [nn.Conv2d(features, features, 3, 1, 1, bias=False), *act(features)]
        g += [nn.ConvTranspose2d(g_widths[-1], colours, 4, 2, 1), nn.Tanh()]
        d: list[nn.Module] = []
        for before, features in zip((colours, *d_widths), d_widths, strict=False):
            d += [nn.Conv2d(before, features, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
            d += [nn.Conv2d(features, features, 3, 1, 1), nn.LeakyReLU(0.2, inplace=True)]
        d += [nn.Flatten(), nn.Linear(side * side * d_widths[-1], 1), nn.Flatten(0)]
        networks = nn.Sequential(*g), nn.Sequential(*d)
        for net, features in zip(networks, (g_widths[0], d_widths[-1]), strict=True):
            net.map_shape = (side, side, features)
        return networks

    def norm(self, features: int) -> nn.BatchNorm2d:
        """Return a batch norm that moves as far in one pass as jaxgan's does for D's fakes and then for G."""
        return nn.BatchNorm2d(features, 1e-3, 1 - 0.99**2)

    def start(self, net: nn.Module) -> None:
        """Initialise by He's rule for leaky ReLUs; dense layers and G's last one keep the variance."""
        layers = [layer for layer in net.modules() if hasattr(layer, "weight") and layer.weight.ndim > 1]
        for layer in layers:
            is_plain = isinstance(layer, nn.Linear) or layer is layers[-1]
            nn.init.kaiming_normal_(layer.weight, nonlinearity="linear" if is_plain else "leaky_relu", a=0.2)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


class Acgan(Twin):
    """28x28 with labels: D on real, D on fake images, an update each; then G with the same latents and labels."""

    mirrored = True
    d_report = 0.5

    def networks(self) -> tuple[nn.Module, nn.Module]:
        """Return G and D."""
        return AcganGenerator(self), AcganDiscriminator(self)

    def start(self, net: nn.Module) -> None:
        """Initialise as Keras does."""
        for layer in net.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)
            elif isinstance(layer, nn.Embedding):
                bound = self.model["embedding_bound"]
                nn.init.uniform_(layer.weight, -bound, bound)

    def draw(self, num: int | None = None) -> tuple[Tensor, Tensor]:
        """Draw latents and labels."""
        z, _ = super().draw(num)
        return z, torch.randint(self.num_classes, z.shape[:1], device=z.device)

    def make(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """Make images of the labels."""
        return self.g(z, labels)

    def update(self, real: Tensor, labels: Tensor) -> Metrics:
        """D on real, D on fake, G."""
        z, wanted = self.draw()
        with torch.no_grad():
            self.g_net.eval()
            self.d_net.eval()
            fake = self.g(z, wanted)
            real_scores, fake_scores = self.d(real)[0], self.d(fake)[0]
        metrics = accuracies(real_scores, fake_scores)

        self.d_net.train()
        for name, images, target, classes in ("real", real, 1, labels), ("fake", fake, 0, wanted):
            logits, class_logits = self.d(images)
            metrics[f"d/class_{name}"] = F.cross_entropy(class_logits, classes)
            metrics[f"d/loss_{name}"] = bce(logits, target) + metrics[f"d/class_{name}"]
            self.descend_d(metrics[f"d/loss_{name}"])
        metrics["d/loss"] = self.d_report * (metrics["d/loss_real"] + metrics["d/loss_fake"])

        self.g_net.train()
        self.d_net.train(self.config["rule"]["d_stats_in_g"] == "batch")
        with frozen(self.d_params):
            logits, class_logits = self.d(self.g(z, wanted))
            metrics["g/class"] = F.cross_entropy(class_logits, wanted)
            metrics["g/loss"] = bce(logits, 1) + metrics["g/class"]
            self.descend_g(metrics["g/loss"])
        metrics["g/acc"] = 1 - metrics["d/acc_fake"]
        return {name: value.detach() for name, value in metrics.items()}


class AcganGenerator(nn.Module):
    """z times the label's embedding -> 28x28 images."""

    map_shape = (7, 7, 32)

    def __init__(self, twin: Acgan):
        super().__init__()
        size = twin.model["latent_size"]

        def block(channels, features):
            return nn.Conv2d(channels, features, 3, 1, 1), twin.norm(features), nn.ReLU(inplace=True)

        self.embed = nn.Embedding(twin.num_classes, size)
        self.layers = nn.Sequential(
            *(nn.Linear(size, 1568), nn.ReLU(inplace=True), Reshape((32, 7, 7), twin.options)),
            *(*block(32, 64), nn.Upsample(scale_factor=2)),
            *(*block(64, 128), nn.Upsample(scale_factor=2)),
            *(*block(128, 64), nn.Conv2d(64, 1, 3, 1, 1), nn.Tanh()),
        )

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        """Make images."""
        return self.layers(z * self.embed(labels))


class AcganDiscriminator(nn.Module):
    """28x28 images -> logits and class logits."""

    def __init__(self, twin: Acgan):
        super().__init__()

        def halve(channels, features):
            return nn.Conv2d(channels, features, 3, 2, 1), twin.norm(features), nn.LeakyReLU(0.2, inplace=True)

        self.layers = nn.Sequential(*halve(1, 32), *halve(32, 64), *halve(64, 128), nn.AdaptiveAvgPool2d(1))
        self.real, self.classes = nn.Linear(128, 1), nn.Linear(128, twin.num_classes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Score images."""
        x = self.layers(images).flatten(1)
        return self.real(x).flatten(), self.classes(x)


class Dcgan64(Twin):
    """Sides of 16 n in colour: D on real and on fake images apart, one update; then G with fresh latents."""

    d_report = 0.5

    def networks(self) -> tuple[nn.Module, nn.Module]:
        """Return G and D."""
        width, colours, side = self.model["width"], self.config["data"]["channels"], self.config["data"]["image_size"]
        start = (side // 16, side // 16, 8 * width)
        g: list[nn.Module] = [nn.Linear(self.model["latent_size"], math.prod(start))]
        g += [Reshape((start[2], *start[:2]), self.options), self.norm(start[2]), nn.ReLU(inplace=True)]
        for times in 4, 2, 1:
            g += [nn.ConvTranspose2d(2 * times * width, times * width, 4, 2, 1), self.norm(times * width)]
            g += [nn.ReLU(inplace=True)]
        g += [nn.ConvTranspose2d(width, colours, 4, 2, 1), nn.Tanh()]
        d: list[nn.Module] = [nn.Conv2d(colours, width, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
        for times in 2, 4, 8:
            d += [nn.Conv2d(times * width // 2, times * width, 4, 2, 1), self.norm(times * width)]
            d += [nn.LeakyReLU(0.2, inplace=True)]
        d += [nn.Flatten(), nn.Linear(math.prod(start), 1), nn.Flatten(0)]
        networks = nn.Sequential(*g), nn.Sequential(*d)
        for net in networks:
            net.map_shape = start
        return networks

    def update(self, real: Tensor, labels: Tensor) -> Metrics:
        """D, then G, all in training mode."""
        with torch.no_grad():
            fake = self.g(self.draw()[0])
        on_real, on_fake = self.d(real), self.d(fake)
        losses = bce(on_real, 1), bce(on_fake, 0)
        self.descend_d(sum(losses))
        metrics = self.d_metrics(on_real, on_fake, *losses)
        with frozen(self.d_params):
            logits = self.d(self.g(self.draw()[0]))
            loss = bce(logits, 1)
            self.descend_g(loss)
        return metrics | g_metrics(logits, loss)


class DcganZ1x1(Twin):
    """28x28 from a map of one pixel: G first, then D on the very images that G was judged by."""

    d_weight = d_report = 0.5

    def __init__(self, config: Config, num_classes: int, options: Options):
        super().__init__(config, num_classes, options)
        self.latent_shape = (self.model["latent_size"], 1, 1)

    def networks(self) -> tuple[nn.Module, nn.Module]:
        """Return G and D."""
        slope = 0.2 if self.model["leaky"] else 0.0

        def keep(channels, features, stride=1, slope=0.0):
            act = nn.LeakyReLU(slope, inplace=True) if slope else nn.ReLU(inplace=True)
            return nn.Conv2d(channels, features, 3, stride, 1, bias=False), self.norm(features), act

        def grow(channels, features, stride):
            conv = nn.ConvTranspose2d(channels, features, 4, stride, 1, bias=False)
            return conv, self.norm(features), nn.ReLU(inplace=True)

        g = nn.Sequential(
            *(*grow(self.model["latent_size"], 256, 2), *keep(256, 128), *grow(128, 256, 1), *grow(256, 256, 2)),
            *(*grow(256, 128, 1), *grow(128, 128, 2), *keep(128, 128), *grow(128, 64, 2), *keep(64, 64)),
            *(*keep(64, 64), nn.Conv2d(64, 1, 3, 1, 1), nn.Tanh()),
        )
        d = nn.Sequential(
            *(*keep(1, 32, 2, slope), *keep(32, 64, 1, slope), *keep(64, 128, 2, slope), *keep(128, 128, 2, slope)),
            *(*keep(128, 64, 2, slope), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 2)),
        )
        return g, d

    def update(self, real: Tensor, labels: Tensor) -> Metrics:
        """G, then D; two logits an image, the second for real."""
        of_real = torch.ones(len(real), dtype=torch.long, device=real.device)
        fake = self.g(self.draw()[0])
        with frozen(self.d_params):
            logits = self.d(fake)
            loss = F.cross_entropy(logits, of_real)
            self.descend_g(loss)
        metrics = g_metrics(margin(logits), loss)
        on_real, on_fake = self.d(real), self.d(fake.detach())
        losses = F.cross_entropy(on_real, of_real), F.cross_entropy(on_fake, torch.zeros_like(of_real))
        self.descend_d(self.d_weight * sum(losses))
        return metrics | self.d_metrics(margin(on_real), margin(on_fake), *losses)


def margin(logits: Tensor) -> Tensor:
    """Return how much more than fake, [B], two logits [B, 2] say real."""
    return logits[:, 1] - logits[:, 0]


TWINS: dict[str, type[Twin]] = {
    "gan_mlp": GanMlp,
    "gan_mlp_replicas": GanMlpReplicas,
    "dcgan": Dcgan,
    "dcgan_robust": DcganRobust,
    "acgan": Acgan,
    "dcgan64": Dcgan64,
    "dcgan_z1x1": DcganZ1x1,
    "images64": Compact,
    "images128": Compact,
}
