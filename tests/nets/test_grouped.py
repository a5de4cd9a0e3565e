import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxgan.nets import conv
from jaxgan.nets.grouped import GroupedConv, grouped_conv


@pytest.mark.parametrize("groups", [1, 2, 6, 12])
def test_both_forms_and_their_gradients_are_those_of_xla(groups):
    x = jax.random.normal(jax.random.key(0), (5, 5, 4, 24))
    kernel = jax.random.normal(jax.random.key(1), (3, 3, 24 // groups, 36))

    def loss(form, x, kernel):
        with conv.forced(form):
            return jnp.sum(jnp.sin(grouped_conv(x, kernel, groups)))

    for argument in 0, 1:
        ours, xla = (jax.grad(loss, argument + 1)(form, x, kernel) for form in ("cpu", "lax"))
        np.testing.assert_allclose(ours, xla, atol=1e-4)
    with conv.forced("cpu"):
        ours = grouped_conv(x, kernel, groups)
    layer = nn.Conv(36, (3, 3), feature_group_count=groups, use_bias=False)
    np.testing.assert_allclose(ours, layer.apply({"params": {"kernel": kernel}}, x), atol=1e-4)


def test_the_layer_has_the_parameter_of_flax():
    x = jnp.zeros((1, 4, 4, 8))
    ours = jax.eval_shape(GroupedConv(16, 3, 4, nn.initializers.zeros).init, jax.random.key(0), x)
    flax = jax.eval_shape(nn.Conv(16, (3, 3), feature_group_count=4, use_bias=False).init, jax.random.key(0), x)
    assert ours == flax


def test_groups_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match="8 channels, 16 outputs, 3 groups"):
        grouped_conv(jnp.zeros((1, 4, 4, 8)), jnp.zeros((3, 3, 2, 16)), 3)
