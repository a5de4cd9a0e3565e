"""The training step of DCGAN in plain Flax and Optax, without jaxgan's own step: `python examples/dcgan_step.py`.

Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
Networks", 2015, with the layers of `configs/dcgan.py`. A test shows that jaxgan's step gives equal parameters.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

import jaxgan
from jaxgan import config

init = nn.initializers.normal(0.02)
adam = optax.adam(2e-4, b1=0.5)


class Generator(nn.Module):
    @nn.compact
    def __call__(self, z, train):
        norm = functools.partial(nn.BatchNorm, use_running_average=not train, momentum=0.99, epsilon=1e-3)
        x = nn.Dense(7 * 7 * 256, kernel_init=init)(z).reshape(-1, 7, 7, 256)
        x = nn.leaky_relu(norm()(x), 0.2)
        for features, stride in (128, 1), (64, 2), (32, 2):  # 7x7, 14x14, 28x28
            up = nn.ConvTranspose(features, (5, 5), (stride, stride), use_bias=False, kernel_init=init)
            x = nn.leaky_relu(norm()(up(x)), 0.2)
        return jnp.tanh(nn.Conv(1, (5, 5), use_bias=False, kernel_init=init)(x))


class Discriminator(nn.Module):
    dropout: float

    @nn.compact
    def __call__(self, x):
        for features in 64, 128:  # 14x14, 7x7
            x = nn.leaky_relu(nn.Conv(features, (5, 5), (2, 2), use_bias=False, kernel_init=init)(x), 0.2)
            x = nn.Dropout(self.dropout, deterministic=False)(x)
        return nn.Dense(1, kernel_init=init)(x.reshape(len(x), -1))[:, 0]  # logits, without a sigmoid


class State(NamedTuple):
    g: dict  # params and batch_stats
    d: dict  # params
    g_moments: optax.OptState
    d_moments: optax.OptState


def generate(g, z):
    """Return images of the batch's own statistics, and G with moved running statistics."""
    images, moved = Generator().apply(g, z, train=True, mutable=["batch_stats"])
    return images, {**g, **moved}


@functools.partial(jax.jit, static_argnames="dropout")
def step(state, real, z_for_d, z_for_g, d_key, g_key, dropout=0.3):
    """Update D on real float32[B, 28, 28, 1] in [-1, 1] and generated images, then G; z float32[B, 100]."""
    d_net = Discriminator(dropout)

    def d_loss(params, fake):
        logits = d_net.apply({"params": params}, jnp.concatenate([real, fake]), rngs={"dropout": d_key})
        r, f = jnp.split(logits, 2)
        return (nn.softplus(-r) + nn.softplus(f)).mean() / 2  # -log s(r) - log(1 - s(f)), s the sigmoid

    def g_loss(params, g, d):
        fake, g = generate({**g, "params": params}, z_for_g)
        f = d_net.apply(d, fake, rngs={"dropout": g_key})
        return nn.softplus(-f).mean(), g["batch_stats"]  # -log s(f)

    fake, g = generate(state.g, z_for_d)  # d_loss is differentiated by D's parameters only
    d_value, slope = jax.value_and_grad(d_loss)(state.d["params"], fake)
    move, d_moments = adam.update(slope, state.d_moments)
    d = {"params": optax.apply_updates(state.d["params"], move)}

    (g_value, stats), slope = jax.value_and_grad(g_loss, has_aux=True)(g["params"], g, d)
    move, g_moments = adam.update(slope, state.g_moments)
    g = {"params": optax.apply_updates(g["params"], move), "batch_stats": stats}
    return State(g, d, g_moments, d_moments), (d_value, g_value)


@jax.jit
def create(key):
    """Return the state at step 0."""
    g_key, d_key = jax.random.split(key)
    g = Generator().init(g_key, jnp.zeros((1, 100)), train=False)
    d = Discriminator(0).init(d_key, jnp.zeros((1, 28, 28, 1)))
    return State(g, d, adam.init(g["params"]), adam.init(d["params"]))


if __name__ == "__main__":
    source = jaxgan.open_source(config.default().data)
    state = create(jax.random.key(0))
    for i in range(3):
        pixels, _ = source.read(range(16 * i, 16 * i + 16))
        keys = jax.random.split(jax.random.fold_in(jax.random.key(1), i), 4)
        z_for_d, z_for_g = (jax.random.normal(key, (16, 100)) for key in keys[:2])
        state, losses = step(state, jnp.float32(pixels) / 127.5 - 1, z_for_d, z_for_g, *keys[2:])
        print(i, *(f"{value:.3f}" for value in losses))
    images = Generator().apply(state.g, jax.random.normal(jax.random.key(2), (4, 100)), train=False)
    print(images.shape, float(images.min()), float(images.max()))
