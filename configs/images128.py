"""Your own images, drawn at 128x128: networks and recipe for an hour on two cores.

python run.py --config=configs/images128.py --config.data.path=FOLDER --workdir=runs/images128

As configs/images64.py, with one map more.
"""

from configs.images64 import make_own_images
from configs.mnist import make_compact
from jaxgan.base.types import Config


def get_config() -> Config:
    config = make_compact()
    config.model.latent_size = 128
    config.model.g_widths = (96, 64, 48, 24)  # maps of 8, 16, 32 and 64 pixels
    config.model.d_widths = (24, 48, 64, 96)
    make_own_images(config, image_size=128, penalty=2.0)
    config.projected.size = 64  # what is finer, D judges by pixels; the features would take four times as long
    config.train.max_minutes = 60.0
    return config
