"""What the number of images decides, where a configuration leaves it to them."""

from __future__ import annotations

import copy
import math

from jaxgan.base.types import Config

MOST = 0.5
LEAST_INSTANCES = 1_000  # images; fewer are told apart by their features, so G would learn each by heart


def decided(config: Config, num_images: int) -> Config:
    """Return a copy with what config.augment_by_size leaves to the number of images: augment_p and instance features.

    augment_p is 0.5 at 100 images, 0.25 at 1,000, 0 from 10,000 on: the fewer there are, the sooner D memorises them.
    With fewer than 1,000 images there are no instance features.
    """
    if not config.augment_by_size:
        return config
    config = copy.deepcopy(config)  # keeps the settings that may have several types
    if num_images < LEAST_INSTANCES:
        config.data.instance_features = 0
    probability = MOST - 0.25 * math.log10(max(num_images, 1) / 100)
    config.augment_p = round(min(MOST, max(0.0, probability)), 2)
    return config
