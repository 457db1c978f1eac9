"""The importer: which ulq operations each written form becomes, and one clear line for bad models."""

import re
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import TensorProto, helper, numpy_helper

from ulq.errors import UlqError
from ulq.importer import ImportedModel, import_model
from ulq.reference_graph import run_graph

MODELS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "models"
QONNX = "qonnx.custom_op.general"


def parse(body: str, opset: int = 21, imports: str = "") -> onnx.ModelProto:
    """A model from the ONNX text form; `body` starts with the graph's signature."""
    extra = f', "{imports}": 1' if imports else ""
    return onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["": {opset}{extra}]> agraph {body}')


def operations(imported: ImportedModel) -> list[str]:
    """Names of the operations of `@main`, constants left out, in order."""
    names = re.findall(r'"(ulq\.\w+|func\.call)"', imported.text)
    return [name.removeprefix("ulq.") for name in names if name != "ulq.constant"]


def line(imported: ImportedModel, operation: str) -> str:
    """The first line of text with the operation."""
    return next(text for text in imported.text.splitlines() if f'"ulq.{operation}"' in text)


def run(imported: ImportedModel, *inputs: np.ndarray) -> np.ndarray:
    names = [name for name, _, _ in imported.inputs]
    outputs = run_graph(imported.text, dict(zip(names, inputs, strict=True)))
    return outputs[imported.outputs[0][0]]


# ----------------------------------------------------------------------------
# Quantizers
# ----------------------------------------------------------------------------


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


# ----------------------------------------------------------------------------
# Layers
# ----------------------------------------------------------------------------


RESIZE = """(float[1,2,2,3] x) => (float[1,2,{rows},6] y)
    <float s = {{0.5}}, uint8 z = {{0}}, float[4] scales = {{1, 1, {scale}, 2}}>
    {{ q = QuantizeLinear(x, s, z)  d = DequantizeLinear(q, s, z)
       y = Resize<mode = "nearest", nearest_mode = "{rounding}", coordinate_transformation_mode = "{coordinates}">(
           d, , scales) }}"""


@pytest.mark.parametrize(("rounding", "coordinates"), [("floor", "asymmetric"), ("round_prefer_floor", "half_pixel")])
def test_nearest_resize_by_whole_factors_moves_values(rounding, coordinates):
    imported = import_model(parse(RESIZE.format(rows=6, scale=3, rounding=rounding, coordinates=coordinates)))
    assert not imported.segments
    assert set(operations(imported)) <= {"quantize", "dequantize", "transpose", "reshape", "concat"}
    x = np.arange(12, dtype=np.float32).reshape(1, 2, 2, 3)
    np.testing.assert_array_equal(run(imported, x), x.repeat(3, 2).repeat(2, 3))


@pytest.mark.parametrize(
    ("rows", "scale", "rounding", "coordinates"),
    [
        (4, 2.2, "floor", "asymmetric"),  # the extents have a whole ratio, the scales have not
        (4, 2, "ceil", "asymmetric"),  # element 1 is the second row already
        (4, 2, "floor", "align_corners"),
    ],
)
def test_other_resizes_stay_float(rows, scale, rounding, coordinates):
    imported = import_model(parse(RESIZE.format(rows=rows, scale=scale, rounding=rounding, coordinates=coordinates)))
    assert {node.op_type for node in imported.segments[0].graph.node} == {"Gather", "Identity"}


def test_conv_1d_runs_as_one_row():
    model = parse("""(float[1,2,8] x) => (float[1,2,5] y) <float[2,1,3] w = {1,2,3, 4,5,6}, float[2] b = {1, -1}>
        { y = Conv<group = 2, strides = [2], pads = [1, 2]>(x, w, b) }""")
    imported = import_model(model)
    assert operations(imported) == ["reshape", "dequantize", "conv2d", "reshape", "affine"]
    assert "pads = array<i64: 0, 1, 0, 2>" in line(imported, "conv2d")
    assert 'onnx.op = "Conv"' in line(imported, "conv2d")


def test_channels_last_conv():
    model = parse(
        """(float[1,4,4,2] x) => (float[1,2,2,3] y) <float[3,3,3,2] w>
        { y = qonnx.custom_op.channels_last.Conv<kernel_shape = [3, 3]>(x, w) }""",
        imports="qonnx.custom_op.channels_last",
    )
    rng = np.random.default_rng(0)
    w = rng.standard_normal((3, 3, 3, 2)).astype(np.float32)
    model.graph.initializer.append(numpy_helper.from_array(w, "w"))
    del model.graph.input[1:]
    imported = import_model(model)
    assert operations(imported) == ["transpose", "conv2d", "transpose"]
    x = rng.standard_normal((1, 4, 4, 2)).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (1, 2))
    np.testing.assert_allclose(run(imported, x), np.einsum("nhwcij,oijc->nhwo", windows, w), rtol=1e-5, atol=1e-5)


def test_batch_normalization_is_one_affine():
    model = parse("""(float[1,2,1,1] x) => (float[1,2,1,1] y)
        <float[2] g = {1, 2}, float[2] b = {0, 1}, float[2] m = {1, 0}, float[2] v = {4, 1}>
        { y = BatchNormalization<epsilon = 0.0>(x, g, b, m, v) }""")
    imported = import_model(model)
    assert operations(imported) == ["affine"]
    assert "scale = array<f64: 5.000000e-01, 2.000000e+00>" in line(imported, "affine")


def test_integer_matmul_is_exact():
    model = parse("""(uint8[1,3] x) => (int32[1,2] y) <int8[3,2] w = {1,-2,3,-4,5,-128}, uint8 zx = {7}, int8 zw = {3}>
        { y = MatMulInteger(x, w, zx, zw) }""")
    imported = import_model(model)
    assert operations(imported) == ["dequantize", "dequantize", "matmul", "func.call"]
    assert [node.op_type for node in imported.segments[0].graph.node] == ["Cast", "Identity"]
    assert imported.outputs == [("y", (1, 2), np.dtype(np.int32))]


def test_shape_subgraph_folds():
    model = parse("""(float[N,2,3] x) => (float[N,6] y) <int64 zero = {0}, int64[1] axes = {0}, int64[1] rest = {-1}>
        { s = Shape(x)  n = Gather(s, zero)  u = Unsqueeze(n, axes)  t = Concat<axis = 0>(u, rest)
          y = Reshape(x, t) }""")
    imported = import_model(model, shapes={"x": (4, 2, 3)})
    assert operations(imported) == ["reshape"] and imported.outputs[0][1] == (4, 6)


# ----------------------------------------------------------------------------
# Float segments, names, dynamic dimensions
# ----------------------------------------------------------------------------


def test_contiguous_float_nodes_are_one_segment():
    model = parse("""(float[1,4] x) => (float[1,4] y, float[1,4] e) <float s = {0.5}>
        { e = Exp(x)  t = Cos(e)  q = QuantizeLinear(t, s)  d = DequantizeLinear(q, s)  y = Softmax(d) }""")
    imported = import_model(model)
    assert operations(imported) == ["func.call", "quantize", "dequantize", "func.call"]
    first = imported.segments[0].graph
    assert [node.op_type for node in first.node] == ["Exp", "Cos"]
    assert [value.name for value in first.output] == ["e", "t"]
    onnx.checker.check_model(imported.segments[0])


def test_function_in_front_of_a_quantizer():
    """Thresholds of few codes; where others read the function, or codes are many, it is a segment, too."""
    silu, quantizer = "g = Sigmoid(x) m = Mul(x, g)", "q = QuantizeLinear(m, s, z) y = DequantizeLinear(q, s, z)"
    few = parse(f"""(float[1,4] x) => (float[1,4] y)
        <float s = {{0.5}}, int8 z = {{0}}, int8 low = {{-1}}, int8 high = {{3}}>
        {{ {silu} q = QuantizeLinear(m, s, z) c = Clip(q, low, high) y = DequantizeLinear(c, s, z) }}""")
    imported = import_model(few)
    assert operations(imported) == ["threshold", "recode", "dequantize"] and not imported.segments
    x = np.array([[-20, -1.3, 0.6, 9]], np.float32)
    np.testing.assert_array_equal(run_graph(imported.text, {"x": x})["y"], [[0, -0.5, 0.5, 1.5]])
    many = parse(f"(float[1,4] x) => (float[1,4] y) <float s = {{0.01}}, int8 z = {{0}}> {{ {silu} {quantizer} }}")
    assert operations(import_model(many)) == ["func.call", "quantize", "dequantize"]
    both = parse(f"""(float[1,4] x) => (float[1,4] y, float[1,4] m)
        <float s = {{2.0}}, uint8 z = {{0}}, uint8 high = {{3}}>
        {{ {silu} q = QuantizeLinear(m, s, z) c = Clip(q, z, high) y = DequantizeLinear(c, s, z) }}""")
    assert operations(import_model(both)) == ["threshold", "recode", "dequantize", "func.call"]


def test_segments_see_no_codes():
    model = parse("(uint8[1,4] x) => (uint8[1,8] y) <int64[2] r = {1, 2}> { y = Tile(x, r) }")
    imported = import_model(model)
    assert operations(imported) == ["dequantize", "func.call", "quantize"]
    assert [node.op_type for node in imported.segments[0].graph.node] == ["Cast", "Tile", "Cast"]


def test_product_of_computed_tensors():
    imported = import_model(parse("(float[2,1,3,4] a, float[5,4,6] b) => (float[2,5,3,6] y) { y = MatMul(a, b) }"))
    assert operations(imported) == ["matmul"] and not imported.segments
    a, b = np.arange(24, dtype=np.float32).reshape(2, 1, 3, 4), np.arange(120, dtype=np.float32).reshape(5, 4, 6)
    np.testing.assert_array_equal(run_graph(imported.text, {"a": a, "b": b})["y"], a @ b)


def test_product_of_integers_stays_in_a_segment():
    body = "(uint8[2,2] a) => (int32[2,2] y) { s = MatMulInteger(a, a)  y = MatMul(s, s) }"
    imported = import_model(parse(body))
    assert [node.op_type for node in imported.segments[0].graph.node if node.op_type != "Cast"] == ["MatMul"]


def test_names_are_locations():
    node = helper.make_node("Relu", ["x"], ["y"], "block/relu 1")
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in "xy"]
    imported = import_model(helper.make_model(helper.make_graph([node], "g", infos[:1], infos[1:])))
    assert 'loc("block/relu 1")' in imported.text and imported.operators == {"block/relu 1": "Relu"}
    assert 'ulq.name = "x"' in imported.text and 'ulq.name = "y"' in imported.text


def test_unknown_batch_is_one_and_noted():
    imported = import_model(parse("(float[N,3] x) => (float[N,3] y) { y = Relu(x) }"))
    assert imported.inputs == [("x", (1, 3), np.dtype(np.float32))]
    assert imported.notes == ["dimension N of input 'x' is unknown: using 1"]


def test_unordered_nodes_are_sorted_and_the_model_is_unchanged():
    model = parse("(float[3] x) => (float[3] y) { y = Relu(t)  t = Neg(x) }")
    before = model.SerializeToString()
    assert operations(import_model(model)) == ["affine", "clamp"]
    assert model.SerializeToString() == before


def test_text_is_deterministic():
    model = parse("(float[1,3] x) => (float[1,3] y) <float s = {0.5}> { q = QuantizeLinear(x, s)  y = Softmax(x) }")
    assert import_model(model).text == import_model(model).text


# ----------------------------------------------------------------------------
# Bad models
# ----------------------------------------------------------------------------

RELU = "(float[1,3] x) => (float[1,3] y) { y = Relu(x) }"
QUANT = """(float[1,3] x) => (float[1,3] y) <float s = {%s}, float z = {0}, float b = {%s}>
    { [bad] y = qonnx.custom_op.general.Quant<signed = 1, narrow = 0, rounding_mode = "%s">(x, s, z, b) }"""
QDQ = "(float[1,3] x) => (uint8[1,3] y) <float s = {%s}> { [bad] y = QuantizeLinear(x, s) }"


@pytest.mark.parametrize(
    ("body", "domain", "message"),
    [
        (QUANT % (1, 2.5, "ROUND"), QONNX, "node 'bad' (qonnx.custom_op.general.Quant): bit width must be a positive"),
        (QUANT % (1, 0, "ROUND"), QONNX, "bit width must be a positive integer"),
        (QUANT % (1, 9, "ROUND"), QONNX, "bit width 9 is not supported, expected 1 to 8"),
        (QUANT % (0, 4, "ROUND"), QONNX, "scale must be positive and finite, got 0.0"),
        (QUANT % (1, 4, "STOCHASTIC"), QONNX, "unknown rounding mode 'STOCHASTIC'"),
        (QDQ % -0.5, "", "node 'bad' (QuantizeLinear): scale must be positive and finite, got -0.5"),
        ("(float[3] x) => (float[3] y) { [bad] y = custom.Foo(x) }", "custom", "node 'bad' (custom.Foo): the operator"),
        ("(float[3] x) => (float[3] y) { [bad] y = Foo(x) }", "", "node 'bad' (Foo): unknown operator in operator set"),
        ("(float[3] x) => (float[3] y) { [bad] y = Relu(z) }", "", "node 'bad' (Relu): input 'z' is not defined"),
        ("(float[3] x) => (float[3] y) { y = Add(x, t)  t = Relu(y) }", "", "the graph has a cycle"),
        ("(float[3] x) => (float[3] z) { y = Relu(x) }", "", "output 'z' is not defined"),
        ("(float[3] x) => (float[3] y) { y = Relu(x)  y = Neg(x) }", "", "value 'y' is defined twice"),
        (
            "(float[2,3,4] a, float[5,4,6] b) => (float[2,3,6] y) { [bad] y = MatMul(a, b) }",
            "",
            "node 'bad' (MatMul): batches do not broadcast: [2, 3, 4] by [5, 4, 6]",
        ),
        (
            "(float[2,3] a, float[4,5] b) => (float[2,5] y) { [bad] y = MatMul(a, b) }",
            "",
            "node 'bad' (MatMul): reduction extents differ: [2, 3] by [4, 5]",
        ),
        (
            "(float[2,3] x) => (float[4,3] y) { [bad] y = Concat<axis = 2>(x, x) }",
            "",
            "node 'bad' (Concat): axis 2 is out of range for 2 dimensions",
        ),
        (
            "(float[1,N] x) => (float[1,N] y) { y = Relu(x) }",
            "",
            "dimension 1 (N) of input 'x' is unknown: pass shapes=",
        ),
    ],
)
def test_refuses_model(body, domain, message):
    with pytest.raises(UlqError) as error:
        import_model(parse(body, imports=domain))
    assert message in str(error.value) and "\n" not in str(error.value)


def test_refuses_nan_scale():
    model = parse(QDQ % 1)
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.float32(np.nan), "s"))
    with pytest.raises(UlqError, match="scale must be positive and finite, got nan"):
        import_model(model)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no graph with outputs"),
        (b"not an ONNX file at all", "not an ONNX"),
        (parse(RELU).SerializeToString()[:-7], "not an ONNX"),
    ],
)
def test_refuses_bytes(tmp_path, data, message):
    path = tmp_path / "broken.onnx"
    path.write_bytes(data)
    for model in (data, path, str(path)):
        with pytest.raises(UlqError, match=message):
            import_model(model)
    with pytest.raises(UlqError, match=re.escape(str(path))):
        import_model(path)


def test_refuses_missing_file(tmp_path):
    with pytest.raises(UlqError, match="No such file"):
        import_model(tmp_path / "absent.onnx")


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"z": (1, 3)}, "no input 'z', expected one of 'x'"),
        ({"x": (3,)}, "input 'x' has 2 dimensions, got 1"),
        ({"x": (1, 4)}, "dimension 1 of input 'x' is 3, got 4"),
        ({"x": (0, 3)}, "dimension 0 of input 'x' is 0"),
    ],
)
def test_refuses_shapes(shapes, message):
    with pytest.raises(UlqError, match=re.escape(message)):
        import_model(parse("(float[N,3] x) => (float[N,3] y) { y = Relu(x) }"), shapes)


def _external(tmp_path, location: str, size: int = 12) -> Path:
    """A model whose weight of three floats lies in another file."""
    model = parse("(float[3] x) => (float[3] y) <float[3] w = {1,2,3}> { y = Add(x, w) }")
    tensor = model.graph.initializer[0]
    tensor.ClearField("float_data")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", "12")):
        tensor.external_data.add(key=key, value=value)
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(np.arange(3, dtype=np.float32).tobytes()[:size])
    (tmp_path / "outside.bin").write_bytes(bytes(12))
    (folder / "link.bin").symlink_to(tmp_path / "outside.bin")
    path = folder / "m.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def test_external_data(tmp_path):
    imported = import_model(_external(tmp_path, "weights.bin"))
    np.testing.assert_array_equal(run(imported, np.ones(3, np.float32)), [1, 2, 3])


@pytest.mark.parametrize(
    ("location", "size", "message"),
    [
        ("../outside.bin", 12, "expected a relative path inside the model's folder"),
        ("/etc/passwd", 12, "expected a relative path inside the model's folder"),
        ("link.bin", 12, "leads out of the model's folder"),
        ("absent.bin", 12, "no such file"),
        ("weights.bin", 8, "expected at least 12 bytes, got 8"),
    ],
)
def test_refuses_external_data(tmp_path, location, size, message):
    with pytest.raises(UlqError, match=re.escape(f"external data '{location}' of tensor 'w': {message}")):
        import_model(_external(tmp_path, location, size))


# ----------------------------------------------------------------------------
# Real models
# ----------------------------------------------------------------------------


@pytest.mark.skipif(not MODELS.is_dir(), reason="../shared/data/models is absent")
@pytest.mark.parametrize("path", sorted(MODELS.rglob("*.onnx")), ids=lambda path: path.name)
def test_real_model(path):
    """Imports, or says in one line why not."""
    try:
        imported = import_model(path)
    except UlqError as error:
        assert str(error).startswith(str(path)) and "\n" not in str(error)
        assert path.parent.parent.name == "optests", str(error)
        return
    assert '"func.return"' in imported.text
    for model in imported.segments:
        onnx.checker.check_model(model)
