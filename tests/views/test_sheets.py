"""Images in notebooks and terminals."""

import io
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

import jaxgan
from jaxgan.base.checks import UserError
from jaxgan.views.sheets import blocks

CELL = re.compile("\x1b\\[38;2;(\\d+);(\\d+);(\\d+)m\x1b\\[48;2;(\\d+);(\\d+);(\\d+)m▀")


@pytest.mark.parametrize("channels", [1, 3])
def test_a_notebook_gets_the_grid_enlarged(channels, tmp_path):
    pictures = jax.random.uniform(jax.random.key(0), (5, 4, 6, channels), minval=-1, maxval=1)
    sheet = jaxgan.show(pictures, columns=3, scale=2)
    with Image.open(io.BytesIO(sheet._repr_png_())) as image:
        found = np.asarray(image).reshape(16, 36, channels)
    np.testing.assert_array_equal(found[:8:2, :12:2], jaxgan.to_uint8(pictures[0]))
    np.testing.assert_array_equal(found[8::2, 12:24:2], jaxgan.to_uint8(pictures[4]))
    assert len(np.unique(found[8:, 24:])) == 1
    sheet.save(str(tmp_path / "a.png"))
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (36, 16)
    assert repr(sheet).startswith(f"5 images, 8x18x{channels};")


def test_a_terminal_gets_two_pixels_a_cell():
    pixels = np.arange(3 * 2 * 3, dtype=np.uint8).reshape(3, 2, 3)
    lines = blocks(pixels, 80).split("\n")
    cells = [[tuple(map(int, cell)) for cell in CELL.findall(line)] for line in lines]
    assert cells == [[(0, 1, 2, 6, 7, 8), (3, 4, 5, 9, 10, 11)], [(12, 13, 14, 0, 0, 0), (15, 16, 17, 0, 0, 0)]]
    assert all(line.endswith("\x1b[0m") for line in lines)
    assert str(jaxgan.show(pixels)) == "\n".join(lines)


def test_wide_images_are_made_to_fit():
    grey = np.repeat(np.uint8([[10, 30, 50, 70]]), 2, 0)[..., None]
    assert CELL.findall(blocks(grey, 2)) == [("20",) * 3 + ("0",) * 3, ("60",) * 3 + ("0",) * 3]


@pytest.mark.parametrize(
    "bad", [np.zeros((2, 3)), np.zeros((2, 3, 9, 9)), np.zeros((0, 3, 3, 1)), np.zeros((3, 3, 1), int)]
)
def test_other_arrays_are_refused(bad):
    with pytest.raises(UserError, match=r"expected float in \[-1, 1\] or uint8"):
        jaxgan.show(bad)


def test_a_generator_says_what_it_is():
    params = jaxgan.load("mnist_classes")
    shown = repr(params)
    assert "compact.Generator" in shown
    assert len(shown) < 100
    numbers = sum(x.size for x in jax.tree.leaves(params.variables["params"]))
    assert f"{numbers:,}" in shown
    assert "10 classes" in shown
    strange = params.replace(latent=jaxgan.Latent((3,)), num_classes=None)
    assert "classes" not in repr(strange)
    assert jnp.ndim(numbers) == 0


@pytest.mark.parametrize("name", ["a.gif", "a.npy", "a.svg", "a"])
def test_a_file_of_another_kind_is_refused(tmp_path, name):
    with pytest.raises(UserError, match=r"the ending of the file is .*; expected one of \.png, \.jpg, \.jpeg"):
        jaxgan.show(np.zeros((2, 4, 4, 1), np.uint8)).save(tmp_path / name)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("given", [{"columns": 0}, {"columns": -1}, {"scale": 0}, {"scale": -1}])
def test_no_columns_and_no_pixels_are_refused(given):
    with pytest.raises(UserError, match=f"{next(iter(given))} is .*; expected"):
        jaxgan.show(np.zeros((2, 4, 4, 1), np.uint8), **given)
