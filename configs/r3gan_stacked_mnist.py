"""R3GAN on Stacked MNIST, 32x32 in three colours, as published: 1,000 modes that a generator may miss.

python run.py --config=configs/r3gan_stacked_mnist.py --workdir=runs/r3gan_stacked_mnist

Time: seven hours on eight GPUs in the paper; not trained here.
Source: Huang et al., "The GAN is dead; long live the GAN!", 2024, table 9.
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
            "widths": (768, 768, 768, 768),  # channels of the feature maps, smallest first; each next is twice as large
            "blocks": 2,  # residual blocks for each size of feature maps
            "group_size": 16,  # channels of a group of the 3x3 convolutions
            "expansion": 2,  # channels inside a block, as a multiple of its width
            "conditional": False,  # whether both networks get the class
            "class_features": 64,  # length of the class embedding beside z
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
    burn_in(config, images=2_000_000, penalty=10.0)
    config.data.source = "stacked_mnist"
    config.data.image_size = 32
    config.data.channels = 3
    config.data.batch_size = 512
    config.train.num_steps = 19_531  # 10 million images
    config.train.sample_every = 500
    config.train.checkpoint_every = 500
    return config


def burn_in(config: Config, images: int, penalty: float, learning_rate: float = 1.0) -> None:
    """Start with strong penalties, a short memory of second moments and no weight averaging."""
    config.burn_in.images = images
    config.burn_in.penalty = penalty
    config.burn_in.learning_rate = learning_rate
    config.burn_in.b2 = 0.9
    config.burn_in.ema_half_life = 0.0
