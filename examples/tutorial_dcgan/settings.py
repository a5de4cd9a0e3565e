"""The procedure of the TensorFlow tutorial.

python run.py --config=examples/tutorial_dcgan/settings.py --workdir=runs/tutorial
"""

from pathlib import Path

from jaxgan.config import default


def get_config():
    config = default()
    config.gan = str(Path(__file__).with_name("gan.py"))
    # One pair of gradients, of the same latents, is applied to both networks; D's loss is a sum.
    config.rule.order = "simultaneous"
    config.rule.latents = "shared"
    config.rule.d_passes = "separate"
    config.rule.d_loss_weight = config.rule.d_loss_report = 1.0
    for net in config.optim.g, config.optim.d:
        net.name = "adam_tf"
        net.learning_rate = 1e-4
        net.b1 = 0.9
        net.eps = 1e-7
    config.data.batch_size = 256
    config.train.num_steps = 11_750  # 50 epochs of 235 steps
    config.train.ema_decay = 0.0
    config.sample.num = 16
    return config
