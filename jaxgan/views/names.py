"""Names beside the rows of a grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jaxgan.base.terminal import printable

LONGEST = 24  # characters of a name


def beside_rows(sheet: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Return a grid with a name to the left of each row.

    Args:
      sheet: uint8[rows * height, W, 1 or 3], already enlarged for the eye.
      names: one for each row.

    Returns:
      uint8 of the same height and channels, wider; black on white.
    """
    height = sheet.shape[0] / len(names)
    font = ImageFont.load_default(max(8, min(20, round(0.6 * height))))
    short = [name if len(name) <= LONGEST else f"{name[: LONGEST - 3]}..." for name in map(printable, names)]
    width = max(int(font.getlength(name)) for name in short) + 8
    margin = Image.new("L", (width, sheet.shape[0]), 255)
    pen = ImageDraw.Draw(margin)
    for row, name in enumerate(short):
        pen.text((width - 4, (row + 0.5) * height), name, fill=0, font=font, anchor="rm")
    left = np.broadcast_to(np.asarray(margin)[..., None], (*margin.size[::-1], sheet.shape[2]))
    return np.concatenate([left, sheet], axis=1)
