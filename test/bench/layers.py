"""Single layers as ONNX models: matrix products and convolutions, several with one input, or in chains.

A layer inside a network finds codes, a model of one layer has to quantize its input first. So a layer comes as two
models, of which the second has more layers, and costs the difference of their times: what both spend on inputs cancels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from forms import FORMS, Form, Graph, Grid
from onnx import ModelProto, TensorProto, ValueInfoProto, helper

SIDES = 5  # layers that read one input in the larger model
LARGE = 8_000_000  # weights of a layer from which two must do: models have their weights several times


@dataclass(frozen=True)
class Layer:
    """A product by weights [outputs, depth], or a convolution where there is a kernel; followed by bias and ReLU."""

    outputs: int
    depth: int  # input channels
    rows: int  # of the product; height and width of the image
    kernel: int = 0
    stride: int = 1

    @property
    def macs(self) -> int:
        pixels = (self.rows // self.stride) ** 2 if self.kernel else self.rows
        return pixels * self.outputs * self.depth * max(1, self.kernel) ** 2

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (1, self.depth, self.rows, self.rows) if self.kernel else (self.rows, self.depth)

    @property
    def output_shape(self) -> tuple[int, ...]:
        extent = self.rows // self.stride
        return (1, self.outputs, extent, extent) if self.kernel else (self.rows, self.outputs)


def parallel(layer: Layer, bits: tuple[int, int], form: str) -> list[ModelProto]:
    """One layer, and `sides` layers of the same input."""
    return [_Builder(bits, form).model([[layer]] * count, shared=True) for count in (1, sides(layer))]


def sides(layer: Layer) -> int:
    return 2 if layer.outputs * layer.depth * max(1, layer.kernel) ** 2 > LARGE else SIDES


def chained(stages: list[tuple[Layer, int]], bits: tuple[int, int], form: str) -> list[ModelProto]:
    """A chain of one layer for each stage, and chains with as many layers more as stated."""
    return [
        _Builder(bits, form).model([[layer] * (1 + count * more) for layer, count in stages], shared=False)
        for more in (0, 1)
    ]


class _Builder:
    def __init__(self, bits: tuple[int, int], form: str):
        self.graph = Graph()
        self.form: Form = FORMS[form](self.graph, *bits)
        self.bits, self.name = bits, f"layers_w{bits[0]}a{bits[1]}_{form}"
        self.rng = np.random.default_rng(0)
        self.levels = (1 << bits[1]) - 1
        # Codes as of values between 0 and 1: their mean square is about a third.
        self.grid = Grid(bits[1], False, float(np.float32(1 / self.levels)))

    def model(self, chains: list[list[Layer]], shared: bool) -> ModelProto:
        inputs, outputs, sources = [], [], {}
        for i, chain in enumerate(chains):
            name = "x" if shared else f"x{i}"
            if name not in sources:
                inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, chain[0].input_shape))
                sources[name] = self.form.quantize(name, name, self.grid)
            real = sources[name]
            for j, layer in enumerate(chain):
                real = self._layer(real, layer, f"layer{i}_{j}")
            outputs.append(self._output(real, chain[-1]))
        graph = helper.make_graph(self.graph.nodes, self.name, inputs, outputs, self.graph.initializers)
        opsets = [helper.make_opsetid("", self.form.opset), *(helper.make_opsetid(d, 1) for d in self.form.domains)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=self.form.ir_version, producer_name="ulq")

    def _layer(self, source: str, layer: Layer, name: str) -> str:
        depth = layer.depth * max(1, layer.kernel) ** 2
        # Sums of a standard deviation of 1/3: of those that pass the ReLU few exceed the grid.
        step = 1 / math.sqrt(depth)
        shape = (layer.outputs, layer.depth, *[layer.kernel] * 2) if layer.kernel else (layer.outputs, layer.depth)
        codes, scale = self._weights(shape, step)
        grid = Grid(self.bits[0], True, np.full(layer.outputs, scale, np.float32), bipolar=self.bits[0] == 1)
        bias = self.rng.normal(0, 0.1, layer.outputs).astype(np.float32)
        operands = [
            source,
            self.form.weights(name, codes, grid),
            self.form.bias(name, bias, grid.scale * np.float32(self.grid.scale)),
        ]
        if layer.kernel:
            pads, square = [layer.kernel // 2] * 4, [layer.kernel] * 2
            geometry = {"kernel_shape": square, "strides": [layer.stride] * 2, "pads": pads, "group": 1}
            product = self.graph.node("Conv", operands, name, **geometry)
        else:
            product = self.graph.node("Gemm", operands, name, transB=1)
        return self.form.quantize(self.graph.node("Relu", [product], f"{name}/relu"), name, self.grid)

    def _weights(self, shape: tuple[int, ...], deviation: float) -> tuple[np.ndarray, float]:
        """Codes that use the whole range, and the scale that gives them the standard deviation."""
        bits = self.bits[0]
        half = 1 << (bits - 1)
        codes = self.rng.choice([-1, 1], shape) if bits == 1 else self.rng.integers(-half, half, shape)
        if bits == 8:
            codes = np.maximum(codes, -127)  # as quantizers of int8 engines leave them
        return codes.astype(np.float32), float(deviation / np.sqrt(np.mean(codes.astype(np.float32) ** 2)))

    def _output(self, real: str, layer: Layer) -> ValueInfoProto:
        """The codes, where the form has them: turning them into floats would be part of every layer."""
        last = self.graph.nodes[-1]
        if last.op_type != "DequantizeLinear":
            return helper.make_tensor_value_info(real, TensorProto.FLOAT, layer.output_shape)
        self.graph.nodes.pop()
        kind = next(t.data_type for t in self.graph.initializers if t.name == last.input[2])
        return helper.make_tensor_value_info(last.input[0], kind, layer.output_shape)
