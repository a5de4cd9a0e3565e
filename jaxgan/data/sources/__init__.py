"""Where images come from: one source a file, which ends in its `KIND`, and one line in this table."""

from jaxgan.data.sources import folder, idx, mnist, stacked_mnist, synthetic, tfds
from jaxgan.data.sources.kind import Kind

KINDS: dict[str, Kind] = {
    "mnist": mnist.KIND,
    "stacked_mnist": stacked_mnist.KIND,
    "idx": idx.KIND,
    "folder": folder.KIND,
    "tfds": tfds.KIND,
    "synthetic": synthetic.KIND,
}
