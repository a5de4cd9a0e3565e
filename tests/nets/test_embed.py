"""Embeddings of classes and vectors, against NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxgan.base.types import DataInfo
from jaxgan.nets import Condition, Embed

TABLE = ((0.0, 10.0, 2.0), (1.0, 70.0, 2.0), (0.0, 40.0, 2.0))
VECTORS = DataInfo((4, 4, 1), 3, None, 3, label_table=TABLE)


def test_what_is_told_of_images():
    assert Condition.of(DataInfo((4, 4, 1), 3, 7)) == Condition(7)
    assert Condition.of(DataInfo((4, 4, 1), 3)) == Condition()
    assert Condition.of(VECTORS, conditional=False) == Condition()
    assert Condition.of(VECTORS) == Condition(3, ((0, 1), (10, 70), (2, 2)))
    hash(Condition.of(VECTORS))


def test_numbers_are_moved_from_their_span_to_the_same_one():
    layer = Condition.of(VECTORS).embed(5, nn.initializers.normal(1.0))
    rows = np.array([[0, 10, 2], [1, 70, 2], [0.5, 40, 3], [2, -20, 1]], np.float32)
    out, variables = layer.init_with_output(jax.random.key(0), rows)
    table = np.asarray(variables["params"]["embedding"])
    assert table.shape == (4, 5)
    moved = np.array([[-1, -1, 0, 1], [1, 1, 0, 1], [0, 0, 1, 1], [3, -2, -1, 1]])
    np.testing.assert_allclose(out, moved @ table / 2, rtol=1e-5)


@pytest.mark.parametrize("classes", [[0, 2, 1], [[1, 0, 0], [0, 0, 1], [0, 1, 0]]])
def test_classes_choose_a_row(classes):
    labels = np.array(classes, np.float32 if np.ndim(classes) > 1 else np.int32)
    out, variables = Embed(3, 4, nn.initializers.normal(1.0)).init_with_output(jax.random.key(0), labels)
    np.testing.assert_allclose(out, np.asarray(variables["params"]["embedding"])[[0, 2, 1]], rtol=1e-6)


def test_the_gradient_of_many_rows_adds_up_in_bfloat16():
    """That of a lookup stopped at 256, in flax.linen.Embed too."""
    table, labels = jnp.ones((3, 2), jnp.bfloat16), jnp.array([0, 2]).repeat(2_048)

    def total(table):
        rows = Embed(3, 2, nn.initializers.zeros).apply({"params": {"embedding": table}}, labels)
        assert rows.dtype == jnp.bfloat16
        return rows.astype(jnp.float32).sum()

    np.testing.assert_array_equal(jax.grad(total)(table)[:, 0].astype(np.float32), [2_048, 0, 2_048])
