"""Grids that a run writes while it trains."""

import numpy as np
import programs
import pytest
import tiny
from PIL import Image

import jaxgan

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), np.uint8)


def grid_of(folder, names, columns):
    """Return the grid of a conditional run on classes 0, 1, 2 of these names."""
    programs.forget()  # or the names would be those of the run before
    config = tiny.get_config()
    config.gan, config.model = "cgan", jaxgan.get_config("cgan").model
    config.sample.num, config.sample.columns = 12, columns
    config.train.update(num_steps=1, num_devices=1, sample_every=1)
    jaxgan.train(config, folder, source=jaxgan.InMemory(IMAGES, np.arange(40) % 3, 3, label_names=names))
    return np.asarray(Image.open(folder / "samples" / "step_00000001.png"))


@pytest.mark.parametrize(("columns", "rows"), [(4, 3), (6, 2)])
def test_names_of_classes_stand_beside_rows(tmp_path, columns, rows):
    plain = grid_of(tmp_path / "plain", (), columns)
    named = grid_of(tmp_path / "named", ("cat", "dog", "elephant"), columns)
    assert named.shape[0] == plain.shape[0]
    margin = named[:, : named.shape[1] - plain.shape[1]]
    np.testing.assert_array_equal(named[:, margin.shape[1] :], plain)
    inked = [int((part < 128).any(-1).sum()) for part in np.split(margin, rows)]
    assert min(inked) > 10  # of 6 columns, rows have two classes
    assert (inked[2] > inked[0]) if rows == 3 else (inked[1] > inked[0])  # longer names
