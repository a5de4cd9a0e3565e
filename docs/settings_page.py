"""The page of all settings, made from `jaxgan/config.py` when the site is built, so that it cannot be stale."""

from __future__ import annotations

import ast
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "jaxgan" / "config.py"
HEAD = """# All settings

Each is a field of the configuration, `--config.FIELD=VALUE` on the command line. Defaults are those of
`jaxgan.config.default()`; a file in `configs/` writes down what its system fixes. `config.model` is the GAN's own: its
file in `configs/` explains it.
"""


def on_files(files, config):
    """Add the page; mkdocs calls this."""
    from mkdocs.structure.files import File

    files.append(File.generated(config, "settings.md", content=page()))
    return files


def page() -> str:
    """Return the page as Markdown: a table for each section."""
    from jaxgan.base.settings import flatten
    from jaxgan.config import CHOICES, default

    said, sections = comments(), {}
    for path, value in flatten(default()).items():
        section, _, name = path.rpartition(".")
        about = said.get(path) or said.get(f"{section}.*", "")
        if path in CHOICES and not all(choice in about for choice in CHOICES[path] if isinstance(choice, str)):
            about = f"{about} ({', '.join(map(str, CHOICES[path]))})".strip()
        sections.setdefault(section, []).append(f"| `{name}` | `{value!r}` | {about.replace('|', '/')} |")
    parts = [HEAD]
    for section, rows in sections.items():
        note = f"\n{said[section]}\n" if said.get(section) else ""
        parts += [f"## {section or 'General'}\n{note}", "| field | default | |\n|---|---|---|", *rows, ""]
    return "\n".join(parts)


def comments() -> dict[str, str]:
    """Return what the source says of each setting and section, by its path; of names that are made, as 'section.*'."""
    text = SOURCE.read_text()
    functions = {node.name: node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    lines, found = text.splitlines(), {}

    def read(fields: ast.Dict, prefix: str) -> None:
        for key, value in zip(fields.keys, fields.values, strict=True):
            _, _, comment = lines[value.end_lineno - 1].partition("  # ")
            path = f"{prefix}{key.value if key is not None else '*'}"
            if comment:
                found[path] = comment
            if isinstance(value, ast.Dict):
                read(value, f"{path}.")
            elif isinstance(value, ast.Call) and getattr(value.func, "id", "") in functions:
                function = functions[value.func.id]
                if about := ast.get_docstring(function):
                    found[path] = about.splitlines()[0]
                read(dict_in(function), f"{path}.")

    read(dict_in(functions["default"]), "")
    return found


def dict_in(function: ast.FunctionDef) -> ast.Dict:
    """Return the first literal of a dict in a function that is returned or made a configuration."""
    return max(
        (node for node in ast.walk(function) if isinstance(node, ast.Dict)), key=lambda node: len(ast.dump(node))
    )
