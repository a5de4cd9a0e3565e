"""The page of the public API: `python docs/api_page.py` writes its tables anew; the site adds all docstrings."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

PAGE = Path(__file__).parent / "reference" / "api.md"
ROW = re.compile(r"^\| `([\w.]+)[(`].*$", re.MULTILINE)


def public() -> dict[str, object]:
    """Return all public objects by name, those of rooms as `metrics.score`."""
    import jaxgan
    from jaxgan import metrics, nets

    rooms = {f"{room.__name__.rpartition('.')[2]}.{name}": getattr(room, name)
             for room in (metrics, nets) for name in room.__all__}  # fmt: skip
    return {name: getattr(jaxgan, name) for name in jaxgan.__all__} | rooms


def row(name: str, value: object) -> str:
    """Return a row of a table: how it is called, and the first sentences of its docstring."""
    called = "" if inspect.isclass(value) else f"({', '.join(arguments(value))})"
    text = re.split(r"\n\n", inspect.getdoc(value) or "")[0].replace("\n", " ").replace("|", "\\|")
    return f"| `{name}{called}` | {text} |"


def arguments(function) -> list[str]:
    """Return the arguments with their defaults, without types."""
    shown, keyword = [], False
    for one in inspect.signature(function).parameters.values():
        if one.kind is one.KEYWORD_ONLY and not keyword:
            shown.append("*")
        keyword = keyword or one.kind is one.KEYWORD_ONLY
        plain = isinstance(one.default, int | float | str | tuple | None)
        default = "" if one.default is one.empty else f"={one.default!r}" if plain else "=..."
        shown.append(f"{'*' * (one.kind is one.VAR_POSITIONAL)}{one.name}{default}")
    return shown


def rewritten(page: str) -> str:
    """Return the page with each row as it must be now."""
    found = public()
    return ROW.sub(lambda match: row(match[1], found[match[1]]) if match[1] in found else match[0], page)


def on_page_markdown(markdown, page, config, files):
    """Add the docstrings; mkdocs calls this."""
    if page.file.src_uri != "reference/api.md":
        return markdown
    whole = (f"::: {value.__module__}.{name}" for name, value in public().items() if "." not in name)
    return "\n\n".join([markdown, "## In full", *whole])


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text()))
