#!/usr/bin/env bash
# Pillow writes the transparency of a BMP and does not read it.
#
# Common guess: an RGBA image saved as BMP comes back RGBA, or saving fails, as for JPEG.
# Seen (Pillow 13.0.0): the file has 32 bits a pixel and holds the alpha values in the fourth byte; reading gives RGB,
#   without a warning. TGA keeps them.
# So: read the fourth byte yourself, or save PNG.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q pillow==13.0.0
cd "$work"
venv/bin/python - << 'PY'
from PIL import Image

image = Image.new("RGBA", (4, 4), (200, 100, 50, 7))
for kind in "bmp", "tga", "png":
    image.save(f"a.{kind}")
    read = Image.open(f"a.{kind}")
    print(kind, read.mode, read.getpixel((0, 0)))
content = open("a.bmp", "rb").read()
assert content.endswith(bytes([50, 100, 200, 7]) * 16)
assert Image.open("a.bmp").mode == "RGB"
assert Image.open("a.tga").getpixel((0, 0)) == (200, 100, 50, 7)
PY
