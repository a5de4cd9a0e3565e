#!/usr/bin/env bash
# The same labels beside a folder of images differ between metadata.csv and metadata.jsonl.
#
# Common guess: `imagefolder` of datasets reads one table of labels from either file.
# Seen (datasets 5.2.0, pandas 3.1.1, pyarrow 26.0.1): the csv goes through pandas, which reads the code 007 as the
#   number 7, and the classes NA and None as missing. The jsonl keeps "007", "NA" and "None". Nothing warns, so a class
#   named NA silently loses its images' labels.
# So: write jsonl, or compare the classes found with those that were meant.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q datasets==5.2.0 pandas==3.1.1 pyarrow==26.0.1 pillow==13.0.0
cd "$work"
HF_HUB_OFFLINE=1 HF_HOME="$work/home" venv/bin/python - 2> errors.txt << 'PY' || { cat errors.txt; exit 1; }
import csv
import json
import pathlib

import datasets
from PIL import Image

rows = [
    {"file_name": f"{number}.png", "code": code, "kind": kind}
    for number, (code, kind) in enumerate([("007", "NA"), ("010", "cat"), ("003", "None")])
]
found = {}
for ending in "csv", "jsonl":
    folder = pathlib.Path(ending)
    folder.mkdir()
    for row in rows:
        Image.new("RGB", (4, 4)).save(folder / row["file_name"])
    if ending == "csv":
        with open(folder / "metadata.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    else:
        (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    read = datasets.load_dataset("imagefolder", data_dir=ending, split="train", cache_dir="cache")
    found[ending] = list(read["code"]), list(read["kind"])
    print(ending, *found[ending])
assert found["csv"] == ([7, 10, 3], [None, "cat", None])
assert found["jsonl"] == (["007", "010", "003"], ["NA", "cat", "None"])
PY
