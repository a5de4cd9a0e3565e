"""Optimisers and learning-rate schedules, as `config.optim.g` and `config.optim.d` describe them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxgan.base.checks import UserError
from jaxgan.base.types import Config
from jaxgan.config import SETTINGS
from jaxgan.training.burn_in import NO_BURN_IN, BurnIn

Counter = Callable[[Any], Any]  # from the number of updates made to t, both int32[]


def own_counter(count: Any) -> Any:
    """Return t of a network that counts its own updates."""
    return count


def scale_by_adam_tf(
    b1: float, b2: float, eps_hat: float, counter: Counter = own_counter
) -> optax.GradientTransformation:
    """Adam as TensorFlow and Keras write it, with epsilon added to the uncorrected root.

    u_t = sqrt(1 - b2^t) / (1 - b1^t) * m_t / (sqrt(v_t) + eps_hat)

    It is `optax.scale_by_adam` with eps = eps_hat / sqrt(1 - b2^t): 32 times larger at t = 1 for b2 = 0.999. t is
    `counter(n)` for the n-th update (from 1) of this network, see `shared_counter`.

    References:
      Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015, the remark after algorithm 1.
    """

    def init(params):
        zeros = optax.tree.zeros_like
        return optax.ScaleByAdamState(jnp.zeros((), jnp.int32), mu=zeros(params), nu=zeros(params))

    def update(updates, state, params=None, **extra):
        del params, extra
        count = optax.safe_increment(state.count)
        mu = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, state.mu, updates)
        nu = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, state.nu, updates)
        t = counter(count)
        scale = (jnp.sqrt(1 - b2**t) / (1 - b1**t)).astype(jnp.float32)
        steps = jax.tree.map(lambda m, v: scale * m / (jnp.sqrt(v) + eps_hat), mu, nu)
        return steps, optax.ScaleByAdamState(count, mu=mu, nu=nu)

    return optax.GradientTransformation(init, update)


def shared_counter(before: int, own: int, after: int) -> Counter:
    """Return t of a network's n-th update where both networks advance one counter, as one Keras optimiser does.

    Args:
      before: the other network's updates in a training step, ahead of this one's.
      own: this network's updates in a training step.
      after: the other network's updates after them.
    """

    def counter(count):
        steps, update = (count - 1) // own, (count - 1) % own
        return steps * (before + own + after) + before + update + 1

    return counter


def make_schedule(
    config: Config, steps_per_epoch: float, num_steps: int, burn_in: BurnIn = NO_BURN_IN, images: float = 1
) -> optax.Schedule:
    """Return the learning rate as a function of the number of updates made so far.

    constant:    lr
    exponential: lr * decay_rate^e, with e the 0-based epoch
    step:        lr * decay_rate^floor(e / decay_epochs)
    cosine:      linear from lr / 10 over `warmup_epochs`, then half a cosine down to lr * final_scale
                 at `num_steps`

    Args:
      config: `config.optim.g` or `config.optim.d`.
      steps_per_epoch: updates that one pass over the data takes; may be fractional.
      num_steps: length of the run, the end of the cosine.
      burn_in: its factor is multiplied on.
      images: real images that D sees for each update.

    Returns:
      int32[] -> float32[].
    """
    base = _schedule(config, steps_per_epoch, num_steps)
    if burn_in.value(burn_in.learning_rate, 1.0, 0.0) == 1:
        return base
    return lambda count: base(count) * burn_in.value(burn_in.learning_rate, 1.0, count * images)


def _schedule(config: Config, steps_per_epoch: float, num_steps: int) -> optax.Schedule:
    rate, kind = config.learning_rate, config.schedule
    if kind == "cosine":
        warmup = round(config.warmup_epochs * steps_per_epoch)
        return optax.warmup_cosine_decay_schedule(
            rate / 10 if warmup else rate, rate, warmup, max(num_steps, warmup + 1), rate * config.final_scale
        )
    if kind == "constant":
        return optax.constant_schedule(rate)
    epochs = config.decay_epochs if kind == "step" else 1.0

    def staircase(count):
        # Half a step of slack: count / steps_per_epoch must not round below a whole epoch.
        stage = jnp.floor((count + 0.5) / (steps_per_epoch * epochs))
        return rate * config.decay_rate**stage

    return staircase


def make_optimiser(
    config: Config,
    schedule: optax.Schedule,
    counter: Counter = own_counter,
    burn_in: BurnIn = NO_BURN_IN,
    images: float = 1,
) -> optax.GradientTransformation:
    """Build the transformation that one network's section of `config.optim` names.

    `adam` is the form of PyTorch and Optax, `adam_tf` that of TensorFlow (`scale_by_adam_tf`), `adamw`
    has decoupled weight decay, `sgd` uses Nesterov momentum `b1`. For all but `adamw` the weight decay
    is added to the gradient, as PyTorch's optimisers do. b2 may start elsewhere (`burn_in`, with so many real images
    that D sees for each update); the correction for the moments' start at 0 then takes b2 as it is at the update.
    """
    SETTINGS["optim.g.name"].check("config.optim.*.name", config.name)
    b2_moves = bool(burn_in.images and burn_in.b2)
    if b2_moves and config.name not in ("adam", "adamw"):
        raise UserError(
            f"config.burn_in.b2 is {burn_in.b2}, which only adam and adamw know, but config.optim.*.name is "
            f"{config.name!r}; set it to adam, or burn_in.b2 to 0."
        )

    def adam() -> optax.GradientTransformation:
        if not b2_moves:
            return optax.scale_by_adam(config.b1, config.b2, config.eps)
        b2 = lambda count: burn_in.value(burn_in.b2, config.b2, count * images)  # noqa: E731
        return optax.inject_hyperparams(optax.scale_by_adam, static_args=("b1", "eps", "eps_root"))(
            b1=config.b1, b2=b2, eps=config.eps
        )

    direction = {
        "adam": adam,
        "adamw": adam,
        "adam_tf": lambda: scale_by_adam_tf(config.b1, config.b2, config.eps, counter),
        "sgd": lambda: optax.trace(config.b1, nesterov=True),
    }[config.name]()
    decay = [optax.add_decayed_weights(config.weight_decay)] if config.weight_decay else []
    chain = [direction, *decay] if config.name == "adamw" else [*decay, direction]
    return optax.chain(*chain, optax.scale_by_learning_rate(schedule))
