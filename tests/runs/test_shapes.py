"""Runs of images of any shape and levels, and of labels of any kind: trained, resumed, drawn, scored."""

import csv
import functools
import json

import jax
import numpy as np
import pytest
import tiny
from PIL import Image

import jaxgan
from jaxgan.config_files import get_config
from jaxgan.data import InMemory
from jaxgan.generators import export, gallery
from jaxgan.generators.load import Which, load_with_config
from jaxgan.metrics.features import trained
from jaxgan.rundir import layout, saved_config
from jaxgan.runs import evaluate

RNG = np.random.default_rng(0)
NUM = 64
TRUSTED = {"which": Which(trust=True)}


def oblong_rgba():
    return InMemory(RNG.integers(0, 256, (NUM, 6, 10, 4), np.uint8), None, None)


def grey_levels():
    pixels = RNG.integers(0, 65536, (NUM, 8, 8, 1), np.uint16)
    return InMemory(pixels, RNG.integers(0, 3, NUM), 3, label_names=("ant", "bee", "cat"), levels=(-1024, 3071))


def vectors():
    glasses = RNG.integers(0, 2, NUM)
    turns = RNG.uniform(-2, 5, NUM)
    labels = np.stack([glasses, 1 - glasses, turns], 1).astype(np.float32)
    images = np.full((NUM, 8, 8, 3), 40, np.uint8)
    images[glasses == 1, 2:4] = 250
    images[:, 5:] = (128 + 20 * turns)[:, None, None, None]
    return InMemory(images, labels, None, label_names=("eyes=glasses", "eyes=bare", "turns"))


SETS = {"oblong RGBA": oblong_rgba, "16 bits": grey_levels, "vectors": vectors, "bands": lambda: InMemory(
    RNG.integers(0, 256, (NUM, 8, 8, 6), np.uint8), None, None)}  # fmt: skip


def config_of(source):
    config = tiny.get_config()
    config.model.conditional = source.info.has_labels
    config.data.image_size = source.info.image_shape[:2]
    config.data.channels = source.info.image_shape[2]
    config.train.update({"num_steps": 8, "sample_every": 4, "checkpoint_every": 4})
    config.sample.update({"num": 4, "columns": 2})
    return config


def saved(workdir):
    return jax.tree.leaves(jaxgan.load(workdir, trust=True).variables)


@pytest.fixture(scope="module")
def run_of(tmp_path_factory):
    """By the name of a set: a run that was stopped and resumed, its source, and one that was not."""
    return functools.cache(lambda name: trained_run(SETS[name](), tmp_path_factory.mktemp("run")))


LONG = ("16 bits", "bands")


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.long if name in LONG else ()) for name in SETS])
def run(request, run_of):
    return run_of(request.param)


def trained_run(source, folder):
    config = config_of(source)
    config.train.num_steps = 4
    jaxgan.train(config, folder / "run", source=source)
    config.train.num_steps = 8
    jaxgan.train(config, folder / "run", source=source)
    jaxgan.train(config, folder / "unbroken", source=source)
    return folder / "run", source, folder / "unbroken"


def test_a_resumed_run_is_an_unbroken_one_to_the_bit(run):
    workdir, _, unbroken = run
    for one, other in zip(saved(workdir), saved(unbroken), strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_the_data_are_is_kept(run):
    workdir, source, _ = run
    info = saved_config.load_saved(workdir).data
    assert info == source.info
    assert info.label_names == source.info.label_names
    np.testing.assert_allclose(np.array(info.label_table), np.array(source.info.label_table), rtol=1e-5)


def test_grids_show_images_as_people_see_them(run):
    workdir, source, _ = run
    height, width, channels = source.info.image_shape
    for name in "step_00000008.png", layout.DATA_FILE:
        with Image.open(workdir / "samples" / name) as image:
            assert image.mode == ("L" if channels == 1 else "RGB")
            scale = image.height // (2 * height)
            assert image.height == 2 * height * scale
            # Names of classes stand beside the rows of what was drawn.
            is_named = source.info.num_classes and source.info.label_names and name != layout.DATA_FILE
            assert image.width > 2 * width * scale if is_named else image.width == 2 * width * scale
    with Image.open(workdir / layout.PROGRESS_FILE) as animation:
        assert animation.n_frames == 3
    assert (workdir / layout.REPORT_FILE).stat().st_size > 10_000


@pytest.mark.long
def test_samples_keep_all_channels_and_levels(run, tmp_path):
    workdir, source, _ = run
    height, width, channels = source.info.image_shape
    draw = gallery.Draw(num=6)
    array = np.load(gallery.save_samples(workdir, tmp_path / "a.npy", draw=draw, **TRUSTED))
    assert array.shape == (6, height, width, channels)
    for ending in "png", "jpg":
        with Image.open(gallery.save_samples(workdir, tmp_path / f"a.{ending}", draw=draw, **TRUSTED)) as image:
            assert image.mode == ("L" if channels == 1 else "RGB")
    gallery.save_walks(workdir, tmp_path / "walk.gif", draw=draw, **TRUSTED)
    if channels == 6:
        with pytest.raises(jaxgan.UserError, match=r"images have 6 channels, .* write a \.npy file"):
            gallery.save_samples(workdir, f"{tmp_path}/many/", draw=draw, **TRUSTED)
        return
    folder = gallery.save_samples(workdir, f"{tmp_path}/many/", draw=draw, **TRUSTED)
    files = sorted([*folder.rglob("*.png"), *folder.rglob("*.tiff")], key=lambda file: file.name)
    pixels = np.stack([np.asarray(Image.open(file)).reshape(height, width, channels) for file in files])
    np.testing.assert_array_equal(pixels, array)
    if source.info.levels:
        low, high = source.info.levels
        assert array.dtype == pixels.dtype == np.float32
        assert low <= array.min() < array.max() <= high
        assert len(np.unique(array)) > 300  # more than bytes have
        assert {file.parent.name for file in files} == {"ant", "bee", "cat"}


def test_scores_and_exports(run, tmp_path):
    workdir, source, _ = run
    config, info = saved_config.trusted_config(workdir, trust=True)
    config.eval.num = 20
    scores = evaluate.create_evaluator(config, source).evaluate(jaxgan.load(workdir, trust=True), 8)["metrics"]
    assert {"swd", "nearest"} <= scores.keys()
    params, _ = load_with_config(workdir, Which(trust=True))
    file = export.export(params, tmp_path / "g.stablehlo", run=workdir, batch=3)
    call = jax.export.deserialize(bytearray(file.read_bytes())).call
    z = jaxgan.latents(params, jax.random.key(0), 3)
    labels = gallery.choose_labels(params, 3, None)
    given = (z,) if labels is None else (z, labels)
    np.testing.assert_allclose(call(*given), jaxgan.generate(*(params, *given)), atol=1e-5)
    facts = json.loads((tmp_path / "g.stablehlo.json").read_text())
    assert facts.get("label_names", []) == list(info.label_names)
    assert facts.get("label_size", 0) == info.label_size
    assert jaxgan.sample(params, jax.random.key(0), num=3).shape == (3, *source.info.image_shape)


@pytest.mark.long
def test_classes_by_name(run_of, tmp_path):
    workdir = run_of("16 bits")[0]
    params = jaxgan.load(workdir, trust=True)
    assert gallery.choose_labels(params, 2, "cat").tolist() == gallery.choose_labels(params, 2, "2").tolist() == [2, 2]
    with pytest.raises(jaxgan.UserError, match=r'from 0 to 2, or a name: ant, bee, cat\. Did you mean "bee"'):
        gallery.choose_labels(params, 2, "beee")
    with pytest.raises(jaxgan.UserError, match=r"label '3' is no class of this GAN; give one from 0 to 2, or a name"):
        gallery.choose_labels(params, 2, "3")
    plain = gallery.save_samples(workdir, tmp_path / "a.png", draw=gallery.Draw(num=4), **TRUSTED)
    named = gallery.save_samples(workdir, tmp_path / "b.png", draw=gallery.Draw(num=3), **TRUSTED)
    with Image.open(plain) as one, Image.open(named) as other:
        assert one.width == one.height  # a square of four
        assert other.width > other.height / 3  # three rows of one image, each with its name
        left = np.asarray(other)[:, : other.width - other.height // 3]
        assert all(band.min() == 0 and band.max() == 255 for band in np.array_split(left, 3))
    assert "0 ant, 1 bee, 2 cat" in (workdir / layout.REPORT_FILE).read_text()


def test_vectors_by_number_and_name(run_of, tmp_path):
    workdir = run_of("vectors")[0]
    params = jaxgan.load(workdir, trust=True)
    table = np.array(params.label_table, np.float32)
    assert len(table) == NUM
    np.testing.assert_array_equal(gallery.choose_labels(params, 2, "1,0,-0.5"), [[1, 0, -0.5]] * 2)
    chosen = np.asarray(gallery.choose_labels(params, NUM, "eyes=bare,turns=3"))
    np.testing.assert_array_equal(chosen, [[0, 1, 3]] * NUM)
    turned = np.asarray(gallery.choose_labels(params, NUM, "turns=3"))
    np.testing.assert_array_equal(turned[:, :2], table[:, :2])
    for wrong in "nose=1", "1,0", "1,0,nan", "turns=x":
        with pytest.raises(jaxgan.UserError, match=r"no label of this GAN; give 3 numbers, or NAME=NUMBER .*by commas"):
            gallery.choose_labels(params, 2, wrong)
    with pytest.raises(jaxgan.UserError, match=r'with names of .*\. Did you mean "eyes=bare"\?$'):
        gallery.choose_labels(params, 2, "eyes=bar,turns=3")
    # Labels that nobody asks for are those of the data.
    drawn = jaxgan.sample(params, jax.random.key(0), num=4)
    assert drawn.shape == (4, 8, 8, 3)
    with pytest.raises(
        jaxgan.UserError, match=r"labels are int32\[2\]; expected float32\[2, 3\], label vectors of eyes"
    ):
        jaxgan.generate(params, jaxgan.latents(params, jax.random.key(0), 2), np.zeros(2, np.int32))
    folder = gallery.save_samples(workdir, f"{tmp_path}/many/", draw=gallery.Draw(num=5), **TRUSTED)
    rows = list(csv.DictReader((folder / "metadata.csv").read_text().splitlines()))
    assert [row["file_name"] for row in rows] == [f"{i:06}.png" for i in range(5)]
    np.testing.assert_allclose([float(row["turns"]) for row in rows], table[[0, 16, 32, 47, 63], 2], rtol=1e-5)


@pytest.mark.long
def test_vectors_are_scored_by_a_network_of_real_images(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    source = vectors()
    net = trained.fit(source.images, source.labels, source.info, "own", num_steps=150)
    assert trained.find(trained.data_digest(source.images, source.labels), "own").digest == net.digest
    assert "it was not trained on: attributes_right" in net.about
    reference = evaluate.cached_reference(source.images, source.labels, net)
    right = evaluate.suite.score(source.images, source.labels, reference, names=["attributes"])
    assert right["right/eyes"] == right["attributes_right"] == 1
    assert right["error/turns"] < 0.7
    wrong = evaluate.suite.score(source.images, source.labels[::-1], reference, names=["attributes"])
    assert wrong["right/eyes"] < 0.8
    assert wrong["error/turns"] > 1
    assert "class_accuracy" not in evaluate.suite.available(net, labelled=True)


def test_a_gan_of_classes_refuses_vectors():
    info = jaxgan.DataInfo((28, 28, 1), 10, None, 3)
    with pytest.raises(jaxgan.UserError, match="acgan takes classes, but the images have label vectors of 3 numbers"):
        jaxgan.build(get_config("acgan"), info)


@pytest.mark.long
def test_levels_are_measured_once_and_kept(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for i in range(20):
        pixels = np.full((8, 8), 100 + 10 * i, np.int32)
        Image.fromarray(pixels).save(folder / f"{i:02}.tiff")
    config = tiny.get_config()
    config.data.update({"source": "folder", "path": str(folder), "channels": 1, "levels": "auto"})
    jaxgan.train(config, tmp_path / "run")
    kept = saved_config.load_saved(tmp_path / "run")
    assert tuple(kept.config.data.levels) == kept.data.levels == (100, 290)
    source = jaxgan.open_source(kept.config.data)
    np.testing.assert_array_equal(
        source.read(np.array([0, 10, 19]))[0][:, 0, 0, 0], [0, round(65535 * 100 / 190), 65535]
    )
    config.train.num_steps = 8
    jaxgan.train(config, tmp_path / "run")  # measures nothing, and resumes
    config.data.levels = (0, 290)
    with pytest.raises(
        jaxgan.UserError, match=r"config\.data\.levels is \[0\.0, 290\.0\], but the run .* has \[100\.0, 290\.0\]"
    ):
        jaxgan.train(config, tmp_path / "run")
