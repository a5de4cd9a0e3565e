"""Data sets prepared by TensorFlow Datasets, read without TensorFlow.

The library is imported only when such a data set is opened.
"""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import numpy as np

from jaxgan.base import checks, digests
from jaxgan.base.checks import UserError
from jaxgan.data.images.canvas import Canvas, draw_array, say_squeezed
from jaxgan.data.images.decode import decode_stream, open_image
from jaxgan.data.images.threads import Workers
from jaxgan.data.rows import spaced
from jaxgan.data.sources.kind import Kind
from jaxgan.data.validation import check_labels

# The format with random access; tfds' default, TFRecord, has none.
FILE_FORMAT = "array_record"

# Its labels run from 1 to 26, and tfds says 37 classes.
LETTERS = "emnist/letters/"

# Images whose shape is looked at when the data set is opened.
SAMPLE = 64


class Tfds:
    """A prepared data set, decoded as it is read.

    Images come from the feature `image`, or from the first image feature where it has another name; labels
    from the feature `label` where it is a ClassLabel. A split whose first label is -1 (unknown) counts as one
    without labels. EMNIST's images, which lie transposed, are turned back, as `idx` does.

    Args:
      name: the data set, as in `tfds.builder`: 'mnist', 'cifar10:3.0.2', 'name/config'.
      split: the split, as in tfds: 'train', 'test', 'train[:10%]'.
      data_dir: where it was prepared; empty for tfds' default, ~/tensorflow_datasets.
      canvas: what each image is turned into.
      workers: threads that decode.

    Attributes:
      info: shape, number of images and number of classes.
      fingerprint: of name, configuration, version and split of the data set, and its number of images.

    Raises:
      ValueError: if name or split is unknown, or the data set has no images.
      FileNotFoundError: if the data set is not prepared in the right format.
    """

    def __init__(self, name: str, split: str, data_dir: str, canvas: Canvas, workers: Workers):
        builder = _builder(name, data_dir)
        self._data = _open(builder, name, split, data_dir)
        self._image, has_label = _features(builder, name)
        self._data.decoders = _leave_encoded(builder)
        self._name, self._workers = name, workers
        self._canvas = canvas = canvas.taking(self._sizes().tolist(), f"images of {name}")
        classes = builder.info.features["label"].num_classes if has_label else None
        self._turned, self._first = builder.name == "emnist", 0
        if builder.info.full_name.startswith(LETTERS):
            self._first, classes = 1, 26
        if has_label and int(self._data[0]["label"]) < 0:
            classes = None
        names = () if classes is None else tuple(builder.info.features["label"].names)
        names = () if len(names) != classes or names == tuple(map(str, range(len(names)))) else names
        self.info = dataclasses.replace(canvas.info, num_images=len(self._data), num_classes=classes, label_names=names)
        self.fingerprint = digests.digest("tfds", builder.info.full_name, split, len(self._data))

    def read(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Read uint8[n, H, W, C] images and int32[n] labels, in parallel."""
        images = np.empty((len(indices), *self._canvas.shape), self.info.pixel_dtype)
        labels = np.zeros(len(indices), np.int32)

        def one(i: int) -> None:
            record = self._data[int(indices[i])]  # measured: twice as fast as its __getitems__
            images[i] = self._draw(record[self._image], int(indices[i]))
            if self.info.num_classes is not None:
                labels[i] = record["label"] - self._first

        self._workers.run(one, len(indices))
        return images, check_labels(labels, len(labels), self.info.num_classes)

    def announce(self) -> None:
        """Say so if images lose their shape, judged by SAMPLE of them."""
        say_squeezed(self._canvas, self._sizes(), "images looked at")

    def _sizes(self) -> np.ndarray:
        """Return int[n, 2], height and width of SAMPLE images."""
        return np.array([_size(self._data[int(row)][self._image]) for row in spaced(len(self._data), SAMPLE)])

    def _draw(self, value: Any, index: int) -> np.ndarray:
        if self._turned:
            pixels = np.asarray(open_image(io.BytesIO(value)) if isinstance(value, bytes) else value)
            return draw_array(pixels.swapaxes(0, 1), self._canvas)
        if not isinstance(value, bytes):
            return draw_array(np.asarray(value), self._canvas)
        try:
            return decode_stream(io.BytesIO(value), self._canvas)
        except UserError:
            raise
        except Exception as error:  # decoders raise about anything on damaged files
            raise UserError(f"Image {index} of {self._name} cannot be decoded ({error}); prepare it anew.") from error


def _size(value: Any) -> tuple[int, ...]:
    """Return height and width of an image; of an encoded one only the header is read."""
    return open_image(io.BytesIO(value)).size[::-1] if isinstance(value, bytes) else np.shape(value)[:2]


def _builder(name: str, data_dir: str) -> Any:
    import tensorflow_datasets as tfds

    try:
        return tfds.builder(name, data_dir=data_dir or None, file_format=FILE_FORMAT)
    except tfds.core.DatasetNotFoundError as error:
        hint = checks.suggest(name, tfds.list_builders(with_community_datasets=False))
        raise UserError(f"data.name is {name!r}; expected a set that tfds knows, or one in data.path.{hint}") from error
    except (ValueError, AssertionError, RuntimeError) as error:  # an unknown version or configuration, an empty name
        raise UserError(f"data.name is {name!r}, which TensorFlow Datasets refuses: {_line(error)}") from error


def _open(builder: Any, name: str, split: str, data_dir: str) -> Any:
    """Return a random-access view of a split, turning the bare errors of tfds into sentences."""
    try:
        data = builder.as_data_source(split)
        if len(data) > 0:
            return data
        raise UserError("it is empty")
    except (KeyError, ValueError, NotImplementedError) as error:
        known = sorted(builder.info.splits)
        if known and not isinstance(error, NotImplementedError):
            raise UserError(
                f"data.split is {split!r}, which {name} does not offer ({_line(error)}); "
                f"expected one of {', '.join(known)}, or a part such as '{known[0]}[:10%]'."
            ) from error
        place = f", data_dir={data_dir!r}" if data_dir else ""
        raise FileNotFoundError(
            f"{name} is not prepared as {FILE_FORMAT} in {data_dir or 'the default folder of tfds'}; prepare "
            f'it once, where TensorFlow is installed: python -c "import tensorflow_datasets as tfds; '
            f"tfds.builder({name!r}{place}, file_format='{FILE_FORMAT}').download_and_prepare()\""
        ) from error


def _features(builder: Any, name: str) -> tuple[str, bool]:
    """Return the name of the image feature, and whether there is a label."""
    import tensorflow_datasets as tfds

    features = dict(builder.info.features.items())
    images = [key for key, feature in features.items() if isinstance(feature, tfds.features.Image)]
    if not images:
        raise UserError(f"{name} has no images, but {', '.join(features)}; expected a set with an image feature.")
    label = isinstance(features.get("label"), tfds.features.ClassLabel)
    return ("image" if "image" in images else images[0]), label


def _leave_encoded(builder: Any) -> dict[str, Any]:
    """Return decoders that leave images as PNG or JPEG bytes: the folders' code knows more modes than tfds.

    They are set after opening: the fake images of `tfds.testing.mock_data` could not be encoded without
    TensorFlow. Images of floats are decoded by tfds, which hides their bytes in a PNG with four channels.
    """
    import tensorflow_datasets as tfds

    return {
        key: tfds.decode.SkipDecoding()
        for key, feature in builder.info.features.items()
        if isinstance(feature, tfds.features.Image) and np.dtype(feature.np_dtype) != np.float32  # type: ignore
    }


def _line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0]


KIND = Kind(lambda c, canvas, workers: Tfds(c.name, c.split, c.path, canvas, workers), path="optional")
