"""Which features a data set's images are measured with."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from jaxgan.base import digests
from jaxgan.base.pixels import visible
from jaxgan.metrics.features import trained
from jaxgan.metrics.features.digits import SIZE, load_digits, stacked_digits
from jaxgan.metrics.features.imagenet import load_imagenet
from jaxgan.metrics.features.inception import load_inception
from jaxgan.metrics.features.network import FeatureNet, from_function
from jaxgan.nets.efficientnet import WHEELS

NONE_FOUND = (
    "There are no features for these images, so only measures of pixels are taken. --config.eval.features=imagenet "
    "has features of any images. --mode=features trains a classifier of labelled images. A function of your own "
    "(file.py:function) or a file of the Inception network's weights are features too."
)


def choose_features(
    choice: str,
    *,
    source: str,
    image_shape: tuple[int, int, int],
    data_digest: str,
    fid: str = "clean",
    channels: Sequence[int] = (),
) -> FeatureNet | None:
    """Return the features to use, or None where there are none (`NONE_FOUND` is the reason).

    Args:
      choice: 'none'; 'imagenet' or 'imagenet_lite1', see `load_imagenet`; 'file.py:function', see `from_function`; a
        file of Inception weights, see `load_inception`; or empty: the bundled digit classifier for MNIST and stacked
        MNIST, and for other data the classifier that `trained.fit` made.
      source: where the data come from, a name in `jaxgan.data.SOURCES`; a trained classifier's distance is called
        `fd_<source>`.
      image_shape: (H, W, C).
      data_digest: of the training data, see `trained.data_digest`.
      fid: how images are resized for the Inception network, 'clean' or 'tensorflow', see `load_inception`.
      channels: which of them networks for grey or RGB images see, see `jaxgan.base.pixels.visible`; those of other
        images are seen as people see them.

    Raises:
      FileNotFoundError, UserError: as those functions.
    """
    if choice == "none":
        return None
    if choice in WHEELS:
        return seeing(load_imagenet(choice), image_shape[2], channels)
    if ".py:" in choice:
        return from_function(choice, image_shape)
    if choice:
        return seeing(load_inception(choice, resize=fid), image_shape[2], channels)
    if source == "mnist" and image_shape == (SIZE, SIZE, 1):
        return load_digits()
    if source == "stacked_mnist":
        return stacked_digits(image_shape[0])
    return trained.find(data_digest, source)


def seeing(net: FeatureNet, count: int, channels: Sequence[int]) -> FeatureNet:
    """Return features of what people see of images of so many channels, for a network of grey or RGB images."""
    if count in (1, 3) and not channels:
        return net
    how = f"channels {', '.join(map(str, channels))}" if channels else "the first three channels"
    if count in (2, 4) and not channels:
        how = "transparency over white"
    return dataclasses.replace(
        net,
        digest=digests.array_digest(net.digest, str(count), str(tuple(channels))),
        about=f"{net.about}; of {count} channels it sees {how}",
        apply=lambda images: net.apply(visible(images, channels)),
    )
