"""Values that change over the first images of a run, while the two distributions are still far apart."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.base.types import Array
from jaxgan.config import check_fields, setting


@dataclasses.dataclass(frozen=True)
class BurnIn:
    """What the settings start from, and how many images they take to reach their own values, by half a cosine.

        v(t) = end + (start - end) (1 + cos(pi min(t / images, 1))) / 2,   t the real images that D has seen

    Attributes:
      images: T; 0 for settings that are constant.
      learning_rate: the rates' start, as a multiple of their setting.
      penalty: likewise of the weights of gradient penalties.
      augment: likewise of the probability of augmentations.
      ema_half_life: likewise of the averaged generator's half-life.
      b2: the start of Adam's b2 itself; 0 for its setting.

    References:
      Huang, Gokaslan, Kuleshov and Tompkin, "The GAN is dead; long live the GAN! A Modern GAN Baseline", 2024,
      appendix D and table 9.
    """

    images: int = setting("burn_in.images")
    learning_rate: float = setting("burn_in.learning_rate")
    penalty: float = setting("burn_in.penalty")
    augment: float = setting("burn_in.augment")
    ema_half_life: float = setting("burn_in.ema_half_life")
    b2: float = setting("burn_in.b2")

    def __post_init__(self) -> None:
        check_fields(self)

    def value(self, start: float, end: float, seen: Any) -> Array | float:
        """Return what goes from `start` to `end` once D has seen so many real images, a number or an array []."""
        if not self.images or (not isinstance(end, jax.Array) and start == end):
            return end
        done = jnp.minimum(jnp.asarray(seen, jnp.float32) / self.images, 1.0)
        return end + (start - end) * (1 + jnp.cos(jnp.pi * done)) / 2


NO_BURN_IN = BurnIn()
