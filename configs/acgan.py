"""AC-GAN on MNIST, 28x28: images of the digit that you choose.

python run.py --config=configs/acgan.py --workdir=runs/acgan

Time: 0.6 s per step on two cores; 10 epochs take 24 minutes.
Expected: row j of the grid shows digit j. d/class_real falls first; g/class falls once images look like digits.
The training is sensitive to its settings. If some digits never appear, change config.rule.
Source: Odena, Olah and Shlens, "Conditional Image Synthesis with Auxiliary Classifier GANs", 2016, in a Keras form.
"""

from ml_collections import ConfigDict

from jaxgan.base.types import Config
from jaxgan.config import default


def get_config() -> Config:
    config = default()
    config.gan = "acgan"
    config.class_weight = 1.0
    config.model = ConfigDict(
        {
            "latent_size": 100,
            "latent_law": "normal",  # or uniform
            "label_mode": "product",  # z times the embedding of the label; or concat
            "embedding_bound": 0.05,  # initial embeddings are drawn from U(-bound, bound)
            "bn_momentum": 0.8,
            "bn_epsilon": 1e-3,
            "d_norm": "batch",  # normalisation of D: batch, group, layer, spectral, none
            "d_group": 0,  # group size of the minibatch standard deviation in D, such as 4; 0 for none
        }
    )
    # D is updated on real images, then on fakes; then G with the same z and labels.
    config.rule.order = "d_first"
    config.rule.d_passes = "two_steps"
    config.rule.latents = "shared"
    config.rule.g_stats_for_d = "running"
    config.rule.d_stats_in_g = "batch"  # the reference uses running; with batch, more digits appear sooner
    config.rule.accuracy_stats = "running"
    config.rule.d_loss_weight = 1.0
    config.rule.d_loss_report = 0.5  # the mean of the two updates
    for net in config.optim.g, config.optim.d:
        net.name = "adam_tf"
        net.learning_rate = 2e-4  # or with a schedule: net.schedule = "cosine"
        net.b1 = 0.5
        net.b2 = 0.999
        net.eps = 1e-7
    config.optim.shared_counter = False  # the reference: one optimiser object, so True; equal after some hundred steps
    config.data.source = "mnist"
    config.data.batch_size = 256
    config.train.num_steps = 4_700  # 20 epochs of 235 steps
    config.train.log_every = 20
    config.train.sample_every = 235
    config.train.checkpoint_every = 470
    config.sample.num = 100  # ten of each digit, one digit per row
    config.sample.columns = 10
    return config
