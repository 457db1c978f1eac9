"""The written forms of quantizers, and which ulq operations the importer makes of each."""

import numpy as np
import pytest
from imported import QONNX, line, operations, parse, run
from onnx import TensorProto, helper, numpy_helper

from ulq.importer import import_model


def test_qdq():
    model = parse("""(float[1,4] x) => (float[1,4] y) <float s = {0.5}, uint8 z = {3}>
        { q = QuantizeLinear(x, s, z)  y = DequantizeLinear(q, s, z) }""")
    imported = import_model(model)
    assert operations(imported) == ["quantize", "dequantize"]
    assert "max = 255" in line(imported, "quantize") and "half_even" in line(imported, "quantize")
    assert "zeroPointFirst" not in line(imported, "quantize")
    assert "-> tensor<1x4xui8>" in line(imported, "quantize")


def test_qcdq_clip_is_a_clamp_of_codes():
    model = parse("""(float[1,4] x) => (float[1,4] y) <float s = {0.5}, int8 z = {0}, int8 lo = {-1}, int8 hi = {1}>
        { q = QuantizeLinear(x, s, z)  c = Clip(q, lo, hi)  y = DequantizeLinear(c, s, z) }""")
    imported = import_model(model)
    assert operations(imported) == ["quantize", "clamp", "dequantize"]
    assert "tensor<1x4xsi8>) -> tensor<1x4xsi8>" in line(imported, "clamp")


def test_clipped_integer_weights_stay_codes_per_channel():
    model = parse("""(float[2,3] x) => (float[2,2] y)
        <int8[2,3] w = {-5,0,5, 1,2,-1}, int8 lo = {-1}, int8 hi = {1}, float[2] s = {0.5, 0.25}, int8[2] z = {0, 0}>
        { c = Clip(w, lo, hi)  d = DequantizeLinear<axis = 0>(c, s, z)  y = Gemm<transB = 1>(x, d) }""")
    imported = import_model(model)
    assert operations(imported) == ["dequantize", "matmul"]
    assert "axis = 1" in line(imported, "dequantize") and "tensor<3x2xsi8>" in line(imported, "dequantize")
    x = np.array([[1, 2, 4], [0, 1, 0]], np.float32)
    np.testing.assert_array_equal(run(imported, x), x @ np.array([[-0.5, 0, 0.5], [0.25, 0.25, -0.25]]).T)


@pytest.mark.parametrize("kind", [TensorProto.INT4, TensorProto.UINT4, TensorProto.INT2, TensorProto.UINT2])
@pytest.mark.parametrize("carrier", ["raw_data", "int32_data"])
def test_sub_byte_weights(kind, carrier):
    values = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]])
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    if carrier == "raw_data":
        tensor = numpy_helper.from_array(values.astype(dtype), "w")
    else:
        tensor = helper.make_tensor("w", kind, values.shape, values.ravel())
    assert tensor.HasField("raw_data") == (carrier == "raw_data")
    nodes = [helper.make_node("DequantizeLinear", ["w", "s"], ["d"]), helper.make_node("MatMul", ["x", "d"], ["y"])]
    floats = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3]) for name in "xy"]
    scale = numpy_helper.from_array(np.float32(0.5), "s")
    graph = helper.make_graph(nodes, "g", floats[:1], floats[1:], [tensor, scale])
    imported = import_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 25)], ir_version=13))
    assert operations(imported) == ["dequantize", "matmul"]
    np.testing.assert_array_equal(run(imported, np.float32([[1, 2, 4]])), [[3, 2.5, 1.5]])


def test_blocked_weights_are_a_float_constant():
    model = parse("""(float[1,4] x) => (float[1,1] y) <int8[4,1] w = {1,2,3,4}, float[2,1] s = {1.5, 0.5}>
        { d = DequantizeLinear<axis = 0, block_size = 2>(w, s)  y = MatMul(x, d) }""")
    imported = import_model(model)
    assert operations(imported) == ["matmul"]
    np.testing.assert_array_equal(run(imported, np.ones((1, 4), np.float32)), [[8.0]])


@pytest.mark.parametrize("domain", [QONNX, "onnx.brevitas", "finn.custom_op.general", "finn"])
def test_int_quant(domain):
    model = parse(
        f"""(float[1,4] x) => (float[1,4] y) <float s = {{0.5}}, float z = {{1}}, float b = {{3}}>
        {{ y = {domain}.Quant<signed = 1, narrow = 1, rounding_mode = "FLOOR">(x, s, z, b) }}""",
        imports=domain,
    )
    imported = import_model(model)
    assert operations(imported) == ["quantize", "dequantize"]
    quantize = line(imported, "quantize")
    assert all(text in quantize for text in ("zeroPointFirst", "min = -3", "max = 3", "floor", "xsi3>"))


def test_bipolar_quant_is_one_threshold():
    model = parse(
        f"(float[1,3] x) => (float[1,3] y) <float s = {{0.5}}> {{ y = {QONNX}.BipolarQuant(x, s) }}", imports=QONNX
    )
    imported = import_model(model)
    assert operations(imported) == ["threshold", "dequantize"]
    np.testing.assert_array_equal(run(imported, np.float32([[-1, 0, 2]])), [[-0.5, 0.5, 0.5]])


def test_quantized_weights_keep_codes_through_transpose():
    model = parse(
        f"""(float[1,2] x) => (float[1,2] y) <float[2,2] w = {{0.3, -0.3, 5, 0.6}}, float[2,1] s = {{0.5, 1}},
                                              float z = {{0}}, float b = {{2}}>
        {{ q = {QONNX}.Quant<signed = 1, narrow = 1, rounding_mode = "ROUND">(w, s, z, b)
           t = Transpose(q)  y = MatMul(x, t) }}""",
        imports=QONNX,
    )
    imported = import_model(model)
    assert operations(imported) == ["dequantize", "matmul"]
    assert "axis = 1" in line(imported, "dequantize") and "xsi2>" in line(imported, "dequantize")
    np.testing.assert_array_equal(run(imported, np.float32([[1, 2]])), [[0.5 - 1, 1 + 2]])


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [("x, s, z, bi, bo", [[0.0, 0.5, 0.5, 3.5]]), ("x, s, z, bi, so, bo", [[0.0, 1.0, 1.0, 3.0]])],
)
def test_trunc(inputs, expected):
    """Version 1 keeps the scale; version 2 has an output scale and saturates, here to 2 bits."""
    model = parse(
        f"""(float[1,4] x) => (float[1,4] y)
        <float s = {{0.5}}, float z = {{0}}, float bi = {{3}}, float bo = {{2}}, float so = {{1}}>
        {{ y = {QONNX}.Trunc<rounding_mode = "FLOOR", signed = 0, narrow = 0>({inputs}) }}""",
        imports=QONNX,
    )
    np.testing.assert_array_equal(run(import_model(model), np.float32([[0.5, 1.0, 1.5, 7.0]])), expected)


def test_multi_threshold_per_channel():
    model = parse(
        f"""(float[1,2,1,1] x) => (float[1,2,1,1] y) <float[2,3] t = {{0, 1, 2, 10, 20, 30}}>
        {{ y = {QONNX}.MultiThreshold<out_dtype = "INT2", out_scale = 0.5, out_bias = -1.0>(x, t) }}""",
        imports=QONNX,
    )
    imported = import_model(model)
    assert operations(imported) == ["threshold", "dequantize"] and "xui2>" in line(imported, "threshold")
    np.testing.assert_array_equal(run(imported, np.full((1, 2, 1, 1), 11, np.float32)).ravel(), [0.5, -0.5])


def test_written_out_quantizer():
    model = parse("""(float[1,4] x) => (float[1,4] y) <float s = {0.25}, float lo = {0}, float hi = {3}>
        { d = Div(x, s)  r = Round(d)  c = Clip(r, lo, hi)  y = Mul(c, s) }""")
    assert operations(import_model(model)) == ["affine", "round", "clamp", "affine"]


def test_written_out_weight_quantizer_keeps_codes():
    model = parse("""(float[1,2] x) => (float[1,2] y)
        <float[2,2] w = {0.3, -0.3, 5, 0.6}, float[1,2] s = {0.25, 0.5}, float lo = {-1}, float hi = {1}>
        { d = Div(w, s)  r = Round(d)  c = Clip(r, lo, hi)  q = Mul(c, s)  y = MatMul(x, q) }""")
    imported = import_model(model)
    assert operations(imported) == ["dequantize", "matmul"]
    assert "axis = 1" in line(imported, "dequantize") and "xsi8>" in line(imported, "dequantize")
