"""All 1,000 modes of Stacked MNIST, 28x28 in three channels, after 20 minutes on two cores.

python run.py --config=configs/stacked_mnist.py --workdir=runs/stacked_mnist

The recipe and the networks of `configs/mnist_classes.py`, without classes. Each channel is an independent digit, so a
GAN that draws only some of the digits misses modes. Published tables count the modes of 26,000 images (`eval.num`).
Source of the data: Srivastava et al., "VEEGAN", 2017.
"""

from configs.mnist import make_compact
from jaxgan.base.types import Config


def get_config() -> Config:
    config = make_compact()
    config.data.source = "stacked_mnist"
    config.data.channels = 3
    config.eval.num = 26_000
    config.train.num_steps = 8_800
    return config
