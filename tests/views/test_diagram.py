import dataclasses

import dcgan
import pytest
from networks import Concatenated, TwoHeads
from PIL import Image

from jaxgan import gans
from jaxgan.base.types import DataInfo
from jaxgan.views import diagram


@pytest.fixture(scope="module")
def dcgan_gan():
    return gans.build(dcgan.get_config(), DataInfo((28, 28, 1), 60000, 10))


@pytest.fixture(scope="module")
def conditional(dcgan_gan):
    return dataclasses.replace(dcgan_gan, generator=Concatenated(), discriminator=TwoHeads(), num_classes=10)


@pytest.mark.parametrize("which", ["dcgan_gan", "conditional"])
def test_png_diagram(which, request, tmp_path):
    path = tmp_path / "new" / "diagram.png"
    diagram.save_diagram(request.getfixturevalue(which), path)
    with Image.open(path) as image:
        width, height = image.size
        assert width == 1500
        assert 900 < height < 3000
        assert image.convert("L").histogram()[-1] < width * height  # not all white
    assert [file.name for file in path.parent.iterdir()] == ["diagram.png"]


def test_svg_diagram(dcgan_gan, tmp_path):
    diagram.save_diagram(dcgan_gan, tmp_path / "diagram.SVG")
    content = (tmp_path / "diagram.SVG").read_text(encoding="utf-8")
    assert content.startswith("<?xml")
    assert content.rstrip().endswith("</svg>")
    assert 10_000 < len(content) < 1_000_000


def test_unknown_ending_is_refused(dcgan_gan, tmp_path):
    with pytest.raises(ValueError, match=r"diagram\.bmp has no ending .* use one of \.png, \.svg"):
        diagram.save_diagram(dcgan_gan, tmp_path / "diagram.bmp")
