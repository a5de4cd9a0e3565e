"""Adversarial losses on logits, element by element; the caller takes the mean.

r = D(x) and f = D(G(z)) are the logits of a real and of a generated image, without a sigmoid.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.nn import relu, softplus

from jaxgan.base import axis, checks
from jaxgan.base.types import Array
from jaxgan.parts import Parts

Terms = Callable[[Array, Array], Array]


@dataclasses.dataclass(frozen=True)
class AdversarialLoss:
    """Three functions (r float[B], f float[B]) -> float[B] of the logits of real and of generated images.

    D minimises `UpdateRule.d_loss_weight` times the mean of d_real + d_fake. G minimises the mean of g. A custom loss
    is an instance with other functions.

    Attributes:
      d_real: term of D's loss for real images.
      d_fake: term of D's loss for generated images.
      g: loss of G.
      relative: whether only the differences r - f matter. A relative loss needs both logits at once, also for G. Its
        accuracies are the share of pairs with r_i > f_i. In other losses d_real uses r only, d_fake and g use f only,
        and the other argument may be None.
      middle: logit at which D is undecided between real and generated, unless the loss is relative.
    """

    d_real: Terms
    d_fake: Terms
    g: Terms
    relative: bool = False
    middle: float = 0.0

    def undecided(self) -> float | None:
        """Return D's loss if all logits are `middle`, the loss of an undecided D; None for relative losses."""
        logits = jnp.full(1, self.middle)
        return None if self.relative else float(self.d_real(logits, logits)[0] + self.d_fake(logits, logits)[0])


def _apart(d_real: Callable, d_fake: Callable, g: Callable, middle: float = 0.0) -> AdversarialLoss:
    """Return a loss whose terms use one kind of logits each."""
    return AdversarialLoss(lambda r, f: d_real(r), lambda r, f: d_fake(f), lambda r, f: g(f), middle=middle)


def _half_of_pair(r: Array, f: Array) -> Array:
    return softplus(f - r) / 2


def _averaged(of_difference: Callable[[Array], Array]) -> AdversarialLoss:
    """Return a relativistic average loss from h(t), which penalises small t. Means are over all devices.

    D: [h(r - mean f) + h(mean r - f)] / 2,   G: [h(f - mean r) + h(mean f - r)] / 2
    """

    def first(a: Array, b: Array) -> Array:
        return of_difference(a - axis.mean(jnp.mean(b))) / 2

    def second(a: Array, b: Array) -> Array:
        return of_difference(axis.mean(jnp.mean(a)) - b) / 2

    return AdversarialLoss(first, second, lambda r, f: first(f, r) + second(f, r), relative=True)


def _made(name: str, given: Any) -> AdversarialLoss:
    if not isinstance(given, AdversarialLoss):
        raise checks.UserError(f"the loss {name!r} is {type(given).__name__}; expected a jaxgan.AdversarialLoss.")
    for term in "d_real", "d_fake", "g":
        _check_term(f"{term} of the loss {name!r}", getattr(given, term))
    return given


def _check_term(what: str, term: Terms) -> None:
    logits = jax.ShapeDtypeStruct((2,), jnp.float32)
    try:
        made = jax.eval_shape(term, logits, logits)
    except Exception as error:
        raise checks.UserError(f"{what} fails ({checks.brief(error)}); expected a function of (r, f).") from error
    if getattr(made, "shape", None) != (2,) or not jnp.issubdtype(made.dtype, jnp.floating):
        raise checks.UserError(f"{what} makes {made} of 2 logits; expected float[2], whose mean the caller takes.")


_BUNDLED = {
    # D: -log s(r) - log(1 - s(f)); G: -log s(f), with s the sigmoid.
    # Goodfellow et al., "Generative Adversarial Nets", 2014, equation 1 and the end of section 3.
    "non_saturating": _apart(lambda r: softplus(-r), softplus, lambda f: softplus(-f)),
    # The same D; G: log(1 - s(f)), whose gradient vanishes if D wins. Equation 1 there, unchanged.
    "minimax": _apart(lambda r: softplus(-r), softplus, lambda f: -softplus(f)),
    # Lim and Ye, "Geometric GAN", 2017; Miyato et al., "Spectral Normalization", 2018, equations 16 and 17.
    "hinge": _apart(lambda r: relu(1 - r), lambda f: relu(1 + f), lambda f: -f),
    # Mao et al., "Least Squares Generative Adversarial Networks", 2017, equation 9: targets 1 (real, and for G) and 0.
    "least_squares": _apart(lambda r: (r - 1) ** 2 / 2, lambda f: f**2 / 2, lambda f: (f - 1) ** 2 / 2, middle=0.5),
    # Arjovsky, Chintala and Bottou, "Wasserstein GAN", 2017, equation 2. D needs a penalty that keeps it Lipschitz.
    "wasserstein": AdversarialLoss(lambda r, f: -r, lambda r, f: f, lambda r, f: -f, relative=True),
    # D: -log s(r - f), G: -log s(f - r), for independent pairs. Jolicoeur-Martineau, "The relativistic discriminator",
    # 2018, section 4.1; Huang et al., "The GAN is dead; long live the GAN!", 2024, equation 2.
    "rpgan": AdversarialLoss(_half_of_pair, _half_of_pair, lambda r, f: softplus(r - f), relative=True),
    # Relativistic average losses. Jolicoeur-Martineau, 2018, section 4.2 and appendix.
    "ragan": _averaged(lambda t: softplus(-t)),
    "ragan_least_squares": _averaged(lambda t: (t - 1) ** 2),
    "ragan_hinge": _averaged(lambda t: relu(1 - t)),
}
LOSSES = Parts("config.loss", _BUNDLED, _made)

# Losses whose D is a classifier, with real images as the class 1, so that their label can be smoothed.
SMOOTHED = ("non_saturating", "minimax")


def register_loss(name: str, loss: AdversarialLoss) -> None:
    """Let `config.loss` name a loss of your own in this process. To resume such a run, register the same loss first.

    A loss of a file has a name without this: file.py:NAME.

    Args:
      name: letters, digits and underscores; none of a bundled loss.
      loss: three functions of logits.

    Raises:
      UserError: another kind of name, that of a bundled loss, or what is no loss.
    """
    LOSSES.add(name, loss)


def get(name: str, label_smoothing: float = 0.0) -> AdversarialLoss:
    """Return the loss that `config.loss` names.

    With label smoothing s, D's target for real images is 1 - s instead of 1: its term is the cross-entropy
    (1 - s) softplus(-r) + s softplus(r).

    References:
      Salimans, Goodfellow, Zaremba, Cheung, Radford and Chen, "Improved Techniques for Training GANs", 2016, section
      3.4, one-sided label smoothing.

    Raises:
      UserError: an unknown name, or one without a label.
    """
    if not label_smoothing:
        return LOSSES.find(name)
    checks.one_of("config.loss, with config.label_smoothing,", name, SMOOTHED)
    s = label_smoothing
    return dataclasses.replace(LOSSES[name], d_real=lambda r, f: (1 - s) * softplus(-r) + s * softplus(r))
