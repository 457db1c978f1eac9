"""Means that leave out the padding: of codes, on codes, exactly."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import ulq
from ulq.importer import import_model
from ulq.reference_graph import run_graph

POOLS = [
    ("kernel_shape=[3,3], pads=[1,1,1,1]", (7, 9)),
    ("kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1]", (8, 7)),
    ("kernel_shape=[3,2], strides=[2,3], pads=[0,1,1,0], ceil_mode=1", (8, 8)),
    ("kernel_shape=[3,3], strides=[2,2], ceil_mode=1", (6, 6)),
    ('kernel_shape=[5,3], auto_pad="SAME_UPPER"', (6, 5)),
    ("kernel_shape=[3,3], pads=[2,2,2,2], dilations=[2,2]", (7, 8)),
    ("kernel_shape=[3], pads=[1,1]", (9,)),
    ("kernel_shape=[4,4], pads=[3,3,3,3]", (3, 3)),
]


@pytest.mark.parametrize("bits", [2, 8])
@pytest.mark.parametrize(("attributes", "extents"), POOLS, ids=[pool[0] for pool in POOLS])
def test_exact_without_padding(attributes, extents, bits):
    """Every code of the mean, ties included: sums over 2, 3, 4, 6 and 9 codes meet a grid of halves."""
    shape = ",".join(map(str, (2, 5, *extents)))
    proto = onnx.parser.parse_model(f"""<ir_version: 10, opset_import: ["" : 22]>
      g (float[{shape}] x) => (float[n,c,{",".join("abc"[: len(extents)])}] y) {{
        q = QuantizeLinear(x, s, z) k = Clip(q, z, most) d = DequantizeLinear(k, s, z)
        a = AveragePool<{attributes}>(d)
        p = QuantizeLinear(a, half, z) y = DequantizeLinear(p, half, z)
      }}""")
    constants = {"s": np.float32(0.25), "half": np.float32(0.125), "z": np.uint8(0), "most": np.uint8(2**bits - 1)}
    proto.graph.initializer.extend(numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items())
    program = ulq.compile(proto)
    x = np.random.default_rng(bits).integers(0, 2**bits, (2, 5, *extents)).astype(np.float32) / 4
    np.testing.assert_array_equal(program.run(x)["y"], run_graph(import_model(proto).text, {"x": x})["y"])
    kernels = {layer.kernel for layer in program.layers if layer.op == "AveragePool"}
    assert kernels and not any(kernel.startswith("float") for kernel in kernels)
