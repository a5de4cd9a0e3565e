"""Parameters of tiny's generator, without a training run."""

import functools

import jax
import jax.numpy as jnp
import tiny

import jaxgan
from jaxgan.base.types import DataInfo


@functools.cache
def make_params(conditional=False, image_range=(-1.0, 1.0), law="normal"):
    """Return a new generator of images [8, 8, 3] with latents of 3 numbers, and 10 classes where conditional."""
    config = tiny.get_config()
    config.model.conditional = conditional
    config.model.latent_law = law
    config.data.range = image_range
    gan = jaxgan.build(config, DataInfo((8, 8, 3), 10, 10))
    variables = gan.generator.init(jax.random.key(1), jnp.zeros((1, 3)), jnp.zeros((1,), jnp.int32), train=False)
    return jaxgan.generator_params(gan, variables)
