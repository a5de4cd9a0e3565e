"""Static parameters of a convolution: sizes, strides and padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from jaxgan.base import checks
from jaxgan.base.checks import UserError

Pair = tuple[int, int]
Pads = tuple[Pair, Pair]
Padding = str | Sequence[Sequence[int]]  # as users give it: a name, or the zeros before and after, for H and W


def pair(value: int | Sequence[int]) -> Pair:
    """Return the value for H and the value for W."""
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


class Geometry(NamedTuple):
    """Shape of the convolution of x [B, *size, C] and w [*taps, C, F] to [B, *outputs, F].

    Attributes:
      size: H and W.
      taps: size of the kernel, for H and W.
      strides: for H and W.
      pads: zeros before and after x, for H and W; a negative number crops x.
    """

    size: Pair
    taps: Pair
    strides: Pair
    pads: Pads

    @property
    def outputs(self) -> Pair:
        """Return H' and W'."""
        h, w = ((n + low + high - k) // s + 1 for n, k, s, (low, high) in zip(*self, strict=True))
        return h, w

    def exchanged(self) -> Geometry:
        """Return the geometry of the convolution from [B, *outputs, F] back to [B, *size, C], for strides of 1.

        Its kernel gradient of (g, x) is that of (x, g) with mirrored taps: sum_p x[p + t] g[p] = sum_p g[p - t] x[p].
        Its input gradient with mirrored taps is this convolution.
        """
        rows, cols = ((k - 1 - low, k - 1 - high) for k, (low, high) in zip(self.taps, self.pads, strict=True))
        return self._replace(size=self.outputs, pads=(rows, cols))

    def checked(self) -> Geometry:
        """Return self, or raise UserError if the input or the output has no pixels."""
        if min(*self.size, *self.outputs) < 1:
            raise UserError(
                f"a kernel of {self.taps} pixels with strides {self.strides} and padding {self.pads} makes maps of "
                f"{self.outputs} from {self.size}; expected at least one pixel. Use larger maps or more padding."
            )
        return self


def adjoint(inputs: Pair, taps: Pair, strides: Pair, padding: Padding) -> Geometry:
    """Return the geometry of the convolution whose input gradient is a given transposed convolution.

    Args:
      inputs: H and W of the transposed convolution's input.
      taps: size of the kernel.
      strides: of the transposed convolution.
      padding: 'SAME', 'VALID', or the zeros around the dilated input.

    Raises:
      UserError: another name of a padding, or a result without pixels.
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
