"""A GAN of one's own: one file of networks and one of settings, and nothing else."""

import numpy as np
from cli import run

NETWORKS = """
from __future__ import annotations

from flax import linen as nn

from jaxgan import Gan, Latent


class Generator(nn.Module):
    shape: tuple[int, int, int]

    @nn.compact
    def __call__(self, z, labels, *, train):
        size = self.shape[0] * self.shape[1] * self.shape[2]
        return nn.tanh(nn.Dense(size)(z)).reshape(-1, *self.shape)


class Discriminator(nn.Module):
    @nn.compact
    def __call__(self, images, labels, *, train):
        return nn.Dense(1)(images.reshape(images.shape[0], -1))[:, 0], None


def build(config, data):
    return Gan.from_config(
        config,
        data,
        generator=Generator(data.image_shape),
        discriminator=Discriminator(),
        latent=Latent((config.model.latent_size,)),
    )
"""

SETTINGS = """
from ml_collections import ConfigDict

from jaxgan.config import default


def get_config():
    config = default()
    config.gan = {gan!r}
    config.model = ConfigDict({{"latent_size": 5}})
    config.data.batch_size = 8
    config.train.num_steps = 2
    return config
"""


def test_two_files_train_and_sample(tmp_path):
    gan, settings, workdir = tmp_path / "mine.py", tmp_path / "settings.py", tmp_path / "run"
    gan.write_text(NETWORKS)
    settings.write_text(SETTINGS.format(gan=str(gan)))
    done = run(f"--config={settings}", f"--workdir={workdir}")
    assert done.returncode == 0, done.stderr
    done = run("--mode=sample", f"--workdir={workdir}", "--trust", "--num=3", f"--out={tmp_path / 'a.npy'}")
    assert done.returncode == 0, done.stderr
    assert np.load(tmp_path / "a.npy").shape == (3, 28, 28, 1)
    done = run("--mode=summary", f"--config={settings}")
    assert "Total 4,704 (trainable 4,704, not trainable 0)" in done.stdout
