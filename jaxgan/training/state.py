"""What training carries from step to step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import errors, linen as nn, struct
from flax.training.train_state import TrainState

from jaxgan.base.types import Array, PyTree
from jaxgan.objectives import lecam
from jaxgan.objectives.augment import adaptive
from jaxgan.training.gan import Gan, Inputs, example_inputs


class NetState(TrainState):
    """Flax's TrainState (step, params, opt_state) and the running batch-norm statistics."""

    batch_stats: PyTree = None

    @property
    def variables(self) -> dict[str, PyTree]:
        """What `module.apply` takes."""
        return {"params": self.params, "batch_stats": self.batch_stats}


class GanState(struct.PyTreeNode):
    """All that training carries.

    Attributes:
      step: int32[], training steps made.
      g: generator.
      d: discriminator.
      ema: averaged variables of the generator, {'params', 'batch_stats'}.
      tracks: further averages, one for each of the GAN's `ema_stds`.
      key: root of the training stream; it never changes, steps fold their number in.
    """

    step: Array
    g: NetState
    d: NetState
    ema: dict[str, PyTree]
    key: Array
    tracks: tuple[dict[str, PyTree], ...] = ()

    def __repr__(self) -> str:
        """Return a line instead of all numbers."""
        g, d = (sum(leaf.size for leaf in jax.tree.leaves(net.params)) for net in (self.g, self.d))
        return f"GanState at step {self.step}: {g:,} parameters in G, {d:,} in D"


def create_state(
    gan: Gan, g_optimiser: optax.GradientTransformation, d_optimiser: optax.GradientTransformation, key: Array
) -> GanState:
    """Initialise both networks and their optimisers; quickest under `jit`, and `vmap` over keys makes many.

    Args:
      gan: the GAN.
      g_optimiser: of the generator.
      d_optimiser: of the discriminator.
      key: typed key; training's own stream is split off from it.

    Returns:
      The state at step 0, with all leaves on the default device.
    """
    g_key, d_key, train_key = jax.random.split(key, 3)
    g_inputs, d_inputs = example_inputs(gan)
    g = _create_net(gan.generator, g_optimiser, g_key, g_inputs)
    d = _create_net(gan.discriminator, d_optimiser, d_key, d_inputs)
    if gan.lecam:  # running statistics of D's logits, which live where those of its layers do
        d = d.replace(batch_stats={**d.batch_stats, "lecam": lecam.initial_anchors()})
    if gan.augment_target:
        d = d.replace(batch_stats={**d.batch_stats, "augment": adaptive.initial()})
    # A copy: a step may donate its state, and one buffer cannot be donated twice.
    ema, *tracks = (jax.tree.map(jnp.copy, g.variables) for _ in range(1 + len(gan.ema_stds)))
    return GanState(step=jnp.zeros((), jnp.int32), g=g, d=d, ema=ema, key=train_key, tracks=tuple(tracks))


def _create_net(module: nn.Module, optimiser: optax.GradientTransformation, key: Array, inputs: Inputs) -> NetState:
    variables = _initial_variables(module, key, inputs)
    net = NetState.create(
        apply_fn=module.apply, params=variables["params"], tx=optimiser, batch_stats=variables.get("batch_stats", {})
    )
    # TrainState starts with a Python int, which would compile the step a second time.
    return net.replace(step=jnp.zeros((), jnp.int32))


def _initial_variables(module: nn.Module, key: Array, inputs: Inputs) -> Mapping[str, Any]:
    try:
        # Without the forward pass the program that draws the parameters is made in half the time.
        return module.lazy_init(key, *inputs, train=False)
    except errors.LazyInitError:  # some variable depends on what the module sees
        return module.init(key, *jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), inputs), train=False)
