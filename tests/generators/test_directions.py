"""Directions of latents: closed forms of a linear generator, scikit-learn's PCA, labels, kinds, walks along them."""

import os

import jax
import jax.numpy as jnp
import linear
import numpy as np
import pytest
from cli import call
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression

import jaxgan
from jaxgan.gans import compact
from jaxgan.generators import directions as directions_lib
from jaxgan.nets.embed import Condition
from jaxgan.sampling import walks
from jaxgan.sampling.generator import GeneratorParams, Latent
from jaxgan.sampling.sampler import unclipped


def find(params, k=3, **how):
    return np.asarray(jaxgan.directions(params, jax.random.key(0), k, **how))


def apart(a, b):
    """Return the sines of the angles between directions, whatever their signs."""
    return np.sqrt(np.maximum(0, 1 - (a * b).sum(-1) ** 2))


@pytest.mark.parametrize("classes", [None, 4])
def test_sefa_has_the_singular_vectors_of_the_first_layer(classes):
    params = linear.make_params(classes=classes)
    found = find(params, 5, method="sefa")
    expected = np.linalg.svd(np.asarray(linear.matrix(params)[0]))[0].T
    assert apart(found, expected).max() < 1e-3
    np.testing.assert_allclose(found @ found.T, np.eye(5), atol=1e-5)


def test_ganspace_has_those_of_scikit_learns_principal_components():
    params = linear.make_params()
    z = params.latent.draw(jax.random.split(jax.random.key(0))[0], 1024)
    images = np.asarray(unclipped(params, z, None), np.float64).reshape(len(z), -1)
    scores = PCA(3).fit_transform(images)
    # The paper's regression from components to latents.
    expected = LinearRegression().fit(scores, z).coef_.T
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    found = find(params)
    assert apart(found, expected).max() < 2e-3
    assert (np.take_along_axis(found, np.abs(found).argmax(1)[:, None], 1) > 0).all()


@pytest.mark.long
def test_what_labels_explain_is_left_out():
    table = ((0.0, 5.0), (1.0, -5.0), (0.5, 1.0))
    expected = find(linear.make_params())
    for params in (linear.make_params(classes=3), linear.make_params(table=table)):
        assert apart(find(params), expected).max() < 0.1


def test_a_latent_of_many_numbers_has_as_many_directions(monkeypatch):
    monkeypatch.setitem(directions_lib.DRAWS, "ganspace", 4)
    assert np.linalg.matrix_rank(find(linear.make_params(), 5)) == 5


@pytest.mark.long
def test_the_response_is_what_the_second_layer_takes():
    module = compact.Generator((8, 8, 1), (4,), Condition(), 4)
    variables = module.init(jax.random.key(2), jnp.zeros((1, 6)), None, train=False)
    params = GeneratorParams(variables, module, Latent((6,)), None, (-1.0, 1.0))
    z = params.latent.draw(jax.random.key(1), 5)
    first, taken = directions_lib._layers(params, z, None)
    layer = variables["params"]["Dense_0"]
    kind = variables["params"]["Embed_0"]["embedding"][compact.kind_of(z, 4)]
    by_hand = jnp.concatenate([z, kind], -1) @ layer["kernel"] + layer["bias"][None]
    np.testing.assert_allclose(first, by_hand, atol=1e-5)
    normed = by_hand.reshape(5, 4, 4, 4) / np.sqrt(1 + 1e-3)  # statistics as they are at first
    np.testing.assert_allclose(taken, np.where(normed > 0, normed, 0.2 * normed).reshape(5, -1), atol=1e-5)
    assert find(params, 6).shape == (6, 6)


@pytest.mark.long
@pytest.mark.parametrize("method", directions_lib.METHODS)
def test_images_change_most_along_them(method):
    params = jaxgan.load("mnist_classes")
    found = find(params, 8, method=method)
    z = jaxgan.latents(params, jax.random.key(9), 32)
    labels = jnp.arange(32) % 10

    def change(step):
        there, back = (jaxgan.generate(params, z + sign * step[None], labels) for sign in (1, -1))
        return float(np.mean((there - back) ** 2))

    other = np.linalg.svd(found)[2][-8:].astype(np.float32)  # what they leave out
    assert np.mean([change(step) for step in found[:3]]) > 1.5 * np.mean([change(step) for step in other])


def test_attributes_have_the_directions_in_which_they_grow():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(200, 1, 4)).astype(np.float32)
    true = np.array([[1.0, 2, 0, -2], [0, 0, 5, 0]]) / np.array([[3.0], [5]])
    values = z[:, 0] @ true.T * 7 + 3
    found = jaxgan.attribute_directions(z, values)
    assert found.shape == (2, 1, 4)
    np.testing.assert_allclose(found[:, 0], true, atol=1e-5)
    ticked = jaxgan.attribute_directions(z, values[:, 0] > 3)
    assert apart(np.asarray(ticked[0, 0]), true[0]) < 0.2


def test_mistakes():
    params = linear.make_params()
    with pytest.raises(jaxgan.UserError, match="k is 6; expected a value from 1 to 5"):
        find(params, 6)
    with pytest.raises(jaxgan.UserError, match="method is 'pca'"):
        find(params, method="pca")
    z = np.zeros((4, 2))
    for values in np.zeros(3), np.full(4, np.nan), np.zeros((4, 1, 1)):
        with pytest.raises(jaxgan.UserError, match=r"expected \(4,\) or \(4, A\), all finite"):
            jaxgan.attribute_directions(z, values)
    with pytest.raises(jaxgan.UserError, match="same value for all images"):
        jaxgan.attribute_directions(z, np.ones(4))


def test_a_walk_along_a_direction_changes_nothing_else():
    z = jax.random.normal(jax.random.key(0), (2, 1, 3))
    step = np.array([[0.6, 0.8, 0.0]], np.float32)
    points = np.asarray(walks.along(z, jnp.asarray(step), 5, 3.0))
    np.testing.assert_allclose((points * step).sum((2, 3)), np.tile(np.linspace(-3, 3, 5), (2, 1)), atol=1e-5)
    moved = points - np.asarray(z)[:, None]
    np.testing.assert_allclose(moved, (moved * step).sum(-1, keepdims=True) * step, atol=1e-5)


def walk(out, direction, *how):
    how = "--mode=interpolate", "--workdir=mnist_classes", f"--out={out}", f"--direction={direction}", *how
    return call(*how, "--num=3", "--seed=1")


@pytest.mark.long
def test_the_command_walks_along_a_direction(tmp_path):
    done = walk(tmp_path / "a.npy", 2)
    assert done.returncode == 0, done.stderr
    params = jaxgan.load("mnist_classes")
    np.save(tmp_path / "own.npy", 7 * find(params)[2])
    assert walk(tmp_path / "b.npy", tmp_path / "own.npy").returncode == 0
    by_number, by_file = np.load(tmp_path / "a.npy"), np.load(tmp_path / "b.npy")
    assert by_number.shape == (8, 3, 28, 28, 1)
    np.testing.assert_array_equal(by_number, by_file)
    assert walk(tmp_path / "a.gif", 2, "--label=4").returncode == 0
    with Image.open(tmp_path / "a.gif") as frames:
        assert frames.n_frames == 4


def test_directions_that_are_none(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(3))
    (tmp_path / "b.npy").write_bytes(b"none")
    assert "give one of 0 to 63, or a .npy file" in walk(tmp_path / "w.gif", "64").stderr
    assert "give one of 0 to 63, or a .npy file" in walk(tmp_path / "w.gif", "smile").stderr
    for name in "a.npy", "b.npy":
        assert "is no direction; expected finite numbers, float[64]" in walk(tmp_path / "w.gif", tmp_path / name).stderr
    assert "none.npy could not be read" in walk(tmp_path / "w.gif", tmp_path / "none.npy").stderr
    os.mkfifo(tmp_path / "pipe.npy")
    assert (
        "pipe.npy could not be read or written (it is no regular file)"
        in walk(tmp_path / "w.gif", tmp_path / "pipe.npy").stderr
    )
