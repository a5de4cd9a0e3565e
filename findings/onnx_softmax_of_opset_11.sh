#!/usr/bin/env bash
# Four tools run the Softmax of an ONNX file of opset 12 or below as today's Softmax, among them ONNX's own reference.
#
# Common guess: a file carries its opset, so all tools compute it alike; who doubts a runtime asks `onnx.reference`.
# Seen (onnx 1.23.2, openvino 2026.4.1, opencv-python-headless 5.0.0.93, tinygrad 0.14.0, onnxruntime 1.32.0): up to
#   opset 12 Softmax with axis=1, its default, takes all axes from 1 on together: an attention map (N, H, W) sums to 1
#   for each image. ONNX Runtime does so. The reference evaluator, OpenCV and tinygrad, and for opset 11 and 12
#   OpenVINO too, normalise along axis 1 alone: the sum is W, and each column has a weight of 1. OpenVINO's LogSoftmax
#   is right, so it is not the log of its Softmax. onnx.version_converter to opset 13 keeps the meaning. Nothing
#   warns.
# So: convert old files with onnx.version_converter first, and do not take an agreement of these four for a proof.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q onnx==1.23.2 openvino==2026.4.1 opencv-python-headless==5.0.0.93 tinygrad==0.14.0 \
    onnxruntime==1.32.0 numpy==2.4.6
cd "$work"
DEV=PYTHON venv/bin/python - << 'PY'
import cv2
import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, helper, version_converter
from onnx.reference import ReferenceEvaluator
from tinygrad import Tensor
from tinygrad.nn.onnx import OnnxRunner

scores = np.random.default_rng(0).standard_normal((2, 4, 5)).astype(np.float32)


def build(operator, opset):
    node = helper.make_node(operator, ["x"], ["y"], axis=1)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 4, 5]) for name in "xy"]
    graph = helper.make_graph([node], "attention", ends[:1], ends[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=6)


def with_onnxruntime(model):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": scores})[0]


def with_reference(model):
    return ReferenceEvaluator(model).run(None, {"x": scores})[0]


def with_openvino(model):
    core = openvino.Core()
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    return core.compile_model(core.read_model(model.SerializeToString()), "CPU", settings)({"x": scores})[0]


def with_opencv(model):
    network = cv2.dnn.readNetFromONNX(np.frombuffer(model.SerializeToString(), np.uint8))
    network.setInput(scores, "x")
    return network.forward()


def with_tinygrad(model):
    onnx.save(model, "model.onnx")
    return OnnxRunner("model.onnx")({"x": Tensor(scores)})["y"].numpy()


power = np.exp(scores)
together, alone = power / power.sum((1, 2), keepdims=True), power / power.sum(1, keepdims=True)
for way in with_onnxruntime, with_reference, with_openvino, with_opencv, with_tinygrad:
    wrong = {with_onnxruntime: [], with_openvino: [11, 12]}.get(way, [9, 11, 12])
    for opset in 9, 11, 12:
        found = way(build("Softmax", opset))
        print(f"{way.__name__}, opset {opset}: the weights of one image sum to {found[0].sum():.2f}")
        assert np.allclose(found, alone if opset in wrong else together, atol=1e-5)
    assert np.allclose(way(build("Softmax", 13)), alone, atol=1e-5)
    converted = version_converter.convert_version(build("Softmax", 11), 13)
    assert np.allclose(way(converted), together, atol=1e-5)
assert np.allclose(with_openvino(build("LogSoftmax", 11)), np.log(together), atol=1e-4)
PY
