import errno
import os
import shutil

import jax
import numpy as np
import pytest
import tiny

import jaxgan
from jaxgan import data
from jaxgan.runs import checkpoint, folder
from jaxgan.runs.checkpoint import Checkpoints
from jaxgan.runs.setup import create_setup


@pytest.fixture(scope="module")
def setup():
    config = tiny.get_config()
    return create_setup(config, data.open_source(config.data), jax.local_devices()[:1])


@pytest.fixture(scope="module")
def state(setup):
    return setup.new_state()


@pytest.fixture
def run(tmp_path, setup, state):
    """A folder with steps 3 and 5, the second with doubled parameters."""
    folder.save_config(tmp_path, setup.config, setup.source.info)
    with Checkpoints(tmp_path, keep=2) as checkpoints:
        checkpoints.save(3, state)
        checkpoints.save(5, doubled(state))
    return tmp_path


def doubled(state):
    return state.replace(g=state.g.replace(params=jax.tree.map(lambda x: 2 * x, state.g.params)))


def leaves(state):
    return jax.tree.leaves(state.replace(key=jax.random.key_data(state.key)))


def test_every_leaf_comes_back_to_the_bit(run, setup, state):
    with Checkpoints(run, keep=2) as checkpoints:
        assert checkpoints.latest() == 5
        back = checkpoints.restore(setup.state_shapes, 3)
    for a, b in zip(leaves(state), leaves(back), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def test_only_the_newest_are_kept(tmp_path, state):
    with Checkpoints(tmp_path, keep=2) as checkpoints:
        for step in (1, 2, 3, 3):
            checkpoints.save(step, state)
    assert sorted(p.name for p in (tmp_path / "checkpoints").iterdir()) == ["2", "3"]


def test_load_reads_the_generator_that_was_asked_for(run, state):
    kernel = state.g.params["Dense_0"]["kernel"]
    for step, weights, factor in [("latest", "raw", 2), (3, "raw", 1), ("3", "ema", 1), ("latest", "ema", 1)]:
        params = jaxgan.load(run, step=step, weights=weights)
        np.testing.assert_array_equal(params.variables["params"]["Dense_0"]["kernel"], factor * kernel)
    assert jaxgan.sample(params, jax.random.key(0), num=2).shape == (2, 8, 8, 1)


def test_what_load_refuses(run, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"step is 4, but .* holds steps 3, 5"):
        jaxgan.load(run, step=4)
    with pytest.raises(ValueError, match=r'weights is .emma.; .*Did you mean "ema"'):
        jaxgan.load(run, weights="emma")
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(FileNotFoundError, match="holds no checkpoint yet; train first"):
        jaxgan.load(run)


def test_another_architecture_is_one_sentence(run):
    config = tiny.get_config()
    config.data.image_size = 12
    other = create_setup(config, data.open_source(config.data), jax.local_devices()[:1])
    with (
        Checkpoints(run) as checkpoints,
        pytest.raises(ValueError, match=r"does not fit .* is \(\(\d"),
    ):
        checkpoints.restore(other.state_shapes, 5)
    folder.save_config(run, config, other.source.info)
    with pytest.raises(ValueError, match="does not fit the configured networks"):
        jaxgan.load(run)


def test_a_full_disk_is_one_sentence_and_the_previous_checkpoint_stays(run, state, monkeypatch):
    with Checkpoints(run, keep=2) as checkpoints:

        def full(*args, **kwargs):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(checkpoints._manager, "save", full)
        with pytest.raises(
            OSError, match=r"could not be written to .*No space left on device.*previous checkpoint is kept"
        ):
            checkpoints.save(9, state)
    assert jaxgan.load(run).variables["params"].keys() == state.g.params.keys()


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "run").write_text("a file where a folder should be")
    with pytest.raises(OSError, match="could not be written to"):
        Checkpoints(tmp_path / "run")


def test_is_finite_sees_one_bad_number(state):
    assert checkpoint.is_finite(state)
    bad = jax.tree.map(lambda x: x.at[(0,) * x.ndim].set(np.nan), state.d.params)
    assert not checkpoint.is_finite(state.replace(d=state.d.replace(params=bad)))
