"""Conditional GAN with convolutions on MNIST, 28x28: both networks get the digit.

python run.py --config=configs/cgan.py --workdir=runs/cgan

Time: 664 steps in at most 10.4 minutes on two cores beside other work.
Expected: row j of the grid shows digit j after about a thousand steps, with clean strokes after some thousands.
Source: Mirza and Osindero, "Conditional Generative Adversarial Nets", 2014. The networks are close to configs/dcgan.py.
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
            "label_size": 10,  # length of the label's embedding beside z; with 50, G ignores z at first
            "init_stddev": 0.02,
            "bn_momentum": 0.9,
            "bn_epsilon": 1e-5,
            "d_norm": "none",  # normalisation of D: batch, group, layer, spectral, none
            "d_label": "map",  # how D gets the label: map, a channel beside the image; or projection, on its features
            "d_group": 0,  # group size of the minibatch standard deviation in D, such as 4; 0 for none
            "g_padding": "SAME",  # of transposed convolutions; TORCH: with PyTorch's borders
            "dropout": 0.3,  # rate, in D
        }
    )
    # D is updated on one batch of real and fake images, then G with new latents and labels.
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
    config.sample.num = 100  # ten of each digit, one digit per row
    config.sample.columns = 10
    return config
