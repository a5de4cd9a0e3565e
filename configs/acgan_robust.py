"""The networks of `configs/acgan.py`, but group norm in D, with the recipe of `configs/dcgan_robust.py`.

python run.py --config=configs/acgan_robust.py --workdir=runs/acgan_robust

fd_mnist after 300, 600, 900 and 1,200 steps: 477, 208, 85, 51, with 28, 58, 75, 87 % in the asked class (one seed).
"""

from configs.acgan import get_config as reference
from configs.dcgan_robust import make_robust
from jaxgan.base.types import Config


def get_config() -> Config:
    config = reference()
    make_robust(config, g_rate=2e-3, d_rate=5e-4)
    config.model.d_norm = "group"  # penalties need a D that judges each picture on its own
    config.rule.g_stats_for_d = "batch"
    config.rule.accuracy_stats = "batch"
    config.data.batch_size = 32
    config.train.num_steps = 20_000
    return config
