#!/usr/bin/env bash
# The COCO score of a perfect detector is 0.64, because one of the annotations has the id 0.
#
# Common guess: ids are names, and may count from 0 as the rows of a table do. A wrong one would be refused.
# Seen (pycocotools 2.0.11): the evaluation notes for each detection the id of its annotation, and takes 0 for "none".
#   So the detection that fits the annotation 0 counts as a false alarm, with its full score. For five objects that are
#   all found, precision is 0.64 with ids from 0 and 1 with ids from 1; for one object it is 0. createIndex and loadRes
#   take such ids, and nothing warns. Ids of images and classes may be 0.
# So: count annotations from 1.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q pycocotools==2.0.11 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import contextlib
import io

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def precision(count, first, image=1, category=1):
    """Return the average precision of detections that are the annotations themselves."""
    corners = np.random.default_rng(0).integers(0, 400, (count, 2)).tolist()
    annotations = [
        {"id": first + number, "image_id": image, "category_id": category, "bbox": [*corner, 50, 50], "area": 2500,
         "iscrowd": 0}
        for number, corner in enumerate(corners)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {"info": {}, "images": [{"id": image, "width": 500, "height": 500}], "annotations": annotations,
                        "categories": [{"id": category, "name": "object"}]}
        coco.createIndex()
        found = coco.loadRes([{key: each[key] for key in ("image_id", "category_id", "bbox")} | {"score": 0.9}
                              for each in annotations])
        evaluation = COCOeval(coco, found, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return round(float(evaluation.stats[0]), 2)


for count in 1, 5, 100:
    print(f"{count} objects, all found: {precision(count, 0)} with ids from 0, {precision(count, 1)} from 1")
    assert precision(count, 0) < 1 and precision(count, 1) == precision(count, 1000) == 1
assert precision(1, 0) == 0 and precision(5, 0) == 0.64
assert precision(5, 1, image=0) == precision(5, 1, category=0) == 1
PY
