#!/usr/bin/env bash
# The package tfrecord cuts zeros off the ends of byte strings that come in a list.
#
# Common guess: bytes come back as they were written, one string or several.
# Seen (tfrecord 1.14.6): a feature with one string is exact. A feature with several (the frames of a clip) comes back
#   as a NumPy array of dtype S, which drops zeros at the end of each: a frame that ends in black pixels is too short,
#   and a black frame is empty. Whether zeros vanish thus depends on how many strings a record happens to have.
# So: pad by the known shape, or store one string a feature.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q tfrecord==1.14.6 numpy==2.4.6
cd "$work"
venv/bin/python - << 'PY'
import numpy as np
import tfrecord

frames = [np.array([[9, 0], [7, 0]], np.uint8), np.zeros((2, 2), np.uint8)]
writer = tfrecord.TFRecordWriter("clips.tfrecord")
writer.write({"frame": (frames[0].tobytes(), "byte"), "clip": ([frame.tobytes() for frame in frames], "byte")})
writer.close()
(record,) = tfrecord.tfrecord_loader("clips.tfrecord", None, {"frame": "byte", "clip": "byte"})
print("one string: ", bytes(record["frame"]))
print("two strings:", [bytes(frame) for frame in record["clip"]], "of", [frame.tobytes() for frame in frames])
assert bytes(record["frame"]) == frames[0].tobytes()
assert [bytes(frame) for frame in record["clip"]] == [b"\x09\x00\x07", b""]
PY
