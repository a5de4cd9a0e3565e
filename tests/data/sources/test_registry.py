"""One table of sources; a source is one file and one line in it."""

import importlib
import pkgutil

import pytest

from jaxgan import data
from jaxgan.base.checks import UserError
from jaxgan.base.types import DataInfo
from jaxgan.config import default
from jaxgan.data import sources


def test_every_file_of_sources_is_in_the_table():
    files = {module.name for module in pkgutil.iter_modules(sources.__path__)} - {"kind"}
    assert set(sources.KINDS) == files == set(data.SOURCES)
    for name, kind in sources.KINDS.items():
        assert importlib.import_module(f"jaxgan.data.sources.{name}").KIND is kind


@pytest.mark.parametrize("name", data.SOURCES)
def test_a_path_is_refused_where_it_is_unused_and_may_be_missing_while_nothing_is_read(name):
    config = default().data
    config.source, config.image_size, config.channels = name, 28, 3
    kind = sources.KINDS[name]
    if kind.path == "needed":
        assert data.describe(config) == DataInfo((28, 28, 3), 0)
        with pytest.raises(FileNotFoundError, match=r"data\.path is '', which is no folder"):
            data.open_source(config)
    elif kind.path == "unused":
        config.path = "there"
        with pytest.raises(UserError, match="reads nothing from there"):
            data.open_source(config)
    else:
        assert (name, kind.path) == ("tfds", "optional")
