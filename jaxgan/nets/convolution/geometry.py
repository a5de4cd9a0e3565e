"""What is static of a convolution: sizes, strides and padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from jaxgan.base import checks
from jaxgan.base.checks import UserError

Pair = tuple[int, int]
Pads = tuple[Pair, Pair]
Padding = str | Sequence[Sequence[int]]  # what users give: a word, or zeros before and after, for H and W


def pair(value: int | Sequence[int]) -> Pair:
    """Return one number for H and one for W."""
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


class Geometry(NamedTuple):
    """The convolution of x [B, *size, C] and w [*taps, C, F] to [B, *outputs, F].

    Attributes:
      size: H and W.
      taps: of the kernel, for H and W.
      strides: for H and W.
      pads: zeros (negative: pixels less) before and after x, for H and W.
    """

    size: Pair
    taps: Pair
    strides: Pair
    pads: Pads

    @property
    def outputs(self) -> Pair:
        """H' and W'."""
        h, w = ((n + low + high - k) // s + 1 for n, k, s, (low, high) in zip(*self, strict=True))
        return h, w

    def exchanged(self) -> Geometry:
        """Return, for strides of 1, the one from [B, *outputs, F] back to [B, *size, C].

        Its kernel gradient of (g, x) is that of (x, g) with mirrored taps, sum_p x[p + t] g[p] = sum_p g[p - t] x[p],
        and its input gradient by mirrored taps is this convolution.
        """
        rows, cols = ((k - 1 - low, k - 1 - high) for k, (low, high) in zip(self.taps, self.pads, strict=True))
        return self._replace(size=self.outputs, pads=(rows, cols))

    def checked(self) -> Geometry:
        """Return it, or raise ValueError where there is no pixel on either side."""
        if min(*self.size, *self.outputs) < 1:
            raise UserError(
                f"a kernel of {self.taps} pixels with strides {self.strides} and padding {self.pads} makes maps of "
                f"{self.outputs} from {self.size}; expected at least one pixel, so use larger maps or more padding."
            )
        return self


def adjoint(inputs: Pair, taps: Pair, strides: Pair, padding: Padding) -> Geometry:
    """Return the convolution whose input gradient is the given transposed convolution.

    Raises:
      ValueError: the padding is a word other than 'SAME' or 'VALID', or leaves no output.
    """
    size, pads = [], []
    for n, k, s, edge in zip(inputs, taps, strides, _around_dilated(taps, strides, padding), strict=True):
        low, high = edge
        size.append((n - 1) * s + 1 + low + high - k + 1)
        pads.append((k - 1 - low, k - 1 - high))
    return Geometry(pair(size), taps, strides, (pads[0], pads[1])).checked()


def _around_dilated(taps: Pair, strides: Pair, padding: Padding) -> Sequence[Sequence[int]]:
    """Return the zeros before and after a dilated input, for H and W."""
    if not isinstance(padding, str):
        return padding
    checks.one_of("padding", padding, ("SAME", "VALID"))
    pads = []
    for k, s in zip(taps, strides, strict=True):
        if padding == "SAME":
            low = k - 1 if s > k - 1 else -(-(k + s - 2) // 2)
            pads.append((low, k + s - 2 - low))
        else:
            pads.append((k - 1, s - 1 + max(k - s, 0)))
    return pads
