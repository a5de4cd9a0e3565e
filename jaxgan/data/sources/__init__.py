"""Where images come from: one source a file, which ends in its `KIND`, and one line in this table.

`data.source=auto` takes the first kind that finds itself at data.path, so the folder of images comes last.
"""

from jaxgan.data.sources import folder, idx, mnist, stacked_mnist, synthetic, tfds
from jaxgan.data.sources.containers import arrays, cifar, hdf5, hugging_face, lmdb, stl10, svhn, webdataset, zipped
from jaxgan.data.sources.kind import Kind

KINDS: dict[str, Kind] = {
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
