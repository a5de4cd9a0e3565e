"""DCGAN on MNIST, 28x28, from a latent that is a map of one pixel with ten channels.

python run.py --config=configs/dcgan_z1x1.py --workdir=runs/dcgan_z1x1

Time: 300 steps in at most 9.3 minutes on two cores beside other work.
Expected: clear digits within a few epochs. With batch statistics the scale of z does not matter, only its sign; see
python run.py --mode=sample --workdir=runs/dcgan_z1x1 --stats=batch --z_scale=50000
Source: Tommy Huang, Pytorch_DL_Implement, notebook "12_Pytorch_DCGAN", 2021.
"""

from ml_collections import ConfigDict

from jaxgan.base.types import Config
from jaxgan.config import default


def get_config() -> Config:
    config = default()
    config.gan = "dcgan_z1x1"
    config.model = ConfigDict(
        {
            "latent_size": 10,
            "latent_law": "normal",  # or uniform
            "leaky": False,  # True for LeakyReLU 0.2 in D, else ReLU
            "init_stddev": 0.02,
            "bn_momentum": 0.9,
            "bn_epsilon": 1e-5,
            "d_norm": "batch",  # normalisation of D: batch, group, layer, spectral, none
            "d_group": 0,  # group size of the minibatch standard deviation in D, such as 4; 0 for none
        }
    )
    # G first; then D on the same generated images, in a separate pass from the real ones.
    config.rule.order = "g_first"
    config.rule.d_steps = 1  # more make D stronger, which MNIST does not need
    config.rule.d_passes = "separate"
    config.rule.latents = "shared"
    config.rule.g_stats_for_d = "batch"
    config.rule.d_stats_in_g = "batch"
    config.rule.d_loss_weight = config.rule.d_loss_report = 0.5
    for net in config.optim.g, config.optim.d:
        net.name = "adam"
        net.learning_rate = 2e-4
        net.b1 = 0.5
        net.b2 = 0.999
        net.eps = 1e-8
        net.schedule = "step"
        net.decay_rate = 0.5
        net.decay_epochs = 5.0
    config.data.source = "mnist"
    config.data.batch_size = 100
    config.data.range = (0.0, 1.0)  # G's tanh learns to stay above 0; (-1.0, 1.0) is usual
    config.train.num_steps = 12_000  # 20 epochs of 600 steps
    config.train.sample_every = 600
    config.train.checkpoint_every = 600
    config.sample.stats = "batch"  # as published; so a positive factor on z does not change the images
    config.sample.num = 16
    config.sample.columns = 4
    return config
