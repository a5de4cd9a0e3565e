"""Batch normalisation whose statistics are those of the whole batch, over all devices."""

from __future__ import annotations

from flax import linen as nn
from flax.typing import Initializer

from jaxgan import axis


def batch_norm(
    *,
    train: bool,
    momentum: float,
    epsilon: float,
    scale_init: Initializer = nn.initializers.ones,
) -> nn.BatchNorm:
    """Return a batch norm over all axes but the last, for use inside a compact module.

    Args:
      train: normalise with the batch's statistics and move the running ones; else use the running ones.
      momentum: weight of the old running value, in 0..1 (PyTorch's 0.1 is 0.9 here).
      epsilon: added to the variance.
      scale_init: initialiser of the scale; the shift starts at 0.

    References:
      Ioffe and Szegedy, "Batch Normalization", 2015, algorithm 1. The running variance is the biased one.
    """
    return nn.BatchNorm(
        use_running_average=not train,
        momentum=momentum,
        epsilon=epsilon,
        scale_init=scale_init,
        axis_name=axis.bound_name(),
        # E[x^2] - E[x]^2 cancels where inputs are huge, as in latent-scale experiments.
        use_fast_variance=False,
    )
