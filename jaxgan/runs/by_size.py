"""What the number of images decides, where a configuration leaves it to them."""

from __future__ import annotations

import math

from jaxgan.base.types import Config

MOST, LEAST = 0.5, 0.05


def decided(config: Config, num_images: int) -> Config:
    """Return a copy with config.augment_p for this number of images, where config.augment_by_size asks for it.

    0.5 at 100 images, 0.3 at 1,000, 0.1 at 10,000 and at least 0.05: the fewer there are, the sooner D memorises them.
    """
    if not config.augment_by_size:
        return config
    config = config.copy_and_resolve_references()
    probability = MOST - 0.2 * math.log10(max(num_images, 1) / 100)
    config.augment_p = round(min(MOST, max(LEAST, probability)), 2)
    return config
