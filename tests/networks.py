"""Networks with everything that a summary or a diagram must cope with."""

import jax
import jax.numpy as jnp
from flax import linen as nn


class Block(nn.Module):
    """Has a parameter of its own besides a layer."""

    features: int

    @nn.compact
    def __call__(self, x):
        x = nn.Dense(self.features)(x)
        return x + self.param("shift", nn.initializers.zeros, (1, self.features))


class TwoHeads(nn.Module):
    """A conditional discriminator with nested modules, a shared layer, a rematerialised one and two outputs."""

    @nn.compact
    def __call__(self, images, labels, *, train):
        x = nn.Conv(4, (3, 3), strides=2)(images)
        x = nn.BatchNorm(use_running_average=not train)(x).mean((1, 2))
        shared = nn.Dense(4, name="shared")
        x = shared(nn.relu(shared(x)))
        x = nn.Sequential([Block(8), nn.relu, nn.remat(Block)(8)])(x)
        x = x * nn.Embed(10, 8)(labels) * self.param("gain", nn.initializers.ones, (1, 1))
        return nn.Dense(1, name="logit")(x)[:, 0], nn.Dense(10, name="classes")(x)


class Concatenated(nn.Module):
    """A conditional generator."""

    @nn.compact
    def __call__(self, z, labels, *, train):
        x = nn.Dense(784)(jnp.concatenate([z, jax.nn.one_hot(labels, 10)], axis=-1))
        return x.reshape(-1, 28, 28, 1)
