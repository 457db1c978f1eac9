"""Builds a benchmark network operator by operator: ONNX nodes, and beside them the values of a calibration batch.

Every operator is evaluated in numpy as soon as it is written, on the values that the quantizers before it leave. Batch
normalization takes its statistics, and quantizers their scales, from these values, so that no activation is dead and
none saturates, however deep the network.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from forms import FORMS, Form, Graph, Grid
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, ValueInfoProto, helper

Array = NDArray[np.float32]
# Steps of uniform quantizers with the least squared error on normal numbers of variance 1, by bits.
WEIGHT_STEPS = {2: 0.9957, 3: 0.586, 4: 0.3352}
EPSILON = 1e-5


@dataclass(eq=False)
class Tensor:
    """A value of the network: its ONNX name, its calibration values, and the grid they lie on, if any."""

    name: str
    value: Array  # batch, channels, height, width; or batch, features
    grid: Grid | None = None
    nonnegative: bool = False
    active: bool = False  # an activation has been applied
    quantized: list[Tensor] = field(default_factory=list)  # this value on grids

    @property
    def channels(self) -> int:
        return self.value.shape[1]

    @property
    def shape(self) -> tuple[int, ...]:
        """For one image."""
        return (1, *self.value.shape[1:])


def windows(x: Array, kernel: int, stride: int, pad: int, fill: float):
    """((row, column), what the tap sees) for every tap of a square window."""
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), constant_values=fill)
    height, width = ((extent + 2 * pad - kernel) // stride + 1 for extent in x.shape[2:])
    for i in range(kernel):
        for j in range(kernel):
            yield (i, j), padded[:, :, i : i + stride * height : stride, j : j + stride * width : stride]


def convolve(x: Array, w: Array, stride: int, pad: int, fill: float) -> Array:
    """A convolution by a dense kernel, or one with a kernel per channel."""
    total = 0
    for (i, j), tap in windows(x, w.shape[2], stride, pad, fill):
        if w.shape[1] == 1 and x.shape[1] > 1:
            total = total + w[:, 0, i, j, None, None] * tap
        else:
            total = total + np.matmul(w[:, :, i, j], tap.reshape(*tap.shape[:2], -1)).reshape(
                -1, len(w), *tap.shape[2:]
            )
    return total


def best_scale(values: Array, bits: int, signed: bool) -> float:
    """The scale whose grid has the least squared error, among fractions of the one that reaches the largest value."""
    sample = values.ravel()[:: max(1, values.size // 20_000)]
    largest = max(float(np.abs(sample).max()), 1e-6)
    reach = max(1, Grid(bits, signed, 1.0).limits[1])
    grids = [Grid(bits, signed, float(np.float32(largest / reach * part))) for part in np.geomspace(0.1, 1, 32)]
    errors = [np.mean((grid.real(grid.codes(sample)) - sample) ** 2) for grid in grids]
    return grids[int(np.argmin(errors))].scale


def _affine(x: Array, gain: NDArray, offset: NDArray) -> Array:
    """Gain and offset of each channel."""
    shape = (-1, *[1] * (x.ndim - 2))
    return (x * gain.reshape(shape) + offset.reshape(shape)).astype(np.float32)


class Network:
    """A network under construction.

    Tensors are quantized where an operator wants codes, once for each width. `residual` says what a sum or a concat
    reads: "shared", all operands on one grid; "separate", each on its own; "float", operands as they are, so that only
    the inputs of convolutions and matrix products are quantized.
    """

    def __init__(self, bits: tuple[int, int], form: str, shape: tuple, residual: str, seed: int, depthwise_bits: int):
        self.graph = Graph()
        self.form: Form = FORMS[form](self.graph, *bits)
        self.residual = residual
        self.depthwise_bits = depthwise_bits
        self.one_bit = self.form.quantizes and bits[1] == 1
        self.bipolar = self.form.bipolar and self.one_bit
        self.seed, self.count, self.macs, self.weight_bits = seed, 0, 0, 0
        images = max(1, min(16, (224 // shape[-1]) ** 2))  # statistics of the last layers need some pixels
        value = np.random.default_rng(seed).standard_normal((images, *shape[1:]), np.float32)
        self.input = Tensor("x", value)

    def _name(self, kind: str) -> str:
        self.count += 1
        return f"{kind}{self.count}"

    # --- quantizers -----------------------------------------------------------------

    def quantize(self, x: Tensor, bits: int | None = None, grid: Grid | None = None) -> Tensor:
        """`x` on a grid of so many bits, the network's own unless stated, or on the given grid."""
        bits = bits or self.form.activation_bits
        if not self.form.quantizes:
            return x
        for held in (x, *x.quantized):
            if held.grid and (held.grid == grid if grid else held.grid.bits == bits):
                return held
        grid = grid or self._grid([x], bits)
        name = self.form.quantize(x.name, f"{x.name}.{len(x.quantized)}" if x.quantized else x.name, grid)
        x.quantized.append(Tensor(name, grid.real(grid.codes(x.value)), grid, x.nonnegative))
        return x.quantized[-1]

    def _grid(self, tensors: list[Tensor], bits: int) -> Grid:
        """A grid for all the tensors."""
        values = np.concatenate([tensor.value.ravel() for tensor in tensors])
        signed = not all(tensor.nonnegative for tensor in tensors)
        if bits == 1 and self.bipolar:
            return Grid(1, True, float(np.abs(values).mean()), bipolar=True)
        if self.form.requantizes and signed:  # unsigned with a zero point, which ONNX Runtime is fastest on
            low, high = min(float(values.min()), 0.0), float(values.max())
            scale = float(np.float32((high - low) / 255))
            return Grid(8, False, scale, int(np.rint(-low / scale)))
        if bits == 1:
            signed = False  # codes 0 and 1; -1 and 0 would leave nothing of an activation
        return Grid(bits, signed, best_scale(values, bits, signed))

    def _operands(self, tensors: list[Tensor]) -> list[Tensor]:
        """What a sum or a concat reads."""
        if not self.form.quantizes or (self.residual == "float" and not self.form.requantizes):
            return tensors
        bits = self.form.activation_bits
        if self.form.requantizes or self.residual == "separate":
            return [self.quantize(x) for x in tensors]
        held = [q.grid for x in tensors for q in (x, *x.quantized) if q.grid and q.grid.bits == bits]
        grid = held[0] if held else self._grid(tensors, bits)
        return [self.quantize(x, grid=grid) for x in tensors]

    def _finish(self, x: Tensor, grid: Grid | None = None) -> Tensor:
        """The result of an operator between layers; int8 kernels want it quantized, pools on the grid they read."""
        return self.quantize(x, grid=grid) if self.form.requantizes else x

    # --- products -------------------------------------------------------------------

    def conv(
        self,
        x: Tensor,
        outputs: int,
        kernel: int = 1,
        stride: int = 1,
        *,
        pad: int | None = None,
        act: str | None = "relu",
        groups: int = 1,
        edge: bool = False,
        batch_norm: bool = True,
    ) -> Tensor:
        """Convolution, batch normalization (else a bias), activation; `edge` marks a first or last layer, of 8 bits."""
        name = self._name("conv")
        bits = 8 if edge else self.depthwise_bits if groups > 1 else None
        x = self.quantize(x, bits)
        pad = kernel // 2 if pad is None else pad
        weights, grid = self._weights((outputs, x.channels // groups, kernel, kernel), bits or self.form.weight_bits)
        fill = -float(x.grid.scale) if x.grid and x.grid.bipolar else 0.0
        y = convolve(x.value, weights, stride, pad, fill)
        self.macs += y[0].size * weights[0].size
        geometry = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "group": groups}
        source = x.name
        if fill and pad:  # 0 is no bipolar code
            pads = [0, 0, pad, pad] * 2
            constants = [self.graph.constant(np.array(pads)), self.graph.constant(np.float32(fill))]
            source = self.graph.node("Pad", [source, *constants], f"{name}/pad")
            pad = 0
        geometry["pads"] = [pad] * 4
        normalize = self._batch_norm if batch_norm else self._with_bias
        y = Tensor(*normalize(name, "Conv", source, x, weights, grid, y, **geometry))
        return self._activate(y, act) if act else y if batch_norm else self._finish(y)

    def fc(self, x: Tensor, outputs: int) -> Tensor:
        """The last layer of a classifier, of 8 bits."""
        name = self._name("fc")
        x = self.quantize(x, 8)
        weights, grid = self._weights((outputs, x.channels), 8)
        self.macs += weights.size
        y = x.value @ weights.T
        return self._finish(Tensor(*self._with_bias(name, "Gemm", x.name, x, weights, grid, y, transB=1)))

    def _weights(self, shape: tuple[int, ...], bits: int) -> tuple[Array, Grid | None]:
        """He-normal weights, of a standard deviation that differs between channels; on a grid of so many bits."""
        rng = np.random.default_rng((self.seed, self.count))
        deviation = np.sqrt(2 / np.prod(shape[1:])) * rng.lognormal(0, 0.3, shape[0])
        floats = rng.standard_normal(shape, np.float32) * deviation.reshape(-1, *[1] * (len(shape) - 1))
        floats = floats.astype(np.float32)
        if not self.form.quantizes:
            return floats, None
        self.weight_bits += bits * floats.size
        rows = floats.reshape(shape[0], -1)
        if bits == 1:
            grid = Grid(1, True, np.abs(rows).mean(1), bipolar=True)
        elif bits in WEIGHT_STEPS:
            grid = Grid(bits, True, np.float32(WEIGHT_STEPS[bits]) * rows.std(1))
        else:
            grid = Grid(bits, True, np.abs(rows).max(1) / np.float32((1 << (bits - 1)) - 1))
        return grid.real(grid.codes(floats)), grid

    def _product(self, name, operator, source, x, weights, grid, gain, bias, **attributes) -> str:
        """The node of a product whose weights are multiplied by `gain`, with a bias."""
        operands = [source]
        if grid is None:
            shaped = np.reshape(gain, (-1,) + (1,) * (weights.ndim - 1))
            operands.append(self.graph.constant((weights * shaped).astype(np.float32)))
            step = 1.0
        else:
            scaled = Grid(grid.bits, True, (grid.scale * gain).astype(np.float32), bipolar=grid.bipolar)
            operands.append(self.form.weights(name, grid.codes(weights), scaled))
            step = scaled.scale * np.float32(x.grid.scale)
        if bias is not None:
            operands.append(self.form.bias(name, bias.astype(np.float32), step))
        return self.graph.node(operator, operands, name, **attributes)

    def _batch_norm(self, name, operator, source, x, weights, grid, y, **attributes) -> tuple[str, Array]:
        """A product and its batch normalization."""
        if not self.form.folds_batch_norm:
            product = self._product(name, operator, source, x, weights, grid, np.ones(len(weights)), None, **attributes)
            normal = self._normalize(Tensor(product, y))
            return normal.name, normal.value
        gain, offset, _ = self._statistics(y)
        return self._product(name, operator, source, x, weights, grid, gain, offset, **attributes), _affine(
            y, gain, offset
        )

    def _normalize(self, x: Tensor) -> Tensor:
        gain, offset, numbers = self._statistics(x.value)
        constants = [self.graph.constant(number.astype(np.float32)) for number in numbers]
        name = self.graph.node("BatchNormalization", [x.name, *constants], f"{x.name}/bn", epsilon=EPSILON)
        return Tensor(name, _affine(x.value, gain, offset))

    def _statistics(self, y: Array) -> tuple[NDArray, NDArray, tuple[NDArray, ...]]:
        """Batch normalization of `y`: gain, offset, and the operator's own parameters.

        A share of the layer's variance keeps channels that hardly vary from being blown up.
        """
        rng = np.random.default_rng((self.seed, self.count, 1))
        mean, variance = (np.asarray(stat(y, axis=(0, 2, 3)), np.float64) for stat in (np.mean, np.var))
        variance = variance + 0.05 * variance.mean()
        gamma, beta = rng.uniform(0.8, 1.2, y.shape[1]), rng.normal(0, 0.2, y.shape[1])
        gain = gamma / np.sqrt(variance + EPSILON)
        return gain, beta - mean * gain, (gamma, beta, mean, variance)

    def _with_bias(self, name, operator, source, x, weights, grid, y, **attributes) -> tuple[str, Array]:
        """A layer that yields logits: weights scaled to a standard deviation of 2, and a bias."""
        rng = np.random.default_rng((self.seed, self.count, 1))
        gain = 2 / max(float(y.std()), 1e-6)
        bias = rng.normal(0, 0.5, y.shape[1])
        node = self._product(name, operator, source, x, weights, grid, np.full(len(weights), gain), bias, **attributes)
        return node, _affine(y, np.full(len(bias), gain), bias)

    # --- operators between layers ---------------------------------------------------

    def _activate(self, x: Tensor, act: str) -> Tensor:
        name = f"{x.name}/{act}"
        if self.bipolar:  # as binary networks have it: a sign would be 1 on all that another one leaves
            return Tensor(self._clip(x.name, name, -1, 1), np.clip(x.value, -1, 1), active=True)
        if act == "silu":
            x = self._finish(x)
            gate = Tensor(self.graph.node("Sigmoid", [x.name], f"{name}/gate"), 1 / (1 + np.exp(-x.value)), None, True)
            gate = self._finish(gate)
            y = Tensor(self.graph.node("Mul", [x.name, gate.name], name), x.value * gate.value)
            # Low widths spend no code on the small negative part; 8 bits have a zero point for it.
            y.nonnegative, y.active = not self.form.requantizes, True
            return self._finish(y)
        node = self.graph.node("Relu", [x.name], name) if act == "relu" else self._clip(x.name, name, 0, 6)
        return Tensor(node, np.clip(x.value, 0, 6 if act == "relu6" else None), None, True, True)

    def _clip(self, x: str, name: str, low: float, high: float) -> str:
        return self.graph.node("Clip", [x, *(self.graph.constant(np.float32(limit)) for limit in (low, high))], name)

    def add(self, a: Tensor, b: Tensor, act: str | None = "relu") -> Tensor:
        """A residual sum.

        On a shared unsigned grid both branches pass the activation first. Sums of bits would be 1 almost everywhere
        after a few blocks: binary networks have them in floats.
        """
        name = self._name("add")
        if not self.one_bit:
            if act and self.residual == "shared" and self.form.quantizes and not self.form.requantizes:
                a, b = (x if x.grid or x.active else self._activate(x, act) for x in (a, b))
            a, b = self._operands([a, b])
        both = a.nonnegative and b.nonnegative
        y = Tensor(self.graph.node("Add", [a.name, b.name], name), a.value + b.value, None, both)
        y.active = bool(act) and both
        return self._finish(self._activate(y, act) if act and not both else y)

    def concat(self, tensors: list[Tensor]) -> Tensor:
        tensors = self._operands(tensors)
        name = self.graph.node("Concat", [x.name for x in tensors], self._name("concat"), axis=1)
        grid = tensors[0].grid if all(x.grid == tensors[0].grid for x in tensors) else None
        y = Tensor(name, np.concatenate([x.value for x in tensors], 1), grid, all(x.nonnegative for x in tensors))
        return self._regrid(y)

    def _moved(self, x: Tensor) -> Tensor:
        """The operand of an operator that yields values of its input: codes, unless only products read codes."""
        return x if self.residual == "float" and not self.form.requantizes else self.quantize(x, x.grid and x.grid.bits)

    def maxpool(self, x: Tensor, kernel: int, stride: int, pad: int = 0) -> Tensor:
        x = self.quantize(x, 8) if self.one_bit else self._moved(x)
        name = self._name("maxpool")
        geometry = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [pad] * 4}
        value = np.max([tap for _, tap in windows(x.value, kernel, stride, pad, -np.inf)], axis=0)
        y = Tensor(self.graph.node("MaxPool", [x.name], name, **geometry), value, x.grid, x.nonnegative)
        if self.one_bit:  # the maximum of bits is 1 almost everywhere: binary networks normalize behind the pool
            return self._activate(self._normalize(y), "relu")
        return self._regrid(y)

    def upsample(self, x: Tensor) -> Tensor:
        """Each pixel twice in both directions."""
        x = self._moved(x)
        name = self._name("resize")
        scales = self.graph.constant(np.array([1, 1, 2, 2], np.float32))
        mode = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        value = x.value.repeat(2, 2).repeat(2, 3)
        y = Tensor(self.graph.node("Resize", [x.name, "", scales], name, **mode), value, x.grid, x.nonnegative)
        return self._regrid(y)

    def _regrid(self, y: Tensor) -> Tensor:
        """Values already lie on the grid; int8 kernels want to be told so."""
        return self._finish(Tensor(y.name, y.value, None, y.nonnegative), y.grid) if self.form.requantizes else y

    def mean(self, x: Tensor) -> Tensor:
        """Global average pooling, flattened."""
        x = self._moved(x)
        name = self._name("mean")
        y = self.graph.node("GlobalAveragePool", [x.name], name)
        y = Tensor(y, x.value.mean((2, 3), keepdims=True), None, x.nonnegative)
        y = self.quantize(y, 8)
        flat = self.graph.node("Flatten", [y.name], f"{name}/flat")
        return self._regrid(Tensor(flat, y.value[:, :, 0, 0], y.grid, y.nonnegative))

    # --- the model ------------------------------------------------------------------

    def model(self, name: str, outputs: list[ValueInfoProto]) -> ModelProto:
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, self.input.shape)
        graph = helper.make_graph(self.graph.nodes, name, [x], outputs, self.graph.initializers)
        opsets = [helper.make_opsetid("", self.form.opset), *(helper.make_opsetid(d, 1) for d in self.form.domains)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=self.form.ir_version, producer_name="ulq")
        helper.set_model_props(model, {"macs": str(self.macs), "weight_bits": str(self.weight_bits)})
        return model
