#!/usr/bin/env bash
# OpenVINO and OpenCV read an ONNX Resize with antialias=1, and shrink the image without antialiasing.
#
# Common guess: a runtime that loads the node does what it says, or refuses it. (tinygrad refuses it.)
# Seen (openvino 2026.4.1 and opencv-python-headless 5.0.0.93 on a CPU, onnx 1.23.2, onnxruntime 1.32.0): antialias=1
#   and antialias=0 give the same numbers in OpenVINO and in OpenCV, for "linear" and "cubic". ONNX Runtime smooths,
#   as Pillow does. From 64 to 16 pixels noise keeps 3 times the contrast, and fine black and white stripes become
#   white, not grey. So a score computed behind such a node (an FID network that resizes its input) is that of other
#   images. Nothing warns.
# So: resize before the network, or use AveragePool for whole factors, and compare with ONNX Runtime.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q openvino==2026.4.1 opencv-python-headless==5.0.0.93 onnx==1.23.2 \
    onnxruntime==1.32.0 pillow==13.0.0 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import cv2
import numpy as np
import onnxruntime
import openvino
from onnx import TensorProto, helper, numpy_helper
from PIL import Image


def build(image, **settings):
    node = helper.make_node("Resize", ["x", "", "", "size"], ["y"], cubic_coeff_a=-0.5, **settings)
    graph = helper.make_graph(
        [node],
        "resize",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, image.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 16, 16])],
        [numpy_helper.from_array(np.array([1, 1, 16, 16]), "size")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9).SerializeToString()


def with_onnxruntime(model, image):
    return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]).run(None, {"x": image})[0]


def with_openvino(model, image):
    core = openvino.Core()
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    return core.compile_model(core.read_model(model), "CPU", settings)({"x": image})[0]


def with_opencv(model, image):
    network = cv2.dnn.readNetFromONNX(np.frombuffer(model, np.uint8))
    network.setInput(image, "x")
    return network.forward()


ways = with_onnxruntime, with_openvino, with_opencv
noise = np.random.default_rng(0).standard_normal((1, 1, 64, 64)).astype(np.float32)
stripes = np.zeros((1, 1, 64, 64), np.float32)
stripes[..., 1::4] = stripes[..., 2::4] = 1
for mode, pillow_mode in ("linear", Image.BILINEAR), ("cubic", Image.BICUBIC):
    pillow = np.asarray(Image.fromarray(noise[0, 0]).resize((16, 16), pillow_mode))
    for way in ways:
        smooth, plain = (build(noise, mode=mode, antialias=flag) for flag in (1, 0))
        found, without = way(smooth, noise)[0, 0], way(plain, noise)[0, 0]
        grey = way(smooth, stripes).mean()
        error = np.abs(found - pillow)[2:-2, 2:-2].max()  # they differ at the edges
        stds = f"{found.std():.2f} ({without.std():.2f} without)"
        print(f"{mode} {way.__name__}: noise {stds}, stripes {grey:.2f}, off from Pillow by {error:.2f}")
        if way is with_onnxruntime:
            assert error < 1e-4 and found.std() < 0.5 * without.std() and abs(grey - 0.5) < 0.01
        else:
            assert np.array_equal(found, without) and error > 1 and grey > 0.99
PY
