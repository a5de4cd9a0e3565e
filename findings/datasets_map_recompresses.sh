#!/usr/bin/env bash
# A `map` of datasets that only looks at a JPEG or WebP image compresses it again, with loss.
#
# Common guess: `map` with a function that returns {"width": ...} adds that column and leaves the images' bytes alone.
# Seen (datasets 5.2.0, Pillow 13.0.0): a column of images that the function reads is decoded, and written back by
#   Pillow with its default quality of 75. A JPEG of quality 95 loses half of its bytes, and its pixels change by up to
#   60 levels. A lossless WebP becomes a lossy one. A function that does not touch the image leaves it alone, and PNG
#   is exact. Nothing warns. It concerns images kept as bytes, as in parquet, not files in a folder.
# So: cast the column to Image(decode=False) before such a `map`, and open the bytes in the function.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q datasets==5.2.0 pyarrow==26.0.1 pillow==13.0.0 numpy==2.4.6
cd "$work"
HF_HUB_OFFLINE=1 HF_HOME="$work/home" venv/bin/python - 2> errors.txt << 'PY' || { cat errors.txt; exit 1; }
import io

import datasets
import numpy as np
from PIL import Image

small = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
picture = Image.fromarray(small).resize((256, 256))


def encoded(ending, **options):
    file = io.BytesIO()
    picture.save(file, ending, **options)
    return file.getvalue()


def width(row):
    return {"width": row["image"].width}


def width_of_bytes(row):
    return {"width": Image.open(io.BytesIO(row["image"]["bytes"])).width}


def held(images):
    return images.cast_column("image", datasets.Image(decode=False))[0]["image"]["bytes"]


def difference(first, second):
    first, second = (np.asarray(Image.open(io.BytesIO(part))).astype(int) for part in (first, second))
    return abs(first - second).max()


files = {
    "JPEG": encoded("JPEG", quality=95),
    "WebP": encoded("WEBP", lossless=True),
    "PNG": encoded("PNG"),
}
found = {}
for name, data in files.items():
    images = datasets.Dataset.from_dict({"image": [{"bytes": data, "path": None}], "text": ["a"]})
    images.cast_column("image", datasets.Image()).to_parquet(f"{name}.parquet")
    images = datasets.load_dataset("parquet", data_files=f"{name}.parquet", split="train", cache_dir="cache")
    assert held(images) == data
    after = held(images.map(width))
    found[name] = difference(data, after)
    print(f"{name}: {len(data)} bytes before, {len(after)} after; pixels differ by up to {found[name]}")
    assert held(images.map(lambda row: {"length": len(row["text"])})) == data
    raw = images.cast_column("image", datasets.Image(decode=False)).map(width_of_bytes)
    assert raw[0]["width"] == 256 and held(raw) == data
assert found["JPEG"] > 20 and found["WebP"] > 20 and found["PNG"] == 0
PY
