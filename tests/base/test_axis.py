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
    assert axis.share(x) is x
    with axis.stacked(2):
        np.testing.assert_array_equal(axis.row_numbers(4), np.arange(4))
        assert (axis.share_size(4), axis.share_size(3)) == (2, 3)
    assert axis.share_size(4) == 4


def test_share_and_mean_on_two_devices():
    rows = jnp.arange(6.0)
    shares = mapped(lambda _: axis.share(rows))(jnp.zeros(2))
    np.testing.assert_array_equal(shares, np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(mapped(axis.mean)(jnp.asarray([1.0, 3.0])), [2.0, 2.0])
    assert int(mapped(lambda x: x + axis.size())(jnp.zeros(2))[0]) == 2


def test_rows_have_the_numbers_they_have_on_one_device():
    def numbers(num, shares):
        def rows(_):
            with axis.stacked(shares):
                return axis.row_numbers(num)

        return mapped(rows)(jnp.zeros(2))

    np.testing.assert_array_equal(numbers(3, 1), [[0, 1, 2], [3, 4, 5]])
    # Three global batches of four rows, of which each device has two.
    np.testing.assert_array_equal(numbers(6, 3), [[0, 1, 4, 5, 8, 9], [2, 3, 6, 7, 10, 11]])
    # What does not divide is a batch of its own.
    np.testing.assert_array_equal(numbers(3, 2), [[0, 1, 2], [3, 4, 5]])


def test_axes_of_others_are_left_alone():
    x = jnp.arange(4.0)
    np.testing.assert_array_equal(jax.vmap(axis.mean, axis_name="devices")(x), x)


def test_one_device_is_no_axis():
    traced = jax.make_jaxpr(jax.pmap(axis.mean, axis_name=axis.NAME))
    assert "psum" not in str(traced(jnp.zeros(1)))
    assert "psum" in str(traced(jnp.zeros(2)))


def test_a_tree_is_averaged_in_one_exchange_for_each_dtype():
    def tree(x):
        x = jnp.float32(x)
        return {"a": jnp.full((2, 3), x), "b": [x, jnp.full(2, x, jnp.bfloat16)], "c": (jnp.zeros((0, 4)),)}

    found = mapped(lambda x: axis.mean(tree(x)))(jnp.asarray([1.0, 3.0]))
    for name, leaf, expected in zip("abbc", jax.tree.leaves(found), jax.tree.leaves(tree(2.0)), strict=True):
        assert leaf.dtype == expected.dtype, name
        np.testing.assert_array_equal(leaf[1], expected, err_msg=name)
    traced = str(jax.make_jaxpr(mapped(lambda x: axis.mean(tree(x))))(jnp.zeros(2)))
    assert traced.count("psum") == 2
