"""The short programs of docs/howto/recipes.md."""

import re

import jax
import numpy as np
import pytest
from cli import ROOT

TEXT = (ROOT / "docs" / "howto" / "recipes.md").read_text()
RECIPES = dict(re.findall(r"^## ([^\n]*)\n.*?```python\n(.*?)```", TEXT, re.MULTILINE | re.DOTALL))


def moves(tree):
    """Return whether a gradient is finite, and not zero."""
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]
    return all(np.isfinite(leaf).all() for leaf in leaves) and any(np.any(leaf) for leaf in leaves)


def same(first, second):
    """Return whether two states are equal, keys too."""
    first, second = (state.replace(key=jax.random.key_data(state.key)) for state in (first, second))
    return all(np.array_equal(a, b) for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True))


CHECKS = {
    "Find the latent of an image": lambda n: n["last"] < n["first"] / 2,
    "Many seeds and all classes in one call": lambda n: n["images"].shape == (3, 10, 2, 28, 28, 1),
    "A custom loss": lambda n: float(n["metrics"]["d/loss"]) > 0 and int(n["state"].step) == 1,
    "A custom penalty": lambda n: moves(n["gradient"]["params"]),
    "A custom data source": lambda n: int(n["state"].step) == 3,
    "A custom discriminator": lambda n: int(n["state"].step) == 1,
    "Scores of your own arrays": lambda n: 0 < n["scores"]["fd_mnist"] < 60 and n["scores"]["class_entropy"] > 0.9,
    "Checkpoints of your own loop": lambda n: same(n["read"], n["state"]),
    "Differentiate through steps of D": lambda n: moves(n["gradient"]),
}


def test_each_recipe_is_checked():
    assert list(RECIPES) == list(CHECKS)


@pytest.mark.long
@pytest.mark.parametrize("name", RECIPES)
def test_recipe(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(RECIPES[name], names)
    assert CHECKS[name](names)
    assert sum(1 for line in RECIPES[name].splitlines() if line.strip()) <= 20
