"""How the quantizers and weights of a benchmark network are written: one class for each form of file.

`qonnx`: Quant and BipolarQuant on float tensors. `qdq`: QuantizeLinear and DequantizeLinear, on INT2 and INT4 where
ONNX has the width and with a Clip between them where it has not. `int8`: QDQ that ONNX Runtime runs on its int8
kernels. `fp32`: no quantizer at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

QONNX = "qonnx.custom_op.general"
CODE_TYPES = {
    (2, True): TensorProto.INT2,
    (2, False): TensorProto.UINT2,
    (4, True): TensorProto.INT4,
    (4, False): TensorProto.UINT4,
}


@dataclass(frozen=True)
class Grid:
    """The real numbers (code - zero) * scale. Bipolar codes are -1 and 1."""

    bits: int
    signed: bool
    scale: float | NDArray[np.float32]  # an array has one number per output channel, of weights
    zero: int = 0
    bipolar: bool = False

    @property
    def limits(self) -> tuple[int, int]:
        if self.bipolar:
            return -1, 1
        half = 1 << (self.bits - 1)
        return (-half, half - 1) if self.signed else (0, 2 * half - 1)

    @property
    def label(self) -> str:
        """What the names of quantizer nodes end in."""
        return "b1" if self.bipolar else f"{'s' if self.signed else 'u'}{self.bits}"

    def codes(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        scale = np.reshape(self.scale, (-1,) + (1,) * (x.ndim - 1)) if np.ndim(self.scale) else np.float32(self.scale)
        if self.bipolar:
            return np.where(x >= 0, np.float32(1), np.float32(-1))
        return np.clip(np.rint(x / scale) + np.float32(self.zero), *self.limits)

    def real(self, codes: NDArray[np.float32]) -> NDArray[np.float32]:
        scale = np.reshape(self.scale, (-1,) + (1,) * (codes.ndim - 1)) if np.ndim(self.scale) else self.scale
        return ((codes - np.float32(self.zero)) * np.asarray(scale, np.float32)).astype(np.float32)


class Graph:
    """Nodes and constants of a model under construction; equal constants are written once."""

    def __init__(self) -> None:
        self.nodes, self.initializers = [], []
        self._names: dict[tuple, str] = {}

    def constant(self, value: NDArray, kind: int | None = None) -> str:
        """The name of a tensor, of ONNX element type `kind` unless it follows from numpy's."""
        value = np.asarray(value)
        kind = kind or helper.np_dtype_to_tensor_dtype(value.dtype)
        key = (kind, value.shape, value.tobytes())
        if key not in self._names:
            name = self._names[key] = f"c{len(self._names)}"
            value = value.astype(helper.tensor_dtype_to_np_dtype(kind))
            self.initializers.append(numpy_helper.from_array(value, name))
        return self._names[key]

    def node(self, operator: str, inputs: list[str], name: str, **attributes) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name


class Form:
    """`fp32`: values and weights stay as they are."""

    opset, ir_version = 17, 8
    quantizes = False  # activations and weights
    folds_batch_norm = True  # into the weights' scales and a bias
    bipolar = False  # 1-bit activations are -1 and 1
    requantizes = False  # after operations between layers too: pools, sums, concats, resizes, activations
    domains: tuple[str, ...] = ()

    def __init__(self, graph: Graph, weight_bits: int, activation_bits: int):
        self.graph = graph
        self.weight_bits, self.activation_bits = weight_bits, activation_bits

    def quantize(self, x: str, name: str, grid: Grid) -> str:
        """A quantizer on a computed value; returns the name of the quantized real value."""
        return x

    def weights(self, name: str, codes: NDArray, grid: Grid) -> str:
        return self.graph.constant(grid.real(codes))

    def bias(self, name: str, bias: NDArray[np.float32], step: NDArray[np.float32] | float) -> str:
        """A bias; `step` is the real value of one unit of the layer's accumulator."""
        return self.graph.constant(bias)


class Qonnx(Form):
    quantizes = bipolar = True
    folds_batch_norm = False
    domains = (QONNX,)

    def quantize(self, x: str, name: str, grid: Grid) -> str:
        numbers = [np.asarray(value, np.float32) for value in (grid.scale, grid.zero, grid.bits)]
        return self._quant([x, *map(self.graph.constant, numbers)], f"{name}/{grid.label}", grid)

    def weights(self, name: str, codes: NDArray, grid: Grid) -> str:
        scale = np.reshape(grid.scale, (-1,) + (1,) * (codes.ndim - 1))
        operands = [grid.real(codes), scale, np.float32(grid.zero), np.float32(grid.bits)]
        return self._quant([self.graph.constant(value) for value in operands], f"{name}/weights", grid)

    def _quant(self, operands: list[str], name: str, grid: Grid) -> str:
        if grid.bipolar:
            return self.graph.node("BipolarQuant", operands[:2], name, domain=QONNX)
        form = {"signed": int(grid.signed), "narrow": 0, "rounding_mode": "ROUND"}
        return self.graph.node("Quant", operands, name, domain=QONNX, **form)


class Qdq(Form):
    quantizes = True

    def __init__(self, graph: Graph, weight_bits: int, activation_bits: int):
        super().__init__(graph, weight_bits, activation_bits)
        widths = {weight_bits, activation_bits}
        # The first operator sets and IR versions with 2-bit and with 4-bit tensors.
        self.opset, self.ir_version = (25, 13) if 2 in widths else (21, 10) if 4 in widths else (17, 8)

    def quantize(self, x: str, name: str, grid: Grid) -> str:
        kind, clip = self._carrier(grid)
        operands = [self.graph.constant(np.float32(grid.scale)), self.graph.constant(np.array(grid.zero), kind)]
        codes = self.graph.node("QuantizeLinear", [x, *operands], f"{name}/codes" if clip else f"{name}/{grid.label}")
        if clip:
            codes = self.graph.node("Clip", [codes, *self._bounds(grid, kind)], f"{name}/{grid.label}")
        return self.graph.node("DequantizeLinear", [codes, *operands], f"{name}/real")

    def weights(self, name: str, codes: NDArray, grid: Grid) -> str:
        kind, clip = self._carrier(grid)
        tensor = self.graph.constant(codes.astype(np.int8), kind)
        if clip:
            tensor = self.graph.node("Clip", [tensor, *self._bounds(grid, kind)], f"{name}/narrow")
        return self._dequantize(tensor, grid.scale, kind, f"{name}/weights")

    def bias(self, name: str, bias: NDArray[np.float32], step: NDArray[np.float32] | float) -> str:
        step = np.broadcast_to(np.asarray(step, np.float32), bias.shape)
        codes = self.graph.constant(np.rint(bias / step).astype(np.int32))
        return self._dequantize(codes, step, TensorProto.INT32, f"{name}/bias")

    def _dequantize(self, codes: str, scale: NDArray, kind: int, name: str) -> str:
        operands = [self.graph.constant(scale), self.graph.constant(np.zeros(np.shape(scale), np.int32), kind)]
        return self.graph.node("DequantizeLinear", [codes, *operands], name, axis=0)

    def _carrier(self, grid: Grid) -> tuple[int, bool]:
        """The element type of the codes, and whether a Clip narrows it; bipolar weights need none in int8."""
        kind = CODE_TYPES.get((grid.bits, grid.signed))
        if kind:
            return kind, False
        return TensorProto.INT8 if grid.signed else TensorProto.UINT8, grid.bits < 8 and not grid.bipolar

    def _bounds(self, grid: Grid, kind: int) -> list[str]:
        return [self.graph.constant(np.array(limit), kind) for limit in grid.limits]


class Int8(Qdq):
    requantizes = True


FORMS = {"fp32": Form, "qonnx": Qonnx, "qdq": Qdq, "int8": Int8}
