"""Generators that come with the package."""

import importlib.resources
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny

import jaxgan
from jaxgan.base.checks import UserError
from jaxgan.generators import pretrained
from jaxgan.generators.pack import pack
from jaxgan.metrics.features.digits import load_digits


@pytest.fixture
def packed(trained, tmp_path, monkeypatch):
    """A run of two steps, and a package that has its generator under the name of 'own'."""
    shutil.copytree(trained, tmp_path / "run")
    (tmp_path / "weights").mkdir()
    pack(tmp_path / "run", tmp_path / "weights" / "own.npz")
    monkeypatch.setattr(pretrained, "_FILES", tmp_path / "weights")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    from configs.mnist import get_config

    config = get_config()
    config.model.update(g_widths=(4, 4), d_widths=(4, 4))
    config.update(augment="", loss="non_saturating", penalty={"r1": 0.0, "r2": 0.0, "interval": 1})  # quick to compile
    config.data.batch_size = 4
    config.train.update(num_steps=2, num_devices=1, sample_every=0)
    run = tmp_path_factory.mktemp("packed") / "run"
    jaxgan.train(config, run)
    return run


@pytest.mark.long
def test_a_packed_generator_is_that_of_the_run(packed):
    own, run = jaxgan.load("own"), jaxgan.load(packed / "run")
    assert jax.tree.structure(own) == jax.tree.structure(run)
    jax.tree.map(lambda x, y: np.testing.assert_array_equal(x, np.float32(np.float16(y))), own, run)
    x, y = (jaxgan.sample(params, jax.random.key(0), num=4) for params in (own, run))
    np.testing.assert_allclose(x, y, atol=4e-3)  # half of a grey level


def test_a_folder_of_that_name_comes_first(packed):
    shutil.copytree(packed / "run", packed / "own")
    with pytest.raises(FileNotFoundError, match="step is 7"):
        jaxgan.load("own", step=7)


def test_damage_and_what_it_has_not_are_refused(packed):
    with pytest.raises(UserError, match="one set of weights"):
        jaxgan.load("own", weights="raw")
    with pytest.raises(FileNotFoundError, match="give the folder of a run, or own, which are bundled"):
        jaxgan.load("other")
    file = packed / "weights" / "own.npz"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(UserError, match="damaged"):
        jaxgan.load("own")


def test_a_gan_of_ones_own_is_not_packed(tmp_path):
    config = tiny.get_config()
    config.train.update(num_steps=1, num_devices=1, sample_every=0)
    jaxgan.train(config, tmp_path / "run")
    with pytest.raises(UserError, match="custom GAN"):
        pack(tmp_path / "run", tmp_path / "x.npz")


def test_what_comes_along_is_small():
    files = list((importlib.resources.files("jaxgan.generators") / "weights").iterdir())
    assert pretrained.names() == ["faces", "mnist", "mnist_classes"]
    assert sum(len(file.read_bytes()) for file in files) <= 8e6


@pytest.mark.parametrize("name", ["mnist", "mnist_classes"])
def test_the_digits_that_come_along_are_good(name):
    params = jaxgan.load(name)
    labels = None if params.num_classes is None else jnp.arange(200) % 10
    images = jaxgan.to_uint8(jaxgan.sample(params, jax.random.key(0), num=200, labels=labels))
    _, logits = load_digits().features_and_logits(np.asarray(images))
    probabilities = jax.nn.softmax(logits)
    assert float((probabilities.max(-1) > 0.9).mean()) > 0.9  # of noise few are
    counts = np.bincount(logits.argmax(-1), minlength=10)
    assert counts.min() >= 5
    if labels is not None:
        assert float((logits.argmax(-1) == labels).mean()) >= 0.97


def test_each_bundled_generator_has_a_card():
    for name in pretrained.names():
        card = (importlib.resources.files("jaxgan.generators") / "weights" / f"{name}.md").read_text()
        parts = [line.partition("**")[2].partition("**")[0] for line in card.splitlines() if line.startswith("- **")]
        assert parts == ["Data", "Networks", "Command", "Scores", "Limits", "Licence of the weights"]
        assert f"jaxgan.generators.pack runs/{name}" in card
