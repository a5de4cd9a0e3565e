"""R3GAN on Stacked MNIST, 32x32 in three colours, as published: 1,000 modes that a generator may miss.

python run.py --config=configs/r3gan_stacked_mnist.py --workdir=runs/r3gan_stacked_mnist

Source: Huang et al., "The GAN is dead; long live the GAN!", 2024, table 9. Seven hours on eight GPUs there.
"""

from configs.r3gan_mnist import burn_in
from configs.r3gan_mnist import get_config as small
from jaxgan.base.types import Config


def get_config() -> Config:
    config = small()
    config.model.widths = (768, 768, 768, 768)
    burn_in(config, images=2_000_000, penalty=10.0)
    config.data.source = "stacked_mnist"
    config.data.image_size = 32
    config.data.channels = 3
    config.data.batch_size = 512
    config.train.num_steps = 19_531  # 10 million pictures
    return config
