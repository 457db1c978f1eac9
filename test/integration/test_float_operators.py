"""Operators behind the products of a network: TopK on its own kernel, and what IREE is given in other words."""

import ml_dtypes
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

import ulq
from ulq.importer import import_model
from ulq.reference_graph import run_graph

# Less than, as much as and more than a vector; an axis in front; all elements; several parts.
CASES = [
    ((3, 5), -1, 2, 1),
    ((2, 16), 1, 16, 0),
    ((1, 37), 1, 9, 1),
    ((2, 7, 5), 1, 3, 0),
    ((6, 4000), 1, 50, 1),
]


@pytest.mark.parametrize(("shape", "axis", "count", "largest"), CASES, ids=str)
def test_equals_runtime_and_reference(shape, axis, count, largest):
    extents = ",".join(map(str, shape))
    dims = ",".join("abc"[: len(shape)])
    proto = onnx.parser.parse_model(f"""<ir_version: 8, opset_import: ["" : 17]>
      g (float[{extents}] x) => (float[{dims}] v, int64[{dims}] i) {{
        v, i = TopK<axis={axis}, largest={largest}>(x, k)
      }}""")
    proto.graph.initializer.append(numpy_helper.from_array(np.array([count]), "k"))
    program = ulq.compile(proto)
    assert [layer.kernel for layer in program.layers] == ["float32 top_k"]
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    text = import_model(proto).text
    for grid in (0, 2):
        x = np.random.default_rng(grid).standard_normal(shape).astype(np.float32)
        x = np.round(x * grid) / np.float32(grid) if grid else x
        got, exact = program.run(x), run_graph(text, {"x": x})
        for name, want in zip("vi", session.run(None, {"x": x}), strict=True):
            np.testing.assert_array_equal(got[name], want)
            np.testing.assert_array_equal(exact[name], want)


@pytest.mark.parametrize(
    ("starts", "ends", "axes", "steps"),
    [([-1], [-100], [1], [-1]), ([5, 1], [0, 3], [1, 0], [-2, 1]), ([100], [0], [1], [-3])],
    ids=["all", "two axes", "from beyond the end"],
)
def test_slices_backwards(starts, ends, axes, steps):
    proto = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["" : 17]>
      g (float[4,6] x) => (float[n,m] y) { y = Slice(x, starts, ends, axes, steps) }""")
    for name, values in (("starts", starts), ("ends", ends), ("axes", axes), ("steps", steps)):
        proto.graph.initializer.append(numpy_helper.from_array(np.array(values), name))
    x = np.arange(24, dtype=np.float32).reshape(4, 6)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    np.testing.assert_array_equal(ulq.compile(proto).run(x)["y"], session.run(None, {"x": x})[0])


def equals_runtime(proto: onnx.ModelProto, feeds: dict[str, np.ndarray]) -> ulq.Program:
    """The program, whose outputs are those of ONNX Runtime to the bit."""
    for value in proto.graph.output:
        value.type.tensor_type.ClearField("shape")
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    program = ulq.compile(proto)
    got = program.run(feeds)
    for value, want in zip(proto.graph.output, session.run(None, feeds), strict=True):
        np.testing.assert_array_equal(got[value.name], want)
    return program


@pytest.mark.parametrize("node", ["Div(x, z)", "Mod(x, z)", "Max(x, z)", "Min(x, z)"])
def test_high_bit_of_unsigned_bytes_is_no_sign(node):
    proto = onnx.parser.parse_model(f"""<ir_version: 8, opset_import: ["" : 17]>
      g (uint8[256] x, uint8[256] z) => (uint8[256] y) {{ y = {node} }}""")
    x = np.arange(256, dtype=np.uint8)
    equals_runtime(proto, {"x": x, "z": np.random.default_rng(0).permutation(x).clip(1)})


def test_largest_unsigned_bytes():
    proto = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["" : 17]>
      g (uint8[256] x) => (uint8 y, int64 i) <int64[1] k = {9}> { y, i = TopK(x, k) }""")
    equals_runtime(proto, {"x": np.random.default_rng(0).permutation(np.arange(256, dtype=np.uint8))})


def test_remainders_of_large_quotients():
    proto = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["" : 17]>
      g (float[64] x, float[64] z) => (float[64] y) { y = Mod<fmod = 1>(x, z) }""")
    rng = np.random.default_rng(0)
    numbers = [(rng.standard_normal(64) * 10.0 ** rng.integers(-3, high, 64)).astype(np.float32) for high in (20, 3)]
    equals_runtime(proto, {"x": numbers[0], "z": numbers[1]})


@pytest.mark.parametrize("count", [7, 8, 9, 255])
@pytest.mark.parametrize("direction", ["LEFT", "RIGHT"])
def test_shifts_by_the_whole_width(direction, count):
    proto = onnx.parser.parse_model(f"""<ir_version: 8, opset_import: ["" : 17]>
      g (uint8[256] x) => (uint8[256] y) <uint8 n = {{{count}}}> {{ y = BitShift<direction = "{direction}">(x, n) }}""")
    x = np.arange(256)
    want = x << min(count, 8) if direction == "LEFT" else x >> min(count, 8)
    np.testing.assert_array_equal(ulq.compile(proto).run(x.astype(np.uint8))["y"], want.astype(np.uint8))


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize(
    ("opset", "node"),
    [
        (8, 'Upsample<mode = "%s", scales = [1.0, 1.0, 2.0, 3.0]>(a)'),
        (9, 'Upsample<mode = "%s">(a, scales)'),
        (10, 'Resize<mode = "%s">(a, scales)'),
    ],
    ids=["Upsample-7", "Upsample-9", "Resize-10"],
)
def test_resizes_of_older_operator_sets(opset, node, mode):
    """Of multiples of 6, so that thirds and halves of them are exact; nearest neighbours are codes."""
    proto = onnx.parser.parse_model(f"""<ir_version: 8, opset_import: ["" : {opset}]>
      g (float[1,3,4,5] x) => (float y) <float[4] scales = {{1, 1, 2, 3}}, float[1] one = {{1}}> {{
        a = Mul(x, one) y = {node % mode} }}""")
    x = 6 * np.random.default_rng(0).integers(-9, 9, (1, 3, 4, 5)).astype(np.float32)
    program = ulq.compile(proto)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(program.run(x)["y"], session.run(None, {"x": x})[0], atol=1e-5)
    assert mode == "linear" or "Upsample" not in {layer.op for layer in program.layers}


def test_concat_leaves_empty_tensors_out():
    proto = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["" : 17]>
      g (float[1,4,3] x) => (float[1,4,3] y) <int64[1] zero = {0}, int64[1] axis = {1}> {
        s = Slice(x, zero, zero, axis) y = Concat<axis = 1>(x, s) }""")
    equals_runtime(proto, {"x": np.ones((1, 4, 3), np.float32)})


def test_bfloat16_passes_the_boundary():
    proto = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["" : 17]>
      g (bfloat16[4] x) => (bfloat16[4] y) { y = Neg(x) }""")
    x = np.array([0, 1, -2.5, 3e38]).astype(ml_dtypes.bfloat16)
    got = ulq.compile(proto).run(x)["y"]
    assert got.dtype == x.dtype
    np.testing.assert_array_equal(got.view(np.uint16), (-x).view(np.uint16))


@pytest.mark.parametrize("nodes", ["y = GridSample(x, grid)", "d = Reshape(x, two) y = Det(d)"])
def test_what_iree_computes_wrongly_is_refused(nodes):
    proto = onnx.parser.parse_model(f"""<ir_version: 8, opset_import: ["" : 17]>
      g (float[1,1,4,4] x, float[1,4,4,2] grid) => (float y) {{ {nodes} }}""")
    proto.graph.initializer.append(numpy_helper.from_array(np.array([4, 4]), "two"))
    with pytest.raises(ulq.UlqError, match=r"^model: node 'y' \((GridSample|Det)\): .*not supported"):
        ulq.compile(proto)
