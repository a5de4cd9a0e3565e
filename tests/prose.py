"""The prose of Markdown pages, without code, link targets and images, and that of Python files."""

import ast
import re

WORD = re.compile(r"[A-Za-z0-9][\w'%.,/-]*")


def paragraphs(text):
    """Return paragraphs, items of lists and cells of tables; each piece of inline code is the word `x`."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"!\[.*?\]\(.*?\)", "", text)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"`+[^`]*`+", "x", text)
    found = []
    for block in re.split(r"\n\s*\n", text):
        lines = block.splitlines()
        if lines and all(line.startswith("|") for line in lines if line):
            found += [cell.strip() for line in lines for cell in line.strip("|").split("|") if cell.strip(" -:")]
        else:
            items = re.split(r"^\s*(?:[-*]|\d+\.|#+) ", block, flags=re.MULTILINE)
            found += [" ".join(item.split()) for item in items if item.strip()]
    return found


def sentences(text):
    """Return the sentences of a page."""
    whole = [re.split(r"(?<=[.!?])[*)\"]*\s+(?=[\"(*]*[A-Zx\d])", one) for one in paragraphs(text)]
    return [sentence for parts in whole for sentence in parts]


def words(sentence):
    return WORD.findall(sentence)


def texts(code):
    """Yield the docstrings and messages of Python code: its strings of several words."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "x" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.value
