"""Concats, nearest upsamplings, slices and transposes of codes between layers: copies of packed codes, exactly."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import ulq
from ulq import layouts, targets
from ulq.importer import import_model
from ulq.reference_graph import run_graph

QONNX = "qonnx.custom_op.general"
HEIGHT, WIDTH = 3, 5


class Network:
    """Layers with codes of `bits` bits on one grid; names of values stand for them."""

    def __init__(self, bits: int, channels: int, batch: int, extents: tuple[int, int] = (HEIGHT, WIDTH)):
        self.random = np.random.default_rng(bits * 100 + channels)
        self.nodes, self.constants, self.counts = [], {}, {"x": channels}
        self.bits, self.shape = bits, (batch, channels, *extents)
        self.a = self.quantize("x")

    def constant(self, value, kind=np.float32) -> str:
        name = f"k{len(self.constants)}"
        self.constants[name] = np.asarray(value, kind)
        return name

    def node(self, operator: str, inputs: list[str], channels: int, domain: str = "", **attributes) -> str:
        name = f"{operator.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], name, domain=domain, **attributes))
        self.counts[name] = channels
        return name

    def quantize(self, x: str, scale: float = 0.5) -> str:
        inputs = [x, self.constant(scale), self.constant(0.0), self.constant(self.bits)]
        flags = {"signed": 0, "narrow": 0, "rounding_mode": "ROUND"}
        return self.node("Quant", inputs, self.counts[x], QONNX, **flags)

    def conv(self, x: str, outputs: int, kernel: int = 1) -> str:
        return self.quantize(self.product(x, outputs, kernel))

    def product(self, x: str, outputs: int, kernel: int = 1) -> str:
        shape = (outputs, self.counts[x], kernel, kernel)
        codes = self.constant(self.random.integers(0, 2, shape) * 2 - 1)
        w = self.node("BipolarQuant", [codes, self.constant(1.0)], outputs, QONNX)
        return self.node("Conv", [x, w], outputs, pads=[kernel // 2] * 4)

    def concat(self, *inputs: str, axis: int = 1) -> str:
        counts = [self.counts[x] for x in inputs]
        return self.node("Concat", list(inputs), sum(counts) if axis == 1 else counts[0], axis=axis)

    def upsample(self, x: str, y_factor: int, x_factor: int) -> str:
        scales = self.constant([1, 1, y_factor, x_factor])
        modes = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        return self.node("Resize", [x, "", scales], self.counts[x], **modes)

    def slice(self, x: str, axis: int, start: int, end: int, step: int = 1) -> str:
        bounds = [self.constant([value], np.int64) for value in (start, end, axis, step)]
        channels = len(range(start, min(end, self.counts[x]), step)) if axis == 1 else self.counts[x]
        return self.node("Slice", [x, *bounds], channels)

    def model(self, outputs: list[str]) -> onnx.ModelProto:
        x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, self.shape)
        results = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in outputs]
        constants = [numpy_helper.from_array(value, name) for name, value in self.constants.items()]
        graph = helper.make_graph(self.nodes, "moved", [x], results, constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21), helper.make_opsetid(QONNX, 1)])


def concat_of_two(net: Network, c: int) -> list[str]:
    return [net.conv(net.concat(net.conv(net.a, c), net.conv(net.a, 2 * c)), 5)]


def concat_of_three(net: Network, c: int) -> list[str]:
    a, b = net.conv(net.a, c), net.conv(net.a, c)
    return [net.conv(net.concat(a, b, a), 5), net.conv(net.concat(b, b, a), c, 3)]


def concat_of_images(net: Network, c: int) -> list[str]:
    a, b = net.conv(net.a, c), net.conv(net.a, c)
    lines, columns = net.concat(a, b, axis=2), net.concat(b, a, a, axis=3)
    return [net.conv(lines, c, 3), net.conv(columns, 5), net.conv(net.concat(a, b, axis=0), 5)]


def upsample_2(net: Network, c: int) -> list[str]:
    return [net.conv(net.upsample(net.conv(net.a, c), 2, 2), c, 3)]


def upsample_3(net: Network, c: int) -> list[str]:
    return [net.conv(net.upsample(net.conv(net.a, c), 3, 3), 5)]


def upsample_lines(net: Network, c: int) -> list[str]:
    return [net.conv(net.upsample(net.conv(net.a, c), 2, 1), 5), net.conv(net.upsample(net.a, 1, 9), 5)]


def u_net(net: Network, c: int) -> list[str]:
    """The upsampled codes are part of the concat that reads them."""
    skip = net.conv(net.upsample(net.conv(net.a, c), 2, 2), c)
    pooled = net.node("MaxPool", [skip], c, kernel_shape=[2, 2], strides=[2, 2])
    deep = net.conv(pooled, 2 * c, 3)
    return [net.conv(net.concat(net.upsample(deep, 2, 2), skip), 5, 3)]


def shared(net: Network, c: int) -> list[str]:
    """Upsampled codes that a layer, a concat and the caller read."""
    up = net.upsample(net.conv(net.a, c), 2, 2)
    joined = net.concat(up, net.conv(up, c))
    return [net.conv(joined, 5), net.conv(net.concat(joined, joined), 5), net.node("Identity", [up], c)]


def parts(net: Network, c: int) -> list[str]:
    """Halves of the channels change places; parts of lines and columns."""
    a = net.conv(net.a, 2 * c)
    halves = net.slice(a, 1, 0, c), net.slice(a, 1, c, 2 * c)
    b = net.concat(halves[1], net.conv(halves[0], c), halves[0])
    return [net.conv(b, 5), net.conv(net.slice(net.slice(a, 2, 1, HEIGHT), 3, 0, WIDTH, 2), 5)]


def transposed(net: Network, c: int) -> list[str]:
    a = net.conv(net.a, c)
    return [net.conv(net.node("Transpose", [a], c, perm=[0, 1, 3, 2]), 5)]


def nested(net: Network, c: int) -> list[str]:
    a, b = net.conv(net.a, c), net.conv(net.a, c)
    wide = net.concat(net.upsample(net.concat(a, b), 2, 3), net.upsample(b, 2, 3), net.upsample(net.a, 2, 3))
    return [net.conv(wide, 5)]


def two_grids(net: Network, c: int) -> list[str]:
    """A product that is quantized on the grid of the concat and on another one."""
    product = net.product(net.a, c)
    joined = net.concat(net.upsample(net.conv(net.a, c), 1, 1), net.quantize(product), net.conv(net.a, c))
    return [net.conv(joined, 5), net.conv(net.quantize(product, 0.375), 5)]


class RandomMoves:
    """Some movements one after the other, with what was moved before as other operands."""

    def __init__(self, seed: int):
        self.random = np.random.default_rng(seed)
        self.shapes: dict[str, tuple[int, int]] = {}  # height and width of values

    def __call__(self, net: Network, c: int) -> list[str]:
        self.shapes = {net.conv(net.a, c): (HEIGHT, WIDTH) for _ in range(2)}
        x = next(iter(self.shapes))
        outputs = []
        for _ in range(self.random.integers(3, 8)):
            x, shape = self.move(net, x, *self.shapes[x])
            self.shapes[x] = shape
            if self.random.random() < 0.2:
                outputs.append(net.conv(x, 3))
        return [*outputs, net.conv(x, 5)]

    def move(self, net: Network, x: str, height: int, width: int) -> tuple[str, tuple[int, int]]:
        kind = self.random.integers(0, 5)
        if kind == 0 and height * width < 400:
            factors = [int(f) for f in self.random.integers(1, 4, 2)]
            return net.upsample(x, *factors), (height * factors[0], width * factors[1])
        if kind == 1:
            axis = int(self.random.integers(1, 4))
            extent = (net.counts[x], height, width)[axis - 1]
            start = int(self.random.integers(0, extent))
            unit = net.shape[1] if axis == 1 and extent > net.shape[1] else 1  # parts of a concat
            start, step = start // unit * unit, 1 if axis == 1 else int(self.random.integers(1, 3))
            part = net.slice(x, axis, start, extent, step)
            left = len(range(start, extent, step))
            return part, (left if axis == 2 else height, left if axis == 3 else width)
        if kind == 2:
            return net.node("Transpose", [x], net.counts[x], perm=[0, 1, 3, 2]), (width, height)
        others = [name for name, shape in self.shapes.items() if shape == (height, width)]
        joined = [x, *(str(name) for name in self.random.choice(others, self.random.integers(1, 3)))]
        if kind == 4 and len({net.counts[name] for name in joined}) == 1 and height * width < 400:
            axis = int(self.random.integers(2, 4))
            tall, wide = (len(joined), 1) if axis == 2 else (1, len(joined))
            return net.concat(*joined, axis=axis), (height * tall, width * wide)
        if sum(net.counts[name] for name in joined) > 400:
            return net.concat(x, axis=1), (height, width)
        self.random.shuffle(joined)
        return net.concat(*joined), (height, width)


@dataclass(frozen=True)
class Case:
    build: Callable[[Network, int], list[str]]
    copies: int  # dispatches of copies, where channels are whole bytes


CASES = {
    "concat of two": Case(concat_of_two, 1),
    "concat of three": Case(concat_of_three, 2),
    "concat of images": Case(concat_of_images, 3),
    "upsample by 2": Case(upsample_2, 1),
    "upsample by 3": Case(upsample_3, 1),
    "upsample of lines": Case(upsample_lines, 2),
    "U-Net": Case(u_net, 2),
    "shared": Case(shared, 3),
    "parts": Case(parts, 3),
    "transposed": Case(transposed, 1),
    "nested": Case(nested, 1),
    "two grids": Case(two_grids, 1),
}


def compare(case: Case, bits: int, channels: int, batch: int, target: str, **options) -> ulq.Program:
    net = Network(bits, channels, batch)
    outputs = case.build(net, channels)
    source = net.model(outputs)
    program = ulq.compile(source, target=target, **options)
    x = np.random.default_rng(1).normal(0, (1 << bits) / 4, net.shape).astype(np.float32)
    results = program.run({"x": x})
    expected = run_graph(import_model(source).text, {"x": x})
    assert sorted(results) == sorted(outputs)
    for name, result in results.items():
        np.testing.assert_array_equal(result, expected[name])
    assert max(len(np.unique(result)) for result in results.values()) > 1
    return program


WIDTHS = ((1, 8, 1), (1, 20, 2), (2, 4, 1), (2, 33, 2), (3, 8, 2), (3, 33, 1), (4, 20, 1), (8, 4, 2), (8, 33, 1))
TARGETS = ("x86-64-v3", "x86-64-v4", "x86-64")


@pytest.mark.parametrize("width", WIDTHS, ids=lambda width: "a{}c{}n{}".format(*width))
@pytest.mark.parametrize("name", CASES)
def test_exact(name, width):
    bits, channels, batch = width
    target = TARGETS[(list(CASES).index(name) + WIDTHS.index(width)) % len(TARGETS)]
    if lacking := targets.lookup(target).missing_flags():
        pytest.skip(f"needs a CPU with {', '.join(lacking)}")
    program = compare(CASES[name], bits, channels, batch, target)
    copies = [layer for layer in program.layers if layer.kernel == "copy"]
    if channels * layouts.storage_bits(bits) % 8 == 0:
        assert len(copies) == CASES[name].copies


@pytest.mark.parametrize("seed", range(16))
def test_random_movements(seed):
    bits, channels, batch = WIDTHS[seed % len(WIDTHS)]
    compare(Case(RandomMoves(seed), 0), bits, channels, batch, TARGETS[seed % 3] if seed % 4 else "host")


@pytest.mark.parametrize("name", CASES)
def test_other_dispatches_are_those_at_the_ends(name):
    """IREE packs the codes of the input and unpacks those of the outputs; nothing between is its."""
    case, net = CASES[name], Network(2, 20, 1)
    outputs = case.build(net, 20)
    program = ulq.compile(net.model(outputs))
    listed = [line.split() for line in program.dispatch_report().splitlines()[2:]]
    foreign = [words[0] for words in listed if not words[0].startswith("ulq_")]
    assert len(foreign) <= 2 + 2 * len(outputs), foreign
    assert not [name for name in foreign if "memcpy" in name], foreign


def test_operators_of_copies():
    """A copy has the operator of its node; one that only prepares what the node's layer reads has none."""
    for name, operators in (("U-Net", ["Concat", "Resize"]), ("transposed", ["Copy"])):
        net = Network(2, 8, 1)
        program = ulq.compile(net.model(CASES[name].build(net, 8)))
        assert sorted(layer.op for layer in program.layers if layer.kernel == "copy") == operators


def test_workgroups_and_threads():
    """A copy of so much that it has several parts."""
    net = Network(8, 32, 1, (48, 48))
    outputs = u_net(net, 32)
    program = ulq.compile(net.model(outputs))
    assert max(layer.workgroups for layer in program.layers if layer.kernel == "copy") > 1
    x = np.random.default_rng(2).normal(0, 60, net.shape).astype(np.float32)
    expected = run_graph(import_model(net.model(outputs)).text, {"x": x})
    for threads in (1, 2):
        program.threads = threads
        for name, result in program.run({"x": x}).items():
            np.testing.assert_array_equal(result, expected[name])


@pytest.mark.skipif(shutil.which("qemu-aarch64") is None, reason="qemu-aarch64 is not installed")
@pytest.mark.parametrize("name", ["concat of three", "U-Net", "parts"])
def test_on_aarch64(name):
    compare(CASES[name], 2, 20, 2, "aarch64")


@pytest.mark.parametrize("name", ["lookups", "pools"])
def test_storage_of_readers(name):
    """Lookups make codes that are joined; pools read joined codes."""
    net = Network(3, 6, 2)
    a, b = net.conv(net.a, 6), net.conv(net.a, 12)
    outputs = [net.conv(a, 5), net.conv(b, 5)]
    if name == "lookups":
        d = net.node("Sub", [b, net.constant(1.5)], 12)
        b = net.quantize(net.node("Mul", [d, d], 12))
    joined = net.concat(a, b, net.conv(a, 6))
    if name == "pools":
        joined = net.node("MaxPool", [joined], 24, kernel_shape=[2, 2])
    outputs.append(net.conv(joined, 5))
    source = net.model(outputs)
    program = ulq.compile(source)
    x = np.random.default_rng(4).normal(0, 2, net.shape).astype(np.float32)
    expected = run_graph(import_model(source).text, {"x": x})
    for output, result in program.run({"x": x}).items():
        np.testing.assert_array_equal(result, expected[output])
    assert {"copy", "lookup" if name == "lookups" else "max_pool"} <= {layer.kernel for layer in program.layers}
