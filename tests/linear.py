"""A generator of which everything has a closed form: images are affine in the latents, and labels add an image each."""

import math

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.nets.embed import Condition
from jaxgan.sampling.generator import GeneratorParams, Latent


class Generator(nn.Module):
    shape: tuple[int, int, int]
    condition: Condition

    @nn.compact
    def __call__(self, z, labels, *, train):
        size = math.prod(self.shape)
        x = nn.Dense(size, kernel_init=nn.initializers.normal(0.1), bias_init=nn.initializers.normal(0.1))(z)
        if self.condition.size:
            x += self.condition.embed(size, nn.initializers.normal(0.4))(labels)
        return x.reshape(-1, *self.shape)


NORMAL = Latent((5,))


def make_params(latent=NORMAL, shape=(4, 4, 1), classes=None, table=()):
    spans = tuple((min(column), max(column)) for column in zip(*table, strict=True))
    module = Generator(shape, Condition(classes or len(spans), spans))
    labels = jnp.zeros((1, len(spans))) if table else jnp.zeros((1,), jnp.int32)
    variables = module.init(jax.random.key(1), jnp.zeros((1, *latent.shape)), labels, train=False)
    return GeneratorParams(variables, module, latent, classes, (-1.0, 1.0), len(spans), (), table)


def matrix(params):
    """Return A [Z, D] and b [D] of images z A + b."""
    layer = params.variables["params"]["Dense_0"]
    return layer["kernel"], layer["bias"]
