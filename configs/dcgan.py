"""DCGAN on MNIST, 28x28.

python run.py --config=configs/dcgan.py --workdir=runs/dcgan

Time: 1,500 steps, for good digits, in nine minutes on two cores; all steps in over two hours.
Source: Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
Networks", 2015. The layers extend the TensorFlow tutorial "Deep Convolutional Generative Adversarial Network".
"""

from ml_collections import ConfigDict

from jaxgan.base.types import Config
from jaxgan.config import default


def get_config() -> Config:
    config = default()
    config.gan = "dcgan"
    config.model = ConfigDict(
        {
            "latent_size": 100,
            "latent_law": "normal",  # or uniform
            "upsample": "transpose",  # or nearest: upsampling, then a convolution
            "g_activation": "leaky_relu",  # or relu
            "init_stddev": 0.02,
            "bn_momentum": 0.99,
            "bn_epsilon": 1e-3,
            "d_norm": "none",  # normalisation of D: batch, group, layer, spectral, none
            "d_group": 0,  # group size of the minibatch standard deviation in D, such as 4; 0 for none
            "g_padding": "SAME",  # of transposed convolutions; TORCH: with PyTorch's borders
            "dropout": 0.3,  # rate, in D
        }
    )
    # D is updated on one batch of real and fake images, then G with new latents. The reference makes D's fakes with
    # g_stats_for_d = "running"; batch statistics gave better digits.
    config.rule.order = "d_first"
    config.rule.d_passes = "joint"
    config.rule.latents = "fresh"
    config.rule.g_stats_for_d = "batch"
    config.rule.d_loss_weight = config.rule.d_loss_report = 0.5
    for net in config.optim.g, config.optim.d:
        net.name = "adam_tf"
        net.learning_rate = 2e-4
        net.b1 = 0.5
        net.b2 = 0.999
        net.eps = 1e-7
    config.data.source = "mnist"
    config.data.batch_size = 128
    config.train.num_steps = 23_450  # 50 epochs of 469 steps
    config.train.sample_every = 469
    config.train.checkpoint_every = 469
    config.sample.num = 16
    config.sample.columns = 4
    return config
