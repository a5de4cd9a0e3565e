"""Rows, tables and diagrams of networks."""

import dataclasses
import importlib.util
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from flax import linen as nn
from PIL import Image

from jaxgan import gans, summary
from jaxgan.state import example_inputs
from jaxgan.types import DataInfo


class Block(nn.Module):
    """Has a parameter of its own besides a layer."""

    features: int

    @nn.compact
    def __call__(self, x):
        x = nn.Dense(self.features)(x)
        return x + self.param("shift", nn.initializers.zeros, (1, self.features))


class TwoHeads(nn.Module):
    """A conditional discriminator with nested modules, a shared layer, a rematerialised one and two outputs."""

    @nn.compact
    def __call__(self, images, labels, *, train):
        x = nn.Conv(4, (3, 3), strides=2)(images)
        x = nn.BatchNorm(use_running_average=not train)(x).mean((1, 2))
        shared = nn.Dense(4, name="shared")
        x = shared(nn.relu(shared(x)))
        x = nn.Sequential([Block(8), nn.relu, nn.remat(Block)(8)])(x)
        x = x * nn.Embed(10, 8)(labels) * self.param("gain", nn.initializers.ones, (1, 1))
        return nn.Dense(1, name="logit")(x)[:, 0], nn.Dense(10, name="classes")(x)


class Concatenated(nn.Module):
    """A conditional generator."""

    @nn.compact
    def __call__(self, z, labels, *, train):
        x = nn.Dense(784)(jnp.concatenate([z, jax.nn.one_hot(labels, 10)], axis=-1))
        return x.reshape(-1, 28, 28, 1)


def load_config(name):
    path = Path(__file__).parent.parent / "configs" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config()


@pytest.fixture(scope="module")
def dcgan():
    return gans.build(load_config("dcgan"), DataInfo((28, 28, 1), 60000, 10))


@pytest.fixture(scope="module")
def conditional(dcgan):
    return dataclasses.replace(dcgan, generator=Concatenated(), discriminator=TwoHeads(), num_classes=10)


def test_dcgan_totals(dcgan):
    g_inputs, d_inputs = example_inputs(dcgan)
    assert summary.totals(summary.network_rows(dcgan.generator, g_inputs)) == (2_343_904, 960)
    assert summary.totals(summary.network_rows(dcgan.discriminator, d_inputs)) == (212_673, 0)


def test_dcgan_rows(dcgan):
    g_inputs, d_inputs = example_inputs(dcgan)
    g_rows = [(row.kind, row.shape, row.parameters) for row in summary.network_rows(dcgan.generator, g_inputs)]
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
    d_rows = [(row.name, row.shape, row.parameters) for row in summary.network_rows(dcgan.discriminator, d_inputs)]
    assert d_rows == [
        ("Conv_0", (14, 14, 64), 1600),
        ("Dropout_0", (14, 14, 64), 0),
        ("Conv_1", (7, 7, 128), 204_800),
        ("Dropout_1", (7, 7, 128), 0),
        ("Dense_0", (1,), 6273),
    ]


def test_text_gives_totals_as_keras_does(dcgan):
    text = summary.text(dcgan)
    assert "Total 2,344,864 (trainable 2,343,904, not trainable 960)" in text
    assert "Total 212,673 (trainable 212,673, not trainable 0)" in text
    assert text.endswith("Total 2,557,537 (trainable 2,343,904, not trainable 213,633)")
    assert "latent 100 (normal)   image 28x28x1 in [-1, 1]" in text
    assert max(map(len, text.splitlines())) <= 80


def test_text_columns_are_aligned(dcgan):
    lines = summary.text(dcgan).splitlines()
    table = lines[lines.index("Generator") + 1 : lines.index("Discriminator") - 2]
    assert len(set(map(len, table))) == 1


def test_text_names_labels_of_a_conditional_gan(conditional):
    assert "label 0..9" in summary.text(conditional)


def test_rows_add_up_with_direct_parameters_and_nesting(conditional):
    inputs = example_inputs(conditional)[1]
    module = conditional.discriminator
    variables = jax.eval_shape(lambda: module.init(jax.random.key(0), *inputs, train=False))
    counts = {name: sum(leaf.size for leaf in jax.tree.leaves(tree)) for name, tree in variables.items()}
    rows = summary.network_rows(module, inputs)
    assert summary.totals(rows) == (counts["params"], counts["batch_stats"])
    by_name = {row.name: row for row in rows}
    assert len(by_name) == len(rows)
    assert by_name["shared"].parameters == 4 * 4 + 4  # called twice, counted once
    assert by_name["TwoHeads"].parameters == 1  # the gain
    assert [row.parameters for row in rows if row.kind == "Block"] == [8, 8]
    assert not any(row.kind == "Sequential" for row in rows)


def test_rows_name_their_sources(conditional):
    rows = summary.network_rows(conditional.discriminator, example_inputs(conditional)[1])
    sources = {row.name: row.sources for row in rows}
    assert sources["Conv_0"] == ("input 0",)
    assert sources["BatchNorm_0"] == ("Conv_0",)
    assert sources["Embed_0"] == ("input 1",)
    assert sources["logit"] == sources["classes"]
    assert len(sources["logit"]) == 2
    assert "Embed_0" in sources["logit"]
    inner = next(row for row in rows if row.kind == "Dense" and "/" in row.name)
    assert inner.sources == ("shared",)


def test_rows_take_shapes_without_data(dcgan):
    inputs = (jax.ShapeDtypeStruct((2, 100), jnp.float32), jax.ShapeDtypeStruct((2,), jnp.int32))
    assert summary.network_rows(dcgan.generator, inputs)[-1].shape == (28, 28, 1)


@pytest.mark.parametrize("which", ["dcgan", "conditional"])
def test_png_diagram(which, request, tmp_path):
    path = tmp_path / "new" / "diagram.png"
    summary.save_diagram(request.getfixturevalue(which), path)
    with Image.open(path) as image:
        width, height = image.size
        assert width == 1500
        assert 900 < height < 3000
        assert image.convert("L").histogram()[-1] < width * height  # not all white
    assert [file.name for file in path.parent.iterdir()] == ["diagram.png"]


def test_svg_diagram(dcgan, tmp_path):
    summary.save_diagram(dcgan, tmp_path / "diagram.SVG")
    content = (tmp_path / "diagram.SVG").read_text(encoding="utf-8")
    assert content.startswith("<?xml")
    assert content.rstrip().endswith("</svg>")
    assert 10_000 < len(content) < 1_000_000


def test_unknown_ending_is_refused(dcgan, tmp_path):
    with pytest.raises(ValueError, match=r"diagram\.bmp has no ending .* use one of \.png, \.svg"):
        summary.save_diagram(dcgan, tmp_path / "diagram.bmp")
