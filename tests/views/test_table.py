import dataclasses

import dcgan
import pytest
from networks import Concatenated, TwoHeads

from jaxgan import gans
from jaxgan.base.types import DataInfo
from jaxgan.views import table


@pytest.fixture(scope="module")
def dcgan_gan():
    return gans.build(dcgan.get_config(), DataInfo((28, 28, 1), 60000, 10))


@pytest.fixture(scope="module")
def conditional(dcgan_gan):
    return dataclasses.replace(dcgan_gan, generator=Concatenated(), discriminator=TwoHeads(), num_classes=10)


def test_text_gives_totals_as_keras_does(dcgan_gan):
    text = table.text(dcgan_gan)
    assert "Total 2,344,864 (trainable 2,343,904, not trainable 960)" in text
    assert "Total 212,673 (trainable 212,673, not trainable 0)" in text
    assert text.endswith("Total 2,557,537 (trainable 2,343,904, not trainable 213,633)")
    assert "latent 100 (normal)   image 28x28x1 in [-1, 1]" in text
    assert max(map(len, text.splitlines())) <= 80


def test_text_columns_are_aligned(dcgan_gan):
    lines = table.text(dcgan_gan).splitlines()
    block = lines[lines.index("Generator") + 1 : lines.index("Discriminator") - 2]
    assert len(set(map(len, block))) == 1


def test_text_names_labels_of_a_conditional_gan(conditional):
    assert "label 0..9" in table.text(conditional)
