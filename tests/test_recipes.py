"""The short programs of docs/howto/recipes.md, and the Python of other how-tos."""

import functools
import re

import jax
import numpy as np
import pytest
from cli import ROOT

import jaxgan

HOWTO = ROOT / "docs" / "howto"
RECIPES = dict(
    re.findall(r"^## ([^\n]*)\n.*?```python\n(.*?)```", (HOWTO / "recipes.md").read_text(), re.MULTILINE | re.DOTALL)
)
STRIP = "Asked images, walks, and a run side by side"


def moves(tree):
    """Return whether a gradient is finite, and not zero."""
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]
    return all(np.isfinite(leaf).all() for leaf in leaves) and any(np.any(leaf) for leaf in leaves)


def same(first, second):
    """Return whether two states are equal, keys too."""
    first, second = (state.replace(key=jax.random.key_data(state.key)) for state in (first, second))
    return all(np.array_equal(a, b) for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True))


def is_whole(strip):
    """Return whether four opaque parts fill a strip, with three gaps of 16 transparent columns."""
    gaps = np.flatnonzero((np.asarray(strip)[..., 3] == 0).all(0))
    return gaps.tolist() == [left + i for left in (256, 528, 928) for i in range(16)]


CHECKS = {
    STRIP: lambda n: is_whole(n["strip"]),
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
    if name == STRIP:
        config = jaxgan.get_config("gan_mlp")
        config.train.update({"num_steps": 3, "sample_every": 1})
        jaxgan.train(config, "runs/gan_mlp")
    names = {}
    exec(RECIPES[name], names)
    assert CHECKS[name](names)
    assert sum(1 for line in RECIPES[name].splitlines() if line.strip()) <= 20


@pytest.mark.long
@pytest.mark.parametrize("page", ["invert", "directions"])
def test_python_of_pages_on_latents(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(jaxgan, "invert", functools.partial(jaxgan.invert, starts=2, steps=8))
    blocks = re.findall(r"^```python\n(.*?)^```", (HOWTO / f"{page}.md").read_text(), re.MULTILINE | re.DOTALL)
    names = {}
    with jax.numpy_rank_promotion("allow"):  # a latent is added to each of several, as users write it
        exec("".join(blocks).replace("range(500)", "range(80)"), names)
    if page == "invert":
        np.testing.assert_allclose(names["same"], names["found"].images, atol=1e-4)
    else:
        z, up = names["z"][:8], names["thicker"]
        means = [jaxgan.generate(names["params"], z + t * up[None]).mean() for t in (-2, 0, 2)]
        assert means[0] < means[1] < means[2]
        assert names["seven"].shape == names["found"].latents.shape[1:]
