"""The importer: which ulq operations and float segments a model becomes, with which names and shapes."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from imported import line, operations, parse, run
from onnx import TensorProto, helper, numpy_helper

from ulq.errors import UlqError
from ulq.importer import import_model
from ulq.reference_graph import run_graph

MODELS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "models"


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
