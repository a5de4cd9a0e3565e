"""R3GAN on MNIST, 28x28, small enough for a processor.

python run.py --config=configs/r3gan_mnist.py --workdir=runs/r3gan_mnist

Source: Huang et al., "The GAN is dead; long live the GAN!", 2024. The published networks have 20 million parameters
each, these 0.3 million, with maps of 7, 14 and 28 pixels. For the processor's sake penalties are computed at each
eighth step only, and D and G share latents; a run has 160,000 images.

Tried for 400 steps only, one seed; G and D are the learning rates:

G, D                        fd_mnist, recall
2e-3, 1e-3                  307, 0.11; this file, but groups of 32 channels
1e-3, 2e-4                  452, 0.00; this file, but these rates
1e-3, 1e-3, blocks 1        356, 0.14; groups of 32 channels
4e-3, 1e-3, blocks 1        571, 0.00; groups of 32 channels
"""

from configs.r3gan_stacked_mnist import burn_in
from configs.r3gan_stacked_mnist import get_config as published
from jaxgan.base.types import Config


def get_config() -> Config:
    config = published()
    config.model.widths = (128, 64, 16)
    config.rule.latents = "shared"
    config.penalty.interval = 8
    config.optim.g.learning_rate = 2e-3
    config.optim.d.learning_rate = 1e-3
    config.train.ema_half_life = 10_000
    # A fifth of the run, as for the reference's Stacked MNIST.
    burn_in(config, images=32_000, penalty=10.0)
    config.data.source = "mnist"
    config.data.image_size = 28
    config.data.channels = 1
    config.data.batch_size = 32
    config.train.num_steps = 5_000
    return config
