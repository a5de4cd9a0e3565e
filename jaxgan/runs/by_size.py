"""What the number of images decides, where a configuration leaves it to them."""

from __future__ import annotations

import copy
import math

from jaxgan.base.types import Config

MOST = 0.5


def decided(config: Config, num_images: int) -> Config:
    """Return a copy with config.augment_p for this number of images, where config.augment_by_size asks for it.

    0.5 at 100 images, 0.25 at 1,000, 0 from 10,000 on: the fewer there are, the sooner D memorises them.
    """
    if not config.augment_by_size:
        return config
    config = copy.deepcopy(config)  # keeps the settings that may have several types
    probability = MOST - 0.25 * math.log10(max(num_images, 1) / 100)
    config.augment_p = round(min(MOST, max(0.0, probability)), 2)
    return config
