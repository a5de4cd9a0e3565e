"""Stacked MNIST: of a thousand triples of digits, how many does a generator draw?

Each channel of an image is a digit. The field's published test of mode collapse; compare only figures at the same
number of images, 26,000 by custom.

References:
  Metz, Poole, Pfau and Sohl-Dickstein, "Unrolled Generative Adversarial Networks", 2017, section 3.3. Srivastava,
  Valkov, Russell, Gutmann and Sutton, "VEEGAN", 2017, section 4.1, for the number of images and the divergence.
"""

from __future__ import annotations

import numpy as np

from jaxgan.metrics.classes import predicted
from jaxgan.metrics.registry import Given, measure

# A generator stuck on one triple scores some 30 modes by the classifier's mistakes alone, seldom with this many hits.
SURE_HITS = 3


def mode_scores(counts: np.ndarray) -> dict[str, float]:
    """Return modes covered, those with at least three hits, and the divergence from equal shares.

        mode_kl = sum_i p_i ln(K p_i), over the modes seen

    Args:
      counts: int[K], how often each mode was drawn; K is 1,000 for stacked MNIST.

    Returns:
      `modes`, `modes_3` and `mode_kl` in nats. A perfect generator of MNIST's digits scores a `mode_kl` of 0.024 on
      26,000 images: 999 / (2 N) from counting, and 3 sum_d p_d ln(10 p_d) from digits of unequal frequencies p_d.
    """
    p = counts[counts > 0] / counts.sum()
    return {
        "modes": float((counts > 0).sum()),
        "modes_3": float((counts >= SURE_HITS).sum()),
        "mode_kl": max(0.0, float((p * np.log(len(counts) * p)).sum())),
    }


@measure("modes", "modes", higher=("modes", "modes_3"))
def _measure(given: Given) -> dict[str, float]:
    return mode_scores(predicted(given.logits))
