"""A generator ready to sample from, and the distribution of its latents."""

from __future__ import annotations

import dataclasses
import math

import jax
import jax.numpy as jnp
from flax import linen as nn, struct
from jax import lax

from jaxgan.base import checks, draws
from jaxgan.base.checks import UserError
from jaxgan.base.types import Array, PyTree

LAWS = ("normal", "uniform")


@dataclasses.dataclass(frozen=True)
class Latent:
    """The distribution of z.

    Attributes:
      shape: of one latent, without the batch axis.
      law: 'normal' for N(0, 1), 'uniform' for U(-1, 1), each number on its own.
    """

    shape: tuple[int, ...]
    law: str = "normal"

    def __post_init__(self) -> None:
        checks.one_of("latent_law", self.law, LAWS)

    def draw(self, key: Array, num: int) -> Array:
        """Return float32[num, *shape]."""
        draw = draws.uniform if self.law == "uniform" else draws.normal
        return draw(key, (num, *self.shape))

    def draw_truncated(self, key: Array, num: int, limit: float) -> Array:
        """Return float32[num, *shape] from the normal distribution given that |z| <= limit, as if redrawn beyond.

        z = sqrt(2) erfinv(u erf(limit / sqrt(2))), u from U(-1, 1)

        The same key gives the latents of `draw`, each moved towards 0.

        Raises:
          ValueError: a limit that is not above 0, or a distribution without tails.
        """
        if self.law != "normal":
            raise UserError(
                f"truncation is {limit}, but this GAN draws its latents from a {self.law} distribution, which has no "
                "tails to cut; leave it out, or scale the latents instead."
            )
        if not limit > 0:
            raise UserError(f"truncation is {limit}; expected a number above 0, such as 2, or none for all latents.")
        inside = math.erf(limit / math.sqrt(2))
        z = math.sqrt(2) * lax.erf_inv(draws.uniform(key, (num, *self.shape)) * inside)
        return jnp.clip(z, -limit, limit)


class GeneratorParams(struct.PyTreeNode):
    """A generator ready to sample from: variables are leaves, the rest is static and hashable.

    Attributes:
      variables: {'params', 'batch_stats'} of the generator.
      module: the Linen module.
      latent: the distribution of z.
      num_classes: K of a conditional generator, else None.
      image_range: (low, high) of the module's images.
      label_size: L of a generator that takes label vectors, else 0.
      label_names: of its classes, or of the numbers of its vectors; () where they are not known.
      label_table: label vectors of the data, from which those are drawn that nobody asks for.
    """

    variables: dict[str, PyTree]
    module: nn.Module = struct.field(pytree_node=False)
    latent: Latent = struct.field(pytree_node=False)
    num_classes: int | None = struct.field(pytree_node=False)
    image_range: tuple[float, float] = struct.field(pytree_node=False)
    label_size: int = struct.field(pytree_node=False, default=0)
    label_names: tuple[str, ...] = struct.field(pytree_node=False, default=())
    label_table: tuple[tuple[float, ...], ...] = struct.field(pytree_node=False, default=())

    @property
    def is_conditional(self) -> bool:
        """Whether it makes images for labels."""
        return self.num_classes is not None or self.label_size > 0

    def __repr__(self) -> str:
        """Return a line instead of all numbers."""
        numbers = sum(leaf.size for leaf in jax.tree.leaves(self.variables["params"]))
        classes = "" if self.num_classes is None else f", {self.num_classes} classes"
        classes += f", label vectors of {self.label_size} numbers" * bool(self.label_size)
        kind = f"{type(self.module).__module__.rpartition('.')[2]}.{type(self.module).__name__}"
        return f"{kind}: {numbers:,} parameters, z {list(self.latent.shape)} ({self.latent.law}){classes}"
