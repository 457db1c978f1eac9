"""Pooling over the spatial dimensions of NCHW tensors; one dimension runs as an image of one row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ulq.attributes import Flag
from ulq.codes import Grid, Shape
from ulq.onnx_ops.linear import CHANNELS_LAST, as_2d, as_channels_first, as_channels_last, window_extents, window_pads
from ulq.onnx_ops.registry import Node, onnx_op
from ulq.values import CODE_ELEMENTS, FLOAT32, Value


def _pool(node: Node, name: str, x: Value, shape: Shape, kernel, strides, pads, dilations, **extra) -> Value:
    op = node.proto.op_type
    if len(kernel) == 2:
        return node.build.pool(name, x, shape, kernel, strides, pads, dilations, op, **extra)
    row = node.build.reshape(x, (*x.shape[:2], 1, x.shape[2]))
    geometry = as_2d(kernel, 1), as_2d(strides, 1), as_2d(pads, 0), as_2d(dilations, 1)
    result = node.build.pool(name, row, (*shape[:2], 1, shape[2]), *geometry, op, **extra)
    return node.build.reshape(result, shape)


def _window(node: Node, extents: Shape, outputs: Shape):
    kernel = node.required("kernel_shape")
    strides, dilations = (list(node.attr(name, [1] * len(kernel))) for name in ("strides", "dilations"))
    return kernel, strides, window_pads(node, extents, outputs, kernel, strides, dilations), dilations


def _on_codes(node: Node, x: Value, operator) -> Value:
    """A monotone operator on integers: exact in f32, and codes again afterwards."""
    result = operator(node.build.dequantize(x, Grid()))
    codes = node.build.quantize(result, Grid(), CODE_ELEMENTS[x.dtype])
    return Value(result.shape, x.dtype, ir=codes.ir)


def _is_image(value: Value) -> bool:
    return (value.dtype == FLOAT32 or value.is_codes) and len(value.shape) in (3, 4)


def _max_pool(node: Node, x: Value, shape: Shape) -> Value:
    return _pool(node, "max_pool", x, shape, *_window(node, x.shape[2:], shape[2:]))


@onnx_op("MaxPool")
def max_pool(node: Node) -> Value | None:
    x = node.inputs[0]
    if not _is_image(x) or node.uses_extra_outputs:
        return None
    shape = node.output_shape
    if x.is_codes:
        return _on_codes(node, x, lambda value: _max_pool(node, value, shape))
    return _max_pool(node, x, shape)


@onnx_op("MaxPool", domains=CHANNELS_LAST)
def max_pool_channels_last(node: Node) -> Value | None:
    x = node.inputs[0]
    if x.dtype != FLOAT32 or len(x.shape) not in (3, 4) or node.attr("ceil_mode", 0):
        return None
    image = as_channels_first(node, x)
    extents = window_extents(node, image.shape[2:], node.required("kernel_shape"))
    return as_channels_last(node, _max_pool(node, image, (*image.shape[:2], *extents)))


@onnx_op("AveragePool")
def average_pool(node: Node) -> Value | None:
    x = node.inputs[0]
    shape = node.output_shape
    kernel, strides, pads, dilations = _window(node, x.shape[2:], shape[2:])
    include = bool(node.attr("count_include_pad", 0))
    declared = node.attr("pads", [0] * len(pads))
    if include and node.attr("ceil_mode", 0) and any(pad > limit for pad, limit in zip(pads, declared, strict=True)):
        # What only ceil mode adds to a window does not count; IREE gets it wrong too.
        raise node.error("ceil_mode with count_include_pad is not supported where a window passes the end pads")
    if x.dtype != FLOAT32 or len(x.shape) not in (3, 4):
        return None
    geometry = kernel, strides, pads, dilations
    if x.levels is not None and not include and any(pads):
        return _by_counts(node, x, shape, *geometry)
    return _pool(node, "avg_pool", x, shape, *geometry, countIncludePad=Flag(include))


def _by_counts(node: Node, x: Value, shape: Shape, kernel, strides, pads, dilations) -> Value:
    """Outputs whose windows hold equally many elements are a pool without pads: a mean of codes by one divisor."""
    rank = len(kernel)
    stretches = [
        list(_stretches(x.shape[2 + i], shape[2 + i], kernel[i], strides[i], pads[i], dilations[i]))
        for i in range(rank)
    ]

    def along(axis: int, chosen: list[Stretch]) -> Value:
        if axis < rank:
            parts = [along(axis + 1, [*chosen, stretch]) for stretch in stretches[axis]]
            return node.build.concat(parts, 2 + axis) if len(parts) > 1 else parts[0]
        starts, extents = [0, 0], list(x.shape[:2])
        for stretch in chosen:
            starts.append(stretch.first)
            extents.append((stretch.outputs - 1) * stretch.stride + (stretch.taps - 1) * stretch.dilation + 1)
        part = node.build.slice(x, starts, [1] * len(starts), extents)
        windows = [stretch.taps for stretch in chosen], [stretch.stride for stretch in chosen]
        counts = tuple(stretch.outputs for stretch in chosen)
        gaps = [stretch.dilation for stretch in chosen]
        pooled = (*x.shape[:2], *counts)
        return _pool(node, "avg_pool", part, pooled, *windows, [0] * 2 * rank, gaps, countIncludePad=Flag(True))

    return along(0, [])


class Stretch(NamedTuple):
    """Neighbouring outputs along an axis whose windows hold the same number of elements, from element `first` on."""

    first: int
    outputs: int
    taps: int
    stride: int
    dilation: int


def _stretches(extent: int, outputs: int, kernel: int, stride: int, pad: int, dilation: int) -> Iterator[Stretch]:
    windows = []
    for i in range(outputs):
        start = i * stride - pad
        taps = [at for at in range(start, start + kernel * dilation, dilation) if 0 <= at < extent]
        windows.append((taps[0] if taps else 0, len(taps)))
    first = 0
    for i in range(1, outputs + 1):
        # A window that is cut at its start begins where the one before it may begin, too.
        step = windows[i][0] - windows[i - 1][0] if i < outputs else None
        if step == stride and windows[i][1] == windows[first][1]:
            continue
        yield Stretch(windows[first][0], i - first, windows[first][1], stride, dilation)
        first = i


def _whole_image(node: Node, name: str, x: Value, **extra) -> Value:
    ones = [1] * (len(x.shape) - 2)
    return _pool(node, name, x, (*x.shape[:2], *ones), x.shape[2:], ones, [0] * 2 * len(ones), ones, **extra)


def mean_of_images(node: Node, x: Value) -> Value:
    return _whole_image(node, "avg_pool", x, countIncludePad=Flag(False))


@onnx_op("GlobalAveragePool")
def global_average_pool(node: Node) -> Value | None:
    x = node.inputs[0]
    return mean_of_images(node, x) if x.dtype == FLOAT32 and len(x.shape) in (3, 4) else None


@onnx_op("GlobalMaxPool")
def global_max_pool(node: Node) -> Value | None:
    x = node.inputs[0]
    return _whole_image(node, "max_pool", x) if x.dtype == FLOAT32 and len(x.shape) in (3, 4) else None


@onnx_op("ReduceMean")
def reduce_mean(node: Node) -> Value | None:
    """Over all spatial dimensions."""
    x = node.inputs[0]
    axes = node.attr("axes") if node.version < 18 else node.const(1)
    if x.dtype != FLOAT32 or len(x.shape) not in (3, 4) or axes is None or node.is_runtime(1):
        return None
    rank = len(x.shape)
    if sorted(int(axis) % rank for axis in np.ravel(axes)) != list(range(2, rank)):
        return None
    result = mean_of_images(node, x)
    return result if node.attr("keepdims", 1) else node.build.reshape(result, x.shape[:2])
