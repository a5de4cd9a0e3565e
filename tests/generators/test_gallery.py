import jax
import numpy as np
import pytest
import tiny
from PIL import Image

import jaxgan
from jaxgan import data
from jaxgan.base.types import DataInfo
from jaxgan.generators import gallery
from jaxgan.generators.load import Which, load_with_config
from jaxgan.rundir import layout
from jaxgan.views import images


def train(folder, **sample):
    config = tiny.get_config()
    config.model.conditional = sample.pop("conditional", False)
    config.sample.update(sample)
    config.train.update({"num_steps": 2, "sample_every": 0, "checkpoint_every": 0, "num_devices": 1})
    jaxgan.train(config, folder)
    return folder


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "conditional"])
def workdir(request, tmp_path_factory):
    return train(tmp_path_factory.mktemp("run"), conditional=request.param)


@pytest.fixture(scope="module")
def inverted(tmp_path_factory):
    return train(tmp_path_factory.mktemp("run"), invert=True)


def save(workdir, out=None, *, weights="ema", scale=None, **draw):
    which = Which(weights=weights, trust=True)
    return gallery.save_samples(workdir, out, which=which, draw=gallery.Draw(**draw), scale=scale)


def save_walks(workdir, out, *, walks=8, scale=None, **draw):
    which = Which(trust=True)
    return gallery.save_walks(workdir, out, which=which, draw=gallery.Draw(**draw), walks=walks, scale=scale)


def array(workdir, tmp_path, **options):
    return np.load(save(workdir, tmp_path / "a.npy", **options))


def read(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_grid_and_array_hold_the_same_images(workdir, tmp_path):
    made = array(workdir, tmp_path, num=8)
    assert (made.shape, made.dtype) == ((8, 8, 8, 1), np.uint8)
    save(workdir, tmp_path / "a.png", num=8, scale=1)
    columns = 3 if jaxgan.load(workdir, trust=True).num_classes is None else 2  # a class a row, after its name
    grid = read(tmp_path / "a.png")[:, -8 * columns :]
    np.testing.assert_array_equal(grid[:8, 8:16], made[1, ..., 0])


def test_grids_are_enlarged_as_asked_or_until_they_are_easy_to_see(workdir, tmp_path):
    native = read(save(workdir, tmp_path / "a.png", num=9, scale=1))
    for scale, factor in ((3, 3), (None, 1000 // max(native.shape))):
        large = read(save(workdir, tmp_path / "b.png", num=9, scale=scale))
        np.testing.assert_array_equal(large, np.kron(native, np.ones((factor, factor), np.uint8)))


def test_only_images_for_the_eye_are_inverted(inverted, tmp_path):
    params, config = load_with_config(inverted, Which(trust=True))
    z = gallery.Draw().latents(params, config, 2)
    made = np.asarray(jaxgan.to_uint8(jaxgan.generate(params, z)))[..., 0].astype(int)
    np.testing.assert_allclose(array(inverted, tmp_path, num=2)[..., 0], made, atol=1)
    grid = read(save(inverted, tmp_path / "a.png", num=2, scale=1))
    np.testing.assert_allclose(255 - grid, np.concatenate(made, axis=1), atol=1)
    one = read(save(inverted, f"{tmp_path}/files/", num=2) / "000001.png")
    np.testing.assert_allclose(one, made[1], atol=1)
    walks = np.load(save_walks(inverted, tmp_path / "w.npy", num=2))
    strip = read(save_walks(inverted, tmp_path / "w.png", num=2, scale=1))
    np.testing.assert_array_equal(255 - strip[:8, :8], walks[0, 0, ..., 0])


def test_a_folder_of_files_is_read_back_as_data(workdir, tmp_path):
    out = save(workdir, f"{tmp_path}/new/", num=8)
    made = array(workdir, tmp_path, num=8)
    config = tiny.get_config().data
    config.update({"source": "folder", "path": str(out)})
    source = data.open_source(config)
    conditional = jaxgan.load(workdir, trust=True).num_classes
    assert source.info == DataInfo((8, 8, 1), 8, conditional)
    pixels, labels = source.read(np.arange(8))
    np.testing.assert_array_equal(pixels, made)
    assert labels.tolist() == ([0, 0, 1, 1, 2, 2, 3, 3] if conditional else [0] * 8)


def test_a_folder_that_is_not_empty_is_refused_before_anything_is_loaded(tmp_path):
    (tmp_path / "old.png").touch()
    with pytest.raises(jaxgan.UserError, match="is not empty, and old and new images would mix"):
        gallery.save_samples(tmp_path / "missing", tmp_path)


def test_default_file_lies_in_the_run(workdir):
    assert save(workdir, num=4) == workdir / "samples.png"


def test_seed_and_scale_change_the_images_and_repeat_them(workdir, tmp_path):
    first, again = array(workdir, tmp_path, num=4), array(workdir, tmp_path, num=4)
    np.testing.assert_array_equal(first, again)
    for options in ({"seed": 5}, {"z_scale": -1.0}, {"truncation": 0.5}, {"stats": "batch"}, {"weights": "raw"}):
        assert not np.array_equal(first, array(workdir, tmp_path, num=4, **options)), options


@pytest.mark.parametrize(
    ("out", "options", "sentence"),
    [
        ("a.png", {"z_scale": float("nan")}, "--z_scale=nan is no factor; give a finite number"),
        ("a.png", {"truncation": -1.0}, "truncation is -1.0; expected a number above 0"),
        ("a.png", {"seed": -1}, "--seed is -1; expected a value from 0"),
        ("a.png", {"scale": 0}, "--scale is 0; expected a value from 1 to 32"),
        ("a.png", {"scale": 100_000}, "--scale is 100000; expected a value from 1 to 32"),
        ("a.png", {"num": 0}, "num is 0; expected a value"),
        ("a.npy", {"scale": 2}, "--scale=2 is for images to look at, not for arrays such as .*a.npy"),
        ("a.gif", {}, r"a\.gif has no ending that images are written to; use one of \.png, \.jpg, \.jpeg, \.npy\."),
    ],
)
def test_options_that_cannot_be_are_one_sentence(workdir, tmp_path, out, options, sentence):
    with pytest.raises(jaxgan.UserError, match=sentence):
        save(workdir, tmp_path / out, **options)


def test_labels(workdir):
    params = jaxgan.load(workdir, trust=True)
    if params.num_classes is None:
        with pytest.raises(ValueError, match="--label=1 was given, but this GAN is unconditional"):
            save(workdir, num=2, label=1)
    else:
        assert gallery.choose_labels(params, 8, None).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
        assert gallery.choose_labels(params, 2, 1).tolist() == [1, 1]
        with pytest.raises(ValueError, match="label '4' is no class of this GAN; give one from 0 to 3"):
            save(workdir, num=2, label=4)


@pytest.mark.parametrize("ending", ["png", "npy", "gif"])
def test_walks_are_written_as_each_kind(workdir, tmp_path, ending):
    scale = None if ending == "npy" else 2
    out = save_walks(workdir, tmp_path / f"a.{ending}", num=5, walks=4, scale=scale)
    if ending == "npy":
        assert np.load(out).shape == (4, 5, 8, 8, 1)
        return
    with Image.open(out) as image:
        assert image.size == ((80, 64) if ending == "png" else (32, 32))
        assert getattr(image, "n_frames", 1) == (8 if ending == "gif" else 1)


def test_walks_lead_from_class_to_class(workdir):
    params = jaxgan.load(workdir, trust=True)
    if params.num_classes is None:
        assert gallery.walk_labels(params, 2, 3, None) is None
    else:
        weights = gallery.walk_labels(params, 2, 3, None)
        np.testing.assert_allclose(weights[:3], [[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0, 1, 0, 0]])
        assert gallery.walk_labels(params, 2, 3, 1).tolist() == [1] * 6


def test_progress_is_an_animation_of_the_grids(workdir, tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no grids to animate"):
        gallery.save_progress(workdir, tmp_path / "a.gif")
    for step in (1, 2):
        images.save(layout.grid_file(workdir, step), np.full((8, 8, 1), 40 * step, np.uint8))
    with Image.open(gallery.save_progress(workdir, tmp_path / "a.gif", scale=3)) as image:
        assert (image.size, image.n_frames) == ((24, 24), 2)


def test_wrong_ending_is_refused_before_anything_is_loaded(tmp_path):
    with pytest.raises(ValueError, match="no ending that images are written to"):
        gallery.save_samples(tmp_path / "nothing", "a.txt")


def test_labels_have_the_types_of_the_generator_with_64_bits_too(workdir):
    params = jaxgan.load(workdir, trust=True)
    with jax.enable_x64(True):
        one = gallery.choose_labels(params, 2, 0 if params.num_classes else None)
        mixed = gallery.walk_labels(params, 2, 3, None)
    if params.num_classes:
        assert (one.dtype, mixed.dtype) == (np.int32, np.float32)
