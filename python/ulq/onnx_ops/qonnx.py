"""QONNX quantizers, under their several domains."""

from __future__ import annotations

import numpy as np

from ulq.codes import Codes, Grid
from ulq.onnx_ops.grids import ROUNDINGS, along_axis, check_scale
from ulq.onnx_ops.registry import Node, onnx_op
from ulq.values import Value, code_element, constant, doubles

QONNX = ("qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general", "finn")

ROUNDING_MODES = {"ROUND": "half_even", "HALF_EVEN": "half_even", "HALF_UP": "half_up", "HALF_DOWN": "half_down"}
ROUNDING_MODES |= {"CEIL": "ceil", "FLOOR": "floor", "UP": "up", "DOWN": "down"}


def _rounding(node: Node, mode: str) -> str:
    if mode.upper() not in ROUNDING_MODES:
        raise node.error(f"unknown rounding mode '{mode}'")
    return ROUNDING_MODES[mode.upper()]


def _parameter(node: Node, index: int, name: str) -> np.ndarray:
    value = node.const(index)
    if value is None:
        raise node.error(f"{name} must be a constant")
    return value.astype(np.float32)


def _bits(node: Node, index: int, name: str = "bit width") -> int:
    width = _parameter(node, index, name)
    if width.size != 1 or not np.isfinite(width).all() or width.item() != int(width.item()) or width.item() < 1:
        raise node.error(f"{name} must be a positive integer, got {width.tolist()}")
    return int(width.item())


def _code_bits(node: Node, bits: int, name: str = "bit width") -> int:
    if not 1 <= bits <= 8:
        raise node.error(f"{name} {bits} is not supported, expected 1 to 8")
    return bits


def _range(bits: int, signed: bool, narrow: bool) -> tuple[int, int]:
    if signed:
        return -(1 << bits - 1) + narrow, (1 << bits - 1) - 1
    return 0, (1 << bits) - 1 - narrow


def _grid(node: Node, shape, scale: np.ndarray, zero: np.ndarray) -> Grid | None:
    check_scale(node, scale)
    found = along_axis(shape, scale, zero)
    if found is None:
        return None
    return Grid(found[1][0], found[1][1], found[0])


def _runtime_grid(node: Node, scale: np.ndarray, zero: np.ndarray) -> Grid:
    x = node.inputs[0]
    if not x.is_real:
        raise node.error(f"expected a float32 input, got {x.dtype.name}")
    grid = _grid(node, x.shape, scale, zero)
    if grid is None:
        raise node.error(f"scale of shape {list(scale.shape)} varies along several axes of {list(x.shape)}")
    return grid


@onnx_op("Quant", "IntQuant", domains=QONNX, folds=True)
def int_quant(node: Node) -> Value:
    """round(clip(x / scale + zeropt)) codes; 1 signed bit is bipolar."""
    x, bits = node.inputs[0], _bits(node, 3)
    scale, zero = _parameter(node, 1, "scale"), _parameter(node, 2, "zero point")
    signed, narrow = bool(node.required("signed")), bool(node.required("narrow"))
    rounding = _rounding(node, node.required("rounding_mode"))
    if bits == 1 and signed:
        return _bipolar(node, scale, zero)
    low, high = _range(bits, signed, narrow)
    if x.is_const:
        return _quantized_constant(node, x.const, scale, zero, bits, (low, high, signed, rounding))
    grid = _runtime_grid(node, scale, zero)
    element = code_element(_code_bits(node, bits), signed)
    codes = node.build.quantize(x, grid, element, low, high, rounding, first=True)
    return node.build.dequantize(codes, grid)


def _quantized_constant(node: Node, x: np.ndarray, scale, zero, bits: int, form) -> Value:
    """In float32, as the node would be executed. More than 8 bits stay a float constant."""
    low, high, signed, rounding = form
    if bits > 32:
        raise node.error(f"bit width {bits} is not supported, expected 1 to 32 for a constant")
    grid = _grid(node, x.shape, scale, zero)
    codes = ROUNDINGS[rounding](np.clip(x.astype(np.float32) / scale + zero, np.float32(low), np.float32(high)))
    values = np.asarray((codes - zero) * scale, np.float32)
    if grid is None or bits > 8:
        return constant(values)
    return constant(values, Codes(codes.astype(np.int32), code_element(bits, signed), grid))


@onnx_op("BipolarQuant", domains=QONNX, folds=True)
def bipolar_quant(node: Node) -> Value:
    return _bipolar(node, _parameter(node, 1, "scale"), np.zeros(1, np.float32))


def _bipolar(node: Node, scale: np.ndarray, zero: np.ndarray) -> Value:
    """(x / scale + zero >= 0 ? 1 : -1, minus zero) * scale, as codes {0, 1}."""
    x = node.inputs[0]
    if x.is_const:
        grid = _grid(node, x.shape, scale, zero)
        codes = (x.const / scale + zero >= 0) if zero.any() else (x.const >= 0)
        values = np.asarray((np.where(codes, 1, -1) - zero) * scale, np.float32)
        return constant(values, grid and Codes(codes.astype(np.int32), "ui1", _bipolar_grid(grid)))
    grid = _runtime_grid(node, scale, zero)
    limits = -np.asarray(grid.zero) * np.asarray(grid.scale)
    limits = limits if np.asarray(grid.zero).any() else np.zeros(1)
    return node.build.dequantize(node.build.threshold(x, limits, 1, "ui1", grid.axis), _bipolar_grid(grid))


def _bipolar_grid(grid: Grid) -> Grid:
    return Grid(doubles(2 * np.asarray(grid.scale)), doubles(0.5 + np.asarray(grid.zero) / 2), grid.axis)


@onnx_op("Trunc", domains=QONNX, folds=True)
def trunc(node: Node) -> Value:
    """Drops low bits: version 1 keeps the scale, version 2 has an output scale and saturates."""
    scale, zero = _parameter(node, 1, "scale"), _parameter(node, 2, "zero point")
    rounding = _rounding(node, node.attr("rounding_mode", "FLOOR"))
    in_bits = _bits(node, 3, "input bit width")
    # The two versions differ in their number of inputs, which is safer than a domain that is often not imported.
    if not node.has(5):
        out_bits, out_scale, limits = _bits(node, 4, "output bit width"), scale, None
        divisor = 2.0 ** (in_bits - out_bits)
        out_zero = zero
    else:
        out_bits, out_scale = _bits(node, 5, "output bit width"), _parameter(node, 4, "output scale")
        check_scale(node, scale)
        check_scale(node, out_scale, "output scale")
        if scale.size != 1 or out_scale.size != 1:
            raise node.error("expected one scale and one output scale")
        divisor = 2.0 ** float(np.rint(np.log2(out_scale / scale)).item())
        signed, narrow = bool(node.attr("signed", 1)), bool(node.attr("narrow", 0))
        limits = (*_range(out_bits, signed, narrow), signed)
        out_zero = zero / np.float32(divisor)
    if node.inputs[0].is_const:
        return _truncated_constant(node.inputs[0].const, scale, zero, divisor, limits, rounding, out_scale, out_zero)
    grid = _runtime_grid(node, scale, zero)
    size = max(len(grid.scale), len(grid.zero))
    steps, zeros = np.broadcast_to(grid.scale, size), np.broadcast_to(grid.zero, size)
    codes = node.build.round(node.build.affine(node.inputs[0], 1 / steps, zeros, grid.axis), "half_even")
    if limits is None:
        reduced = node.build.round(node.build.affine(codes, [1 / divisor]), rounding)
        return node.build.affine(reduced, steps, -zeros * steps, grid.axis)
    low, high, signed = limits
    element = code_element(_code_bits(node, out_bits, "output bit width"), signed)
    reduced = node.build.quantize(codes, Grid((divisor,)), element, low, high, rounding, first=True)
    return node.build.dequantize(reduced, Grid(doubles(out_scale), doubles(out_zero)))


def _truncated_constant(x, scale, zero, divisor, limits, rounding, out_scale, out_zero) -> Value:
    reduced = np.rint(x / scale + zero) / np.float32(divisor)
    if limits is not None:
        reduced = np.clip(reduced, limits[0], limits[1])
    return constant(np.asarray((ROUNDINGS[rounding](reduced) - out_zero) * out_scale, np.float32))


@onnx_op("MultiThreshold", domains=QONNX, folds=True)
def multi_threshold(node: Node) -> Value:
    """out_scale * (number of thresholds reached) + out_bias."""
    x, thresholds = node.inputs[0], _parameter(node, 1, "thresholds")
    axis = len(x.shape) - 1 if str(node.attr("data_layout", "NCHW")).endswith("C") else min(1, len(x.shape) - 1)
    return emit_thresholds(node, x, thresholds, axis, node.attr("out_scale", 1.0), node.attr("out_bias", 0.0))


def emit_thresholds(node: Node, x: Value, thresholds: np.ndarray, axis: int, scale: float, bias: float) -> Value:
    """Thresholds [channels or 1, count] on a tensor whose channels are dimension `axis`."""
    if thresholds.ndim != 2 or thresholds.shape[0] not in (1, x.shape[axis]):
        raise node.error(f"expected thresholds [1 or {x.shape[axis]}, count], got shape {list(thresholds.shape)}")
    if not np.isfinite(thresholds).all():
        raise node.error("thresholds must be finite")
    thresholds = np.sort(thresholds, axis=-1)
    if x.is_const:
        layout = [-1 if i == axis else 1 for i in range(len(x.shape))]
        reached = sum((x.const >= column.reshape(layout)).astype(np.float32) for column in thresholds.T)
        return constant(np.asarray(np.float32(scale) * reached + np.float32(bias), np.float32))
    if not x.is_real:
        raise node.error(f"expected a float32 input, got {x.dtype.name}")
    count = thresholds.shape[1]
    element = code_element(_code_bits(node, count.bit_length(), "number of threshold bits"), False)
    codes = node.build.threshold(x, thresholds.ravel(), count, element, axis)
    if not scale > 0:
        return node.build.affine(node.build.dequantize(codes, Grid()), [scale], [bias])
    return node.build.dequantize(codes, Grid((float(scale),), (-float(bias) / float(scale),)))
