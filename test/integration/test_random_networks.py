"""Random quantized networks: compiled programs equal the exact meaning of the imported graph.

ONNX Runtime is no oracle here: random scales meet in exact ties, which its float sums decide either way.
"""

from __future__ import annotations

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

import ulq
from ulq.importer import import_model
from ulq.reference_graph import run_graph

SEEDS = range(24)
TARGETS = ("host", "x86-64", "x86-64-v3", "skylake-avx512")
WIDTHS = (1, 2, 3, 4, 5, 8)


class Network:
    """A network under construction: `x` is the newest tensor, of NCHW shape `shape`."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)
        self.nodes, self.constants = [], []
        self.shape = [int(self.rng.integers(1, 3)), int(self.rng.integers(1, 20)), *self.extents(5, 18)]
        self.input_shape = tuple(self.shape)
        self.x = self.quantize("x", 8, signed=True, scale=0.02)

    def extents(self, low: int, high: int) -> list[int]:
        return [int(value) for value in self.rng.integers(low, high, 2)]

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def constant(self, value: np.ndarray) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, operator: str, inputs: list[str], **attributes) -> str:
        name = f"{operator}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [f"{name}:0"], name=name, **attributes))
        return f"{name}:0"

    def quantize(self, x: str, bits: int, signed: bool, scale: float) -> str:
        """QuantizeLinear, Clip to the width, DequantizeLinear."""
        kind = np.int8 if signed else np.uint8
        low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
        grid = [self.constant(np.float32(scale)), self.constant(kind(0))]
        codes = self.node("QuantizeLinear", [x, *grid])
        codes = self.node("Clip", [codes, self.constant(kind(low)), self.constant(kind(high))])
        return self.node("DequantizeLinear", [codes, *grid])

    def weights(self, shape: list[int]) -> str:
        bits = int(self.rng.choice(WIDTHS))
        low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
        codes = self.rng.choice([-1, 1], shape) if bits == 1 else self.rng.integers(low, high + 1, shape)
        scale = self.rng.uniform(0.01, 0.1, shape[0] if self.chance(0.6) else ()).astype(np.float32)
        zero = np.zeros(scale.shape, np.int8)
        operands = [self.constant(codes.astype(np.int8)), self.constant(scale), self.constant(zero)]
        return self.node("DequantizeLinear", operands, axis=0)

    def convolution(self) -> None:
        batch, channels, *extents = self.shape
        groups = channels if self.chance(0.15) else 1
        outputs = groups * int(self.rng.integers(1, 3)) if groups > 1 else int(self.rng.integers(1, 70))
        kernel = [int(self.rng.integers(1, min(4, extent) + 1)) for extent in extents]
        strides = self.extents(1, 3)
        pads = [int(value) for value in self.rng.integers(0, 2, 4)]
        operands = [self.x, self.weights([outputs, channels // groups, *kernel])]
        if self.chance(0.5):
            operands.append(self.constant(self.rng.standard_normal(outputs).astype(np.float32) / 8))
        y = self.node("Conv", operands, kernel_shape=kernel, strides=strides, pads=pads, group=groups)
        room = [extents[i] + pads[i] + pads[2 + i] - kernel[i] for i in (0, 1)]
        self.shape = [batch, outputs, *(room[i] // strides[i] + 1 for i in (0, 1))]
        if self.chance(0.4):
            y = self.batch_norm(y, outputs)
        signed = not self.chance(0.6)
        y = self.node("LeakyRelu", [y], alpha=0.125) if signed else self.node("Relu", [y])
        bits = int(self.rng.choice(WIDTHS))
        self.x = self.quantize(y, max(bits, 2 if signed else 1), signed, float(self.rng.uniform(0.02, 0.4)))

    def batch_norm(self, y: str, channels: int) -> str:
        gamma, beta, mean = self.rng.standard_normal((3, channels)).astype(np.float32)  # both signs
        variance = self.rng.uniform(0.2, 2, channels).astype(np.float32)
        return self.node("BatchNormalization", [y, *map(self.constant, (gamma, beta, mean, variance))])

    def residual(self) -> None:
        channels = self.shape[1]
        y = self.node("Conv", [self.x, self.weights([channels, channels, 1, 1])])
        if self.chance(0.5):
            y = self.quantize(y, 8, signed=True, scale=0.05)
        total = self.node("Relu", [self.node("Add", [y, self.x])])
        self.x = self.quantize(total, int(self.rng.choice((2, 4, 8))), signed=False, scale=0.1)

    def pool(self) -> None:
        maximum = self.chance(0.6)
        y = self.node("MaxPool" if maximum else "AveragePool", [self.x], kernel_shape=[2, 2], strides=[2, 2])
        self.shape[2:] = [extent // 2 for extent in self.shape[2:]]
        self.x = y if maximum else self.quantize(y, 4, signed=True, scale=0.1)

    def product(self) -> None:
        depth = int(np.prod(self.shape[1:]))
        weights = self.weights([int(self.rng.integers(1, 40)), depth])
        self.x = self.node("Gemm", [self.node("Flatten", [self.x]), weights], transB=1)

    def model(self) -> ModelProto:
        self.node("Identity", [self.x])
        self.nodes[-1].output[0] = "out"
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, self.input_shape)
        out = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, "random", [x], [out], self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)


def random_network(seed: int) -> Network:
    network = Network(seed)
    for _ in range(int(network.rng.integers(1, 4))):
        network.convolution()
        if network.chance(0.3):
            network.residual()
        if network.chance(0.3) and min(network.shape[2:]) >= 2:
            network.pool()
    if network.chance(0.6):
        network.product()
    return network


@pytest.mark.parametrize("seed", SEEDS)
def test_equals_the_exact_reference(seed):
    network = random_network(seed)
    model = network.model()
    program = ulq.compile(model, target=TARGETS[seed % len(TARGETS)])
    text = import_model(model).text
    for _ in range(2):
        x = (network.rng.standard_normal(network.input_shape) * 1.5).astype(np.float32)
        expected = run_graph(text, {"x": x})["out"]
        np.testing.assert_allclose(program.run(x)["out"], expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())
    assert not [layer.name for layer in program.layers if layer.op in ("Conv", "Gemm") and layer.is_float]
