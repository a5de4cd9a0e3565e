"""Sliced Wasserstein distance: two sets of images seen along random directions, without any network."""

from __future__ import annotations

import numpy as np

from jaxgan.base import checks
from jaxgan.base.checks import UserError

NUM_PROJECTIONS = 128

# Of `patch_vectors`, as in its source.
PATCH = 7
PATCHES_PER_IMAGE = 128
MIN_SIDE = 14  # coarser levels of the pyramid say little


def sliced_wasserstein(
    first: np.ndarray, second: np.ndarray, *, num_projections: int = NUM_PROJECTIONS, seed: int = 0
) -> float:
    """Return the mean over random directions of the distance W1 between the projections of two sets.

    Args:
      first: float[N, D] vectors, such as `pixels` of images.
      second: float[M, D].
      num_projections: directions; more make the figure steadier.
      seed: of the directions.

    References:
      Rabin, Peyre, Delon and Bernot, "Wasserstein Barycenter and Its Application to Texture Mixing", 2011, section 3;
      with W1 as in Karras, Aila, Laine and Lehtinen, "Progressive Growing of GANs", 2018, section 5.
    """
    if first.shape[1:] != second.shape[1:]:
        raise UserError(f"vectors have {first.shape[1:]} and {second.shape[1:]} numbers; expected as many in both.")
    return wasserstein_1d(*(project(x, num_projections=num_projections, seed=seed) for x in (first, second)))


def project(vectors: np.ndarray, *, num_projections: int = NUM_PROJECTIONS, seed: int = 0) -> np.ndarray:
    """Return float32[N, P]: the coordinates of float[N, D] along random unit vectors, each column in rising order."""
    directions = np.random.default_rng(seed).standard_normal((vectors.shape[1], num_projections))
    directions /= np.sqrt(np.square(directions).sum(0))
    return np.sort(vectors.astype(np.float32, copy=False) @ directions.astype(np.float32), axis=0)


def wasserstein_1d(first: np.ndarray, second: np.ndarray) -> float:
    """Return the mean over columns of W1 between sorted samples float[N, P] and float[M, P]: int |F^-1 - G^-1| du."""
    checks.in_range("The number of images", min(len(first), len(second)), 1)
    if len(first) == len(second):
        return float(np.abs(first - second).mean(dtype=np.float64))
    # Both quantile functions are steps; between two ends of steps they are constant.
    ends = np.union1d(np.arange(1, len(first) + 1) * len(second), np.arange(1, len(second) + 1) * len(first))
    widths = np.diff(ends, prepend=0) / ends[-1]
    gaps = np.abs(first[(ends - 1) // len(second)] - second[(ends - 1) // len(first)])
    return float((widths @ gaps.astype(np.float64)).mean())


def wasserstein_floor(samples: np.ndarray, num_real: int, num_fake: int) -> float:
    """Return the distance W1 to expect between two sets of one law, as a mean over columns.

        sqrt(2 / pi (1/N1 + 1/N2)) int sqrt(F (1 - F)) dx

    Args:
      samples: float[N, P], each column in rising order, from that law.
      num_real: N1.
      num_fake: N2.

    References:
      E|F1 - F2| of nearly normal empirical distribution functions; del Barrio, Gine and Matran, "Central limit theorems
      for the Wasserstein distance between the empirical and the true distributions", 1999, theorem 1.1.
    """
    share = np.arange(1, len(samples)) / len(samples)
    integral = np.sqrt(share * (1 - share)) @ np.diff(samples, axis=0)
    return float(np.sqrt(2 / np.pi * (1 / num_real + 1 / num_fake)) * integral.mean())


def pixels(images: np.ndarray) -> np.ndarray:
    """Return uint8[N, H, W, C] images as vectors float32[N, H W C] in 0..1."""
    return images.reshape(len(images), -1).astype(np.float32) / 255


def patch_vectors(images: np.ndarray, *, seed: int = 0) -> dict[int, np.ndarray]:
    """Cut random 7x7 patches out of each level of the images' Laplacian pyramids.

    What lies in fine levels is texture, in coarse ones layout. Unlike the source, patches keep their mean and contrast,
    so that a generator that has them wrong is not forgiven.

    Args:
      images: uint8[N, H, W, C], sides of at least 14.
      seed: of the places, 128 an image.

    Returns:
      By the smaller side of the level in pixels: float32[128 N, 49 C].

    References:
      Karras, Aila, Laine and Lehtinen, "Progressive Growing of GANs", 2018, section 5. Burt and Adelson, "The Laplacian
      Pyramid as a Compact Image Code", 1983.
    """
    checks.in_range("The smaller side of the images", min(images.shape[1:3]), MIN_SIDE)
    rng = np.random.default_rng(seed)
    level, out = images.astype(np.float32) / 255, {}
    while min(level.shape[1:3]) >= 2 * MIN_SIDE:
        coarse = _blur(level)[:, ::2, ::2]
        out[min(level.shape[1:3])] = _patches(level - _enlarge(coarse, level.shape), rng)
        level = coarse
    out[min(level.shape[1:3])] = _patches(level, rng)
    return out


def _patches(level: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    num, height, width, _ = level.shape
    which = np.arange(num).repeat(PATCHES_PER_IMAGE)
    top = rng.integers(0, height - PATCH + 1, len(which))
    left = rng.integers(0, width - PATCH + 1, len(which))
    steps = np.arange(PATCH)
    rows, columns = top[:, None, None] + steps[:, None], left[:, None, None] + steps
    return level[which[:, None, None], rows, columns].reshape(len(which), -1)


def _blur(level: np.ndarray) -> np.ndarray:
    """Convolve with (1, 4, 6, 4, 1) / 16 along both sides, images mirrored at their edges."""
    for axis in (1, 2):
        padded = np.pad(level, [(2, 2) if i == axis else (0, 0) for i in range(4)], mode="reflect")
        size = level.shape[axis]
        shifted = [np.take(padded, range(i, i + size), axis) for i in range(5)]
        level = np.tensordot(np.array([1, 4, 6, 4, 1], np.float32) / 16, np.stack(shifted), axes=1)
    return level


def _enlarge(coarse: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Put zeros between the pixels and blur; 4 makes up for them."""
    wide = np.zeros(shape, np.float32)
    wide[:, ::2, ::2] = coarse
    return 4 * _blur(wide)
