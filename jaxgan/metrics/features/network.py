"""Networks that turn images into features, whatever they are made of."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxgan import parts
from jaxgan.base import machine
from jaxgan.base.checks import UserError
from jaxgan.base.types import Array, Map, PyTree
from jaxgan.metrics.features.classifier import NUM_FEATURES, classify

# Images in one call of a network.
CHUNK = 500

Outputs = tuple[Array | np.ndarray, Array | np.ndarray | None]


@dataclasses.dataclass(frozen=True)
class FeatureNet:
    """A frozen network between images and the measures.

    Attributes:
      name: of the features.
      digest: of its weights. Figures compare only where it is the same. Empty: unknown, so nothing is cached on disk.
      num_features: D.
      num_classes: K, or None where it does not classify.
      image_shape: (H, W, C) of the images it takes, or None for any.
      about: a sentence for people: what it is, its accuracy, its number of features.
      apply: from uint8[n, H, W, C], n up to `chunk`, to float[n, D] features and float[n, K] logits or None.
      chunk: images in one call.
      distance_name: of the Frechet distance between features; `fd_<name>` where it is empty.
      kernel_name: of the kernel distance.
      main: the figure by which generators are compared, the lower the better; the Frechet distance where it is empty.
      label_size: L where the network predicts label vectors, as logits float[n, L]; 0 where it does not.
      label_names: of their numbers, or ().
      is_binary: of each of them, whether it is yes or no, told by the sign of its logit.
    """

    name: str
    digest: str
    num_features: int
    num_classes: int | None
    image_shape: tuple[int, int, int] | None
    about: str
    apply: Callable[[np.ndarray], Outputs]
    chunk: int = CHUNK
    distance_name: str = ""
    kernel_name: str = "kid"
    main: str = ""
    label_size: int = 0
    label_names: tuple[str, ...] = ()
    is_binary: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        if not self.distance_name:
            object.__setattr__(self, "distance_name", f"fd_{self.name}")
        if not self.main:
            object.__setattr__(self, "main", self.distance_name)

    def features_and_logits(self, images: np.ndarray, *, over: Map = map) -> tuple[np.ndarray, np.ndarray | None]:
        """Return features float32[N, D] and logits float32[N, K], or None, of images uint8[N, H, W, C], N > 0.

        Args:
          images: the images.
          over: calls `apply` for each `chunk` of them, as `map` does.

        Raises:
          UserError: no images or images of another shape or type, features of another shape than promised, or features
            or logits that are not finite.
        """
        if images.ndim != 4 or images.dtype != np.uint8 or not len(images):
            raise UserError(f"images are {images.dtype}{list(images.shape)}; expected uint8[N, H, W, C], N > 0.")
        if self.image_shape is not None and images.shape[1:] != self.image_shape:
            raise UserError(f"images have shape {images.shape[1:]}; features {self.name!r} are for {self.image_shape}.")
        parts = [images[at : at + self.chunk] for at in range(0, len(images), self.chunk)]
        chunks = list(over(self.apply, parts))
        for part, (found, _) in zip(parts, chunks, strict=True):
            if np.shape(found) != (len(part), self.num_features):
                raise UserError(
                    f"the features {self.name!r} of {len(part)} images have shape {np.shape(found)}; "
                    f"expected {(len(part), self.num_features)}."
                )
        features = np.concatenate([np.asarray(features, np.float32) for features, _ in chunks])
        logits = None
        if self.num_classes is not None or self.label_size:
            logits = np.concatenate([np.asarray(logits, np.float32) for _, logits in chunks])
        # Some measures would give plausible figures of them.
        if not (np.isfinite(features).all() and (logits is None or np.isfinite(logits).all())):
            raise UserError(f"the features {self.name!r} are not all finite; check the images and the function.")
        return features, logits


def compiled(
    function: Callable[[PyTree, Array], Any], variables: PyTree, chunk: int = CHUNK
) -> Callable[[np.ndarray], Any]:
    """Compile a function of (variables, images) for `chunk` images; fewer are filled up, and cut off again.

    Args:
      function: returns arrays whose first axis is that of the images.
      variables: kept on the device.
      chunk: number of images.
    """
    fast = jax.jit(function, compiler_options=machine.compiler_options())
    variables = jax.device_put(variables)

    # Accelerators would round factors of products to fewer bits, and figures would depend on the machine.
    @jax.default_matmul_precision("float32")
    def apply(images: np.ndarray) -> Any:
        num = len(images)
        if num < chunk:
            images = np.concatenate([images, np.zeros((chunk - num, *images.shape[1:]), images.dtype)])
        return jax.tree.map(lambda x: x[:num], jax.device_get(fast(variables, jax.device_put(images))))

    return apply


def of_classifier(name: str, digest: str, params: PyTree, image_shape: tuple[int, int, int], about: str) -> FeatureNet:
    """Return the features of a trained `Classifier`; the arguments are those of `FeatureNet`."""
    num_classes = params["Dense_1"]["bias"].size
    return FeatureNet(name, digest, NUM_FEATURES, num_classes, image_shape, about, compiled(classify, params))


def from_function(
    function: str | Callable[[np.ndarray], np.ndarray], image_shape: tuple[int, int, int], name: str = ""
) -> FeatureNet:
    """Take features from a function of your own, of two lines or of any framework:

        def embed(images):  # uint8 [N, H, W, C]
            return images.mean((1, 2)) / 255  # float [N, D]

    Args:
      function: the function, or 'file.py:embed'. What is computed with one from a file is cached by the file's
        content: a function that loads weights should name them in its file.
      image_shape: (H, W, C) of the images it will see.
      name: of the distance, `fd_<name>`; the function's own where empty.

    Raises:
      FileNotFoundError: no such file.
      ValueError: no such function, or it returns something else than float[N, D].
    """
    call: Any = function
    part = digest = ""
    if isinstance(function, str):
        call, (file, part) = parts.read("the feature function", function), parts.file_of(function)
        digest = hashlib.sha256(Path(file).read_bytes() + part.encode()).hexdigest()[:16]
    name = name or getattr(call, "__name__", "own")
    parts.check_call(f"the feature function {part or name!r}", call, "images")
    probe = np.asarray(call(np.zeros((2, *image_shape), np.uint8)))
    if probe.ndim != 2 or len(probe) != 2 or not np.issubdtype(probe.dtype, np.floating):
        raise UserError(f"the feature function {name!r} made {probe.dtype}{list(probe.shape)} of 2 images; "
                        "expected float[2, D].")  # fmt: skip
    about = f"{probe.shape[1]} features of the function {name!r}"
    return FeatureNet(name, digest, probe.shape[1], None, image_shape, about, lambda images: (call(images), None))
