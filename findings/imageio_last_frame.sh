#!/usr/bin/env bash
# imageio's PyAV reader gives the first frame of a video for index=-1, and for index=-2 too.
#
# Common guess: `imread(path, index=-1)` gives the last frame, as in NumPy, or refuses.
# Seen (imageio 2.38.1, av 18.1.0): each negative index gives the first frame. imageio's Pillow reader refuses these,
#   and this one refuses an index past the end. A strip of first and last frames, or the last image of a
#   film of training samples, shows the first one twice. Nothing warns.
# So: index=count - 1, with count = imageio.v3.improps(path, plugin="pyav").shape[0].
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q imageio==2.38.1 av==18.1.0 numpy==2.4.6 pillow==13.0.0
cd "$work"
venv/bin/python - << 'PY'
import imageio.v3 as imageio
import numpy as np

frames = np.stack([np.full((64, 64, 3), 20 * number, np.uint8) for number in range(10)])
imageio.imwrite("film.mp4", frames, plugin="pyav", codec="libx264", fps=10)
imageio.imwrite("film.gif", frames)


def number(path, index, plugin):
    return round(imageio.imread(path, plugin=plugin, index=index).mean() / 20)


count = imageio.improps("film.mp4", plugin="pyav").shape[0]
assert count == 10
assert [number("film.mp4", index, "pyav") for index in range(count)] == list(range(10))
for index in -1, -2, -10:
    print(f"index={index}: frame {number('film.mp4', index, 'pyav')}")
    assert number("film.mp4", index, "pyav") == 0
for path, index, plugin in ("film.gif", -1, "pillow"), ("film.mp4", 10, "pyav"):
    try:
        number(path, index, plugin)
        raise SystemExit(f"{path}, {index}: not refused")
    except (EOFError, StopIteration) as error:
        print(f"{path}, index={index}, {plugin}: {type(error).__name__}")
PY
