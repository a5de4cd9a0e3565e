"""A GAN small enough for tests, loaded as a user's own file: `config.gan = tiny.__file__`."""

from flax import linen as nn
from ml_collections import ConfigDict

from jaxgan.config import default
from jaxgan.nets.dropout import Dropout
from jaxgan.nets.embed import Condition
from jaxgan.nets.norm import BatchNorm
from jaxgan.sampling.generator import Latent
from jaxgan.training.gan import Gan


class Generator(nn.Module):
    shape: tuple[int, int, int]
    condition: Condition

    @nn.compact
    def __call__(self, z, labels, *, train):
        x = nn.Dense(16)(z)
        if self.condition.size:
            x += self.condition.embed(16, nn.initializers.normal(1.0))(labels)
        x = nn.relu(BatchNorm(train=train, momentum=0.9, epsilon=1e-5)(x))
        height, width, channels = self.shape
        return nn.tanh(nn.Dense(height * width * channels)(x)).reshape(-1, *self.shape)


class Discriminator(nn.Module):
    dropout: float
    classes: int | None

    @nn.compact
    def __call__(self, images, labels, *, train):
        x = nn.Dense(16)(images.reshape(images.shape[0], -1))
        x = nn.leaky_relu(BatchNorm(train=train, momentum=0.9, epsilon=1e-5)(x))
        x = Dropout(self.dropout)(x)
        return nn.Dense(1)(x)[:, 0], nn.Dense(self.classes)(x) if self.classes else None


def build(config, data):
    classes = data.num_classes if config.model.conditional else None
    return Gan.from_config(
        config,
        data,
        generator=Generator(data.image_shape, Condition.of(data, conditional=config.model.conditional)),
        discriminator=Discriminator(config.model.dropout, classes),
        latent=Latent((3,), config.model.latent_law),
        conditional=config.model.conditional,
        takes_vectors=True,
    )


def get_config() -> ConfigDict:
    config = default()
    config.gan = __file__
    config.model = ConfigDict({"dropout": 0.0, "conditional": False, "latent_law": "normal"})
    config.data.source = "synthetic"
    config.data.image_size = 8
    config.data.batch_size = 8
    config.train.num_steps = 6
    config.train.num_devices = 1
    config.train.log_every = 2
    config.train.steps_per_call = 2  # whatever is logged when, the program is one and the same
    config.train.sample_every = 0
    config.train.checkpoint_every = 3
    return config
