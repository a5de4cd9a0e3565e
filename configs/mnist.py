"""The quick start: good MNIST digits, 28x28, after ten minutes on two cores.

python run.py --config=configs/mnist.py --workdir=runs/mnist

Tried for 180 s of two cores each, one seed, fd_mnist: without the convolutions that keep the size, in both networks
(batches of 64) 90, in D 68; as here, but without kinds, 37; that with learning rates that fall to 0 by a cosine 60.

Kinds, one seed, fd_mnist, precision and recall; G and D are the learning rates:

kinds    G, D          steps                               fd_mnist                   at the end
0        2e-3, 5e-4    1,100, 2,200, 3,300, 4,400          42, 19, 11.6, 7.8          0.74, 0.85
0        4e-3, 1e-3    1,000, 2,000, 3,000, 4,000, 5,000   48, 22, 15.1, 12.1, 8.1    0.72, 0.85
32 *     4e-3, 1e-3    1,000, 2,000, 3,000, 4,000, 5,000   38, 17, 9.2, 8.0, 6.5      0.83, 0.70
32 *     2e-3, 5e-4    1,100, 2,200, 3,300, 4,400          25, 11.2, 10.0, 9.0        0.85, 0.69; vectors half as long
128      4e-3, 1e-3    1,000, 2,000, 3,000, 4,000, 5,000   29, 12, 7.9, 5.1, 4.6      0.81, 0.59

* chosen by the largest of 32 numbers of z, not by the signs of 5 as now. Rates of 4e-3 and 1e-3 come with penalties at
each 8th step, the others at each 4th. With more kinds the recall falls, of which real digits have 0.86.
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
    """Return what the presets of small digits share."""
    config = default()
    config.gan = "compact"
    config.model = ConfigDict(
        {
            "latent_size": 64,
            "latent_law": "normal",  # or uniform
            "g_widths": (128, 64),  # channels of G's maps of a fourth and of half the size
            "d_widths": (64, 128),  # channels of D's maps of half and of a fourth of the size
            "conditional": False,  # whether both networks are told the class
            "kinds": 0,  # vectors that z chooses among by the signs of its first numbers, a power of two; or 0
        }
    )
    make_robust(config, g_rate=2e-3, d_rate=5e-4)
    config.data.source = "mnist"
    config.data.batch_size = 32
    config.train.num_steps = 4_400
    config.train.sample_every = 200
    config.train.checkpoint_every = 400
    return config
