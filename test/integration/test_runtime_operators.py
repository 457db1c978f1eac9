"""Operators of `com.microsoft` that ONNX Runtime's quantizer writes: on codes, as ONNX Runtime computes them.

Scales are powers of two, so that all arithmetic is exact and ties are decided by the definition.
"""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

import ulq

SHAPE = (2, 3, 4, 4)
CASES = {
    "sum": "y = com.microsoft.QLinearAdd(x, s, z, x2, t, z, q, zq)",
    "leaky relu": "y = com.microsoft.QLinearLeakyRelu<alpha = 0.25>(x, s, z, q, zq)",
    "global average": "y = com.microsoft.QLinearGlobalAveragePool<channels_last = 0>(x, s, z, q, zq)",
    "concat": "y = com.microsoft.QLinearConcat<axis = 1>(q, zq, x, s, z, x2, t, z)",
    "rows": "f = Flatten(x) y = com.microsoft.QGemm(f, s, z, w, t, zw, bias, q, zq)",
    "rows, transposed weights": "f = Flatten(x) "
    "y = com.microsoft.QGemm<transB = 1>(f, s, z, wt, many, zeros, bias, q, zq)",
    "rows of floats": "f = Flatten(x) y = com.microsoft.QGemm<alpha = 0.5>(f, s, z, w, t, zw, bias)",
}


def model(body: str) -> onnx.ModelProto:
    element = "float" if body.endswith("bias)") else "uint8"
    proto = onnx.parser.parse_model(f"""<ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1]>
      g (uint8[2,3,4,4] x, uint8[2,3,4,4] x2) => ({element} y) {{ {body} }}""")
    proto.graph.output[0].type.tensor_type.ClearField("shape")
    random = np.random.default_rng(0)
    values = {
        "s": np.float32(0.25), "t": np.float32(0.125), "q": np.float32(0.5), "z": np.uint8(120), "zq": np.uint8(97),
        "w": random.integers(-8, 8, (48, 5)).astype(np.int8), "zw": np.int8(1),
        "wt": random.integers(-8, 8, (5, 48)).astype(np.int8), "zeros": np.zeros(5, np.int8),
        "many": (2.0 ** -random.integers(2, 5, 5)).astype(np.float32),
        "bias": random.integers(-99, 99, 5).astype(np.int32),
    }  # fmt: skip
    used = {name for node in proto.graph.node for name in node.input}
    proto.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(array), name) for name, array in values.items() if name in used
    )
    if "x2" not in used:
        del proto.graph.input[1]
    return proto


@pytest.mark.parametrize("body", CASES.values(), ids=CASES)
def test_equals_runtime(body):
    proto = model(body)
    random = np.random.default_rng(1)
    feeds = {value.name: random.integers(0, 256, SHAPE).astype(np.uint8) for value in proto.graph.input}
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    program = ulq.compile(proto)
    np.testing.assert_array_equal(program.run(feeds)["y"], session.run(None, feeds)[0])
    # Inputs of several grids are joined as they are requantized, by IREE.
    assert "QLinearConcat" in body or all(layer.kernel != "float" for layer in program.layers)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("[bad] y = com.microsoft.QLinearAdd(x, s, z, w, t, z, q, zq)", "expected computed codes"),
        (
            "f = Flatten(x) [bad] y = com.microsoft.QLinearAdd(x, s, z, f, t, z, q, zq)",
            "expected operands of one shape",
        ),
        ("[bad] y = com.microsoft.QLinearSoftmax(x, s, z, q, zq)", "the operator is not supported"),
    ],
)
def test_refusals_name_the_node(body, reason):
    with pytest.raises(ulq.UlqError, match=rf"^model: node 'bad' \(com.microsoft.QLinear\w+\): {reason}"):
        ulq.compile(model(body))
