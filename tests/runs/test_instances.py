import types

import jax
import numpy as np
import pytest
import tiny
from sklearn.decomposition import PCA

import jaxgan
from jaxgan import data
from jaxgan.base.checks import UserError
from jaxgan.data.views import Mirror
from jaxgan.rundir.saved_config import load_config
from jaxgan.runs import instances
from jaxgan.runs.by_size import decided


def images(num, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (num, 8, 8, 3), np.uint8)


class Net:
    """Stands for Lite0: features are some pixels, and it counts the images that it sees."""

    num_features = 12

    def __init__(self):
        self.seen = 0

    def features_and_logits(self, images):
        self.seen += len(images)
        return images.reshape(len(images), -1)[:, :12].astype(np.float32) * np.arange(1, 13, dtype=np.float32), None


@pytest.fixture
def net(monkeypatch, tmp_path):
    one = Net()
    monkeypatch.setattr(instances, "load_imagenet", lambda: one)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return one


def small_config():
    config = jaxgan.get_config("images64")
    config.model.g_widths = config.model.d_widths = (4, 4)
    config.projected.weight, config.eval.every, config.train.max_minutes = 0.0, 0, 0.0
    config.data.image_size, config.data.batch_size, config.data.instance_features = 8, 4, 3
    config.augment, config.augment_by_size, config.burn_in.augment = "", False, 1.0
    config.eval.features, config.eval.metrics = "", ""
    config.train.num_steps, config.train.sample_every, config.sample.num = 4, 0, 4
    return config


@pytest.mark.parametrize("fitted", [20_000, 90])
def test_features_are_the_whitened_principal_components(net, monkeypatch, fitted):
    monkeypatch.setattr(instances, "FITTED", fitted)
    monkeypatch.setattr(instances, "CHUNK", 64)
    pixels = images(300)
    found = instances.principal_features(jaxgan.InMemory(pixels), 3)
    features = net.features_and_logits(pixels)[0]
    chosen = features if fitted > 300 else features[np.linspace(0, 299, fitted).round().astype(int)]
    expected = PCA(3, whiten=True, svd_solver="full").fit(chosen).transform(features).clip(-3, 3)
    assert found.dtype == np.float32
    assert found.shape == (300, 3)
    signs = np.sign((found * expected).sum(0))
    np.testing.assert_allclose(found * signs, expected, atol=2e-4)


def test_grey_images_and_levels_have_features_too(net):
    grey = jaxgan.InMemory(images(20)[..., :1].astype(np.uint16) * 257, levels=(0.0, 1.0))
    assert np.isfinite(instances.principal_features(grey, 2)).all()
    with pytest.raises(UserError, match="instance_features is 12; expected fewer than the 20 images and the 12"):
        instances.principal_features(grey, 12)


def test_features_are_computed_once_for_a_data_set(net):
    source = jaxgan.InMemory(images(30), np.arange(30) % 2, 2)
    first, again = (instances.with_instances(source, 3) for _ in range(2))
    assert net.seen == 0  # the images alone need none
    assert first.info.num_classes is None
    assert first.info.label_size == 3
    np.testing.assert_array_equal(first.labels, again.labels)
    assert net.seen == 30
    rows = np.array([3, 7, 3])
    read, labels = again.read(rows)
    np.testing.assert_array_equal(read, source.images[rows])
    np.testing.assert_array_equal(labels, first.labels[rows])
    others = [source, *(instances.with_instances(*of) for of in ((source, 2), (jaxgan.InMemory(images(30, 1)), 3)))]
    assert len({data.fingerprint(one) for one in [first, again, *others]}) == 4
    assert instances.with_instances(source, 0) is source


def test_a_flipped_image_has_the_features_of_the_other(net):
    source = Mirror(jaxgan.InMemory(images(30)))
    seen = instances.for_training(instances.with_instances(source, 3))
    assert net.seen == 30
    read, labels = seen.read(np.array([4, 34]))
    np.testing.assert_array_equal(read[0], read[1][:, ::-1])
    np.testing.assert_array_equal(labels[0], labels[1])
    held = data.resident(small_config().data, seen)  # it lies on the device as other data do
    assert held.mirrored
    assert held.labels.shape == (30, 3)
    assert len(seen.info.label_table) == 30
    assert data.fingerprint(seen) == data.fingerprint(instances.with_instances(source, 3))


def test_a_source_that_stays_in_its_files_is_read_as_needed(net):
    held = jaxgan.InMemory(images(600))
    lazy = types.SimpleNamespace(info=held.info, read=held.read)
    seen = instances.for_training(instances.with_instances(lazy, 2))
    assert isinstance(seen, instances.Instances)
    assert len(seen.info.label_table) == instances.KNOWN
    np.testing.assert_array_equal(seen.read(np.array([599]))[1], seen.labels[599:])


def test_a_run_resumes_samples_and_is_scored(net, tmp_path):
    source, config = jaxgan.InMemory(images(30), np.arange(30) % 2, 2), small_config()
    whole = jaxgan.train(config, tmp_path / "whole", source=source)
    config.train.num_steps = 2
    jaxgan.train(config, tmp_path / "parts", source=source)
    config.train.num_steps = 4
    state = jaxgan.train(config, tmp_path / "parts", source=source)
    for one, other in zip(*map(leaves, (whole, state)), strict=True):
        np.testing.assert_array_equal(one, other)
    params = jaxgan.load(tmp_path / "parts")
    assert params.label_size == 3
    assert len(params.label_table) == 30
    assert jaxgan.sample(params, jax.random.key(0), num=2, labels="feature2=1").shape == (2, 8, 8, 3)
    scores = jaxgan.evaluate_run(tmp_path / "parts", num=20, features="none", metrics="swd", source=source)[0][0]
    assert scores["metrics"]["swd"] > 0
    assert net.seen == 30
    with pytest.raises(UserError, match="but other ones than the run has"):
        jaxgan.train(config, tmp_path / "parts", source=jaxgan.InMemory(images(30, 1)))


def leaves(state):
    keys = jax.dtypes.prng_key
    return [jax.random.key_data(x) if jax.dtypes.issubdtype(x.dtype, keys) else x for x in jax.tree.leaves(state)]


def test_labels_of_the_data_take_their_place_when_asked_for(net, tmp_path):
    config = small_config()
    config.model.conditional, config.train.num_steps = True, 1
    jaxgan.train(config, tmp_path, source=jaxgan.InMemory(images(30), np.arange(30) % 2, 2))
    saved, info = load_config(tmp_path)
    assert saved.data.instance_features == 0
    assert info.num_classes == 2
    assert net.seen == 0


def test_few_images_have_none_and_many_neither():
    config = small_config()
    config.augment, config.augment_by_size = "translation", True
    assert decided(config, 999).data.instance_features == 0
    assert decided(config, 1_000).data.instance_features == 3
    assert decided(config, 50_000).data.instance_features == 3
    assert decided(config, 50_001).data.instance_features == 0


def test_a_gan_without_label_vectors_refuses(net, tmp_path):
    config = tiny.get_config()
    config.data.instance_features = 3
    with pytest.raises(UserError, match=r"instance_features is 3, but .*tiny\.py takes no label vectors"):
        jaxgan.train(config, tmp_path)


def test_a_gan_is_not_built_for_data_without_the_features():
    with pytest.raises(UserError, match=r"instance_features is 3, but only jaxgan\.train computes them; set it to 0"):
        jaxgan.build(small_config(), jaxgan.InMemory(images(8)).info)
