#!/usr/bin/env bash
# imageio makes frames up and loses others: a video of ten images is read as 34, and one of the ten is not among them.
#
# Common guess: `imageio.v3.imread(video)` returns the frames that the file holds, each once.
# Seen (imageio 2.38.1, imageio-ffmpeg 0.8.1): its FFMPEG reader asks for a constant rate. Where the pauses between
#   frames differ, as in films of phones and of screens, it repeats frames to fill them, and drops one here. Indexes
#   count the copies: index=9 is the third image, and labels by frame number slip. imageio takes this
#   reader for .mp4 by itself where imageio-ffmpeg is there. Its PyAV reader and OpenCV return the ten. Nothing warns.
# So: plugin="pyav".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q imageio==2.38.1 imageio-ffmpeg==0.8.1 av==18.1.0 opencv-python-headless==5.0.0.93
cd "$work"
venv/bin/python - << 'PY'
import fractions

import av
import cv2
import imageio.v3 as imageio
import numpy as np

shots = [np.full((64, 64, 3), 20 * number, np.uint8) for number in range(10)]


def write(times):
    with av.open("film.mp4", "w") as file:
        stream = file.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for shot, time in zip(shots, times, strict=True):
            frame = av.VideoFrame.from_ndarray(shot, format="rgb24")
            frame.pts, frame.time_base = time, fractions.Fraction(1, 1000)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def numbers(frames):
    return [round(frame.mean() / 20) for frame in frames]


def by_opencv():
    video = cv2.VideoCapture("film.mp4")
    frames = []
    while (read := video.read())[0]:
        frames.append(read[1])
    return numbers(frames)


right = list(range(10))
write(range(0, 400, 40))
assert numbers(imageio.imread("film.mp4")) == right
write([0, 40, 80, 480, 520, 560, 1200, 1240, 1280, 1320])
found = numbers(imageio.imread("film.mp4"))
print(f"{len(found)} frames:", found)
assert found == numbers(imageio.imread("film.mp4", plugin="FFMPEG")) and len(found) > 30
assert 4 not in found and found.count(2) > 5
assert round(imageio.imread("film.mp4", index=9).mean() / 20) == 2
assert numbers(imageio.imread("film.mp4", plugin="pyav")) == by_opencv() == right
PY
