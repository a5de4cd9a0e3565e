import numpy as np
import pytest
import tiny
from PIL import Image

import jaxgan
from jaxgan.runs import gallery


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "conditional"])
def run(request, tmp_path_factory):
    config = tiny.get_config()
    config.model.conditional = request.param
    config.train.update({"num_steps": 2, "sample_every": 0, "checkpoint_every": 0, "num_devices": 1})
    folder = tmp_path_factory.mktemp("run")
    jaxgan.train(config, folder)
    return folder


def draw(run, tmp_path, **options):
    return np.load(gallery.sample(run, tmp_path / "a.npy", **options))


def test_grid_and_array_hold_the_same_pictures(run, tmp_path):
    pictures = draw(run, tmp_path, num=8)
    assert (pictures.shape, pictures.dtype) == ((8, 8, 8, 1), np.uint8)
    gallery.sample(run, tmp_path / "a.png", num=8)
    with Image.open(tmp_path / "a.png") as grid:
        np.testing.assert_array_equal(np.asarray(grid)[:8, 8:16], pictures[1, ..., 0])


def test_default_file_lies_in_the_run(run):
    assert gallery.sample(run, num=4) == run / "samples.png"


def test_seed_and_scale_change_the_pictures_and_repeat_them(run, tmp_path):
    first, again = draw(run, tmp_path, num=4), draw(run, tmp_path, num=4)
    np.testing.assert_array_equal(first, again)
    for options in ({"seed": 5}, {"z_scale": -1.0}, {"stats": "batch"}, {"weights": "raw"}):
        assert not np.array_equal(first, draw(run, tmp_path, num=4, **options)), options


def test_more_than_one_chunk_is_one_array(run, tmp_path, monkeypatch):
    whole = draw(run, tmp_path, num=7)
    monkeypatch.setattr(gallery, "CHUNK", 3)
    np.testing.assert_allclose(draw(run, tmp_path, num=7).astype(int), whole.astype(int), atol=1)


def test_labels(run, tmp_path):
    params = jaxgan.load(run)
    if params.num_classes is None:
        with pytest.raises(ValueError, match="--label=1 was given, but this GAN is unconditional"):
            gallery.sample(run, num=2, label=1)
    else:
        assert gallery.choose_labels(params, 8, None).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
        assert gallery.choose_labels(params, 3, None).tolist() == [0, 1, 2]
        assert gallery.choose_labels(params, 2, 1).tolist() == [1, 1]
        with pytest.raises(ValueError, match="--label=4 is no class of this GAN; give one from 0 to 3"):
            gallery.sample(run, num=2, label=4)


@pytest.mark.parametrize("ending", ["png", "npy", "gif"])
def test_interpolate_writes_each_kind(run, tmp_path, ending):
    out = gallery.interpolate(run, tmp_path / f"a.{ending}", num=5, walks=4)
    if ending == "npy":
        assert np.load(out).shape == (4, 5, 8, 8, 1)
        return
    with Image.open(out) as image:
        assert image.size == ((40, 32) if ending == "png" else (16, 16))
        assert getattr(image, "n_frames", 1) == (8 if ending == "gif" else 1)


def test_walks_lead_from_class_to_class(run):
    params = jaxgan.load(run)
    if params.num_classes is None:
        assert gallery.walk_labels(params, 2, 3, None) is None
    else:
        weights = gallery.walk_labels(params, 2, 3, None)
        np.testing.assert_allclose(weights[:3], [[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0, 1, 0, 0]])
        assert gallery.walk_labels(params, 2, 3, 1).tolist() == [1] * 6


def test_gif_of_a_run_without_grids(run, tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no grids to animate"):
        gallery.sample(run, tmp_path / "a.gif")


def test_wrong_ending_is_refused_before_anything_is_loaded(tmp_path):
    with pytest.raises(ValueError, match="no ending that pictures are written to"):
        gallery.sample(tmp_path / "nothing", "a.txt")
