"""The quick start: good MNIST digits, 28x28, after ten minutes on two cores.

python run.py --config=configs/mnist.py --workdir=runs/mnist

Tried for 180 s of two cores each, one seed, fd_mnist: without the convolutions that keep the size, in both networks
(batches of 64) 90, in D 68; as here 37; as here with learning rates that fall to 0 by a cosine 60.
"""

from ml_collections import ConfigDict

from configs.dcgan_robust import make_robust
from jaxgan.base.types import Config
from jaxgan.config import default


def get_config() -> Config:
    config = default()
    config.gan = "compact"
    config.model = ConfigDict(
        {
            "latent_size": 64,
            "latent_law": "normal",  # or uniform
            "g_widths": (128, 64),  # channels of G's maps of a fourth and of half the size
            "d_widths": (64, 128),  # channels of D's maps of half and of a fourth of the size
            "conditional": False,  # whether both networks are told the class
        }
    )
    make_robust(config, g_rate=2e-3, d_rate=5e-4)
    config.data.source = "mnist"
    config.data.batch_size = 32
    config.train.num_steps = 4_400
    config.train.sample_every = 200
    config.train.checkpoint_every = 400
    return config
