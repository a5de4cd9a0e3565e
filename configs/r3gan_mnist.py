"""R3GAN on MNIST, 28x28, small enough for a CPU.

python run.py --config=configs/r3gan_mnist.py --workdir=runs/r3gan_mnist

A run has 160,000 images. docs/results.md has the trials, of 400 steps.
Source: Huang et al., "The GAN is dead; long live the GAN!", 2024. The published networks have 20 million parameters
each, these 0.3 million, with feature maps of 7, 14 and 28 pixels. To save time on a CPU, penalties are computed every
8 steps only, scaled by 8, and D and G share latents.
"""

from configs.r3gan_stacked_mnist import burn_in, get_config as published
from jaxgan.base.types import Config


def get_config() -> Config:
    config = published()
    config.model.widths = (128, 64, 16)
    config.rule.latents = "shared"
    config.penalty.interval = 8
    config.optim.g.learning_rate = 2e-3
    config.optim.d.learning_rate = 1e-3
    config.train.ema_half_life = 10_000
    # A fifth of the run, as in the reference's settings for Stacked MNIST.
    burn_in(config, images=32_000, penalty=10.0)
    config.data.source = "mnist"
    config.data.image_size = 28
    config.data.channels = 1
    config.data.batch_size = 32
    config.train.num_steps = 5_000
    return config
