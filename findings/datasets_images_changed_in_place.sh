#!/usr/bin/env bash
# An image that Pillow opened from a file and changed in place goes into datasets unchanged.
#
# Common guess: a Pillow image put into a data set is kept with the pixels that it has now.
# Seen (datasets 5.2.0, Pillow 13.0.0): `thumbnail`, `paste` and ImageDraw leave the image's `filename`. datasets then
#   keeps the name and drops the pixels: a thumbnail of 32x32 comes back as 256x256, and what was painted over comes
#   back visible. `map` on a folder of images does the same. `copy` makes a new image without a name, which is kept
#   right. Nothing warns.
# So: give `image.copy()`.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q datasets==5.2.0 pyarrow==26.0.1 pillow==13.0.0 numpy==2.4.6
cd "$work"
HF_HUB_OFFLINE=1 HF_HOME="$work/home" venv/bin/python - 2> errors.txt << 'PY' || { cat errors.txt; exit 1; }
import pathlib

import datasets
import numpy as np
from PIL import Image, ImageDraw


def small(image):
    image.thumbnail((32, 32))


def hidden(image):
    ImageDraw.Draw(image).rectangle((0, 0, 255, 127), fill=(0, 0, 0))


def pasted(image):
    image.paste((0, 0, 0), (0, 0, 256, 128))


def same(first, second):
    return np.array_equal(np.asarray(first), np.asarray(second))


picture = Image.fromarray(np.random.default_rng(0).integers(1, 256, (128, 256, 3), np.uint8)).resize((256, 256))
picture.save("picture.png")

for change in small, hidden, pasted:
    image = Image.open("picture.png")
    image.load()
    change(image)
    assert not same(image, picture)
    kept = datasets.Dataset.from_dict({"image": [image]})
    raw = kept.cast_column("image", datasets.Image(decode=False))[0]["image"]
    assert raw["bytes"] is None and raw["path"].endswith("picture.png")
    copied = datasets.Dataset.from_dict({"image": [image.copy()]})
    print(f"{change.__name__}: kept as {raw}")
    assert same(kept[0]["image"], picture) and not same(kept[0]["image"], image)
    assert same(copied[0]["image"], image)

# The same in `map`, for images in a folder.
pathlib.Path("folder").mkdir()
picture.save("folder/picture.png")
images = datasets.load_dataset("imagefolder", data_dir="folder", split="train", cache_dir="cache")


def thumbnail(row):
    row["image"].thumbnail((32, 32))
    return {"image": row["image"]}


mapped = images.map(thumbnail)
print("map with thumbnail:", mapped[0]["image"].size)
assert mapped[0]["image"].size == (256, 256)
PY
