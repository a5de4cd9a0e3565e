"""The quick start with classes: the MNIST digits that you ask for, 28x28, after ten minutes on two cores.

python run.py --config=configs/mnist_classes.py --workdir=runs/mnist_classes

fd_mnist 7.5, 6.2, 5.6 for three seeds (docs/results.md).
"""

from configs.mnist import make_compact
from jaxgan.base.types import Config


def get_config() -> Config:
    config = make_compact()
    config.model.conditional = True
    config.sample.num = 100  # ten of each digit, one digit per row
    config.sample.columns = 10
    return config
