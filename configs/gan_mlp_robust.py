"""The networks of `configs/gan_mlp.py` with a recipe that draws more kinds of digits, and better ones.

python run.py --config=configs/gan_mlp_robust.py --workdir=runs/gan_mlp_robust

Time: 20,000 steps in 107 s on two cores; fd_mnist 82, 86, 83 for three seeds (docs/results.md).
"""

from configs.dcgan_robust import make_robust
from configs.gan_mlp import get_config as reference
from jaxgan.base.types import Config


def get_config() -> Config:
    config = reference()
    make_robust(config, g_rate=1e-3, d_rate=1e-3)
    config.rule.latents = "fresh"
    return config
