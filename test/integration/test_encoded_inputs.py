"""Quantizers of a model's inputs: the codes that ONNX Runtime computes, by a kernel where the channels are few."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import ulq

SCALE, ZERO = np.float32(0.037), np.uint8(113)


def model(shape: tuple[int, ...]) -> onnx.ModelProto:
    """Codes of x, pooled, as real numbers."""
    pooled = (*shape[:2], shape[2] - 1, shape[3] - 1)
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"], name="quantizer"),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["d"]),
        helper.make_node("MaxPool", ["d"], ["p"], kernel_shape=[2, 2], name="pool"),
        helper.make_node("QuantizeLinear", ["p", "scale", "zero"], ["r"]),
        helper.make_node("DequantizeLinear", ["r", "scale", "zero"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes, "encoded",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, pooled)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in (("scale", SCALE), ("zero", ZERO))],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def values(shape: tuple[int, ...]) -> np.ndarray:
    """Some at or next to the middle between two codes, some beyond the range."""
    random = np.random.default_rng(sum(shape))
    x = ((random.integers(-130, 160, shape) + 0.5) * np.float64(SCALE)).astype(np.float32)
    neighbour = random.choice(np.float32([-np.inf, np.inf]), shape)
    x = np.where(random.random(shape) < 0.5, x, np.nextafter(x, neighbour))
    x.reshape(-1)[:4] = [np.inf, -np.inf, 1e30, -1e-42]
    return x


@pytest.mark.parametrize("target", ["x86-64", "x86-64-v3", "host"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("batch, size", [(1, 5), (3, 33)])
def test_input(batch, size, channels, target):
    shape = (batch, channels, size, size + 2)
    source, x = model(shape), values(shape)
    program = ulq.compile(source, target=target)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(source.SerializeToString(), options, providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {"x": x})
    np.testing.assert_array_equal(program.run(x)["y"], expected)
    row = next(layer for layer in program.layers if layer.name == "quantizer")
    assert (row.op, row.kernel) == ("QuantizeLinear", "encode" if channels <= 4 else "float")
    assert ("encode" in program.report()) == (channels <= 4)
