"""Operators for IREE in other words: what it has no lowering for, or computes wrongly, by operators that it knows."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, inliner

from ulq.onnx_model import node_name, tensor_info
from ulq.onnx_ops.interpolation import Axis, axes_of, coordinate_mode, has_scales_only, is_static
from ulq.onnx_ops.registry import FloatForm, Node, float_form
from ulq.values import FLOAT32

# Defined by a function body in the ONNX standard.
DEFINED = ("Attention", "CenterCropPad", "GroupNormalization", "MeanVarianceNormalization", "RMSNormalization")
DEFINED += ("RotaryEmbedding", "Swish")


@float_form(*DEFINED)
def definition(node: Node) -> FloatForm | None:
    """The function body of the ONNX standard for this node's types."""
    given = [(name, value) for name, value in zip(node.proto.input, node.inputs, strict=True) if value is not None]
    infos = [tensor_info(name, value.dtype, value.shape) for name, value in given]
    outputs = [helper.make_value_info(name, onnx.TypeProto()) for name in node.proto.output if name]
    constants = [
        onnx.numpy_helper.from_array(np.ascontiguousarray(value.const), name) for name, value in given if value.is_const
    ]
    graph = helper.make_graph([_with_defaults(node)], "definition", infos, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", node.version)])
    operators = [("", node.proto.op_type)]
    inlined = inliner.inline_selected_functions(model, operators, inline_schema_functions=True).graph.node
    return FloatForm(node, list(inlined)) if len(inlined) > 1 else None


def _with_defaults(node: Node) -> onnx.NodeProto:
    """The node with every attribute that it leaves out: a body refers to them."""
    proto = onnx.NodeProto()
    proto.CopyFrom(node.proto)
    given = {attribute.name for attribute in proto.attribute}
    for name, attribute in onnx.defs.get_schema(proto.op_type, node.version, "").attributes.items():
        if name not in given and attribute.default_value.name:
            proto.attribute.append(attribute.default_value)
    return proto


@float_form("Gelu")
def gelu(node: Node) -> FloatForm | None:
    """IREE takes the other approximation for that by tanh."""
    return definition(node) if node.attr("approximate", "none") == "tanh" else None


@float_form("LpNormalization")
def lp_normalization(node: Node) -> FloatForm | None:
    """Of a vector of zeros: zeros."""
    form, x = FloatForm(node), node.proto.input[0]
    axis, square = node.attr("axis", -1), node.attr("p", 2) == 2
    terms = form.op("Mul", x, x) if square else form.op("Abs", x)
    if node.version < 13:
        norm = form.op("ReduceSum", terms, axes=[axis], keepdims=1)
    else:
        norm = form.op("ReduceSum", terms, form.constant(np.array([axis])), keepdims=1)
    norm = form.op("Sqrt", norm) if square else norm
    is_zero = form.op("Equal", norm, form.constant(np.zeros(1, node.inputs[0].dtype)))
    divisor = form.op("Where", is_zero, form.constant(np.ones(1, node.inputs[0].dtype)), norm)
    return form.result(form.op("Div", x, divisor))


@float_form("Slice")
def reversed_slice(node: Node) -> FloatForm | None:
    """Backwards along an axis: its elements by their numbers."""
    if node.version < 10 or any(node.is_runtime(i) for i in range(1, 5)) or not node.has(4) or node.reads_open:
        return None
    steps = [int(step) for step in node.const(4)]
    if min(steps) > 0:
        return None
    form, result = FloatForm(node), node.proto.input[0]
    rank = len(node.inputs[0].shape)
    axes = [int(axis) % rank for axis in node.const(3)] if node.has(3) else list(range(len(steps)))
    for axis, first, end, step in zip(axes, node.const(1), node.const(2), steps, strict=True):
        numbers = np.arange(node.inputs[0].shape[axis])[_range(int(first), int(end), step, node.inputs[0].shape[axis])]
        if not numbers.size:
            return None
        result = form.op("Gather", result, form.constant(numbers), axis=axis)
    return form.result(result)


def _range(first: int, end: int, step: int, extent: int) -> slice:
    """ONNX counts from the end once: what is still negative is before the first element."""
    first, end = (number + extent if number < 0 else number for number in (first, end))
    if step > 0:
        return slice(max(first, 0), max(end, 0), step)
    return slice(min(first, extent - 1), None if end < 0 else end, step)


@float_form("Resize", "Upsample")
def resize(node: Node) -> FloatForm | None:
    """Axis by axis, as a weighted sum of elements; IREE keeps the linear form that it computes rightly."""
    x = node.inputs[0]
    if not is_static(node) or node.reads_open:
        return None
    if node.attr("mode", "nearest") != "nearest" and (x.dtype != FLOAT32 or _is_plain(node)):
        return None
    form, result = FloatForm(node), node.proto.input[0]
    for axis in axes_of(node):
        result = _along(form, result, axis, len(x.shape))
    return form.result(result)


def _is_plain(node: Node) -> bool:
    """Linear along both axes of an image."""
    modes = ("half_pixel", "asymmetric", "pytorch_half_pixel")
    shape = node.inputs[0].shape
    return (
        node.attr("mode") == "linear"
        and not has_scales_only(node)
        and coordinate_mode(node) in modes
        and not any(node.attr(name) for name in ("antialias", "exclude_outside", "axes"))
        and node.attr("keep_aspect_ratio_policy", "stretch") == "stretch"
        and len(shape) == 4
        and node.output_shape[:2] == shape[:2]
    )


def _along(form: FloatForm, x: str, axis: Axis, rank: int) -> str:
    column = (-1, *[1] * (rank - axis.number - 1))
    terms = []
    for numbers, weights in zip(axis.numbers.T, axis.weights.T, strict=True):
        term = form.op("Gather", x, form.constant(numbers), axis=axis.number)
        if (weights != 1).any():
            term = form.op("Mul", term, form.constant(weights.astype(np.float32).reshape(column)))
        terms.append(term)
    total = terms[0]
    for term in terms[1:]:
        total = form.op("Add", total, term)
    if axis.outside.any():
        mask, fill = form.constant(axis.outside.reshape(column)), form.constant(axis.extrapolation)
        total = form.op("Where", mask, fill, total)
    return total


@float_form("Div", "TopK")
def of_unsigned_bytes(node: Node) -> FloatForm | None:
    """IREE takes the highest bit of such bytes for a sign."""
    if node.inputs[0].dtype != np.uint8:
        return None
    form, proto = FloatForm(node), onnx.NodeProto()
    proto.CopyFrom(node.proto)
    proto.name = node_name(node.proto)
    count = 1 if node.proto.op_type == "TopK" else 2
    wide = [form.op("Cast", name, to=onnx.TensorProto.INT32) for name in node.proto.input[:count]]
    proto.input[:] = [*wide, *node.proto.input[count:]]
    proto.output[0] += "/int32"
    form.nodes.append(proto)
    return form.result(form.op("Cast", proto.output[0], to=onnx.TensorProto.UINT8))


@float_form("Mod")
def remainder(node: Node) -> FloatForm | None:
    """With the sign of the dividend: that of magnitudes, since IREE takes a rounded quotient times the divisor away."""
    dtype, has_sign_of_dividend = node.inputs[0].dtype, node.attr("fmod", 0)
    if dtype == np.uint8:
        return of_unsigned_bytes(node)
    if dtype == np.float64 and not has_sign_of_dividend:
        raise node.error("float64 is not supported with the sign of the divisor")
    if dtype.kind in "iu" or dtype == np.float64 or not has_sign_of_dividend:
        return None
    form, (x, divisor) = FloatForm(node), node.proto.input
    size = form.op("Mod", form.op("Abs", x), form.op("Abs", divisor), fmod=0)
    is_negative = form.op("Less", x, form.constant(np.zeros((), dtype)))
    return form.result(form.op("Where", is_negative, form.op("Neg", size), size))


@float_form("BitShift")
def bit_shift(node: Node) -> FloatForm | None:
    """By the whole width or more, or less than nothing: what is left of the sign, where IREE's result is undefined."""
    form, (x, distance) = FloatForm(node), node.proto.input
    dtype, direction = node.inputs[0].dtype, node.required("direction")
    keeps_sign = direction == "RIGHT" and dtype.kind == "i"
    last = dtype.itemsize * 8 - 1
    wide = form.op("Cast", distance, to=onnx.TensorProto.INT64)
    clipped = form.op("Clip", wide, form.constant(np.int64(0)), form.constant(np.int64(last)))
    is_inside = form.op("Equal", wide, clipped)
    near = form.op("Where", is_inside, distance, form.constant(np.asarray(last if keeps_sign else 0, dtype)))
    shifted = form.op("BitShift", x, near, direction=direction)
    if keeps_sign:
        return form.result(shifted)
    return form.result(form.op("Where", is_inside, shifted, form.constant(np.zeros((), dtype))))


@float_form("ReverseSequence")
def reverse_sequence(node: Node) -> FloatForm | None:
    """Elements by their numbers along the axis of time."""
    x, (data, lengths) = node.inputs[0], node.proto.input
    time, batch = node.attr("time_axis", 0), node.attr("batch_axis", 1)
    if node.reads_open:
        return None
    form = FloatForm(node)
    ones = [1] * (len(x.shape) - 2)
    rows = [-1 if axis == batch else 1 for axis in (0, 1)]
    lengths = form.op("Reshape", lengths, form.constant(np.array([*rows, *ones])))
    numbers = np.arange(x.shape[time]).reshape([-1 if axis == time else 1 for axis in (0, 1)] + ones)
    first = form.constant(numbers)
    backwards = form.op("Sub", lengths, form.constant(numbers + 1))
    chosen = form.op("Where", form.op("Less", first, lengths), backwards, first)
    everywhere = form.op("Expand", chosen, form.constant(np.array(x.shape)))
    return form.result(form.op("GatherElements", data, everywhere, axis=time))


@float_form("GridSample")
def grid_sample(node: Node) -> None:
    raise node.error("the operator is not supported: IREE reads beyond the image where the grid leaves it")


@float_form("Det")
def determinant(node: Node) -> None:
    if len(node.inputs[0].shape) == 2:
        raise node.error("a single matrix is not supported: IREE's result is no number")
