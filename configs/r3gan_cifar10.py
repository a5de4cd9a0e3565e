"""R3GAN on CIFAR-10, 32x32, conditional, as published.

python run.py --config=configs/r3gan_cifar10.py --workdir=runs/r3gan_cifar10

Time: four days on eight GPUs in the paper; not trained here. docs/howto/data.md says how to prepare the data.
Source: Huang et al., "The GAN is dead; long live the GAN!", 2024, table 9.
"""

from configs.r3gan_stacked_mnist import burn_in, get_config as stacked
from jaxgan.base.types import Config


def get_config() -> Config:
    config = stacked()
    config.model.conditional = True
    config.penalty.r1 = config.penalty.r2 = 0.005
    for net in config.optim.g, config.optim.d:
        net.learning_rate = 5e-5
    config.train.ema_half_life = 5_000_000
    burn_in(config, images=20_000_000, penalty=10.0, learning_rate=4.0)
    augment(config, 0.55)
    config.data.source = "tfds"
    config.data.name = "cifar10"
    config.train.num_steps = 488_281  # 250 million images
    return config


def augment(config: Config, probability: float) -> None:
    """Augment with a probability that rises from 0 while the other burn-in settings fall."""
    config.augment = "ada_blit,ada_geometry,ada_color:0.5,ada_cutout"
    config.augment_p = probability
    config.burn_in.augment = 0.0
    config.data.mirror = True
