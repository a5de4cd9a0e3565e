"""R3GAN on a folder of images, 64x64 in colour, as published for faces.

python run.py --config=configs/r3gan64.py --config.data.path=FOLDER --workdir=runs/r3gan64

Needs GPUs; not trained here.
Source: Huang et al., "The GAN is dead; long live the GAN!", 2024, table 9, FFHQ-64.
"""

from configs.r3gan_cifar10 import augment
from configs.r3gan_stacked_mnist import burn_in, get_config as stacked
from jaxgan.base.types import Config


def get_config() -> Config:
    config = stacked()
    config.model.widths = (768, 768, 768, 768, 384)
    config.penalty.r1 = config.penalty.r2 = 0.2
    for net in config.optim.g, config.optim.d:
        net.learning_rate = 5e-5
    burn_in(config, images=20_000_000, penalty=10.0, learning_rate=4.0)
    augment(config, 0.3)
    config.data.source = "auto"
    config.data.image_size = 64
    config.data.batch_size = 256
    config.train.num_steps = 390_625  # 100 million images
    config.eval.every = 5_000  # so the best checkpoint is kept; of pixels, unless features are set or trained
    config.eval.num = 2_000
    return config
