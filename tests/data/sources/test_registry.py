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
    kinds = {}
    for module in pkgutil.walk_packages(sources.__path__, f"{sources.__name__}."):
        if kind := getattr(importlib.import_module(module.name), "KIND", None):
            kinds[module.name.rpartition(".")[2]] = kind
    assert kinds == sources.KINDS
    assert set(data.SOURCES) == {"auto", *kinds}


@pytest.mark.parametrize("name", data.SOURCES)
def test_a_path_is_refused_where_it_is_unused_and_may_be_missing_while_nothing_is_read(name):
    config = default().data
    config.source, config.image_size, config.channels = name, 28, 3
    path = "needed" if name == "auto" else sources.KINDS[name].path
    if path == "needed":
        assert data.describe(config) == DataInfo((28, 28, 3), 0)
        with pytest.raises(FileNotFoundError, match=r"data\.path is '', (which is no folder|where nothing is)"):
            data.open_source(config)
    elif name == "mnist":  # the default: with a path it counts as auto
        config.path = "there"
        with pytest.raises(FileNotFoundError, match=r"data\.path is 'there', where nothing is"):
            data.open_source(config)
    elif path == "unused":
        config.path = "there"
        with pytest.raises(UserError, match="reads nothing from there"):
            data.open_source(config)
    else:
        assert (name, path) == ("tfds", "optional")
