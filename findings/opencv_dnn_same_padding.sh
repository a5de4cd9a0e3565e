#!/usr/bin/env bash
# OpenCV 5 puts the odd row of an ONNX auto_pad="SAME_UPPER" on the wrong side, and cuts a transposed convolution.
#
# Common guess: OpenCV's networks give what ONNX Runtime gives: SAME_UPPER pads one more below and on the right, as TF
#   and Keras do, and a transposed convolution with SAME and a stride of 2 doubles the image.
# Seen (opencv-python-headless 5.0.0.93, onnx 1.23.2, onnxruntime 1.32.0): where the padding is odd, as for a kernel
#   of 3 with a stride of 2 on an even size, OpenCV pads above and on the left, so every window lies one pixel too
#   early: its SAME_UPPER is SAME_LOWER. MaxPool and AveragePool do so too. With a kernel of 4 and no stride
#   SAME_LOWER is wrong. ConvTranspose with SAME gives 15 x 15 pixels for 8 x 8 though the file says 16 x 16, and
#   output_shape=[16, 16] gives 19 x 19. The pads written as numbers are right. Nothing warns.
# So: export with explicit pads, and compare one image with ONNX Runtime.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q opencv-python-headless==5.0.0.93 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import cv2
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

random = np.random.default_rng(0)
image = random.standard_normal((1, 1, 8, 8)).astype(np.float32)


def run(operator, kernel, stride, **settings):
    """Return what ONNX Runtime and OpenCV make of one node."""
    names, stored = ["x"], []
    if "Conv" in operator:
        weights = np.random.default_rng(1).standard_normal((1, 1, kernel, kernel)).astype(np.float32)
        names, stored = ["x", "w"], [numpy_helper.from_array(weights, "w")]
    size = 8 * stride if operator == "ConvTranspose" else 8 // stride
    node = helper.make_node(operator, names, ["y"], kernel_shape=[kernel] * 2, strides=[stride] * 2, **settings)
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 1, s, s]) for n, s in (("x", 8), ("y", size))]
    graph = helper.make_graph([node], "same", ends[:1], ends[1:], stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    network = cv2.dnn.readNetFromONNX(np.frombuffer(model, np.uint8))
    network.setInput(image, "x")
    return session.run(None, {"x": image})[0], network.forward()


for operator, kernel, stride, wrong in [
    ("Conv", 3, 2, "SAME_UPPER"),
    ("MaxPool", 3, 2, "SAME_UPPER"),
    ("AveragePool", 3, 2, "SAME_UPPER"),
    ("Conv", 4, 1, "SAME_LOWER"),
]:
    pairs = {side: run(operator, kernel, stride, auto_pad=side) for side in ("SAME_UPPER", "SAME_LOWER")}
    total = kernel - stride
    pads = [total // 2] * 2 + [total - total // 2] * 2
    pairs["SAME_UPPER as numbers"] = run(operator, kernel, stride, pads=pads)
    assert np.array_equal(pairs["SAME_UPPER as numbers"][0], pairs["SAME_UPPER"][0])
    (right,) = {"SAME_UPPER", "SAME_LOWER"} - {wrong}
    for name, (expected, found) in pairs.items():
        error = np.abs(found - expected).max()
        print(f"{operator}, kernel {kernel}, stride {stride}, {name}: largest error {error:.2f}")
        assert error > 0.5 if name == wrong else error < 1e-4
    assert np.allclose(pairs[wrong][1], pairs[right][0], atol=1e-4)
for settings, size in ({"auto_pad": "SAME_UPPER"}, 15), ({"output_shape": [16, 16]}, 19), ({"pads": [1, 1, 1, 1]}, 16):
    expected, found = run("ConvTranspose", 4, 2, **settings)
    print(f"ConvTranspose {settings}: ONNX Runtime {expected.shape[2:]}, OpenCV {found.shape[2:]}")
    assert expected.shape[2:] == (16, 16) and found.shape[2:] == (size, size)
assert np.allclose(found, expected, atol=1e-4)
PY
