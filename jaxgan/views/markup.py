"""Small pieces of HTML; whatever comes in as text or value is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from jaxgan.views.embed import Embedded

SMALL = 520  # pixels of a side; smaller images are shown enlarged, pixel by pixel


def text(content: object) -> str:
    """Return anything as text that is no markup."""
    return escape(str(content))


def value(content: object) -> str:
    """Return a value as people read it."""
    if content is None:
        return ""
    if isinstance(content, float):
        return f"{content:,.0f}" if 1e3 <= abs(content) < 1e9 else f"{content:.4g}"
    return str(content)


def duration(seconds: float) -> str:
    """Return a time as '40 s', '8.5 min' or '2 h 5 min'."""
    minutes = seconds / 60
    if minutes >= 60:
        return f"{int(minutes // 60)} h {int(minutes % 60)} min"
    return f"{minutes:.1f} min" if minutes >= 1 else f"{seconds:.0f} s"


def section(title: str, content: str) -> str:
    """Return a section, or nothing where it would be empty."""
    return f"<section><h2>{text(title)}</h2>{content}</section>" if content else ""


def listing(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a table whose first column names the rows, or nothing where there are none."""
    if not lines:
        return ""
    cells = "".join(f'<th scope="col">{text(cell)}</th>' for cell in heads)
    head = f"<thead><tr>{cells}</tr></thead>" if heads else ""
    return f'<div class="wide"><table>{head}<tbody>{"".join(map(_row, lines))}</tbody></table></div>'


def _row(line: Sequence[str]) -> str:
    cells = "".join(f"<td>{text(cell)}</td>" for cell in line[1:])
    return f'<tr><th scope="row">{text(line[0])}</th>{cells}</tr>'


def image(picture: Embedded, alt: str, name: str = "") -> str:
    """Return an image of known size, so that nothing moves when it appears; a small one enlarged by a whole factor."""
    factor = max(1, SMALL // max(picture.width, picture.height))
    size = f'width="{factor * picture.width}" height="{factor * picture.height}"'
    marks = (' class="pixels"' if factor > 1 else "") + (f' id="{name}"' if name else "")
    return f'<img src="{picture.uri}" alt="{text(alt)}" {size}{marks}>'
