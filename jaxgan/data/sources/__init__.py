"""Where images come from: one source a file, which ends in its `KIND`, and one line in this table.

`data.source=auto` takes the first kind that finds itself at data.path, so the folder of images comes last.
"""

from collections.abc import Callable
from typing import Any

from jaxgan.base.types import Config, Source
from jaxgan.data.images.canvas import Canvas
from jaxgan.data.images.converted import on_canvas
from jaxgan.data.images.threads import Workers
from jaxgan.data.memory import InMemory
from jaxgan.data.sources import folder, idx, mnist, stacked_mnist, synthetic, tfds
from jaxgan.data.sources.containers import arrays, cifar, hdf5, hugging_face, lmdb, stl10, svhn, webdataset, zipped
from jaxgan.data.sources.kind import Kind
from jaxgan.data.validation import Checked
from jaxgan.parts import Parts, check_call

_BUNDLED: dict[str, Kind] = {
    "mnist": mnist.KIND,
    "stacked_mnist": stacked_mnist.KIND,
    "synthetic": synthetic.KIND,
    "tfds": tfds.KIND,
    "idx": idx.KIND,
    "cifar": cifar.KIND,
    "svhn": svhn.KIND,
    "stl10": stl10.KIND,
    "hugging_face": hugging_face.KIND,
    "lmdb": lmdb.KIND,
    "hdf5": hdf5.KIND,
    "arrays": arrays.KIND,
    "zipped": zipped.KIND,
    "webdataset": webdataset.KIND,
    "folder": folder.KIND,
}


def _made(name: str, given: Any) -> Kind:
    check_call(f"the source {name!r}", given, "config_data")

    def opened(config: Config, canvas: Canvas, workers: Workers) -> Source:
        source = given(config)
        return on_canvas(source if isinstance(source, InMemory) else Checked(source), canvas, workers)

    return Kind(opened, "optional")


KINDS = Parts("config.data.source", _BUNDLED, _made)


def register_source(name: str, opens: Callable[[Config], Source]) -> None:
    """Let `config.data.source` name a source of your own in this process.

    Args:
      name: letters, digits and underscores; none of a bundled source.
      opens: takes config.data and returns a `jaxgan.Source`, whose images become config.data.image_size, and
        config.data.channels.

    Raises:
      UserError: another kind of name, that of a bundled source, or no such function.
    """
    KINDS.add(name, opens)
