"""Stacked MNIST: of a thousand triples of digits, how many does a generator draw?

Each channel of an image is a digit. The field's published test of mode collapse; compare only figures at the same
number of images, 26,000 by custom.

References:
  Metz, Poole, Pfau and Sohl-Dickstein, "Unrolled Generative Adversarial Networks", 2017, section 3.3. Srivastava,
  Valkov, Russell, Gutmann and Sutton, "VEEGAN", 2017, section 4.1, for the number of images and the divergence.
"""

from __future__ import annotations

import numpy as np

NUM_MODES = 1000
NUM_IMAGES = 26_000
# A generator stuck on one triple scores some 30 modes by the classifier's mistakes alone, seldom with this many hits.
SURE_HITS = 3


def mode_scores(counts: np.ndarray) -> dict[str, float]:
    """Return modes covered, those with at least three hits, and the divergence from equal shares.

        mode_kl = sum_i p_i ln(K p_i), over the modes seen

    Args:
      counts: int[K], how often each mode was drawn; K is 1,000 for stacked MNIST.

    Returns:
      `modes`, `modes_3` and `mode_kl` (in nats, `mode_kl_floor` for a perfect generator).
    """
    p = counts[counts > 0] / counts.sum()
    return {
        "modes": float((counts > 0).sum()),
        "modes_3": float((counts >= SURE_HITS).sum()),
        "mode_kl": max(0.0, float((p * np.log(len(counts) * p)).sum())),
    }


def mode_kl_floor(digit_counts: np.ndarray, num: int = NUM_IMAGES) -> float:
    """Return the divergence to expect of a perfect generator.

        999 / (2 N) + 3 sum_d p_d ln(10 p_d)

    The first part is due to counting, the second to digits that are not equally frequent.

    Args:
      digit_counts: int[10], how often each digit occurs in MNIST.
      num: number of images N, well above 1,000.
    """
    p = digit_counts / digit_counts.sum()
    return float((NUM_MODES - 1) / (2 * num) + 3 * (p * np.log(len(p) * p)).sum())


def triples(digits: np.ndarray) -> np.ndarray:
    """Number the modes: digits int[N, 3] of the three channels to int[N] in 0..999, the first digit the hundreds."""
    return digits @ np.array([100, 10, 1])
