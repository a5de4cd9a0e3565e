"""DCGAN on a folder of images, 64x64 in colour.

python run.py --config=configs/dcgan64.py --config.data.path=FOLDER --workdir=runs/dcgan64

Time: 300 steps in at most 21 minutes on two cores beside other work.
Expected: grey images at first, since scales of batch norm start small; shapes and colours within a few epochs.
For other sizes set config.data.image_size to a multiple of 16; for grey images config.data.channels=1.
Source: bubbliiiing, dcgan-pytorch, 2021, after Radford, Metz and Chintala, 2015.
"""

from ml_collections import ConfigDict

from jaxgan.base.types import Config
from jaxgan.config import default


def get_config() -> Config:
    config = default()
    config.gan = "dcgan64"
    config.model = ConfigDict(
        {
            "latent_size": 100,
            "latent_law": "normal",  # or uniform
            "width": 64,  # channels of the largest feature maps; 128 is the network of the paper's figure
            "init_stddev": 0.02,
            "bn_scale_mean": 0.1,  # the reference's; 1.0 is usual
            "bn_momentum": 0.9,
            "bn_epsilon": 1e-5,
            "d_norm": "batch",  # normalisation of D: batch, group, layer, spectral, none
            "d_group": 0,  # group size of the minibatch standard deviation in D, such as 4; 0 for none
        }
    )
    # D gets real and fake images in separate batches, one update; then G with new latents.
    config.rule.order = "d_first"
    config.rule.d_passes = "separate"
    config.rule.latents = "fresh"
    config.rule.g_stats_for_d = "batch"
    config.rule.d_stats_in_g = "batch"
    config.rule.d_loss_weight = 1.0  # the sum for real and fake is minimised,
    config.rule.d_loss_report = 0.5  # their mean is reported
    for net in config.optim.g, config.optim.d:
        net.name = "adam"
        net.learning_rate = 2e-3  # ten times the paper's 2e-4; lower it if D wins
        net.b1 = 0.5
        net.b2 = 0.999
        net.eps = 1e-8
        net.schedule = "exponential"  # or cosine, step
        net.decay_rate = 0.99  # per epoch
    config.data.source = "auto"
    config.data.image_size = 64
    config.data.channels = 3
    config.data.fit = "squeeze"  # bicubic, to any aspect ratio; crop keeps it
    config.data.batch_size = 64
    config.data.drop_remainder = True
    config.train.num_steps = 50_000  # 500 epochs of 6,400 images; an epoch is (images // 64) steps
    config.train.sample_every = 50
    config.train.checkpoint_every = 1_000
    config.eval.every = 2_000  # so the best checkpoint is kept; of pixels, unless features are set or trained
    config.eval.num = 2_000
    config.sample.num = 25
    config.sample.columns = 5
    return config
