#!/usr/bin/env bash
# A virtual HDF5 data set whose shard is missing reads as black images of class 0, without an error.
#
# Common guess: a virtual data set over shards raises where a shard cannot be found, as h5py does for an external link,
#   or for the shard itself.
# Seen (h5py 3.16.0): the rows of a missing shard are the fill value, and that is 0 unless one was given. Images are
#   black and their labels 0, a class that exists. The same where the data set in the shard has another name. Where the
#   index file was copied to another folder, it works in the shards' folder and gives zeros only anywhere else, because
#   names are looked up beside the index file and in the current folder. A shard that is too short does raise.
# So: create_virtual_dataset(..., fillvalue=-1) for labels, and look for the file_name of each of virtual_sources().
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q h5py==3.16.0 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import os
import shutil

import h5py
import numpy as np


def read(path):
    """Return the mean of each image, and the labels."""
    with h5py.File(path) as file:
        return file["image"][:].mean((1, 2)).tolist(), file["label"][:].tolist()


def index(path, no_label):
    with h5py.File(path, "w") as file:
        for name, shape, dtype, fill in ("image", (8, 8), np.uint8, None), ("label", (), np.int64, no_label):
            layout = h5py.VirtualLayout((6, *shape), dtype)
            for part in range(3):
                layout[2 * part:2 * part + 2] = h5py.VirtualSource(f"{part}.h5", name, shape=(2, *shape))
            file.create_virtual_dataset(name, layout, fillvalue=fill)


os.mkdir("shards")
os.chdir("shards")
for part in range(3):
    with h5py.File(f"{part}.h5", "w") as file:
        file["image"], file["label"] = np.full((2, 8, 8), 100 + part, np.uint8), [part + 1] * 2
index("all.h5", None)
index("marked.h5", -1)
whole = [100, 100, 101, 101, 102, 102], [1, 1, 2, 2, 3, 3]
assert read("all.h5") == read("marked.h5") == whole

os.mkdir("../copied")
shutil.copy("all.h5", "../copied")
assert read("../copied/all.h5") == whole
os.chdir("..")
print("index copied, read from elsewhere:", read("copied/all.h5"))
assert read("shards/all.h5") == whole
assert read("copied/all.h5") == ([0] * 6, [0] * 6)

os.rename("shards/1.h5", "1.h5.part")
print("one of three shards missing:", read("shards/all.h5"))
assert read("shards/all.h5") == ([100, 100, 0, 0, 102, 102], [1, 1, 0, 0, 3, 3])
with h5py.File("shards/marked.h5") as file:
    assert file["label"][:].tolist() == [1, 1, -1, -1, 3, 3]
with h5py.File("shards/links.h5", "w") as file:
    file["0"], file["1"] = (h5py.ExternalLink(f"{part}.h5", "label") for part in range(2))
with h5py.File("shards/links.h5") as file:
    assert file["0"][:].tolist() == [1, 1]
    try:
        file["1"]
    except KeyError as error:
        print("an external link:", error)
    else:
        raise AssertionError("the missing shard went unnoticed")
PY
