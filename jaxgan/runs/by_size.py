"""What the number of images decides, where a configuration leaves it to them."""

from __future__ import annotations

import copy
import math

from jaxgan.base.types import Config

MOST = 0.5
# Fewer images are told apart by their features, so G would memorise each. Of more, features take many minutes.
LEAST_INSTANCES, MOST_INSTANCES = 1_000, 50_000


def decided(config: Config, num_images: int) -> Config:
    """Return a copy with what config.augment_by_size leaves to the number of images: augment_p and instance features.

    augment_p is 0.5 at 100 images, 0.25 at 1,000, 0 from 10,000 on: the fewer there are, the sooner D memorises them.
    There are instance features from 1,000 to 50,000 images.
    """
    if not config.augment_by_size:
        return config
    config = copy.deepcopy(config)  # keeps the settings that may have several types
    if not LEAST_INSTANCES <= num_images <= MOST_INSTANCES:
        config.data.instance_features = 0
    probability = MOST - 0.25 * math.log10(max(num_images, 1) / 100)
    config.augment_p = round(min(MOST, max(0.0, probability)), 2)
    return config
