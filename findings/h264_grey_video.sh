#!/usr/bin/env bash
# A grey video that was written without loss loses its darkest and its lightest levels when it is read.
#
# Common guess: H.264 with pix_fmt "gray" and crf 0 is lossless, so the 256 levels come back.
# Seen (PyAV 18.1.0, opencv-python-headless 5.0.0.93): the file holds the right bytes, 0 to 255, and does not say that
#   they use the full range. So PyAV's "gray" and "rgb24", and OpenCV, take them for 16 to 235 and stretch them: 0 to 16
#   become 0, 235 to 255 become 255, and 100 becomes 97 or 98. Dim details of a depth map or an X-ray are gone. FFV1
#   with the same format is exact, and H.264 with yuv420p is off by one. Nothing warns.
# So: stream.codec_context.color_range = 2 (full) before the first frame.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q av==18.1.0 opencv-python-headless==5.0.0.93 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import av
import cv2
import numpy as np

image = np.tile(np.arange(256, dtype=np.uint8), (64, 1))


def write(codec, layout, options=(), full=False):
    with av.open("video.mkv", "w") as file:
        stream = file.add_stream(codec, rate=24, options=dict(options))
        stream.width, stream.height, stream.pix_fmt = 256, 64, layout
        if full:
            stream.codec_context.color_range = 2
        for frame in [av.VideoFrame.from_ndarray(image, format="gray")] * 5 + [None]:
            file.mux(stream.encode(frame))


def read():
    with av.open("video.mkv") as file:
        frame = next(file.decode(video=0))
        stored = np.frombuffer(frame.planes[0], np.uint8).reshape(64, -1)[:, :256]
        found = {"gray": frame.to_ndarray(format="gray"), "rgb24": frame.to_ndarray(format="rgb24")[..., 0]}
    found["OpenCV"] = cv2.VideoCapture("video.mkv").read()[1][..., 0]
    return stored, found


lossless = {"crf": "0"}.items()
write("libx264", "gray", lossless)
stored, found = read()
assert np.array_equal(stored, image)
for name, pixels in found.items():
    error = np.abs(pixels.astype(int) - image)
    print(f"{name}: {len(np.unique(pixels))} levels of 256, errors up to {error.max()}")
    assert not pixels[:, :17].any() and (pixels[:, 235:] == 255).all()
    assert len(np.unique(pixels)) < 225 and error.max() in (19, 20)

for codec, layout, options, full, largest in [
    ("libx264", "gray", lossless, True, 0),
    ("ffv1", "gray", (), False, 0),
    ("libx264", "yuv420p", lossless, False, 1),
]:
    write(codec, layout, options, full)
    errors = [np.abs(pixels.astype(int) - image).max() for pixels in read()[1].values()]
    print(f"{codec} with {layout}, full range set: {full}: errors up to {errors}")
    assert max(errors) <= largest
PY
