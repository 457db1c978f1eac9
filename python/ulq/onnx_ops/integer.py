"""Operators on 8-bit integers. They are products of dequantized codes with scale 1, or with their own scales."""

from __future__ import annotations

import numpy as np

from ulq.codes import Codes, Grid
from ulq.errors import UlqError
from ulq.onnx_ops.grids import linear_grid, spread
from ulq.onnx_ops.linear import convolve, product
from ulq.onnx_ops.pool import mean_of_images
from ulq.onnx_ops.registry import Node, onnx_op
from ulq.values import CODE_ELEMENTS, FLOAT32, INT32, Value, code_range, constant, doubles

MICROSOFT = ("com.microsoft",)


def _is_integer_product(node: Node, parameters) -> bool:
    """Computed codes on the left, with constant parameters."""
    return node.is_runtime(0) and node.inputs[0].is_codes and not any(node.is_runtime(i) for i in parameters)


def _right_codes(node: Node, index: int, scale: np.ndarray, zero: np.ndarray | None) -> Value | None:
    """The right operand of a product, constant or computed, as real numbers; None where it has no grid."""
    value = node.inputs[index]
    if not node.is_runtime(index):
        return _constant_codes(value.const, linear_grid(node, value.shape, scale, zero, -1))
    if not value.is_codes or scale.size != 1 or (zero is not None and zero.size != 1):
        return None
    return node.build.dequantize(value, linear_grid(node, (1,), scale, zero, 0))


def _constant_codes(array: np.ndarray, grid: Grid) -> Value:
    scale, zero = (spread(numbers, grid.axis, array.ndim) for numbers in (grid.scale, grid.zero))
    floats = np.asarray((array.astype(np.float32) - zero) * scale, np.float32)
    return constant(floats, Codes(array.astype(np.int32), CODE_ELEMENTS[array.dtype], grid))


def _unit_grid(node: Node, shape, zero: np.ndarray | None, axis: int) -> Grid:
    return linear_grid(node, shape, np.ones(1, np.float32), zero, axis)


def _largest(codes: Value, zero: float) -> float:
    """The largest magnitude of codes without their zero point."""
    return max(abs(bound - zero) for bound in code_range(CODE_ELEMENTS[codes.dtype]))


def _accumulator(result: Value, codes: Value, zero: Grid, weights: Value, outputs: int) -> Value:
    """Tags a product of integers as int32 and bounds its magnitude."""
    largest = _largest(codes, zero.zero[0])
    columns = np.abs(weights.const.astype(np.float64))
    axes = tuple(i for i in range(columns.ndim) if i != outputs % columns.ndim)
    return Value(result.shape, INT32, ir=result.ir, bound=largest * columns.sum(axis=axes).max(initial=0))


@onnx_op("ConvInteger")
def conv_integer(node: Node) -> Value | None:
    if not _is_integer_product(node, (1, 2, 3)) or len(node.inputs[0].shape) not in (3, 4):
        return None
    x, w = node.inputs[0], node.const(1)
    grid = _unit_grid(node, (1,), node.const(2), 0)
    filters = _constant_codes(w, _unit_grid(node, w.shape, node.const(3), 0))
    result = convolve(node, node.build.dequantize(x, grid), filters, node.output_shape)
    return _accumulator(result, x, grid, filters, 0)


@onnx_op("MatMulInteger")
def matmul_integer(node: Node) -> Value | None:
    zero = node.const(2)
    if not _is_integer_product(node, (2, 3)) or (zero is not None and zero.size != 1):
        return None
    x = node.inputs[0]
    grid = _unit_grid(node, (1,), zero, 0)
    matrix = _right_codes(node, 1, np.ones(1, np.float32), node.const(3))
    result = matrix and product(node, node.build.dequantize(x, grid), matrix)
    if not result or matrix.is_const:
        return result and _accumulator(result, x, grid, matrix, -1)
    right = _largest(node.inputs[1], 0 if node.const(3) is None else float(node.const(3).item()))
    return Value(result.shape, INT32, ir=result.ir, bound=x.shape[-1] * _largest(x, grid.zero[0]) * right)


def _output_codes(node: Node, result: Value, index: int, first: bool = False) -> Value:
    """Requantizes with the scale and zero point at `index` and the next input, which is added `first` or after
    rounding."""
    scale, zero = node.const(index), node.const(index + 1)
    if scale is None or zero is None:
        raise _not_constant(node)
    grid = linear_grid(node, (1,), scale, zero, 0)
    codes = node.build.quantize(result, grid, CODE_ELEMENTS[zero.dtype], first=first)
    return Value(result.shape, zero.dtype, ir=codes.ir)


def _not_constant(node: Node) -> UlqError:
    """IREE rounds these operators differently, so that nothing of them is left to it."""
    return node.error("expected computed codes by codes, with constant float32 scales and zero points")


@onnx_op("QLinearConv")
def qlinear_conv(node: Node) -> Value:
    if not _is_integer_product(node, range(1, 9)) or len(node.inputs[0].shape) not in (3, 4):
        raise _not_constant(node)
    x, w = node.inputs[0], node.const(3)
    grid = linear_grid(node, (1,), node.const(1), node.const(2), 0)
    steps = linear_grid(node, w.shape, node.const(4), node.const(5), 0)
    result = convolve(node, node.build.dequantize(x, grid), _constant_codes(w, steps), node.output_shape)
    if node.has(8):
        # The bias counts in steps of the accumulator: float64 keeps the product of the scales exact.
        unit = np.asarray(steps.scale) * grid.scale[0]
        result = node.build.affine(result, offset=node.const(8).astype(np.float64) * unit, axis=1)
    return _output_codes(node, result, 6)


@onnx_op("QLinearMatMul")
def qlinear_matmul(node: Node) -> Value:
    parameters = (1, 2, 4, 5, 6, 7)
    if not _is_integer_product(node, parameters) or node.const(1).size != 1 or node.const(1).dtype != FLOAT32:
        raise _not_constant(node)
    x = node.inputs[0]
    grid = linear_grid(node, (1,), node.const(1), node.const(2), 0)
    matrix = _right_codes(node, 3, node.const(4), node.const(5))
    result = matrix and product(node, node.build.dequantize(x, grid), matrix)
    if result is None:
        raise _not_constant(node)
    return _output_codes(node, result, 6)


# ----------------------------------------------------------------------------
# Operators of ONNX Runtime's quantizer
# ----------------------------------------------------------------------------


def _real_input(node: Node, index: int) -> Value:
    """Computed codes with the scale and zero point of the next two inputs, as real numbers."""
    value, scale, zero = node.input(index), node.const(index + 1), node.const(index + 2)
    is_valid = (
        value is not None
        and value.is_codes
        and not value.is_const
        and not (scale is None or node.is_runtime(index + 2))
    )
    if not is_valid or scale.size != 1:
        raise _not_constant(node)
    return node.build.dequantize(value, linear_grid(node, (1,), scale, zero, 0))


@onnx_op("QLinearAdd", domains=MICROSOFT)
def qlinear_add(node: Node) -> Value:
    lhs, rhs = _real_input(node, 0), _real_input(node, 3)
    if lhs.shape != rhs.shape:
        raise node.error(f"expected operands of one shape, got {list(lhs.shape)} and {list(rhs.shape)}")
    # By its definition, and in ONNX Runtime, the sum is rounded with the zero point.
    return _output_codes(node, node.build.add(lhs, rhs), 6, first=True)


@onnx_op("QLinearLeakyRelu", domains=MICROSOFT)
def qlinear_leaky_relu(node: Node) -> Value:
    return _output_codes(node, node.build.leaky_relu(_real_input(node, 0), node.attr("alpha", 0.01)), 3)


@onnx_op("QLinearGlobalAveragePool", domains=MICROSOFT)
def qlinear_global_average_pool(node: Node) -> Value:
    x = _real_input(node, 0)
    if node.attr("channels_last", 0) or len(x.shape) not in (3, 4):
        raise node.error("expected images or rows with channels first")
    return _output_codes(node, mean_of_images(node, x), 3)


@onnx_op("QLinearConcat", domains=MICROSOFT)
def qlinear_concat(node: Node) -> Value:
    parts = [_real_input(node, index) for index in range(2, len(node.inputs), 3)]
    return _output_codes(node, node.build.concat(parts, node.required("axis") % len(parts[0].shape)), 0)


@onnx_op("QGemm", domains=MICROSOFT)
def qgemm(node: Node) -> Value:
    """alpha * A' * B' plus a bias in steps of the accumulator; without an output scale the result is float32."""
    x, w = _real_input(node, 0), node.const(3)
    if w is None or any(node.is_runtime(i) for i in range(4, 9)) or node.attr("transA", 0):
        raise _not_constant(node)
    is_transposed, alpha = bool(node.attr("transB", 0)), node.attr("alpha", 1.0)
    grid = linear_grid(node, w.shape, node.const(4), node.const(5), 0 if is_transposed else 1)
    matrix = _constant_codes(w, grid)
    result = product(node, x, node.build.transpose(matrix, (1, 0)) if is_transposed else matrix)
    unit = np.asarray(grid.scale) * float(node.const(1).item())
    offset = node.const(6).astype(np.float64) * unit * alpha if node.has(6) else np.zeros(1)
    if offset.size not in (1, result.shape[1]):
        raise node.error(f"expected a bias of {result.shape[1]} numbers, got shape {list(offset.shape)}")
    result = node.build.affine(result, [alpha], offset.ravel(), 1)
    return _output_codes(node, result, 7) if node.has(7) else result


@onnx_op("MatMulNBits", domains=MICROSOFT)
def matmul_nbits(node: Node) -> Value | None:
    """A by the transpose of block-wise quantized B; B keeps its codes when a row is one block."""
    if any(node.is_runtime(i) for i in (1, 2, 3, 5)):
        raise node.error("weights, scales, zero points and bias must be constants")
    if node.has(4) or not node.inputs[0].is_real:
        raise node.error("expected float32 rows and no g_idx")
    bits, depth, outputs = node.attr("bits", 4), node.required("K"), node.required("N")
    if bits not in (2, 4, 8):
        raise node.error(f"bit width {bits} is not supported, expected 2, 4 or 8")
    blocks = -(-depth // node.required("block_size"))
    codes = _unpack(node.const(1).reshape(outputs, -1), bits)[:, :depth]
    scale = node.const(2).reshape(outputs, blocks).astype(np.float32)
    zero = np.full((outputs, blocks), 1 << bits - 1, np.float32)
    if node.has(3):
        packed = node.const(3)
        rows = _unpack(packed.reshape(outputs, -1), bits) if packed.dtype == np.uint8 else packed.reshape(outputs, -1)
        zero = rows[:, :blocks].astype(np.float32)
    full = [np.repeat(part, node.required("block_size"), 1)[:, :depth] for part in (scale, zero)]
    floats = ((codes - full[1]) * full[0]).astype(np.float32)
    kept = Codes(codes.astype(np.int32), f"ui{bits}", Grid(doubles(scale), doubles(zero), 0)) if blocks == 1 else None
    result = product(node, node.inputs[0], node.build.transpose(constant(floats, kept), (1, 0)))
    return node.build.affine(result, offset=node.const(5), axis=len(result.shape) - 1) if node.has(5) else result


def _unpack(data: np.ndarray, bits: int) -> np.ndarray:
    """Codes of rows of bytes, lowest bits first."""
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    return ((data[..., None] >> shifts) & ((1 << bits) - 1)).reshape(data.shape[0], -1).astype(np.int32)
