"""Products of batches by constant quantized matrices, against numpy."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import ulq


@pytest.mark.parametrize(
    ("batch", "rows", "depth", "columns", "bits"),
    [((3,), 5, 7, 9, 4), ((2, 3), 4, 16, 5, 2), ((4,), 1, 33, 65, 1), ((2,), 13, 1, 1, 8)],
)
def test_batched_product(batch, rows, depth, columns, bits):
    rng = np.random.default_rng(bits)
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    shape = (*batch, depth, columns)
    weights = rng.choice([-1, 1], shape) if bits == 1 else rng.integers(low, high + 1, shape)
    scales = rng.uniform(0.01, 0.1, columns).astype(np.float32)
    constants = {
        "step": np.float32(0.05),
        "zero": np.uint8(3),
        "w": weights.astype(np.int8),
        "scales": scales,
        "zeros": np.zeros(columns, np.int8),
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "step", "zero"], ["codes"], name="quantize"),
        helper.make_node("DequantizeLinear", ["codes", "step", "zero"], ["a"], name="dequantize"),
        helper.make_node("DequantizeLinear", ["w", "scales", "zeros"], ["b"], axis=len(batch) + 1, name="weights"),
        helper.make_node("MatMul", ["a", "b"], ["y"], name="product"),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, (*batch, rows, depth))
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    initializers = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "batched", [x], [y], initializers)
    program = ulq.compile(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9))

    values = rng.uniform(-1, 12, (*batch, rows, depth)).astype(np.float32)
    codes = np.clip(np.rint(values / np.float32(0.05)) + 3, 0, 255) - 3
    expected = (codes @ weights) * (np.float64(np.float32(0.05)) * scales)
    np.testing.assert_allclose(program.run(values)["y"], expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())
    (product,) = [layer for layer in program.layers if layer.op == "MatMul"]
    assert product.weight_bits <= bits and product.activation_bits == 8
