"""A GAN of dense layers on MNIST, 28x28: small enough to understand every number.

python run.py --config=configs/gan_mlp.py --workdir=runs/gan_mlp

Time: 7.5 minutes on two cores.
Expected: rough digits with specks after 5,000 steps and readable ones at the end. D wins early (d/loss 0.03 to 0.1,
g/loss about 4.5). Then the losses come closer (0.35 to 0.65, 2.5 to 3.1).
Source: Aymeric Damien, TensorFlow-Examples, "Generative Adversarial Network Example", 2017.
"""

from ml_collections import ConfigDict

from jaxgan.base.types import Config
from jaxgan.config import default


def get_config() -> Config:
    config = default()
    config.gan = "gan_mlp"
    config.model = ConfigDict(
        {
            "latent_size": 100,
            "latent_law": "uniform",  # or normal
            "hidden": 256,  # of both networks
            "init_scale": 2.0,  # initial kernels are drawn from N(0, init_scale / fan_in), He's rule for ReLU
        }
    )
    # Both networks are updated at once, from one forward pass; order = "d_first" is the usual alternative.
    config.rule.order = "simultaneous"
    # Without batch norm and dropout, XLA makes D's pass on the fakes once for both losses.
    config.rule.d_passes = "separate"
    config.rule.latents = "shared"
    config.rule.d_loss_weight = config.rule.d_loss_report = 1.0  # a sum, not a mean, of real and fake
    for net in config.optim.g, config.optim.d:
        net.name = "adam_tf"
        net.learning_rate = 2e-4
        net.b1 = 0.9
        net.b2 = 0.999
        net.eps = 1e-8
    config.data.source = "mnist"
    config.data.skip = 5_000  # held out in the reference; 0 trains on all 60,000
    config.data.batch_size = 128
    config.data.range = (0.0, 1.0)
    config.train.num_steps = 70_000  # 163 epochs of 430 steps
    config.train.log_every = 500
    config.train.sample_every = 5_000
    config.train.checkpoint_every = 5_000
    config.sample.num = 36
    config.sample.columns = 6
    config.sample.invert = True
    return config
