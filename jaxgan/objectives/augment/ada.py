"""Operations of adaptive discriminator augmentation: (key, images float[B, H, W, C] in [-1, 1], p) -> images.

Each transform within an operation is applied to each image with probability p, independently. p has three forms: it is
constant, it rises over the first images as in R3GAN (`jaxgan.training.burn_in`), or it follows how much D overfits
(`jaxgan.objectives.augment.adaptive`). Flips and rotations (`ada_blit`, `ada_geometry`) leak into G's images if p is
near 1. They are wrong for digits and text.

References:
  Karras, Aittala, Hellsten, Laine, Lehtinen and Aila, "Training Generative Adversarial Networks with Limited Data",
  2020, appendix B; the numbers are those of its published code. Filters in the frequency domain are left out.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.base.types import Array
from jaxgan.objectives.augment import draws

# Daubechies' least asymmetric wavelet with six vanishing moments. Upsampling and downsampling by it is the identity.
SYM6 = np.array(
    [
        0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633,
        0.4910559419267466, 0.787641141030194, 0.3379294217276218, -0.07263752278646252,
        -0.021060292512300564, 0.04472490177066578, 0.0017677118642428036, -0.007800708325034148,
    ]
)  # fmt: skip
_MARGIN = len(SYM6) // 4  # pixels that the downsampling filter reaches beyond an image
# Pixel k of an image lies at 2k + _PHASE in the upsampled one, since the filter's centre lies between taps.
_PHASE = float(SYM6 @ np.arange(len(SYM6)) / SYM6.sum()) - (len(SYM6) // 2 - 1)


def blit(key: Array, images: Array, p: Array | float) -> Array:
    """Flip left to right, rotate by multiples of 90 degrees (180 if H != W), shift by up to H / 8 and W / 8."""
    keys = jax.random.split(key, 7)
    flips = draws.gate(keys[0], images, p, draws.integer(keys[1], images, 0, 1), 0)
    turns = draws.gate(keys[2], images, p, draws.integer(keys[3], images, 0, 3), 0)
    flipped = jnp.where(_one_each(flips) == 1, images[:, :, ::-1], images)
    square = images.shape[1] == images.shape[2]
    x = flipped
    for number in (1, 2, 3) if square else (2,):
        x = jnp.where(_one_each(turns) == number, jnp.rot90(flipped, number, (1, 2)), x)
    shifts = draws.uniform(keys[4], images, 0, 1) < p  # along both axes, or none
    for axis, own in (1, keys[5]), (2, keys[6]):
        size = images.shape[axis]
        way = jnp.round(draws.uniform(own, images, -size / 8, size / 8))
        shift = jnp.where(shifts, way, 0).reshape(-1).astype(jnp.int32)
        place = _mirrored(jnp.arange(size).reshape(1, size) + shift[:, None], size)
        x = jnp.take_along_axis(x, draws.along(place, axis), axis)
    return x


def geometry(key: Array, images: Array, p: Array | float) -> Array:
    """Scale, rotate, stretch, rotate again and shift by fractions of pixels; images are mirrored beyond their edges."""
    height, width = images.shape[1:3]
    keys = jax.random.split(key, 11)
    size = 2 ** (0.2 * _flat(draws.normal(keys[0], images)))
    turns = [_flat(draws.uniform(own, images, -jnp.pi, jnp.pi)) for own in keys[1:3]]
    stretch = 2 ** (0.2 * _flat(draws.normal(keys[3], images)))
    sides = 0.125 * jnp.array([[width, height]], images.dtype)
    shift = jnp.stack([_flat(draws.normal(own, images)) for own in keys[4:6]], -1).astype(images.dtype) * sides
    size, stretch, shift = (
        draws.gate(own, images, p, value, rest)
        for own, value, rest in zip(keys[6:9], (size, stretch, shift), (1.0, 1.0, 0.0), strict=True)
    )
    once = 1 - jnp.sqrt(1 - p)  # probability of each rotation: at least one of the two with probability p
    first, second = (_turned(draws.gate(own, images, once, t, 0.0)) for own, t in zip(keys[9:], turns, strict=True))
    matrix = _scaled(1 / size, 1 / size) @ first @ _scaled(1 / stretch, stretch) @ second
    return _warp(images, matrix, -jnp.einsum("bij,bj->bi", matrix, shift))


def color(key: Array, images: Array, p: Array | float) -> Array:
    """Change brightness, contrast, the sign of the luma, hue and saturation; grey images keep the last two.

    Hue is that of three channels; others keep it.
    """
    keys = jax.random.split(key, 10)
    x = images + draws.gate(keys[0], images, p, 0.2 * draws.normal(keys[1], images), 0.0)
    x = x * draws.gate(keys[2], images, p, 2 ** (0.5 * draws.normal(keys[3], images)), 1.0)
    luma = x.mean(-1, keepdims=True)
    flip = draws.gate(keys[4], images, p, draws.integer(keys[5], images, 0, 1).reshape(-1, 1, 1, 1), 0)
    x, luma = x - 2 * flip * luma, luma * (1 - 2 * flip)
    if images.shape[-1] == 1:
        return x
    angle = draws.gate(keys[6], images, p, draws.uniform(keys[7], images, -jnp.pi, jnp.pi), 0.0)
    scale = draws.gate(keys[8], images, p, 2 ** draws.normal(keys[9], images), 1.0)
    chroma = x - luma
    if images.shape[-1] != 3:
        return luma + scale * chroma
    # Rodrigues' rotation about the grey axis, to which the chroma is orthogonal.
    across = (jnp.roll(chroma, 1, -1) - jnp.roll(chroma, -1, -1)) / jnp.sqrt(3.0)
    return luma + scale * (jnp.cos(angle) * chroma + jnp.sin(angle) * across)


def noise(key: Array, images: Array, p: Array | float) -> Array:
    """Add Gaussian noise whose standard deviation is |N(0, 0.1^2)|."""
    gate_key, size_key, noise_key = jax.random.split(key, 3)
    size = draws.gate(gate_key, images, p, 0.1 * jnp.abs(draws.normal(size_key, images)), 0.0)
    return images + size * draws.normal(noise_key, images, images.shape[1:])


def cutout(key: Array, images: Array, p: Array | float) -> Array:
    """Fill a rectangle of H / 2 x W / 2 with mid-grey; its centre is uniform over the image."""
    gate_key, *place_keys = jax.random.split(key, 3)
    hidden = jnp.ones((len(images), 1, 1, 1), bool)
    for side, own in zip((1, 2), place_keys, strict=True):
        places = draws.along((jnp.arange(images.shape[side]) + 0.5) / images.shape[side], side)
        hidden &= jnp.abs(places - draws.uniform(own, images, 0, 1)) < 0.25
    return draws.gate(gate_key, images, p, jnp.where(hidden, 0, images), images)


def _one_each(values: Array) -> Array:
    return values.reshape(-1, 1, 1, 1)


def _flat(values: Array) -> Array:
    return values.reshape(-1)


def _scaled(x: Array, y: Array) -> Array:
    zero = jnp.zeros_like(x)
    return jnp.stack([jnp.stack([x, zero], -1), jnp.stack([zero, y], -1)], -2)


def _turned(angle: Array) -> Array:
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    return jnp.stack([jnp.stack([cos, -sin], -1), jnp.stack([sin, cos], -1)], -2)


def _warp(images: Array, matrix: Array, offset: Array) -> Array:
    """Resample images: the pixel at (x, y) from the centre is read at matrix [B, 2, 2] (x, y) + offset [B, 2].

    It is read from the image upsampled by 2 and mirrored beyond its edges, so that rotations do not alias.
    """
    height, width = images.shape[1:3]
    fine = jnp.einsum("hy,bywc->bhwc", _enlarging(height), images)
    fine = jnp.einsum("wx,bhxc->bhwc", _enlarging(width), fine)
    y, x = ((jnp.arange(-2 * _MARGIN, 2 * (size + _MARGIN)) - _PHASE - (size - 1)) / 2 for size in (height, width))
    grid = jnp.stack(jnp.meshgrid(x, y), -1)  # [rows, columns, 2]
    source = jnp.einsum("bij,hwj->bhwi", matrix, grid) + offset[:, None, None]
    columns, rows = (_readable(source[..., i] + (size - 1) / 2, size) for i, size in enumerate((width, height)))
    taken = _between_pixels(fine, *(2 * (places + _MARGIN) + _PHASE for places in (rows, columns)))
    taken = jnp.einsum("hy,bywc->bhwc", _reducing(height), taken)
    return jnp.einsum("wx,bhxc->bhwc", _reducing(width), taken)


def _readable(place: Array, size: int) -> Array:
    """Return places that the upsampled image covers unchanged, and mirror others into it."""
    near = jnp.abs(place - (size - 1) / 2) <= (size - 0.5) / 2 + _MARGIN
    return jnp.where(near, place, _mirrored(place, size))


def _mirrored(place: Array, size: int) -> Array:
    """Return places in 0..size - 1, in pixels, of an image that is mirrored at its outermost pixels."""
    period = max(1, 2 * (size - 1))
    distance = jnp.mod(place, period)
    return jnp.minimum(distance, period - distance)


def _between_pixels(images: Array, rows: Array, columns: Array) -> Array:
    """Interpolate images [B, H, W, C] bilinearly at rows and columns [B, h, w], in pixels."""
    num, height, width, channels = images.shape
    flat = images.reshape(num, height * width, channels)
    total = 0.0
    low_row, low_column = jnp.floor(rows), jnp.floor(columns)
    for down in 0, 1:
        for right in 0, 1:
            row, column = low_row + down, low_column + right
            weight = (1 - jnp.abs(rows - row)) * (1 - jnp.abs(columns - column))
            row, column = jnp.clip(row, 0, height - 1), jnp.clip(column, 0, width - 1)
            index = (row * width + column).astype(jnp.int32).reshape(num, -1, 1)
            value = jnp.take_along_axis(flat, index, 1).reshape(*rows.shape, channels)
            total += weight[..., None] * value
    return total


@functools.cache
def _enlarging(size: int) -> np.ndarray:
    """Return the matrix float32[2 (size + 2 margins), size] that upsamples a row, mirrored beyond its ends."""
    matrix = np.zeros((2 * (size + 2 * _MARGIN), size))
    period = max(1, 2 * (size - 1))
    for fine in range(len(matrix)):
        for tap, weight in enumerate(SYM6):
            place, odd = divmod(fine - 2 * _MARGIN + len(SYM6) // 2 - 1 - tap, 2)
            if not odd:
                place %= period
                matrix[fine, min(place, period - place)] += np.sqrt(2) * weight
    return matrix.astype(np.float32)


@functools.cache
def _reducing(size: int) -> np.ndarray:
    """Return the matrix float32[size, 2 (size + 2 margins)] that downsamples a row with margins."""
    matrix = np.zeros((size, 2 * (size + 2 * _MARGIN)))
    for coarse in range(size):
        for tap, weight in enumerate(SYM6):
            matrix[coarse, 2 * coarse + 2 * _MARGIN + tap - len(SYM6) // 2 + 1] += weight / np.sqrt(2)
    return matrix.astype(np.float32)
