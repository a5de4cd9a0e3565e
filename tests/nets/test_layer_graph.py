import dataclasses

import dcgan
import jax
import jax.numpy as jnp
import pytest
from networks import Concatenated, TwoHeads

from jaxgan import gans
from jaxgan.base.types import DataInfo
from jaxgan.nets.layer_graph import network_rows, totals
from jaxgan.training.gan import example_inputs


@pytest.fixture(scope="module")
def dcgan_gan():
    return gans.build(dcgan.get_config(), DataInfo((28, 28, 1), 60000, 10))


@pytest.fixture(scope="module")
def conditional(dcgan_gan):
    return dataclasses.replace(dcgan_gan, generator=Concatenated(), discriminator=TwoHeads(), num_classes=10)


def test_dcgan_totals(dcgan_gan):
    g_inputs, d_inputs = example_inputs(dcgan_gan)
    assert totals(network_rows(dcgan_gan.generator, g_inputs)) == (2_343_904, 960)
    assert totals(network_rows(dcgan_gan.discriminator, d_inputs)) == (212_673, 0)


def test_dcgan_rows(dcgan_gan):
    g_inputs, d_inputs = example_inputs(dcgan_gan)
    g_rows = [(row.kind, row.shape, row.parameters) for row in network_rows(dcgan_gan.generator, g_inputs)]
    assert g_rows == [
        ("Dense", (12544,), 1_266_944),
        ("BatchNorm", (7, 7, 256), 1024),
        ("ConvTranspose", (7, 7, 128), 819_200),
        ("BatchNorm", (7, 7, 128), 512),
        ("ConvTranspose", (14, 14, 64), 204_800),
        ("BatchNorm", (14, 14, 64), 256),
        ("ConvTranspose", (28, 28, 32), 51_200),
        ("BatchNorm", (28, 28, 32), 128),
        ("Conv", (28, 28, 1), 800),
    ]
    d_rows = [(row.name, row.shape, row.parameters) for row in network_rows(dcgan_gan.discriminator, d_inputs)]
    assert d_rows == [
        ("Conv_0", (14, 14, 64), 1600),
        ("Dropout_0", (14, 14, 64), 0),
        ("Conv_1", (7, 7, 128), 204_800),
        ("Dropout_1", (7, 7, 128), 0),
        ("Dense_0", (1,), 6273),
    ]


def test_rows_add_up_with_direct_parameters_and_nesting(conditional):
    inputs = example_inputs(conditional)[1]
    module = conditional.discriminator
    variables = jax.eval_shape(lambda *inputs: module.init(jax.random.key(0), *inputs, train=False), *inputs)
    counts = {name: sum(leaf.size for leaf in jax.tree.leaves(tree)) for name, tree in variables.items()}
    rows = network_rows(module, inputs)
    assert totals(rows) == (counts["params"], counts["batch_stats"])
    by_name = {row.name: row for row in rows}
    assert len(by_name) == len(rows)
    assert by_name["shared"].parameters == 4 * 4 + 4  # called twice, counted once
    assert by_name["TwoHeads"].parameters == 1  # the gain
    assert [row.parameters for row in rows if row.kind == "Block"] == [8, 8]
    assert not any(row.kind == "Sequential" for row in rows)


def test_rows_name_their_sources(conditional):
    rows = network_rows(conditional.discriminator, example_inputs(conditional)[1])
    sources = {row.name: row.sources for row in rows}
    assert sources["Conv_0"] == ("input 0",)
    assert sources["BatchNorm_0"] == ("Conv_0",)
    assert sources["Embed_0"] == ("input 1",)
    assert sources["logit"] == sources["classes"]
    assert len(sources["logit"]) == 2
    assert "Embed_0" in sources["logit"]
    inner = next(row for row in rows if row.kind == "Dense" and "/" in row.name)
    assert inner.sources == ("shared",)


def test_rows_take_shapes_without_data(dcgan_gan):
    inputs = (jax.ShapeDtypeStruct((2, 100), jnp.float32), jax.ShapeDtypeStruct((2,), jnp.int32))
    assert network_rows(dcgan_gan.generator, inputs)[-1].shape == (28, 28, 1)
