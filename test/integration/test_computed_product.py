"""Products of two computed tensors: integer accumulators from the definition, and the exact meaning of the graph."""

import functools
import shutil
from dataclasses import dataclass

import numpy as np
import onnx
import oracles
import pytest
from onnx import TensorProto, helper, numpy_helper

import ulq
from ulq.importer import import_model
from ulq.reference_graph import run_graph

# What DequantizeLinear takes: ONNX type, least and largest code.
KINDS = {
    "u8": (TensorProto.UINT8, 0, 255),
    "s8": (TensorProto.INT8, -128, 127),
    "u4": (TensorProto.UINT4, 0, 15),
    "s4": (TensorProto.INT4, -8, 7),
}


@dataclass(frozen=True)
class Grid:
    """A quantizer: a name of KINDS, "q<bits>" for a signed QONNX Quant, or "c<bits>" for unsigned codes with a Clip."""

    kind: str
    zero: int = 0
    scale: float = 0.05

    @property
    def range(self) -> tuple[int, int]:
        if self.kind in KINDS:
            return KINDS[self.kind][1:]
        bits = int(self.kind[1:])
        return (0, (1 << bits) - 1) if self.kind[0] == "c" else (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)

    def reals(self, codes: np.ndarray) -> np.ndarray:
        """What DequantizeLinear gives for codes; quantizing it gives the codes back."""
        return ((codes - self.zero) * np.float32(self.scale)).astype(np.float32)


class Builder:
    """A model under construction; tensors are named by their number."""

    def __init__(self):
        self.nodes, self.constants, self.inputs = [], [], []

    def constant(self, value, kind=None) -> str:
        name = f"c{len(self.constants)}"
        tensor = numpy_helper.from_array(np.asarray(value), name)
        if kind is not None:
            tensor = helper.make_tensor(name, kind, np.shape(value), np.ravel(value))
        self.constants.append(tensor)
        return name

    def input(self, name: str, shape) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return name

    def node(self, operator: str, *operands: str, domain: str = "", **attributes) -> str:
        name = f"{operator}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, operands, [f"{name}:0"], name=name, domain=domain, **attributes))
        return f"{name}:0"

    def quantize(self, x: str, grid: Grid) -> str:
        scale = self.constant(np.float32(grid.scale))
        if grid.kind[0] == "q":
            zero, bits = self.constant(np.float32(grid.zero)), self.constant(np.float32(grid.kind[1:]))
            attributes = {"signed": 1, "narrow": 0, "rounding_mode": "ROUND"}
            return self.node("Quant", x, scale, zero, bits, domain="qonnx.custom_op.general", **attributes)
        zero = self.constant(grid.zero, KINDS.get(grid.kind, KINDS["u8"])[0])
        codes = self.node("QuantizeLinear", x, scale, zero)
        if grid.kind[0] == "c":
            codes = self.node("Clip", codes, *(self.constant(np.uint8(bound)) for bound in grid.range))
        return self.node("DequantizeLinear", codes, scale, zero)

    def transpose(self, x: str, *perm: int) -> str:
        return self.node("Transpose", x, perm=perm)

    def reshape(self, x: str, *shape: int) -> str:
        return self.node("Reshape", x, self.constant(np.array(shape)))

    def model(self, *results: str) -> onnx.ModelProto:
        for i, result in enumerate(results):
            self.nodes.append(helper.make_node("Identity", [result], [f"y{i}"], name=f"y{i}"))
        outputs = [helper.make_tensor_value_info(f"y{i}", TensorProto.FLOAT, None) for i in range(len(results))]
        graph = helper.make_graph(self.nodes, "product", self.inputs, outputs, self.constants)
        opsets = [helper.make_opsetid("", 21), helper.make_opsetid("qonnx.custom_op.general", 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def exact(model: onnx.ModelProto, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What the imported graph defines; float segments are run by ONNX Runtime."""
    imported = import_model(model)
    segments = {
        f"onnx_segment_{i}": oracles.as_function(segment.SerializeToString())
        for i, segment in enumerate(imported.segments)
    }
    return run_graph(imported.text, inputs, segments)


def products(program: ulq.Program, *operators: str) -> list:
    return [layer for layer in program.layers if layer.op in (operators or ("MatMul",))]


@dataclass(frozen=True)
class Case:
    left: tuple[int, ...]
    right: tuple[int, ...]
    lhs: Grid
    rhs: Grid
    transposed: bool = False  # the right operand comes as [..., columns, depth]
    out: Grid | None = None
    extreme: bool = False

    def codes(self) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(sum(self.left) + sum(self.right))
        sides = []
        for shape, grid in ((self.left, self.lhs), (self.right, self.rhs)):
            low, high = grid.range
            codes = rng.integers(high if self.extreme else low, high + 1, shape)
            codes.flat[0] = low
            sides.append(codes)
        return sides[0], sides[1]

    @functools.cached_property
    def model(self) -> onnx.ModelProto:
        build = Builder()
        right = list(range(len(self.right)))
        right[-2:] = right[:-3:-1] if self.transposed else right[-2:]
        stored = tuple(self.right[i] for i in right)
        a = build.quantize(build.input("a", self.left), self.lhs)
        b = build.quantize(build.input("b", stored), self.rhs)
        b = build.transpose(b, *right) if self.transposed else b
        y = build.node("MatMul", a, b)
        return build.model(build.quantize(y, self.out) if self.out else y)

    def check(self, target: str = "host") -> None:
        x, w = self.codes()
        stored = w.swapaxes(-1, -2) if self.transposed else w
        inputs = {"a": self.lhs.reals(x), "b": self.rhs.reals(stored)}
        program = ulq.compile(self.model, target=target)
        result = program.run(inputs)["y0"]

        scale = float(np.float32(self.lhs.scale)) * float(np.float32(self.rhs.scale))
        accumulators = (x - self.lhs.zero) @ (w - self.rhs.zero)
        expected = accumulators * scale
        if self.out:
            step, (low, high) = float(np.float32(self.out.scale)), self.out.range
            expected = (np.clip(np.rint(expected / step) + self.out.zero, low, high) - self.out.zero) * step
        np.testing.assert_allclose(result, expected.astype(np.float32), rtol=2e-7, atol=0)
        np.testing.assert_allclose(result, exact(self.model, inputs)["y0"], rtol=2e-7, atol=0)

        (layer,) = products(program)
        assert layer.kernel in ("dot", "dot16") and layer.weight_bytes == 0
        assert layer.accumulator_min <= accumulators.min() and accumulators.max() <= layer.accumulator_max


CASES = {
    "u8": Case((5, 7), (7, 9), Grid("u8", 128), Grid("u8", 3)),
    "s8": Case((5, 64), (64, 33), Grid("s8"), Grid("s8")),
    "zeros": Case((3, 5, 70), (3, 70, 33), Grid("u8", 3), Grid("u8", 250)),
    "signed_zeros": Case((2, 3, 6, 13), (2, 3, 13, 17), Grid("s8", -7), Grid("s8", 90), transposed=True),
    "transposed": Case((1, 4, 17, 32), (1, 4, 32, 17), Grid("s8", 1), Grid("u8", 128), transposed=True),
    "one_row": Case((3, 1, 65), (3, 65, 130), Grid("u8", 1), Grid("s8", -1)),
    "one_column": Case((9, 33), (33, 1), Grid("u8", 77), Grid("u8", 12)),
    "one_by_one": Case((3, 2, 1), (3, 1, 2), Grid("u8", 77), Grid("u8", 12)),
    "u4": Case((3, 5, 31), (3, 31, 9), Grid("u4", 7), Grid("u4", 3)),
    "s4": Case((3, 5, 300), (3, 300, 9), Grid("s4", 2), Grid("s4", -3), transposed=True),
    "u8_by_s4": Case((3, 5, 31), (3, 31, 9), Grid("u8", 7), Grid("s4", -3)),
    "q2_by_q4": Case((2, 8, 37), (2, 37, 20), Grid("q2"), Grid("q4"), transposed=True),
    "q3": Case((20, 37), (37, 20), Grid("q3"), Grid("q3")),
    "c1_by_c2": Case((2, 8, 70), (2, 70, 20), Grid("c1"), Grid("c2", 1)),
    "quantized": Case((3, 9, 40), (3, 40, 21), Grid("u8", 120), Grid("s8", 5), out=Grid("u8", 119, 0.7)),
    "quantized4": Case((3, 9, 40), (3, 40, 21), Grid("u4", 8), Grid("s4"), out=Grid("s4", 1, 0.31)),
    "shared": Case((2, 3, 9, 40), (40, 21), Grid("u8", 120), Grid("s8", 5)),
    "broadcast": Case((2, 1, 9, 40), (3, 40, 21), Grid("u8", 120), Grid("s8", 5)),
    "broadcast_right": Case((2, 3, 4, 10), (2, 1, 10, 5), Grid("u8", 120), Grid("s8", 5), transposed=True),
    "broadcast_left": Case((4, 10), (3, 10, 5), Grid("u4", 12), Grid("s8", 5)),
    "extreme": Case((2, 4, 1000), (2, 1000, 20), Grid("u8"), Grid("u8", 1), extreme=True),
    "workgroups": Case((4, 130, 64), (4, 64, 150), Grid("u8", 100), Grid("u8", 90), transposed=True),
    "rows": Case((2000, 64), (64, 16), Grid("u8", 100), Grid("s8", 90)),
}  # fmt: skip
EACH_ISA = ["zeros", "signed_zeros", "s4", "q2_by_q4", "quantized4", "extreme", "workgroups"]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_codes(case):
    case.check()


@pytest.mark.parametrize("target", ["x86-64", "x86-64-v3"])
@pytest.mark.parametrize("name", EACH_ISA)
def test_codes_on_every_isa(name, target):
    if not ulq.targets.lookup(target).runs_here():
        pytest.skip(f"this machine does not run {target}")
    CASES[name].check(target)


@pytest.mark.skipif(shutil.which("qemu-aarch64") is None, reason="qemu-aarch64 is not installed")
@pytest.mark.parametrize("name", ["zeros", "s4"])
def test_codes_on_aarch64(name):
    CASES[name].check("aarch64")


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((5, 7), (7, 9)),
        ((3, 5, 7), (3, 7, 9)),
        ((3, 70, 64), (3, 64, 70)),
        ((2, 1, 5, 7), (3, 7, 9)),
        ((7,), (3, 7, 9)),
        ((3, 5, 7), (7,)),
        ((7,), (7,)),
        ((1, 1), (1, 1)),
    ],
    ids=str,
)
@pytest.mark.parametrize("target", ["host", "x86-64", "x86-64-v3"])
def test_floats(left, right, target):
    if not ulq.targets.lookup(target).runs_here():
        pytest.skip(f"this machine does not run {target}")
    build = Builder()
    y = build.node("MatMul", build.input("a", left), build.input("b", right))
    program = ulq.compile(build.model(y), target=target)
    rng = np.random.default_rng(1)
    # Small multiples of powers of two: every order of summation is exact.
    a, b = (rng.integers(-8, 9, shape).astype(np.float32) / 8 for shape in (left, right))
    result = program.run({"a": a, "b": b})["y0"]
    assert result.shape == (a @ b).shape
    np.testing.assert_array_equal(result, a @ b)
    assert [layer.kernel for layer in products(program)] == ["float32"]


def test_codes_by_floats():
    """One operand without codes: a product of floats, by our kernel."""
    build, grid = Builder(), Grid("u8", 4, 0.5)
    y = build.node("MatMul", build.quantize(build.input("a", (3, 4, 5)), grid), build.input("b", (3, 5, 6)))
    program = ulq.compile(build.model(y))
    rng = np.random.default_rng(1)
    a, b = grid.reals(rng.integers(0, 256, (3, 4, 5))), rng.integers(-8, 9, (3, 5, 6)).astype(np.float32)
    np.testing.assert_array_equal(program.run({"a": a, "b": b})["y0"], a @ b)
    assert [layer.kernel for layer in products(program)] == ["float32"]


def test_codes_too_deep_for_32_bits_are_multiplied_as_floats():
    build, grid = Builder(), Grid("u8", 0, 1.0)
    y = build.node(
        "MatMul", *(build.quantize(build.input(n, s), grid) for n, s in (("a", (1, 40000)), ("b", (40000, 1))))
    )
    program = ulq.compile(build.model(y))
    ones = np.ones(40000, np.float32)
    assert program.run({"a": ones[None], "b": ones[:, None]})["y0"] == 40000
    assert [layer.kernel for layer in products(program)] == ["float32"]


@pytest.mark.parametrize("quantized", [True, False])
def test_both_operands_are_one_tensor(quantized):
    build, grid = Builder(), Grid("s8", 5, 0.125)
    x = build.input("x", (2, 9, 6))
    x = build.quantize(x, grid) if quantized else x
    program = ulq.compile(build.model(build.node("MatMul", x, build.transpose(x, 0, 2, 1))))
    values = grid.reals(np.random.default_rng(1).integers(-128, 128, (2, 9, 6)))
    np.testing.assert_array_equal(program.run(values)["y0"], values @ values.swapaxes(1, 2))
    assert [layer.kernel for layer in products(program)] == ["dot" if quantized else "float32"]


@pytest.mark.parametrize("quantized", [True, False])
def test_constant_on_the_left(quantized):
    """The transposed product has constant weights."""
    build, grid = Builder(), Grid("u8", 7)
    rng = np.random.default_rng(1)
    w = rng.integers(-8, 8, (5, 4))
    left = build.node(
        "DequantizeLinear",
        build.constant(w.astype(np.int8)),
        build.constant(np.float32(0.25)),
        build.constant(np.int8(0)),
    )
    x = build.input("x", (3, 4, 6))
    y = build.node("MatMul", left, build.quantize(x, grid) if quantized else x)
    program = ulq.compile(build.model(y))
    codes = rng.integers(0, 256, (3, 4, 6))
    result = program.run(grid.reals(codes))["y0"]
    expected = 0.25 * (w @ grid.reals(codes).astype(np.float64))
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)
    (layer,) = products(program)
    assert layer.weight_bytes > 0 and layer.weight_bits <= 4 and layer.activation_bits == (8 if quantized else 32)


@pytest.mark.parametrize(("trans_a", "trans_b"), [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_gemm(trans_a, trans_b):
    build, lhs, rhs = Builder(), Grid("u8", 100), Grid("s8", 3)
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 256, (6, 11)), rng.integers(-128, 128, (11, 10))
    bias = rng.integers(-8, 9, 10).astype(np.float32)
    stored = {"a": lhs.reals(a.T if trans_a else a), "b": rhs.reals(b.T if trans_b else b)}
    operands = [build.quantize(build.input(n, stored[n].shape), grid) for n, grid in (("a", lhs), ("b", rhs))]
    y = build.node("Gemm", *operands, build.constant(bias), transA=trans_a, transB=trans_b, alpha=0.5, beta=2.0)
    program = ulq.compile(build.model(y))
    scale = float(np.float32(lhs.scale)) * float(np.float32(rhs.scale))
    expected = 0.5 * scale * ((a - lhs.zero) @ (b - rhs.zero)) + 2.0 * bias
    np.testing.assert_allclose(program.run(stored)["y0"], expected, rtol=1e-6, atol=1e-5)
    assert [layer.kernel for layer in products(program, "Gemm")] == ["dot"]


@pytest.mark.parametrize("shape", [(7, 9), (3, 7, 9)], ids=str)
def test_integer_operators(shape):
    """MatMulInteger and QLinearMatMul of two computed tensors of codes."""
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 256, (3, 5, 7)).astype(np.uint8), rng.integers(-128, 128, shape).astype(np.int8)
    constants = {
        "sa": np.float32(0.5), "za": np.uint8(9), "sb": np.float32(0.25), "zb": np.int8(-5),
        "sy": np.float32(37.0), "zy": np.uint8(130),
    }  # fmt: skip
    nodes = [
        helper.make_node("MatMulInteger", ["a", "b", "za", "zb"], ["sums"], name="integer"),
        helper.make_node("QLinearMatMul", ["a", "sa", "za", "b", "sb", "zb", "sy", "zy"], ["codes"], name="linear"),
    ]
    inputs = [
        helper.make_tensor_value_info("a", TensorProto.UINT8, a.shape),
        helper.make_tensor_value_info("b", TensorProto.INT8, b.shape),
    ]
    outputs = [
        helper.make_tensor_value_info("sums", TensorProto.INT32, None),
        helper.make_tensor_value_info("codes", TensorProto.UINT8, None),
    ]
    initializers = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "integers", inputs, outputs, initializers)
    program = ulq.compile(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10))
    results = program.run({"a": a, "b": b})
    sums = (a.astype(np.int64) - 9) @ (b.astype(np.int64) + 5)
    np.testing.assert_array_equal(results["sums"], sums)
    np.testing.assert_array_equal(results["codes"], np.clip(np.rint(sums * 0.125 / 37) + 130, 0, 255))
    assert [layer.kernel for layer in products(program, "MatMulInteger", "QLinearMatMul")] == ["dot", "dot"]


def attention(batch: int, length: int, heads: int, width: int, grids: dict[str, Grid] | None) -> onnx.ModelProto:
    """Scaled dot-product attention as exporters write it: heads are moved before the batch of products."""
    build = Builder()

    def quantized(x: str, name: str) -> str:
        return build.quantize(x, grids[name]) if grids else x

    def split(name: str, perm: tuple[int, ...]) -> str:
        x = quantized(build.input(name, (batch, length, heads * width)), name)
        return build.transpose(build.reshape(x, batch, length, heads, width), *perm)

    q, k, v = split("q", (0, 2, 1, 3)), split("k", (0, 2, 3, 1)), split("v", (0, 2, 1, 3))
    scores = build.node("Mul", build.node("MatMul", q, k), build.constant(np.float32(width**-0.5)))
    p = quantized(build.node("Softmax", scores, axis=-1), "p")
    y = build.transpose(build.node("MatMul", p, v), 0, 2, 1, 3)
    return build.model(quantized(build.reshape(y, batch, length, heads * width), "y"))


@pytest.mark.parametrize(("batch", "length", "heads", "width"), [(1, 13, 3, 8), (3, 7, 2, 5), (1, 64, 4, 32)])
@pytest.mark.parametrize("bits", [4, 8, 32])
def test_attention(batch, length, heads, width, bits):
    grids = {
        8: {
            "q": Grid("s8", 3, 0.02), "k": Grid("u8", 120, 0.02), "v": Grid("s8", 0, 0.02), "p": Grid("u8", 0, 1 / 255),
            "y": Grid("u8", 131, 0.01),
        },
        4: {
            "q": Grid("s4", 1, 0.3), "k": Grid("u4", 7, 0.3), "v": Grid("s4", 0, 0.3), "p": Grid("u4", 0, 1 / 15),
            "y": Grid("s4", 0, 0.2),
        },
    }.get(bits)  # fmt: skip
    model = attention(batch, length, heads, width, grids)
    program = ulq.compile(model)
    rng = np.random.default_rng(bits)
    inputs = {name: rng.standard_normal((batch, length, heads * width)).astype(np.float32) for name in "qkv"}
    if grids:  # values on the grid are quantized alike by every evaluator
        codes = {n: np.clip(np.rint(x / grids[n].scale) + grids[n].zero, *grids[n].range) for n, x in inputs.items()}
        inputs = {name: grids[name].reals(codes[name]) for name in "qkv"}
    result = program.run(inputs)["y0"]
    expected = exact(model, inputs)["y0"]
    # Softmax is float: its codes may differ where it lies at a tie of the quantizer.
    step = grids["y"].scale if grids else 0
    close = np.isclose(result, expected, rtol=1e-5, atol=1e-5)
    assert np.mean(~close) <= (0.01 if grids else 0) and np.abs(result - expected).max() <= step + 1e-5
    assert [layer.kernel for layer in products(program)] == ["dot" if grids else "float32"] * 2
    if not grids:
        runtime = oracles.session(model.SerializeToString()).run(None, inputs)[0]
        np.testing.assert_allclose(result, runtime, rtol=1e-4, atol=1e-5)
