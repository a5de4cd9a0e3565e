import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.base import axis


def mapped(f):
    return jax.pmap(f, axis_name=axis.NAME)


def test_everything_is_the_identity_outside():
    x = jnp.arange(4.0)
    assert axis.size() == 1
    np.testing.assert_array_equal(axis.mean(x), x)
    np.testing.assert_array_equal(axis.share(x), x)
    key = jax.random.key(0)
    assert axis.fold_in_index(key) is key


def test_share_and_mean_on_two_devices():
    rows = jnp.arange(6.0)
    shares = mapped(lambda _: axis.share(rows))(jnp.zeros(2))
    np.testing.assert_array_equal(shares, np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(mapped(axis.mean)(jnp.asarray([1.0, 3.0])), [2.0, 2.0])
    assert int(mapped(lambda x: x + axis.size())(jnp.zeros(2))[0]) == 2


def test_keys_differ_between_devices():
    data = mapped(lambda _: jax.random.key_data(axis.fold_in_index(jax.random.key(0))))(jnp.zeros(2))
    assert not np.array_equal(data[0], data[1])


def test_one_device_is_no_axis():
    traced = jax.make_jaxpr(jax.pmap(axis.mean, axis_name=axis.NAME))
    assert "psum" not in str(traced(jnp.zeros(1)))
    assert "psum" in str(traced(jnp.zeros(2)))
