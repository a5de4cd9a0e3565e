"""One wording for images whose shape does not suit a GAN."""

from __future__ import annotations

from jaxgan.base.checks import UserError

Shape = tuple[int, int, int]  # H, W, C


def check_exact(gan: str, given: Shape, expected: Shape, other: str) -> None:
    """Raise ValueError unless images have the one shape that a GAN makes; `other` is one that makes more."""
    if given != expected:
        raise UserError(
            f"{gan} makes images of shape {expected}, but the data has {given}; "
            f"set config.data.image_size={expected[0]} and config.data.channels={expected[2]}, or use the {other} GAN."
        )


def check_multiples(gan: str, given: Shape, factor: int, examples: str) -> None:
    """Raise ValueError unless the sides of images are multiples of a number; `examples` are such sides."""
    if given[0] % factor or given[1] % factor:
        raise UserError(
            f"{gan} makes images whose sides are multiples of {factor}, but the data has {given}; "
            f"set config.data.image_size to one, such as {examples}."
        )
