#!/usr/bin/env bash
# OpenEXR writes the wrong pixels for channels that are slices of one RGB array.
#
# Common guess: `{"R": image[..., 0], "G": image[..., 1], "B": image[..., 2]}` writes the three channels.
# Seen (OpenEXR 3.5.3): it writes the numbers as they lie in memory and takes no notice of strides. Each of the three
#   then holds red, green and blue of the upper third of the image, mixed. An array in channels first that was
#   transposed to channels last, and a crop, are scrambled too. `{"RGB": image}` is right where the image is contiguous.
#   Nothing warns. The project's issue 1929, open since 2024, tells of it, and the documentation does not.
# So: numpy.ascontiguousarray on each array.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q OpenEXR==3.5.3 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import numpy as np
import OpenEXR

header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}


def back(channels):
    with OpenEXR.File(dict(header), dict(channels)) as file:
        file.write("image.exr")
    with OpenEXR.File("image.exr", separate_channels=list(channels) != ["RGB"]) as file:
        return {name: np.array(file.channels()[name].pixels) for name in channels}


image = np.random.default_rng(0).random((48, 64, 3), np.float32)
image *= [0.2, 0.5, 1.0]
channels = {name: image[..., place] for place, name in enumerate("RGB")}
for name, found in back(channels).items():
    place = "RGB".index(name)
    print(f"{name}: mean {found.mean():.2f} instead of {channels[name].mean():.2f}")
    assert np.array_equal(found.ravel(), image.ravel()[place:][: found.size])
    assert np.mean(found == channels[name]) < 0.01

first = np.ascontiguousarray(image.transpose(2, 0, 1))
for what, name, given, memory in [
    ("channels first, transposed", "RGB", first.transpose(1, 2, 0), first),
    ("left half", "Y", first[0, :, :32], first[0]),
]:
    found = back({name: given})[name]
    print(f"{what}: {np.mean(found == given):.1%} of the numbers are in their places")
    assert np.array_equal(found.ravel(), memory.ravel()[: found.size]) and np.mean(found == given) < 0.05
    assert np.array_equal(back({name: np.ascontiguousarray(given)})[name], given)

whole = {name: np.ascontiguousarray(channel) for name, channel in channels.items()}
for name, found in back(whole).items():
    assert np.array_equal(found, channels[name])
assert np.array_equal(back({"RGB": image})["RGB"], image)
PY
