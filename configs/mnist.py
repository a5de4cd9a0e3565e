"""The quick start: good MNIST digits, 28x28, after ten minutes on two cores.

python run.py --config=configs/mnist.py --workdir=runs/mnist

fd_mnist 6.7, 5.6, 5.9 for three seeds; docs/results.md has the trials.
"""

from ml_collections import ConfigDict

from configs.dcgan_robust import make_robust
from jaxgan.base.types import Config
from jaxgan.config import default


def get_config() -> Config:
    config = make_compact()
    config.model.kinds = 32
    make_robust(config, g_rate=4e-3, d_rate=1e-3)
    config.penalty.interval = 8
    config.train.num_steps = 5_000
    return config


def make_compact() -> Config:
    """Return the settings that the presets of small digits share."""
    config = default()
    config.gan = "compact"
    config.model = ConfigDict(
        {
            "latent_size": 64,
            "latent_law": "normal",  # or uniform
            "g_widths": (128, 64),  # channels of G's feature maps of H / 4 and of H / 2
            "d_widths": (64, 128),  # channels of D's feature maps of H / 2 and of H / 4
            "conditional": False,  # whether both networks get the class
            "kinds": 0,  # number of vectors that the signs of z's first entries select from, a power of two; or 0
            "label_head": False,  # whether D also tells the label of an image, with the weight of class_weight
        }
    )
    make_robust(config, g_rate=2e-3, d_rate=5e-4)
    config.data.source = "mnist"
    config.data.batch_size = 32
    config.train.num_steps = 4_400
    config.train.sample_every = 200
    config.train.checkpoint_every = 400
    return config
