"""Convolutions, matrix products and batch normalization."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ulq.codes import Codes, Grid, Shape
from ulq.onnx_ops.grids import along_axis, byte_element, spread
from ulq.onnx_ops.registry import Node, onnx_op
from ulq.values import FLOAT32, Value, constant

CHANNELS_LAST = ("qonnx.custom_op.channels_last",)


def weights(value: Value) -> Value:
    """The constant with codes where its floats are 8-bit integers (networks with scales moved elsewhere)."""
    if value.codes is not None:
        return value
    element = byte_element(value.const)
    return constant(value.const, Codes(value.const.astype(np.int32), element, Grid())) if element else value


# ----------------------------------------------------------------------------
# Convolution
# ----------------------------------------------------------------------------


def window_pads(node: Node, extents: Shape, outputs: Shape, kernel, strides, dilations) -> list[int]:
    """[begin..., end...] pads of a window operator with the given input and output extents.

    The end pads reach exactly as far as the last window: a ceil-mode window is inside, and no padding is unused.
    """
    rank = len(kernel)
    mode = node.attr("auto_pad", "NOTSET")
    pads = list(node.attr("pads", [0] * 2 * rank)) if mode == "NOTSET" else [0] * 2 * rank
    for i in range(rank):
        span = (outputs[i] - 1) * strides[i] + dilations[i] * (kernel[i] - 1) + 1
        if mode in ("SAME_UPPER", "SAME_LOWER"):
            pads[i] = (max(span - extents[i], 0) + (mode == "SAME_LOWER")) // 2
        pads[rank + i] = max(span - extents[i] - pads[i], 0)
    return pads


def as_2d(values: Sequence[int], fill: int) -> list[int]:
    """Geometry of one dimension as that of a row: (w) is (fill, w), pads (l, r) are (fill, l, fill, r)."""
    if len(values) == 1:
        return [fill, *values]
    return [fill, values[0], fill, values[1]]


def convolve(node: Node, x: Value, w: Value, shape: Shape) -> Value:
    """A 1-D or 2-D convolution of real values; a 1-D one runs as an image of one row."""
    rank = len(x.shape) - 2
    kernel = list(w.shape[2:])
    strides, dilations = (list(node.attr(name, [1] * rank)) for name in ("strides", "dilations"))
    groups = node.attr("group", 1)
    if x.shape[1] != w.shape[1] * groups or w.shape[0] % groups:
        raise node.error(f"weights {list(w.shape)} do not fit {x.shape[1]} channels in {groups} groups")
    if node.attr("kernel_shape", kernel) != kernel:
        raise node.error(f"kernel_shape {node.attr('kernel_shape')} differs from the weights' {kernel}")
    pads = window_pads(node, x.shape[2:], shape[2:], kernel, strides, dilations)
    if min(node.attr("pads", [0])) < 0:
        raise node.error(f"negative pads {node.attr('pads')} are not supported")
    op = node.proto.op_type
    if rank == 2:
        return node.build.conv2d(x, w, shape, strides, pads, dilations, groups, op)
    rows = [node.build.reshape(value, (*value.shape[:2], 1, value.shape[2])) for value in (x, w)]
    flat = (*shape[:2], 1, shape[2])
    geometry = as_2d(strides, 1), as_2d(pads, 0), as_2d(dilations, 1)
    return node.build.reshape(node.build.conv2d(*rows, flat, *geometry, groups, op), shape)


@onnx_op("Conv")
def conv(node: Node) -> Value | None:
    x, w = node.inputs[:2]
    if not x.is_real or not w.is_const or len(x.shape) not in (3, 4) or node.is_runtime(2):
        return None
    result = convolve(node, x, weights(w), node.output_shape)
    return node.build.affine(result, offset=node.const(2), axis=1) if node.has(2) else result


@onnx_op("ConvTranspose")
def conv_transpose(node: Node) -> Value | None:
    """As a convolution that yields the s x s pixels of a block as channels, and a movement of them to their places.

    Output pixel o of one dimension is the sum over i of input i times weight o + pad - s * i. With o + pad = s * q + r
    these are inputs q - t and weights r + s * t: taps t, the same for every phase r.
    """
    x, w = node.inputs[:2]
    rank, groups = len(x.shape) - 2, node.attr("group", 1)
    if not x.is_real or not w.is_const or rank not in (1, 2) or node.is_runtime(2):
        return None
    if node.attr("dilations", [1] * rank) != [1] * rank or min(node.attr("pads", [0])) < 0:
        return None
    shape, strides = node.output_shape, node.attr("strides", [1] * rank)
    pads = _cut_pads(node, x.shape[2:], shape[2:], w.shape[2:], strides)
    w = weights(w)
    if rank == 2:
        return _transposed_2d(node, x, w, shape, strides, pads, groups)
    rows = [node.build.reshape(value, (*value.shape[:2], 1, value.shape[2])) for value in (x, w)]
    result = _transposed_2d(node, *rows, (*shape[:2], 1, shape[2]), as_2d(strides, 1), as_2d(pads, 0), groups)
    return node.build.reshape(result, shape)


def _cut_pads(node: Node, extents: Shape, outputs: Shape, kernel: Shape, strides: Sequence[int]) -> list[int]:
    """How much of the full result is cut at the begin of each dimension (ONNX operators, ConvTranspose-11)."""
    rank, mode = len(kernel), node.attr("auto_pad", "NOTSET")
    if mode == "VALID":
        return [0] * rank
    if mode == "NOTSET" and node.attr("output_shape") is None:
        return list(node.attr("pads", [0] * 2 * rank)[:rank])
    more = node.attr("output_padding", [0] * rank)
    full = [strides[i] * (extents[i] - 1) + more[i] + kernel[i] for i in range(rank)]
    total = [max(full[i] - outputs[i], 0) for i in range(rank)]
    return [(pad + (mode != "SAME_UPPER")) // 2 for pad in total]


def _transposed_2d(node: Node, x: Value, w: Value, shape: Shape, strides, pads, groups: int) -> Value:
    """`pads` at the begin of both dimensions; the end follows from the shape of the result."""
    phases, taps = _phases(w, strides, groups)
    # Blocks q from 0 on; the last one holds the last output pixel.
    blocks = [-(-(shape[2 + i] + pads[i]) // strides[i]) for i in (0, 1)]
    ends = [max(blocks[i] - x.shape[2 + i], 0) for i in (0, 1)]
    count = shape[1] * strides[0] * strides[1]
    block_shape = (x.shape[0], count, *(x.shape[2 + i] + ends[i] for i in (0, 1)))
    around = [taps[0] - 1, taps[1] - 1, *ends]
    y = node.build.conv2d(x, phases, block_shape, [1, 1], around, [1, 1], groups, node.proto.op_type)
    if node.has(2):
        y = node.build.affine(y, offset=np.repeat(node.const(2), strides[0] * strides[1]), axis=1)
    y = node.build.reshape(y, (x.shape[0], shape[1], *strides, *block_shape[2:]))
    y = node.build.transpose(y, (0, 1, 4, 2, 5, 3))
    y = node.build.reshape(y, (*shape[:2], *(block_shape[2 + i] * strides[i] for i in (0, 1))))
    return node.build.slice(y, [0, 0, *pads], [1] * 4, shape)


def _phases(w: Value, strides: Sequence[int], groups: int) -> tuple[Value, list[int]]:
    """Weights [inputs, outputs / groups, kh, kw] as [outputs * phases, inputs / groups, taps...], last taps first;
    zeros fill them up."""
    taps = [-(-w.shape[2 + i] // strides[i]) for i in (0, 1)]
    inputs = w.shape[0] // groups

    def arranged(array: np.ndarray, fill: np.ndarray) -> np.ndarray:
        full = np.broadcast_to(fill, (*w.shape[:2], *(taps[i] * strides[i] for i in (0, 1)))).copy()
        full[:, :, : w.shape[2], : w.shape[3]] = array
        split = full.reshape(groups, inputs, w.shape[1], taps[0], strides[0], taps[1], strides[1])
        # [groups, inputs, outputs, ty, ry, tx, rx] to [groups, outputs, ry, rx, inputs, ty, tx]
        return split[:, :, :, ::-1, :, ::-1].transpose(0, 2, 4, 6, 1, 3, 5).reshape(-1, inputs, *taps)

    floats, codes = arranged(w.const, np.zeros(1, w.dtype)), w.codes
    if codes is not None and set(codes.grid.zero) == {0.5} and codes.element == "ui1":
        # Bipolar codes have none for the zeros that fill up: as -1 and 1 they do.
        halved = tuple(scale / 2 for scale in codes.grid.scale)
        codes = Codes(2 * codes.values - 1, "si2", Grid(halved, axis=codes.grid.axis))
    if codes is None or any(zero != int(zero) for zero in codes.grid.zero):
        return constant(floats), taps
    grid = codes.grid
    is_by_group = grid.axis == 0 and inputs == 1
    if grid.per_axis and grid.axis != 1 and not is_by_group:
        return constant(floats), taps
    zeros = np.asarray(grid.zero, np.int32)
    values = arranged(codes.values, spread(zeros, grid.axis, 4, np.int32))
    each = strides[0] * strides[1]

    def by_output(numbers: tuple[float, ...]) -> tuple[float, ...]:
        if len(numbers) == 1:
            return numbers
        if is_by_group:
            return tuple(np.repeat(numbers, w.shape[1] * each))
        return tuple(np.tile(np.repeat(numbers, each), groups))

    return constant(floats, Codes(values, codes.element, Grid(by_output(grid.scale), by_output(grid.zero)))), taps


def as_channels_first(node: Node, value: Value) -> Value:
    rank = len(value.shape)
    return node.build.transpose(value, (0, rank - 1, *range(1, rank - 1)))


def as_channels_last(node: Node, value: Value) -> Value:
    return node.build.transpose(value, (0, *range(2, len(value.shape)), 1))


@onnx_op("Conv", domains=CHANNELS_LAST)
def conv_channels_last(node: Node) -> Value | None:
    """Data NHWC, weights [outputs, kh, kw, channels / group]."""
    x, w = node.inputs[:2]
    if not x.is_real or not w.is_const or len(x.shape) not in (3, 4) or node.is_runtime(2):
        return None
    image, filters = as_channels_first(node, x), as_channels_first(node, weights(w))
    shape = (x.shape[0], w.shape[0], *window_extents(node, image.shape[2:], filters.shape[2:]))
    result = as_channels_last(node, convolve(node, image, filters, shape))
    return node.build.affine(result, offset=node.const(2), axis=len(x.shape) - 1) if node.has(2) else result


def window_extents(node: Node, extents: Shape, kernel: Shape) -> list[int]:
    """Output extents; this domain has no inference function."""
    rank = len(extents)
    strides, dilations = (node.attr(name, [1] * rank) for name in ("strides", "dilations"))
    pads = node.attr("pads", [0] * 2 * rank)
    same = node.attr("auto_pad", "NOTSET").startswith("SAME")
    result = []
    for i in range(rank):
        span = dilations[i] * (kernel[i] - 1) + 1
        padded = extents[i] + (0 if same else pads[i] + pads[rank + i])
        result.append(-(-extents[i] // strides[i]) if same else (padded - span) // strides[i] + 1)
    return result


# ----------------------------------------------------------------------------
# Matrix product
# ----------------------------------------------------------------------------


def product(node: Node, lhs: Value, rhs: Value) -> Value | None:
    """The matrix product as ONNX defines it; None for one without elements."""
    if 0 in (*lhs.shape, *rhs.shape):
        return None
    depth = rhs.shape[0] if len(rhs.shape) == 1 else rhs.shape[-2]
    if lhs.shape[-1] != depth:
        raise node.error(f"reduction extents differ: {list(lhs.shape)} by {list(rhs.shape)}")
    rows = lhs if len(lhs.shape) > 1 else node.build.reshape(lhs, (1, depth))
    matrix = rhs if len(rhs.shape) > 1 else node.build.reshape(rhs, (depth, 1))
    try:
        leading = np.broadcast_shapes(rows.shape[:-2], matrix.shape[:-2])
    except ValueError:
        raise node.error(f"batches do not broadcast: {list(lhs.shape)} by {list(rhs.shape)}") from None
    shape = (*leading, *lhs.shape[-2:-1], *rhs.shape[-1:][len(rhs.shape) == 1 :])
    if math.prod(matrix.shape[:-2]) == 1:  # one matrix for all rows
        rows = node.build.reshape(rows, (math.prod(rows.shape[:-1]), depth))
        matrix = node.build.reshape(matrix, matrix.shape[-2:])
    return node.build.reshape(node.build.matmul(rows, matrix, node.proto.op_type), shape)


@onnx_op("MatMul")
def matmul(node: Node) -> Value | None:
    lhs, rhs = node.inputs
    if {lhs.dtype, rhs.dtype} != {FLOAT32}:
        return None
    return product(node, *(weights(value) if value.is_const else value for value in (lhs, rhs)))


@onnx_op("Gemm")
def gemm(node: Node) -> Value | None:
    """alpha * A' * B' + beta * C."""
    a, b = node.inputs[:2]
    if {a.dtype, b.dtype} != {FLOAT32} or node.is_runtime(2):
        return None
    lhs, rhs = (weights(value) if value.is_const else value for value in (a, b))
    lhs = node.build.transpose(lhs, (1, 0)) if node.attr("transA", 0) else lhs
    rhs = node.build.transpose(rhs, (1, 0)) if node.attr("transB", 0) else rhs
    result = product(node, lhs, rhs)
    if result is None:
        return None
    alpha = node.attr("alpha", 1.0)
    if not node.has(2):
        return node.build.affine(result, [alpha])
    offset = node.attr("beta", 1.0) * node.const(2).astype(np.float64)
    found = along_axis(result.shape, offset)
    if found:
        return node.build.affine(result, [alpha], found[1][0], found[0])
    full = constant(np.broadcast_to(offset, result.shape).astype(np.float32))
    return node.build.add(node.build.affine(result, [alpha]), full)


# ----------------------------------------------------------------------------
# Batch normalization
# ----------------------------------------------------------------------------


def _normalize(node: Node, axis: int) -> Value | None:
    """scale * (x - mean) / sqrt(var + epsilon) + bias as one affine step, folded in float64."""
    if not node.inputs[0].is_real or any(node.is_runtime(i) for i in range(1, 5)):
        return None
    if node.attr("training_mode", 0) or not node.attr("spatial", 1) or node.uses_extra_outputs:
        return None
    gain, bias, mean, variance = (node.const(i).astype(np.float64) for i in range(1, 5))
    scale = gain / np.sqrt(variance + node.attr("epsilon", 1e-5))
    if not np.isfinite(scale).all():
        raise node.error("the variance plus epsilon must be positive")
    return node.build.affine(node.inputs[0], scale, bias - mean * scale, axis)


@onnx_op("BatchNormalization")
def batch_normalization(node: Node) -> Value | None:
    return _normalize(node, 1)


@onnx_op("BatchNormalization", domains=CHANNELS_LAST)
def batch_normalization_channels_last(node: Node) -> Value | None:
    return _normalize(node, len(node.inputs[0].shape) - 1)
