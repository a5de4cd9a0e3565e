"""The bundled GANs, built from their files in `configs/` and initialised."""

import functools
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxgan import gans
from jaxgan.base.types import DataInfo
from jaxgan.training.state import create_state

# Compiling takes longer than running here.
quick_jit = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})

NAMES = ("gan_mlp", "dcgan", "acgan", "dcgan64", "dcgan_z1x1", "cgan")


def get_config(name, **model):
    config = importlib.import_module(name).get_config()
    config.model.update(model)
    return config


@functools.cache
def build(name, *, shape=None, num_classes=10, **model):
    """Build a GAN for images of the size its config asks for, or of another shape."""
    config = get_config(name, **model)
    side = config.data.image_size
    return gans.build(config, DataInfo(shape or (side, side, config.data.channels), 60_000, num_classes))


def _create(gan):
    return create_state(gan, optax.identity(), optax.identity(), jax.random.key(0))


@functools.cache
def initialise(gan):
    """Return a state whose optimisers do nothing."""
    return quick_jit(lambda: _create(gan))()


def shapes(gan):
    """Return the shapes of that state without computing it."""
    return jax.eval_shape(lambda: _create(gan))


def noise(gan, num, seed=0):
    """Return latents and labels."""
    return gan.latent.draw(jax.random.key(seed), num), jnp.arange(num) % (gan.num_classes or 1)


def images(gan, num, seed=0):
    """Return random images in the GAN's range."""
    low, high = gan.image_range
    return np.random.default_rng(seed).uniform(low, high, (num, *gan.data.image_shape)).astype(np.float32)


@functools.partial(quick_jit, static_argnums=0, static_argnames="train")
def _apply(module, variables, x, labels, *, train):
    return module.apply(variables, x, labels, train=train, mutable=["batch_stats"])


def forward(module, net, x, labels, *, train):
    """Return a network's output and its batch statistics afterwards."""
    out, moved = _apply(module, net.variables, x, labels, train=train)
    return out, moved.get("batch_stats", {})


def leaves(tree, kind):
    """Return the parameters called `kind` (kernel, bias, scale), by layer."""
    return {name: np.asarray(layer[kind]) for name, layer in tree.items() if kind in layer}
