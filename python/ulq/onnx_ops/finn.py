"""FINN dataflow nodes: NHWC floats that hold integers of a declared type.

A sliding window generator has no value of its own here: the product that reads it becomes a convolution.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from iree.compiler import ir

from ulq.codes import Grid
from ulq.onnx_ops.linear import as_channels_first, as_channels_last, weights
from ulq.onnx_ops.qonnx import emit_thresholds
from ulq.onnx_ops.registry import Node, onnx_op
from ulq.values import Value, code_element

FPGADATAFLOW = ("finn.custom_op.fpgadataflow",)


@dataclass(eq=False)
class Windows(Value):
    """The rows of kernel windows of `image`, not computed."""

    image: Value | None = None
    kernel: tuple[int, ...] = ()
    strides: tuple[int, ...] = ()
    dilations: tuple[int, ...] = ()
    depthwise: bool = False


def _declared(node: Node, value: Value) -> Value:
    """A graph input as codes of the type that the node declares, e.g. INT4."""
    name = node.required("inputDataType")
    if not isinstance(value.ir, ir.BlockArgument) or name == "BIPOLAR":
        return value
    kind, bits = name.rstrip("0123456789"), name.lstrip("UINT")
    if kind not in ("INT", "UINT") or not bits.isdigit() or not 1 <= int(bits) <= 8:
        raise node.error(f"data type {name} is not supported")
    codes = node.build.quantize(value, Grid(), code_element(int(bits), kind == "INT"))
    return node.build.dequantize(codes, Grid())


def _real(node: Node, index: int = 0) -> Value:
    value = node.inputs[index]
    if not value.is_real or isinstance(value, Windows):
        raise node.error(f"input '{node.proto.input[index]}' is not a float32 tensor")
    return value


@onnx_op("DuplicateStreams_Batch", "DuplicateStreams", domains=FPGADATAFLOW)
def duplicate_streams(node: Node) -> tuple[Value, ...]:
    return (_declared(node, _real(node)),) * len(node.proto.output)


@onnx_op("FMPadding_Batch", "FMPadding", domains=FPGADATAFLOW)
def fm_padding(node: Node) -> Value:
    top, left, bottom, right = node.required("Padding")
    return node.build.pad(_declared(node, _real(node)), (0, top, left, 0), (0, bottom, right, 0), 0.0)


@onnx_op("ConvolutionInputGenerator", domains=FPGADATAFLOW)
def convolution_input_generator(node: Node) -> Value:
    image = _declared(node, _real(node))
    kernel, strides = tuple(node.required("ConvKernelDim")), tuple(node.required("Stride"))
    extents, dilations = node.required("OFMDim"), tuple(node.attr("Dilation", [1, 1]))
    shape = (image.shape[0], *extents, int(np.prod(kernel)) * image.shape[3])
    depthwise = bool(node.attr("depthwise", 0))
    return Windows(
        shape, image.dtype, image=image, kernel=kernel, strides=strides, dilations=dilations, depthwise=depthwise
    )


@onnx_op("VectorVectorActivation", domains=FPGADATAFLOW)
def vector_vector_activation(node: Node) -> Value:
    """A depthwise convolution by [channels, 1, kh, kw], then thresholds."""
    windows, filters = node.inputs[0], node.input(1)
    if not isinstance(windows, Windows) or not windows.depthwise or not filters.is_const:
        raise node.error("expected depthwise windows and constant weights")
    return _activation(node, _convolution(node, windows, weights(filters), windows.image.shape[3]))


@onnx_op("MatrixVectorActivation", "StreamingFCLayer_Batch", domains=FPGADATAFLOW)
def matrix_vector_activation(node: Node) -> Value:
    """Rows by a [inputs, outputs] matrix, then thresholds."""
    rows, matrix = node.inputs[0], node.input(1)
    if node.attr("binaryXnorMode", 0):
        raise node.error("binaryXnorMode is not supported")
    if not matrix.is_const or matrix.shape[0] != rows.shape[-1]:
        raise node.error(f"expected constant weights [{rows.shape[-1]}, outputs], got shape {list(matrix.shape)}")
    if not isinstance(rows, Windows):
        rows = _declared(node, _real(node))
        flat = node.build.reshape(rows, (int(np.prod(rows.shape[:-1])), rows.shape[-1]))
        product = node.build.matmul(flat, weights(matrix), "MatMul")
        return _activation(node, node.build.reshape(product, (*rows.shape[:-1], matrix.shape[1])))
    if rows.depthwise:
        raise node.error("depthwise windows need a VectorVectorActivation")
    # Windows are rows of (kh, kw, channels).
    by_tap = node.build.reshape(weights(matrix), (*rows.kernel, rows.image.shape[3], matrix.shape[1]))
    return _activation(node, _convolution(node, rows, node.build.transpose(by_tap, (3, 2, 0, 1)), 1))


def _convolution(node: Node, windows: Windows, filters: Value, groups: int) -> Value:
    image = as_channels_first(node, windows.image)
    shape = (image.shape[0], filters.shape[0], *windows.shape[1:3])
    result = node.build.conv2d(
        image, filters, shape, windows.strides, (0, 0, 0, 0), windows.dilations, groups, node.proto.op_type
    )
    return as_channels_last(node, result)


def _activation(node: Node, accumulators: Value) -> Value:
    """Thresholds plus ActVal; none with noActivation."""
    if node.attr("noActivation", 0):
        return accumulators
    thresholds = node.const(2)
    if thresholds is None:
        raise node.error("thresholds must be a constant")
    return emit_thresholds(node, accumulators, thresholds, len(accumulators.shape) - 1, 1.0, node.attr("ActVal", 0))


@onnx_op("AddStreams_Batch", "AddStreams", domains=FPGADATAFLOW)
def add_streams(node: Node) -> Value:
    return node.build.add(_declared(node, _real(node)), _declared(node, _real(node, 1)))
