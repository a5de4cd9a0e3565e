#!/usr/bin/env bash
# usearch takes an array of bytes for packed bits, also where the index itself was made for bytes.
#
# Common guess: an index with dtype="u8" takes uint8 vectors, such as small images or quantised features, as numbers. So
#   does one with dtype="f32", after a cast.
# Seen (usearch 2.26.6): every uint8 array is read as bits, 8 to a byte. With ndim=64 only the first 8 of the 64 bytes
#   count, and distances are numbers of different bits: 21 instead of 400,000. Of the five nearest each vector finds
#   itself and next to nothing else. Nothing warns, and "each image finds itself" is a test that passes. dtype=np.uint8
#   in `add` means bits as well.
# So: say dtype="u8" in the index and in each `add` and `search`, or give float32 to an index with dtype="f32".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q usearch==2.26.6 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import numpy as np
from usearch.index import Index

images = np.random.default_rng(0).integers(0, 256, (500, 64), np.uint8)
exact = np.square(images[:, None].astype(np.int64) - images).sum(-1)
nearest = np.argsort(exact, axis=1)[:, :5]
bits = np.unpackbits(images[:, :8], axis=1)
different = (bits[:, None] != bits).sum(-1)


def search(data, kind, **given):
    index = Index(ndim=64, metric="l2sq", dtype=kind)
    index.add(np.arange(500), data, **given)
    return index.search(data, 5, **given)


for kind in "u8", "f32":
    found = search(images, kind)
    itself = np.mean(found.keys[:, 0] == np.arange(500))
    others = np.mean([len(np.intersect1d(a[1:], b[1:])) for a, b in zip(found.keys, nearest, strict=True)]) / 4
    print(f"{kind}: itself {itself:.0%}, others {others:.1%}, distances {found.distances[0]}")
    assert itself > 0.98 and others < 0.05
    assert np.array_equal(found.distances[0], np.sort(different[0])[:5])
for right in search(images, "u8", dtype="u8"), search(images.astype(np.float32), "f32"):
    assert np.mean(right.keys == nearest) > 0.95 and np.array_equal(right.distances[0], np.sort(exact[0])[:5])
PY
