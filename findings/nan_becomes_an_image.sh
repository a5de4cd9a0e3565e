#!/usr/bin/env bash
# A generator with a NaN among its weights gives images without a NaN in OpenVINO, and black ones in tract.
#
# Common guess: NaN goes through ReLU, tanh and clip, so a test for NaN in the output finds a broken checkpoint.
# Seen (openvino 2026.4.1 and tract 0.23.9 on an x86 CPU, onnx 1.23.2, onnxruntime 1.32.0): OpenVINO makes 0 of NaN in
#   Relu, the lower bound in Clip, 1 in HardSigmoid and infinity in Exp; Tanh and Sigmoid keep it. tract makes -1 of
#   it in Tanh, 0 in Sigmoid and in Relu, and the lower bound in Clip. With one NaN among the weights of the first
#   layer, MatMul, Relu, MatMul and Tanh give good-looking images in OpenVINO, images of -1 (black) in tract, and NaN
#   alone in ONNX Runtime. Nothing warns.
# So: look for NaN in the weights, before the export.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q openvino==2026.4.1 tract==0.23.9 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import numpy as np
import onnx
import onnxruntime
import openvino
import tract
from onnx import TensorProto, helper, numpy_helper


def build(nodes, inputs, outputs, stored=()):
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, inputs)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, outputs)
    constants = [numpy_helper.from_array(np.asarray(array, np.float32), name) for name, array in stored]
    graph = helper.make_graph(nodes, "generator", [x], [y], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def with_onnxruntime(model, x):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


def with_openvino(model, x):
    core = openvino.Core()
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    return core.compile_model(core.read_model(model.SerializeToString()), "CPU", settings)({"x": x})[0]


def with_tract(model, x):
    onnx.save(model, "model.onnx")
    return tract.onnx().load("model.onnx").into_model().into_runnable().run([x])[0].to_numpy()


x = np.array([[np.nan, 0.5, np.nan, 3, -3, 0, 1, -1]], np.float32)
bounds = ("low", -0.25), ("high", 1)
for operator, in_openvino, in_tract in [
    ("Relu", 0, 0),
    ("Clip", -0.25, -0.25),
    ("HardSigmoid", 1, 1),
    ("Exp", np.inf, np.nan),
    ("Tanh", np.nan, -1),
    ("Sigmoid", np.nan, 0),
]:
    names = ["x", "low", "high"] if operator == "Clip" else ["x"]
    model = build([helper.make_node(operator, names, ["y"])], [1, 8], [1, 8], bounds if operator == "Clip" else ())
    expected = with_onnxruntime(model, x)[0]
    assert np.array_equal(np.isnan(expected), np.isnan(x[0]))
    for way, value in (with_openvino, in_openvino), (with_tract, in_tract):
        found = way(model, x)[0]
        print(f"{operator}(NaN) in {way.__name__}: {found[0]:.6f}")
        assert np.allclose(found[[0, 2]], value, atol=1e-5, equal_nan=True)
        assert np.allclose(found[~np.isnan(x[0])], expected[~np.isnan(x[0])], atol=1e-5)

random = np.random.default_rng(0)
noise = random.standard_normal((4, 16)).astype(np.float32)
weights = {"a": random.standard_normal((16, 32)) / 4, "b": random.standard_normal((32, 64)) / 4}
nodes = [
    helper.make_node("MatMul", ["x", "a"], ["h"]),
    helper.make_node("Relu", ["h"], ["r"]),
    helper.make_node("MatMul", ["r", "b"], ["i"]),
    helper.make_node("Tanh", ["i"], ["y"]),
]
for broken in False, True:
    if broken:
        weights["a"][0, 0] = np.nan
    model = build(nodes, [4, 16], [4, 64], weights.items())
    for way in with_onnxruntime, with_openvino, with_tract:
        images = way(model, noise)
        share = np.isnan(images).mean()
        print(f"broken: {broken}, {way.__name__}: {share:.0%} NaN, std {images.std():.2f}", images[0, :4].round(2))
        assert share == (broken and way is with_onnxruntime)
        assert not (broken and way is with_tract) or np.allclose(images, -1, atol=1e-5)
        assert (broken and way is not with_openvino) or 0.5 < images.std() < 0.7
PY
