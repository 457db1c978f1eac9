"""Bad models and shapes: one clear line each."""

import re
from pathlib import Path

import numpy as np
import pytest
from imported import QONNX, parse, run
from onnx import TensorProto, numpy_helper

from ulq.errors import UlqError
from ulq.importer import import_model

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
