"""The networks of `configs/acgan.py`, with group norm in D and the recipe of `configs/dcgan_robust.py`.

python run.py --config=configs/acgan_robust.py --workdir=runs/acgan_robust

Time: 1,500 steps in 4 minutes on two cores; fd_mnist 30, 38, 25 for three seeds (docs/results.md has the trials).
"""

from configs.acgan import get_config as reference
from configs.dcgan_robust import make_robust
from jaxgan.base.types import Config


def get_config() -> Config:
    config = reference()
    make_robust(config, g_rate=1e-3, d_rate=1e-3)
    config.model.d_norm = "group"  # gradient penalties need a D that judges each image on its own
    config.rule.g_stats_for_d = "batch"
    config.rule.accuracy_stats = "batch"
    config.data.batch_size = 32
    config.train.num_steps = 20_000
    return config
