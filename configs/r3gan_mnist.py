"""R3GAN on MNIST, 28x28, small enough for a processor.

python run.py --config=configs/r3gan_mnist.py --workdir=runs/r3gan_mnist

Source: Huang et al., "The GAN is dead; long live the GAN!", 2024. The published networks have 20 million parameters
each; these have 1.3 million, with maps of 7, 14 and 28 pixels.
"""

from ml_collections import ConfigDict

from jaxgan.base.types import Config
from jaxgan.config import default


def get_config() -> Config:
    config = default()
    config.gan = "r3gan"
    config.model = ConfigDict(
        {
            "latent_size": 64,
            "latent_law": "normal",  # or uniform
            "widths": (256, 192, 96),  # channels of the maps, smallest first; each next one has twice the side
            "blocks": 2,  # residual blocks for each size of maps
            "group_size": 16,  # channels of a group of the 3x3 convolutions
            "expansion": 2,  # channels inside a block, as a multiple of its width
            "conditional": False,  # whether both networks are told the class
            "class_features": 64,  # of a label, beside z
        }
    )
    config.loss = "rpgan"
    config.matmul = "float32"  # on accelerators, as in the reference
    config.rule.d_loss_weight = config.rule.d_loss_report = 1.0
    config.penalty.r1 = config.penalty.r2 = 0.1
    for net in config.optim.g, config.optim.d:
        net.name = "adam"
        net.learning_rate = 2e-4
        net.b1 = 0.0
        net.b2 = 0.99
        net.eps = 1e-8
    config.train.ema_half_life = 500_000
    # A fifth of the run, as for the reference's Stacked MNIST.
    burn_in(config, images=200_000, penalty=10.0)
    config.data.source = "mnist"
    config.data.batch_size = 64
    config.train.num_steps = 15_625  # a million pictures
    config.train.sample_every = 500
    config.train.checkpoint_every = 500
    return config


def burn_in(config: Config, images: int, penalty: float, learning_rate: float = 1.0) -> None:
    """Start with strong penalties, quick second moments and no averaging."""
    config.burn_in.images = images
    config.burn_in.penalty = penalty
    config.burn_in.learning_rate = learning_rate
    config.burn_in.b2 = 0.9
    config.burn_in.ema_half_life = 0.0
