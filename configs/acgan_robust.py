"""The networks of `configs/acgan.py` with a recipe that is sooner there and draws the asked digit nearly always.

python run.py --config=configs/acgan_robust.py --workdir=runs/acgan_robust
"""

from configs.acgan import get_config as reference
from configs.dcgan_robust import make_robust
from jaxgan.base.types import Config


def get_config() -> Config:
    config = reference()
    make_robust(config)
    config.model.d_norm = "group"  # as many parameters as batch norm, but each picture is judged on its own
    config.rule.g_stats_for_d = "batch"
    config.rule.accuracy_stats = "batch"
    config.penalty.r1 = config.penalty.r2 = 0.1
    for net in config.optim.g, config.optim.d:
        net.learning_rate = 1e-3
    config.data.batch_size = 64
    return config
