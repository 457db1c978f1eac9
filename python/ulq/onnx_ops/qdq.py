"""QuantizeLinear and DequantizeLinear, operator sets 10 to 25."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx

from ulq.codes import Codes
from ulq.onnx_ops.grids import linear_grid, spread
from ulq.onnx_ops.registry import Node, onnx_op
from ulq.values import CODE_ELEMENTS, FLOAT32, INT32, Value, code_range, constant

# ONNX Runtime writes the same operators under its own domain.
QDQ_DOMAINS = ("", "com.microsoft")
# Biases.
WIDE_ELEMENTS = {INT32: "i32", np.dtype(np.int16): "i16"}


@onnx_op("QuantizeLinear", domains=QDQ_DOMAINS, folds=True)
def quantize_linear(node: Node) -> Value | None:
    x, scale, zero = node.inputs[0], node.const(1), node.const(2)
    if node.is_runtime(1) or node.is_runtime(2):
        return None
    dtype = _code_type(node, zero)
    is_standard = not node.proto.domain
    if is_standard and x.is_const and (x.dtype != FLOAT32 or dtype not in CODE_ELEMENTS or node.attr("block_size", 0)):
        return None  # folded by the reference implementation
    if dtype not in CODE_ELEMENTS:
        raise node.error(f"codes of type {dtype.name} are not supported, expected 2 to 8 bits")
    if node.attr("block_size", 0):
        raise node.error("blocked quantization of a computed tensor is not supported")
    if not x.is_real or scale.dtype != FLOAT32:
        raise node.error(f"expected float32 input and scale, got {x.dtype.name} and {scale.dtype.name}")
    grid = linear_grid(node, x.shape, scale, zero, node.attr("axis", 1))
    element = CODE_ELEMENTS[dtype]
    if not x.is_const:
        return replace(node.build.quantize(x, grid, element), dtype=dtype)
    steps, offset = (spread(numbers, grid.axis, x.const.ndim) for numbers in (grid.scale, grid.zero))
    codes = np.clip(np.rint(x.const / steps) + offset, *code_range(element))
    return constant(codes.astype(np.int16).astype(dtype))


def _code_type(node: Node, zero: np.ndarray | None) -> np.dtype:
    if zero is not None:
        return zero.dtype
    to = node.attr("output_dtype", 0) or onnx.TensorProto.UINT8
    return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(to))


@onnx_op("DequantizeLinear", domains=QDQ_DOMAINS, folds=True)
def dequantize_linear(node: Node) -> Value | None:
    x, scale, zero = node.inputs[0], node.const(1), node.const(2)
    if node.is_runtime(1) or node.is_runtime(2):
        return None
    if x.is_const:
        return _dequantize_constant(node, x.const, scale, zero)
    if node.attr("block_size", 0):
        raise node.error("blocked dequantization of a computed tensor is not supported")
    if scale.dtype != FLOAT32:
        raise node.error(f"expected a float32 scale, got {scale.dtype.name}")
    grid = linear_grid(node, x.shape, scale, zero, node.attr("axis", 1))
    if x.is_codes:
        return node.build.dequantize(x, grid)
    if not x.is_accumulator:
        return None
    size = max(len(grid.scale), len(grid.zero))
    steps, zeros = np.broadcast_to(grid.scale, size), np.broadcast_to(grid.zero, size)
    result = node.build.affine(x, steps, -zeros * steps, grid.axis)
    return Value(result.shape, FLOAT32, ir=result.ir)


def _dequantize_constant(node: Node, x: np.ndarray, scale: np.ndarray, zero: np.ndarray | None) -> Value | None:
    """Keeps the codes, except behind block-wise scales and for types that are no codes."""
    is_integer = x.dtype in CODE_ELEMENTS or x.dtype.kind in "iu"
    if not is_integer or scale.dtype != FLOAT32 or node.attr("output_dtype", 0) not in (0, onnx.TensorProto.FLOAT):
        return None
    element = CODE_ELEMENTS.get(x.dtype) or WIDE_ELEMENTS.get(x.dtype)
    axis, block = node.attr("axis", 1), node.attr("block_size", 0)
    if block:
        return _dequantize_blocks(node, x, scale, zero, axis, block)
    grid = linear_grid(node, x.shape, scale, zero, axis)
    codes = x.astype(np.int32)
    steps, zeros = spread(grid.scale, grid.axis, x.ndim), spread(grid.zero, grid.axis, x.ndim, np.int64)
    values = (codes - zeros).astype(np.float32) * steps
    return constant(np.asarray(values, np.float32), Codes(codes, element, grid) if element else None)


def _dequantize_blocks(
    node: Node, x: np.ndarray, scale: np.ndarray, zero: np.ndarray | None, axis: int, block: int
) -> Value:
    """A block boundary ends an integer accumulation, so such weights are float32."""
    expected = [-(-extent // block) if i == axis % x.ndim else extent for i, extent in enumerate(x.shape)]
    if list(scale.shape) != expected:
        raise node.error(f"expected block scales of shape {expected}, got {list(scale.shape)}")
    parts = [scale.astype(np.float32), np.zeros_like(scale, np.float32) if zero is None else zero.astype(np.float32)]
    full = [np.repeat(part, block, axis).take(range(x.shape[axis]), axis) for part in parts]
    return constant((x.astype(np.float32) - full[1]) * full[0])
