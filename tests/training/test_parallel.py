"""One device or two: the same run."""

import contextlib
import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny
from long_form import long

from jaxgan import data
from jaxgan.base.types import DataInfo
from jaxgan.runs.batches import batches, resident_dataset
from jaxgan.runs.setup import create_setup
from jaxgan.sampling.sampler import generate
from jaxgan.training import parallel
from jaxgan.training.gan import generator_params
from jaxgan.training.many_seeds import make_step_of_all


def step_of(setup):
    return make_step_of_all(setup.gan, None, None, {})


def run(num_devices, steps=4, steps_per_call=1, cache="device", d_passes="joint", **model):
    config = tiny.get_config()
    config.model.update(model)
    config.rule.d_passes = d_passes
    config.data.cache = cache
    config.train.num_steps = steps
    config.train.steps_per_call = steps_per_call
    config.train.log_every = 1000
    config.train.sample_every = config.train.checkpoint_every = 0
    devices = parallel.choose_devices(num_devices, config.data.batch_size)
    setup = create_setup(config, data.open_source(config.data), devices)
    call = parallel.CompiledSteps(step_of(setup), devices, setup.steps_per_call, resident_dataset(setup))
    state = parallel.replicate((setup.new_state(),), devices)
    history = []
    for (_, num), batch in batches([setup], 0, steps, on_device=call.dataset is not None):
        state, metrics = call(state, batch, num)
        history.append(jax.tree.map(lambda x, num=num: np.asarray(x)[:num, 0], metrics))
    return state[0], {name: np.concatenate([h[name] for h in history]) for name in history[0]}


@pytest.fixture(scope="module")
def one_device():
    return run(1)


@pytest.fixture(scope="module")
def two_devices():
    return run(2)


def test_two_devices_give_the_run_of_one(one_device, two_devices):
    (one, losses_1), (two, losses_2) = one_device, two_devices
    for name in losses_1:
        np.testing.assert_allclose(losses_1[name], losses_2[name], rtol=1e-4, err_msg=name)
    # Adam turns rounding noise in near-zero gradients into whole steps, so images are compared, not parameters.
    gan = tiny.build(tiny.get_config(), DataInfo((8, 8, 1), 1))
    z = jax.random.normal(jax.random.key(0), (64, 3))
    a, b = (generate(generator_params(gan, jax.device_get(state.g.variables)), z) for state in (one, two))
    assert float(jnp.abs(a - b).mean()) < 1e-3


def test_dropout_changes_the_run_and_replicas_agree_to_the_bit(two_devices):
    state, metrics = run(2, dropout=0.5)
    assert not np.allclose(two_devices[1]["d/loss"], metrics["d/loss"])
    for leaf in jax.tree.leaves(state.replace(key=jax.random.key_data(state.key))):
        first, second = (np.asarray(shard.data) for shard in leaf.addressable_shards)
        np.testing.assert_array_equal(first, second)


@pytest.mark.long
@pytest.mark.parametrize("d_passes", ["joint", *long("separate")])
def test_dropout_masks_do_not_depend_on_the_number_of_devices(d_passes):
    (_, one), (_, two) = (run(n, steps=2, d_passes=d_passes, dropout=0.5) for n in (1, 2))
    for name in one:
        np.testing.assert_allclose(one[name], two[name], rtol=1e-4, err_msg=name)


def test_several_steps_in_one_call_are_the_same_steps(one_device):
    (one, losses_1), (many, losses_n) = one_device, run(1, steps_per_call=3)
    assert int(many.step) == int(one.step) == 4
    for name in losses_1:
        np.testing.assert_allclose(losses_1[name], losses_n[name], rtol=1e-4, err_msg=name)


def test_resident_data_and_streamed_data_are_the_same(two_devices):
    (_, resident), (_, streamed) = two_devices, run(2, cache="host")
    for name in resident:
        np.testing.assert_allclose(resident[name], streamed[name], rtol=1e-6, err_msg=name)


@pytest.mark.long
@pytest.mark.parametrize("num_devices", [1, 2])
def test_the_step_is_compiled_once(num_devices):
    config = tiny.get_config()
    devices = parallel.choose_devices(num_devices, config.data.batch_size)
    setup = create_setup(config, data.open_source(config.data), devices)
    call = parallel.CompiledSteps(step_of(setup), devices, 1, resident_dataset(setup))
    state = parallel.replicate((setup.new_state(),), devices)
    stream = batches([dataclasses.replace(setup, steps_per_call=1)], 0, 6, on_device=True)
    (_, num), batch = next(stream)
    # From shapes alone, as a run does while it makes its state.
    call.compile((setup.state_shapes,), batch).result()
    with no_compilation():
        state, _ = call(state, batch, num)
        (_, num), batch = next(stream)
        call(state, batch, num)


@contextlib.contextmanager
def no_compilation():
    def complain(event, duration, **kwargs):
        assert "compile" not in event, event

    jax.monitoring.register_event_duration_secs_listener(complain)
    try:
        yield
    finally:
        jax.monitoring.unregister_event_duration_listener(complain)


def test_split_gives_each_device_its_rows():
    indices = np.arange(24).reshape(2, 2, 6)
    shares = parallel.split(indices, 3)
    assert shares.shape == (3, 2, 2, 2)
    np.testing.assert_array_equal(shares[1, 0, 0], [2, 3])


def test_put_batch_and_replicate_place_what_they_say():
    devices = jax.local_devices()
    batch = parallel.put_batch(np.arange(4).reshape(2, 2), devices)
    assert [s.data.tolist() for s in batch.addressable_shards] == [[[0, 1]], [[2, 3]]]
    copies = parallel.replicate(jnp.arange(2), devices)
    assert [s.data.tolist() for s in copies.addressable_shards] == [[0, 1], [0, 1]]


@pytest.mark.parametrize(
    ("num", "batch", "sentence"),
    [(3, 12, "num_devices is 3, but there are 2 cpu devices"), (0, 9, "9, which does not divide among 2 devices")],
)
def test_devices_that_do_not_fit(num, batch, sentence):
    with pytest.raises(ValueError, match=sentence):
        parallel.choose_devices(num, batch)
