"""The page of all settings, made from the table in `jaxgan/config.py`: running this writes it."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).parent / "reference" / "settings.md"

HEAD = """# Settings

Each is a field of the configuration, `--config.FIELD=VALUE` on the command line. Defaults are those of
`jaxgan.config.default()`; a file in `configs/` writes down what its system fixes. `config.model` is the GAN's own: its
file in `configs/` explains it. A resumed run must keep settings that are marked "fixed"; `config.sweep` takes
values of those marked "swept". `python docs/settings_page.py` writes this page.
"""


def tables() -> str:
    """Return the page as Markdown: a table for each section."""
    from jaxgan import config

    parts = [HEAD]
    for section, (about, entries) in config.SECTIONS.items():
        parts += [f"## {section or 'General'}\n", *([f"{about}\n"] if about else [])]
        parts += ["| field | default | bounds | |\n|---|---|---|---|", *map(row, entries), ""]
    return "\n".join(parts)


def row(setting) -> str:
    """Return a setting's row of a table."""
    bounds = "" if setting.low is None else f"{setting.low:,} to {setting.high:,}"
    marks = [mark for mark, holds in (("fixed", setting.fixed), ("swept", setting.swept)) if holds]
    needs = f"needs {', '.join(setting.needs)}" if setting.needs else ""
    about = "; ".join(filter(None, [setting.explained(), needs, ", ".join(marks)]))
    return f"| `{setting.name}` | `{setting.default!r}` | {bounds} | {about.replace('|', '/')} |"


if __name__ == "__main__":
    PAGE.write_text(tables())
