"""Which features a data set's images are measured with."""

from __future__ import annotations

import os

from jaxgan.metrics.features import trained
from jaxgan.metrics.features.digits import SIZE, load_digits, stacked_digits
from jaxgan.metrics.features.inception import load_inception
from jaxgan.metrics.features.network import FeatureNet, from_function

NONE_FOUND = (
    "There are no features for these images, so only measures of pixels are taken. Train a classifier of them "
    "(--mode=features) where they have labels, or name your own function (file.py:function) or a file of the "
    "Inception network's weights."
)


def choose_features(
    choice: str,
    *,
    source: str,
    image_shape: tuple[int, int, int],
    data_digest: str,
    fid: str = "clean",
    folder: str | os.PathLike[str] | None = None,
) -> FeatureNet | None:
    """Return the features to use, or None where there are none (`NONE_FOUND` is the reason).

    Args:
      choice: 'none'; 'file.py:function', see `from_function`; a file of Inception weights, see `load_inception`; or
        empty: the bundled digit classifier for MNIST and stacked MNIST, and for other data the classifier that
        `trained.fit` made.
      source: where the data come from, a name in `jaxgan.data.SOURCES`; a trained classifier's distance is called
        `fd_<source>`.
      image_shape: (H, W, C).
      data_digest: of the training data, see `trained.data_digest`.
      fid: how images are resized for the Inception network, 'clean' or 'tensorflow', see `load_inception`.
      folder: where trained classifiers are kept; the cache where it is None.

    Raises:
      FileNotFoundError, UserError: as those functions.
    """
    if choice == "none":
        return None
    if ".py:" in choice:
        return from_function(choice, image_shape)
    if choice:
        return load_inception(choice, resize=fid)
    if source == "mnist" and image_shape == (SIZE, SIZE, 1):
        return load_digits()
    if source == "stacked_mnist":
        return stacked_digits(image_shape[0])
    return trained.find(data_digest, source, folder)
