"""Conditional GAN with convolutions on MNIST, 28x28: both networks are told the digit.

python run.py --config=configs/cgan.py --workdir=runs/cgan

Expect row j of the grid to show digit j after about a thousand steps, and clean strokes after some thousands.
Source: Mirza and Osindero, "Conditional Generative Adversarial Nets", 2014; the networks are close to configs/dcgan.py.
"""

from ml_collections import ConfigDict

from jaxgan.base.types import Config
from jaxgan.config import default


def get_config() -> Config:
    config = default()
    config.gan = "cgan"
    config.model = ConfigDict(
        {
            "latent_size": 100,
            "latent_law": "normal",  # or uniform
            "label_size": 10,  # numbers beside z that tell G the label; with 50 G first ignores z
            "init_stddev": 0.02,
            "bn_momentum": 0.9,
            "bn_epsilon": 1e-5,
            "d_norm": "none",  # of D's layers: batch, group, layer, spectral, none
            "d_label": "map",  # how D is told the label: map, beside the image; or projection, on its features
            "d_group": 0,  # images whose spread D is shown (minibatch standard deviation), such as 4
            "g_padding": "SAME",  # of transposed convolutions; TORCH: with PyTorch's borders
            "dropout": 0.3,  # of D
        }
    )
    # D learns on one batch of real and fake images, then G with fresh latents and labels.
    config.rule.order = "d_first"
    config.rule.d_passes = "joint"
    config.rule.latents = "fresh"
    config.rule.g_stats_for_d = "batch"
    config.rule.d_loss_weight = config.rule.d_loss_report = 0.5
    for net in config.optim.g, config.optim.d:
        net.name = "adam"
        net.learning_rate = 2e-4
        net.b1 = 0.5
        net.b2 = 0.999
        net.eps = 1e-8
    config.data.source = "mnist"
    config.data.batch_size = 128
    config.train.num_steps = 9_380  # 20 epochs of 469 steps
    config.train.sample_every = 469
    config.train.checkpoint_every = 469
    config.sample.num = 100  # ten of each digit, a digit a row
    config.sample.columns = 10
    return config
