"""Operators behind the products of a network: TopK on its own kernel, and what IREE is given in other words."""

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


@pytest.mark.parametrize("nodes", ["y = GridSample(x, grid)", "d = Reshape(x, two) y = Det(d)"])
def test_what_iree_computes_wrongly_is_refused(nodes):
    proto = onnx.parser.parse_model(f"""<ir_version: 8, opset_import: ["" : 17]>
      g (float[1,1,4,4] x, float[1,4,4,2] grid) => (float y) {{ {nodes} }}""")
    proto.graph.initializer.append(numpy_helper.from_array(np.array([4, 4]), "two"))
    with pytest.raises(ulq.UlqError, match=r"^model: node 'y' \((GridSample|Det)\): .*not supported"):
        ulq.compile(proto)
