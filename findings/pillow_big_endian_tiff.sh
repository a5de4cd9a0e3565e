#!/usr/bin/env bash
# Pillow swaps the bytes of compressed big-endian TIFF twice.
#
# Common guess: a TIFF of whole numbers that opens without an error holds the numbers that were written; compression
#   changes nothing.
# Seen (Pillow 13.0.0, tifffile 2026.3.3): int16, int32 and float32 images that tifffile writes big-endian come back
#   right uncompressed and with other numbers when compressed (7 becomes 1792), without a warning. uint16 is right.
# So: read scientific TIFF by tifffile, or refuse big-endian compressed files of these types.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q pillow==13.0.0 tifffile==2026.3.3 imagecodecs==2026.3.6 numpy==2.4.6
cd "$work"
venv/bin/python - << 'PY'
import numpy as np
import tifffile
from PIL import Image

wrong = {}
for kind in "uint16", "int16", "int32", "float32":
    for order in "<", ">":
        for compression in None, "zlib", "lzw":
            written = (np.arange(30).reshape(6, 5) * 1000 + 7).astype(kind)
            tifffile.imwrite("image.tif", written, byteorder=order, compression=compression)
            assert np.array_equal(tifffile.imread("image.tif"), written)
            read = np.asarray(Image.open("image.tif"))
            if not np.array_equal(read, written):
                wrong[kind, order, compression] = read[0, 0].item()
for case, value in wrong.items():
    print(*case, "has", value, "where 7 was written")
assert set(wrong) == {(kind, ">", c) for kind in ("int16", "int32", "float32") for c in ("zlib", "lzw")}
assert wrong["int16", ">", "zlib"] == 1792
PY
