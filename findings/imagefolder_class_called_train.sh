#!/usr/bin/env bash
# A class called "train", or one file with "test" in its name, makes all other images of a folder vanish.
#
# Common guess: `imagefolder` of datasets reads all images of bus/, car/ and train/ as three classes.
# Seen (datasets 5.2.0): a word such as train or test in a path is taken as a split, and then whatever has no such word
#   is left out. Of 15 images of the vehicles bus, car and train come 5, without labels. Of 21 images of cats and dogs,
#   of which one is dog/stress_test.png, comes that one. Nothing warns.
# So: count the rows. Put everything below one folder called train, or give data_files={"train": "**"}.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q datasets==5.2.0 pyarrow==26.0.1 pillow==13.0.0
cd "$work"
HF_HUB_OFFLINE=1 HF_HOME="$work/home" venv/bin/python - 2> errors.txt << 'PY' || { cat errors.txt; exit 1; }
import pathlib

import datasets
from PIL import Image


def made(root, names):
    for name in names:
        file = pathlib.Path(root, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(file)


def read(root, **options):
    parts = datasets.load_dataset("imagefolder", data_dir=root, cache_dir="cache", **options)
    found = {split: (len(part), part.features["label"].names if "label" in part.features else None)
             for split, part in parts.items()}
    print(root, options, found)
    return found


vehicles = [f"{kind}/{number}.png" for kind in ("bus", "car", "train") for number in range(5)]
made("vehicles", vehicles)
pets = [f"{kind}/{number}.png" for kind in ("cat", "dog") for number in range(10)]
made("pets", pets + ["dog/stress_test.png"])
made("inside/train", vehicles)
assert read("vehicles") == {"train": (5, None)}
assert read("pets") == {"test": (1, None)}
three = {"train": (15, ["bus", "car", "train"])}
assert read("vehicles", data_files={"train": "**"}) == three
assert read("inside") == three
PY
