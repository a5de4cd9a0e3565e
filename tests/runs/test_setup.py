import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny

import jaxgan
from jaxgan.base.types import DataInfo
from jaxgan.runs.setup import create_plan, create_setup, identity, make_counters
from jaxgan.training import parallel


class Images:
    """As many as a system's data set has, none of them read."""

    info = DataInfo((28, 28, 1), 60_000, 10)

    def read(self, indices):
        raise AssertionError("only the description is needed here")


def setup_of(name, **rule):
    config = importlib.import_module(name).get_config()
    config.rule.update(rule)
    return create_setup(config, Images(), parallel.choose_devices(1, config.data.batch_size))


@pytest.mark.parametrize(
    ("name", "per_epoch", "first_of_next"), [("dcgan", 469, 469), ("acgan", 235, 235), ("dcgan_z1x1", 600, 600)]
)
def test_steps_per_epoch_are_the_published_ones(name, per_epoch, first_of_next):
    """The last batch of the Keras systems is completed from the next epoch, so their exact number is a fraction."""
    plan = setup_of(name).plan
    assert -(-plan.epoch_length // plan.batch_size) == per_epoch
    assert (first_of_next - 1) * plan.batch_size // plan.epoch_length == 0
    assert first_of_next * plan.batch_size // plan.epoch_length == 1


def test_several_d_updates_take_their_own_batches():
    assert setup_of("dcgan_z1x1", d_steps=3).steps_per_epoch == pytest.approx(200)


def test_learning_rates_of_both_networks_decay_by_epochs():
    setup = setup_of("dcgan_z1x1", d_steps=2)
    # Five epochs are 1,500 steps, in which D makes 3,000 updates.
    for net, updates in (("g", 1_500), ("d", 3_000)):
        assert float(setup.learning_rates[net](jnp.int32(updates - 1))) == pytest.approx(2e-4)
        assert float(setup.learning_rates[net](jnp.int32(updates))) == pytest.approx(1e-4)


@pytest.mark.parametrize(("order", "d", "g"), [("d_first", [1, 2, 4, 5], [3, 6]), ("g_first", [2, 3, 5, 6], [1, 4])])
def test_a_shared_counter_follows_the_order_of_updates(order, d, g):
    counters = make_counters(2, order)
    assert [int(counters["d"](jnp.int32(n))) for n in range(1, 5)] == d
    assert [int(counters["g"](jnp.int32(n))) for n in range(1, 3)] == g


def test_steps_per_call_depend_on_the_network():
    assert setup_of("dcgan").steps_per_call == 1
    assert setup_of("gan_mlp").steps_per_call == 50
    assert jax.default_backend() == "cpu"


def test_jobs_with_equal_settings_are_told_apart_by_their_folder(tmp_path):
    plan = create_plan(tiny.get_config(), None)
    one, same, other = (identity(plan, tmp_path / name).splitlines() for name in ("one", "one", "other"))
    assert one == same
    assert [line for line in one if line not in other] == [f"--workdir={tmp_path / 'one'}"]


def test_images_from_source_are_not_mirrored_silently(tmp_path):
    config = tiny.get_config()
    config.data.mirror = True
    source = jaxgan.InMemory(np.zeros((16, 8, 8, 1), np.uint8))
    with pytest.raises(ValueError, match=r"data\.mirror is True, but images of source= are taken as they are"):
        jaxgan.train(config, tmp_path, source=source)
