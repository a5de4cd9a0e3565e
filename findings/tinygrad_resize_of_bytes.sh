#!/usr/bin/env bash
# tinygrad resizes a smooth uint8 image rightly and a image with sharp edges wrongly.
#
# Common guess: `Tensor.interpolate(mode="linear")` of uint8 gives what it gives for floats, rounded: it has code of
#   its own for uint8. The same for an ONNX Resize node.
# Seen (tinygrad 0.14.0 with DEV=PYTHON, which needs no compiler): right within 1 where neighbours differ by up to
#   127. Where they differ by more, the difference is cut to 8 bits: between black and white, 0 and 255, come 0 and
#   255 where 64 and 191 are right, and between 0 and 200 come 242 and 214 where 50 and 150 are right. Noise is off by
#   up to 192. Modes "nearest" are right. Nothing warns.
# So: image.float().interpolate(...).round().clip(0, 255).cast("uint8").
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q tinygrad==0.14.0 onnx==1.23.2 numpy==2.4.6
cd "$work"
DEV=PYTHON venv/bin/python -W error - << 'PY'
import numpy as np
import onnx
from onnx import helper, numpy_helper
from tinygrad import Tensor
from tinygrad.nn.onnx import OnnxRunner


def resize(image, mode="linear"):
    return Tensor(image[None, None]).interpolate((8, 8), mode=mode).numpy()[0, 0].astype(float)


def with_onnx(image):
    kind = helper.np_dtype_to_tensor_dtype(image.dtype)
    graph = helper.make_graph(
        [helper.make_node("Resize", ["x", "", "", "size"], ["y"], mode="linear")],
        "resize",
        [helper.make_tensor_value_info("x", kind, [1, 1, 4, 4])],
        [helper.make_tensor_value_info("y", kind, [1, 1, 8, 8])],
        [numpy_helper.from_array(np.array([1, 1, 8, 8]), "size")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), "resize.onnx")
    return OnnxRunner("resize.onnx")({"x": Tensor(image[None, None])})["y"].numpy()[0, 0].astype(float)


noise = np.random.default_rng(0).integers(0, 256, (4, 4)).astype(np.uint8)
edge = np.zeros((4, 4), np.uint8)
errors = {}
for height in 100, 127, 128, 200, 255:
    edge[:, 2:] = height
    found, expected = resize(edge), resize(edge.astype(np.float32))
    errors[height] = float(np.abs(found - expected).max())
    print(f"edge from 0 to {height}: {found[0, 2:6]}, as floats {expected[0, 2:6]}")
print(errors)
noise_error = [float(np.abs(way(noise) - way(noise.astype(np.float32))).max()) for way in (resize, with_onnx)]
print("noise, interpolate and ONNX Resize: largest errors", noise_error)
assert max(errors[100], errors[127]) <= 1 and min(errors[128], errors[200], errors[255]) > 60
assert min(noise_error) > 100
assert np.array_equal(resize(noise, "nearest"), resize(noise.astype(np.float32), "nearest"))
PY
