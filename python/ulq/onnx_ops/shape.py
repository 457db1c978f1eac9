"""Data movement, constants and casts."""

from __future__ import annotations

import math

import numpy as np
import onnx

from ulq.codes import Grid, Shape
from ulq.onnx_ops.interpolation import coordinate_mode, is_static, nearest_rounding, scales_of
from ulq.onnx_ops.registry import Node, onnx_op
from ulq.values import CODE_ELEMENTS, FLOAT32, INT32, Value, code_range, constant


def _is_movable(value: Value) -> bool:
    """ulq moves floats and codes, as well as constants."""
    return value.is_const or value.is_real or value.is_codes


@onnx_op("Constant", folds=True)
def constant_value(node: Node) -> Value:
    numbers = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}
    for attribute in node.proto.attribute:
        value = onnx.helper.get_attribute_value(attribute)
        if attribute.name == "value":
            try:
                return constant(onnx.numpy_helper.to_array(value))
            except Exception as error:
                raise node.error(f"constant: {error}") from None
        if attribute.name in numbers:
            return constant(np.asarray(value, numbers[attribute.name]))
    raise node.error("expected a tensor or numbers")


@onnx_op("Identity", folds=True)
def identity(node: Node) -> Value:
    return node.inputs[0]


@onnx_op("Dropout", folds=True)
def dropout(node: Node) -> Value | None:
    """The identity outside training."""
    training = node.const(2)
    if node.is_runtime(2) or (training is not None and training.item()):
        raise node.error("training mode is not supported")
    return node.inputs[0]


@onnx_op("Shape", folds=True)
def shape_of(node: Node) -> Value:
    shape = node.inputs[0].shape
    return constant(np.asarray(shape[node.attr("start", 0) : node.attr("end", len(shape))], np.int64))


@onnx_op("Size", folds=True)
def size_of(node: Node) -> Value:
    return constant(np.asarray(math.prod(node.inputs[0].shape), np.int64))


@onnx_op("Reshape", "Flatten", "Squeeze", "Unsqueeze", folds=True)
def reshape(node: Node) -> Value | None:
    if not _is_movable(node.inputs[0]) or node.is_runtime(1):
        return None
    return node.build.reshape(node.inputs[0], node.output_shape)


@onnx_op("Transpose", folds=True)
def transpose(node: Node) -> Value | None:
    value = node.inputs[0]
    if not _is_movable(value):
        return None
    return node.build.transpose(value, node.attr("perm", list(range(len(value.shape)))[::-1]))


@onnx_op("DepthToSpace")
def depth_to_space(node: Node) -> Value | None:
    """As reshape, transpose, reshape (ONNX operators, DepthToSpace-13)."""
    value, block = node.inputs[0], node.attr("blocksize")
    if not _is_movable(value) or len(value.shape) != 4:
        return None
    batch, channels, height, width = value.shape
    depth = channels // (block * block)
    column_major = node.attr("mode", "DCR") == "CRD"
    split = (depth, block, block) if column_major else (block, block, depth)
    order = (0, 1, 4, 2, 5, 3) if column_major else (0, 3, 4, 1, 5, 2)
    blocks = node.build.transpose(node.build.reshape(value, (batch, *split, height, width)), order)
    return node.build.reshape(blocks, node.output_shape)


@onnx_op("SpaceToDepth")
def space_to_depth(node: Node) -> Value | None:
    """As reshape, transpose, reshape."""
    value, block = node.inputs[0], node.attr("blocksize")
    if not _is_movable(value) or len(value.shape) != 4:
        return None
    batch, channels, height, width = value.shape
    column_major = node.attr("mode", "DCR") == "CRD"
    order = (0, 1, 3, 5, 2, 4) if column_major else (0, 3, 5, 1, 2, 4)
    split = node.build.reshape(value, (batch, channels, height // block, block, width // block, block))
    return node.build.reshape(node.build.transpose(split, order), node.output_shape)


@onnx_op("Resize", "Upsample")
def resize(node: Node) -> Value | None:
    """Nearest neighbours at whole factors: every element several times, which moves codes as it moves floats."""
    value = node.inputs[0]
    if node.attr("mode", "nearest") != "nearest" or value.is_const or not _is_movable(value):
        return None
    if value.is_accumulator or len(value.shape) < 3 or not is_static(node):
        return None
    shape = node.output_shape
    if shape[:2] != value.shape[:2] or not _has_whole_factors(node, value.shape, shape):
        return None
    # Channels last, as layers have them: what is repeated is a row of channels.
    rank = len(shape)
    result = node.build.transpose(value, (0, *range(2, rank), 1))
    for axis in range(1, rank - 1):
        result = _repeated(node, result, axis, shape[axis + 1] // value.shape[axis + 1])
    return node.build.transpose(result, (0, rank - 1, *range(1, rank - 1)))


def _has_whole_factors(node: Node, extents: Shape, resized: Shape) -> bool:
    """Scales that are given need not be the ratio of the extents, which are rounded."""
    if not all(_repeats(node, *pair) for pair in zip(extents, resized, strict=True)):
        return False
    scales = scales_of(node)
    if scales is None:
        return True
    axes = node.attr("axes", range(len(extents)))
    return all(scale * extents[axis] == resized[axis] for axis, scale in zip(axes, scales, strict=True))


def _repeats(node: Node, extent: int, resized: int) -> bool:
    """Whether element i of the resized dimension is element i // factor of the input."""
    if resized % extent:
        return False
    factor, i = resized // extent, np.arange(resized)
    coordinates = {
        "asymmetric": i / factor,
        "half_pixel": (i + 0.5) / factor - 0.5,
        "pytorch_half_pixel": (i + 0.5) / factor - 0.5 if resized > 1 else i * 0.0,
    }
    source = coordinates.get(coordinate_mode(node))
    if source is None:
        return False
    nearest = nearest_rounding(node)(source)
    return bool(np.array_equal(np.clip(nearest, 0, extent - 1), i // factor))


def _repeated(node: Node, value: Value, axis: int, factor: int) -> Value:
    """Every element `factor` times in a row along the axis."""
    if factor == 1:
        return value
    shape = value.shape
    split = node.build.reshape(value, (*shape[: axis + 1], 1, *shape[axis + 1 :]))
    joined = node.build.concat([split] * factor, axis + 1)
    return node.build.reshape(joined, (*shape[:axis], shape[axis] * factor, *shape[axis + 1 :]))


@onnx_op("Concat")
def concat(node: Node) -> Value | None:
    values = [value for value in node.inputs if 0 not in value.shape] or node.inputs
    if not all(value.is_real or value.is_codes for value in values) or len({value.dtype for value in values}) > 1:
        return None
    if values[0].dtype == INT32:
        return None
    rank = len(values[0].shape)
    axis = node.required("axis")
    if not -rank <= axis < rank:
        raise node.error(f"axis {axis} is out of range for {rank} dimensions")
    axis %= rank
    return node.build.concat(values, axis) if len(values) > 1 else values[0]


@onnx_op("Slice")
def slice_of(node: Node) -> Value | None:
    value = node.inputs[0]
    if value.is_const or not _is_movable(value) or any(node.is_runtime(i) for i in range(1, 5)):
        return None
    parameters = [node.attr(name) if node.version < 10 else node.const(i) for i, name in enumerate(SLICE_ATTRIBUTES, 1)]
    begin, end, axes, step = (None if given is None else [int(n) for n in np.ravel(given)] for given in parameters)
    rank = len(value.shape)
    ranges = [range(extent) for extent in value.shape]
    for i, first in enumerate(begin):
        axis = (i if axes is None else axes[i]) % rank
        ranges[axis] = range(value.shape[axis])[first : end[i] : 1 if step is None else step[i]]
    if any(len(part) == 0 or part.step < 1 for part in ranges):
        return None
    return _part(node, value, ranges)


SLICE_ATTRIBUTES = ("starts", "ends", "axes", "steps")


@onnx_op("Split")
def split(node: Node) -> tuple[Value, ...] | None:
    value = node.inputs[0]
    if value.is_const or not _is_movable(value) or node.is_runtime(1):
        return None
    axis = node.attr("axis", 0) % len(value.shape)
    sizes = [shape[axis] for shape, _ in node.infer()]
    if min(sizes) == 0:
        return None
    parts, first = [], 0
    for size in sizes:
        ranges = [range(extent) for extent in value.shape]
        ranges[axis] = range(first, first + size)
        parts.append(_part(node, value, ranges))
        first += size
    return tuple(parts)


def _part(node: Node, value: Value, ranges: list[range]) -> Value:
    starts, steps = ([getattr(part, name) for part in ranges] for name in ("start", "step"))
    return node.build.slice(value, starts, steps, tuple(map(len, ranges)))


@onnx_op("Pad")
def pad(node: Node) -> Value | None:
    value = node.inputs[0]
    if value.is_const or not _is_movable(value) or any(node.is_runtime(i) for i in (1, 2, 3)):
        if node.attr("mode") == "wrap":
            # IREE 3.13 does not come to an end on it.
            raise node.error(f"mode 'wrap' is not supported for {value.dtype.name}")
        return None
    low, high = _pads(node, len(value.shape))
    mode = node.attr("mode", "constant")
    if mode == "constant":
        return _padded(node, value, low, high)
    if min(*low, *high) < 0:
        raise node.error(f"negative pads are not supported in mode '{mode}'")
    for axis, extent in enumerate(value.shape):
        numbers = np.pad(np.arange(extent), (low[axis], high[axis]), mode)
        value = _gathered(node, value, axis, numbers)
    return value


def _pads(node: Node, rank: int) -> tuple[list[int], list[int]]:
    """What is added to both ends of each dimension; negative where elements are taken away."""
    pads = node.attr("pads", node.attr("paddings")) if node.version < 11 else node.const(1)
    axes = [int(axis) % rank for axis in node.const(3)] if node.has(3) else list(range(rank))
    low, high = [0] * rank, [0] * rank
    for i, axis in enumerate(axes):
        low[axis], high[axis] = int(pads[i]), int(pads[i + len(axes)])
    return low, high


def _padded(node: Node, value: Value, low: list[int], high: list[int]) -> Value | None:
    fill = node.attr("value", 0.0) if node.version < 11 else 0.0
    if node.has(2) and node.const(2).size:
        fill = float(node.const(2).item())
    bounds = zip(low, high, value.shape, strict=True)
    kept = [range(max(-first, 0), extent + min(last, 0)) for first, last, extent in bounds]
    if not all(kept):
        return None
    value = _part(node, value, kept)
    added = [[max(pad, 0) for pad in pads] for pads in (low, high)]
    return node.build.pad(value, *added, fill) if any(map(any, added)) else value


def _gathered(node: Node, value: Value, axis: int, numbers: np.ndarray) -> Value:
    """Elements of an axis by their numbers, as slices of neighbours."""
    if len(numbers) == value.shape[axis]:
        return value
    runs = np.split(numbers, np.flatnonzero(np.diff(numbers) != 1) + 1)
    ranges = [[range(extent) for extent in value.shape] for _ in runs]
    for part, run in zip(ranges, runs, strict=True):
        part[axis] = range(int(run[0]), int(run[-1]) + 1)
    return node.build.concat([_part(node, value, part) for part in ranges], axis)


@onnx_op("Cast", "CastLike", folds=True)
def cast(node: Node) -> Value | None:
    """Between float32, codes and accumulators, where the value stays the same number."""
    value, to = node.inputs[0], _target(node)
    if to == value.dtype:
        return value
    if value.is_const or to not in (FLOAT32, INT32):
        return None
    if value.is_codes:
        low, high = code_range(CODE_ELEMENTS[value.dtype])
        result = node.build.dequantize(value, Grid())
        return Value(value.shape, to, ir=result.ir, bound=max(-low, high))
    if value.is_accumulator and to == FLOAT32:
        return Value(value.shape, to, ir=value.ir)
    return None


def _target(node: Node) -> np.dtype:
    if node.proto.op_type == "CastLike":
        return node.inputs[1].dtype
    return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(node.required("to")))
