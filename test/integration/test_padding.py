"""Convolutions of codes whose border is another code: bipolar ones have none for zero, and models pad explicitly."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import ulq

QONNX = "qonnx.custom_op.general"
SHAPE = (2, 5, 7, 6)


def model(activation: str, border: float | None) -> onnx.ModelProto:
    """Conv(quantized x) with a border of zeros, its own pads, or of `border`, a Pad before it."""
    random = np.random.default_rng(1)
    constants = {
        "scale": np.float32(0.75), "zero": np.float32(0), "bits": np.float32(2), "one": np.float32(1),
        "weights": random.choice([-1.0, 1.0], (9, SHAPE[1], 3, 3)).astype(np.float32),
        "around": np.array([0, 0, 1, 2, 0, 0, 1, 0], np.int64), "border": np.float32(border or 0),
    }  # fmt: skip
    if activation == "bipolar":
        nodes = [helper.make_node("BipolarQuant", ["x", "scale"], ["a"], domain=QONNX)]
    else:
        parameters = {"signed": 1, "narrow": 0, "rounding_mode": "ROUND"}
        nodes = [helper.make_node("Quant", ["x", "scale", "zero", "bits"], ["a"], domain=QONNX, **parameters)]
    nodes.append(helper.make_node("BipolarQuant", ["weights", "one"], ["w"], domain=QONNX))
    if border is None:
        nodes.append(helper.make_node("Conv", ["a", "w"], ["y"], name="conv", pads=[1, 2, 1, 0]))
    else:
        nodes.append(helper.make_node("Pad", ["a", "around", "border"], ["p"], mode="constant"))
        nodes.append(helper.make_node("Conv", ["p", "w"], ["y"], name="conv"))
    graph = helper.make_graph(
        nodes, "padding",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (SHAPE[0], 9, 7, 6))],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(QONNX, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def expected(x: np.ndarray, source: onnx.ModelProto, activation: str, border: float | None) -> np.ndarray:
    """The convolution in integers: activations are multiples of the scale, weights are -1 and 1."""
    weights = numpy_helper.to_array(next(c for c in source.graph.initializer if c.name == "weights"))
    codes = np.where(x >= 0, 1, -1) if activation == "bipolar" else np.clip(np.round(x / np.float32(0.75)), -2, 1)
    outside = round((border or 0) / 0.75)
    padded = np.pad(codes.astype(np.int64), ((0, 0), (0, 0), (1, 1), (2, 0)), constant_values=outside)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    sums = np.einsum("nchwij,ocij->nohw", windows, weights.astype(np.int64))
    return (sums * 0.75).astype(np.float32)


@pytest.mark.parametrize("target", ["x86-64", "host"])
@pytest.mark.parametrize(
    ("activation", "border"), [("bipolar", None), ("bipolar", 0.0), ("bipolar", -0.75), ("s2", None), ("s2", 0.75)]
)
def test_border(activation, border, target):
    source = model(activation, border)
    program = ulq.compile(source, target=target)
    conv = next(layer for layer in program.layers if layer.op == "Conv")
    assert not conv.kernel.startswith("float")
    x = np.random.default_rng(2).normal(0, 1, SHAPE).astype(np.float32)
    np.testing.assert_array_equal(program.run(x)["y"], expected(x, source, activation, border))


def test_a_border_between_codes_is_left_to_floats():
    source = model("s2", 0.3)
    program = ulq.compile(source, target="host")
    assert next(layer for layer in program.layers if layer.op == "Conv").kernel.startswith("float")


@pytest.mark.parametrize(
    ("attributes", "pads"),
    [
        ('mode = "constant"', [0, 0, -1, 2, 0, 0, 0, -3]),
        ('mode = "reflect"', [0, 0, 2, 1, 0, 0, 3, 0]),
        ('mode = "edge"', [0, 1, 0, 3, 0, 0, 2, 1]),
        ('mode = "wrap"', [0, 0, 1, 6, 0, 0, 0, 2]),
    ],
    ids=["cut", "reflect", "edge", "wrap"],
)
def test_borders_made_of_codes_are_codes(attributes, pads):
    """Codes are halves and weights units, so that ONNX Runtime sums exactly."""
    extents = [extent + pads[i] + pads[4 + i] for i, extent in enumerate(SHAPE)]
    proto = onnx.parser.parse_model(f"""<ir_version: 9, opset_import: ["" : 19]>
      g (float[2,5,7,6] x) => (float[n,c,h,w] y) {{
        q = QuantizeLinear(x, half, zero) a = DequantizeLinear(q, half, zero)
        p = Pad<{attributes}>(a, pads) [conv] y = Conv(p, weights) }}""")
    weights = np.random.default_rng(1).choice([-1.0, 1.0], (9, extents[1], 2, 3)).astype(np.float32)
    constants = {"half": np.float32(0.5), "zero": np.int8(0), "pads": np.array(pads), "weights": weights}
    proto.graph.initializer.extend(numpy_helper.from_array(np.asarray(value), k) for k, value in constants.items())
    program = ulq.compile(proto)
    assert not next(layer for layer in program.layers if layer.name == "conv").is_float
    x = np.random.default_rng(2).normal(0, 1, SHAPE).astype(np.float32)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    np.testing.assert_array_equal(program.run(x)["y"], session.run(None, {"x": x})[0])


def test_negative_pads_of_other_modes_are_refused():
    proto = onnx.parser.parse_model("""<ir_version: 9, opset_import: ["" : 19]>
      g (float[2,5] x) => (float y) { [bad] y = Pad<mode = "edge">(x, pads) }""")
    proto.graph.initializer.append(numpy_helper.from_array(np.array([0, -1, 0, 1]), "pads"))
    with pytest.raises(ulq.UlqError, match=r"node 'bad' \(Pad\): negative pads are not supported in mode 'edge'"):
        ulq.compile(proto)
