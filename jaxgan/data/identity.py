"""What a data set turned out to be, in 32 hexadecimal digits."""

from __future__ import annotations

import numpy as np

from jaxgan.base.checks import UserError
from jaxgan.base.digests import digest
from jaxgan.base.settings import check_plain
from jaxgan.base.types import Source
from jaxgan.data.rows import spaced

# Of larger arrays only evenly spaced images are hashed, so many that they come to this much: 0.1 s.
SAMPLED_BYTES = 2**26


def fingerprint(source: Source) -> str | None:
    """Return the source's own `fingerprint`, or None where it has none.

    Equal data have equal fingerprints wherever they lie and however they are cached; a resumed run compares them.

    Raises:
      UserError: that of a custom source is no text.
    """
    own = getattr(source, "fingerprint", None)
    if not isinstance(own, str | None):
        raise UserError(f"the fingerprint of {type(source).__name__} is {own!r}; expected a str, or None.")
    check_plain(f"the fingerprint of {type(source).__name__}", own)
    return own


def derived(source: Source, *change: object) -> str | None:
    """Return the fingerprint of a changed view of a source, or None where the source has none."""
    own = fingerprint(source)
    return None if own is None else digest(own, *change)


def of_arrays(images: np.ndarray, labels: np.ndarray) -> str:
    """Hash shape, labels and pixels; above SAMPLED_BYTES the pixels of evenly spaced images, first and last included.

    Args:
      images: uint8[N, ...].
      labels: int32[N].
    """
    size = images.nbytes // max(1, len(images))
    count = min(len(images), max(2, SAMPLED_BYTES // max(1, size)))
    pixels = images if count == len(images) else images[spaced(len(images), count)]
    return digest(images.shape, labels, pixels)
