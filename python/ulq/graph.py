"""Building graph-level ulq IR: one method per ulq operation.

Knows ulq, not ONNX operators. Operations are unregistered here; ulq-opt verifies the text.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from iree.compiler import ir

from ulq import exact
from ulq.attributes import Rounding, attribute
from ulq.codes import Grid, Shape, reshaped, transposed
from ulq.functions import MOST_STEPS, MOST_STEPS_OF_PRODUCT, Waiting, find_steps
from ulq.levels import Levels, as_thresholds
from ulq.module import ModuleBuilder, grid_attributes
from ulq.values import CODE_ELEMENTS, FLOAT32, Value, code_element, code_range, constant, doubles

# Of codes whose ONNX type the caller knows.
UNTYPED = np.dtype(object)


class GraphBuilder(ModuleBuilder):
    """Emits graph-level operations into `@main`. Call inside `with builder:`."""

    def _real_op(self, name: str, value: Value, shape: Shape | None = None, bound=math.inf, **attributes) -> Value:
        """An operation on f32; the result keeps the ONNX type of a real operand."""
        shape = value.shape if shape is None else tuple(shape)
        result = self._emit(name, [self.real(value)], shape, "f32", **attributes)
        return Value(shape, value.dtype if value.is_real else FLOAT32, ir=result, bound=bound)

    # --- quantizers ----------------------------------------------------------

    def quantize(self, value: Value, grid: Grid, element: str, low=None, high=None, rounding="half_even", first=False):
        """Codes of a real tensor. `first` adds the zero point before rounding. Returns an untyped value."""
        low = code_range(element)[0] if low is None else low
        high = code_range(element)[1] if high is None else high
        levels = None
        if value.levels and not grid.per_axis:
            levels = value.levels.quantized(grid.scale, grid.zero, low, high, rounding, first)
            if value.ir is None:
                return self.lookup(levels, value.shape, element)
        extra = {"zeroPointFirst": True} if first else {}

        def emit() -> ir.Value:
            attributes = {**grid_attributes(grid), "min": low, "max": high, "rounding": Rounding(rounding), **extra}
            return self._emit("quantize", [self.real(value)], value.shape, element, **attributes)

        def code(x):
            return exact.quantize(exact.Real.of_floats(x), grid.scale, grid.zero, low, high, rounding, first)

        return replace(self._codes(value, element, emit, None if grid.per_axis else code), levels=levels)

    def threshold(self, value: Value, values: Sequence[float], count: int, element: str, axis: int = 1) -> Value:
        """The number of thresholds that each element reaches."""
        per_axis = len(values) != count
        if value.levels and value.ir is None and not per_axis:
            return self.lookup(value.levels.counted(values), value.shape, element)

        def emit() -> ir.Value:
            attributes = {"values": doubles(values), "count": count, "axis": axis}
            return self._emit("threshold", [self.real(value)], value.shape, element, **attributes)

        def code(x):
            return np.sum(x[:, None] >= np.asarray(values), axis=1)

        return self._codes(value, element, emit, None if per_axis else code)

    def _codes(
        self, value: Value, element: str, emit: Callable[[], ir.Value], code: Callable[[np.ndarray], np.ndarray] | None
    ) -> Value:
        """What `emit` makes of a tensor; perhaps thresholds where it is a function, of which `code` makes the codes."""
        if code and value.function and not value.function.is_graph:
            return self._function_codes(value.shape, element, Waiting(value.function, code, self._located(emit)))
        return Value(value.shape, UNTYPED, ir=emit())

    def _function_codes(self, shape: Shape, element: str, codes: Waiting) -> Value:
        """Thresholds of what the function is one of; where they are many, the codes wait for a clip."""
        few = self._function_thresholds(shape, element, codes, MOST_STEPS)
        if few is not None:
            return Value(shape, UNTYPED, ir=few)

        def emit() -> ir.Value:
            many = None
            if _is_product_of_codes(self.real(codes.function.source)):
                many = self._function_thresholds(shape, element, codes, MOST_STEPS_OF_PRODUCT)
            return codes.emit() if many is None else many

        return Value(shape, UNTYPED, waiting=replace(codes, emit=self._located(emit)))

    def _function_thresholds(self, shape: Shape, element: str, codes: Waiting, most: int) -> ir.Value | None:
        steps = find_steps(codes.function, codes.code, most)
        if steps is None:
            return None
        narrow = code_element(max(1, steps.span.bit_length()), False)
        thresholds = steps.rising + steps.falling
        counting = {"count": len(thresholds), "falling": len(steps.falling), "start": steps.start - steps.base}
        reals = self.real(codes.function.source)
        result = self._emit("threshold", [reals], shape, narrow, values=doubles(thresholds), axis=0, **counting)
        return self._recoded(result, shape, narrow, element, steps.base)

    def _located(self, emit: Callable[[], ir.Value]) -> Callable[[], ir.Value]:
        """`emit` with the present location."""
        location = ir.Location.current

        def run() -> ir.Value:
            with location:
                return emit()

        return run

    def _recoded(self, codes: ir.Value, shape: Shape, narrow: str, element: str, base: int) -> ir.Value:
        """`narrow` codes from 0 on as codes of `element` from `base` on."""
        return self._emit("recode", [codes], shape, element, offset=base) if base or narrow != element else codes

    def dequantize(self, value: Value, grid: Grid) -> Value:
        operand = self.operand(value)
        result = self._emit("dequantize", [operand], value.shape, "f32", **grid_attributes(grid))
        levels = None
        if not grid.per_axis and value.shape:
            levels = value.levels or self._levels(value, str(operand.type.element_type))
        return Value(value.shape, FLOAT32, ir=result, levels=levels and levels.dequantized(grid.scale[0], grid.zero[0]))

    def lookup(self, levels: Levels, shape: Shape, element: str) -> Value:
        """Codes that are a table over other codes; an untyped value."""
        operand = self.operand(levels.source)
        stored = str(operand.type.element_type)
        table, base = levels.as_table()
        if code_range(stored)[0]:
            unsigned = "ui" + stored[2:]
            operand = self._emit("recode", [operand], shape, unsigned, offset=-code_range(stored)[0])
        narrow = code_element(max(1, max(table).bit_length()), False)
        thresholds = as_thresholds(table)
        if thresholds:
            reals = self._emit("dequantize", [operand], shape, "f32", **grid_attributes(Grid()))
            attributes = {"values": doubles(thresholds), "count": len(thresholds), "axis": 0}
            result = self._emit("threshold", [reals], shape, narrow, **attributes)
        else:
            result = self._emit("lookup", [operand], shape, narrow, table=tuple(table))
        result = self._recoded(result, shape, narrow, element, base)
        return Value(shape, UNTYPED, ir=result, levels=replace(levels, is_table=True))

    def _levels(self, codes: Value, element: str) -> Levels | None:
        if element[:2] not in ("ui", "si"):
            return None
        low, high = code_range(element)
        return Levels(codes, np.arange(low, high + 1, dtype=np.float64))

    # --- arithmetic ----------------------------------------------------------

    def affine(self, value: Value, scale=(1.0,), offset=(0.0,), axis: int = 0) -> Value:
        scale, offset = doubles(scale), doubles(offset)
        if set(scale) == {1.0} and set(offset) == {0.0}:
            return value
        bound = value.bound * max(map(abs, scale)) + max(map(abs, offset))
        return self._real_op("affine", value, bound=bound, scale=scale, offset=offset, axis=axis)

    def add(self, lhs: Value, rhs: Value) -> Value:
        result = self._emit("add", [self.real(lhs), self.real(rhs)], lhs.shape, "f32")
        return Value(lhs.shape, lhs.dtype if lhs.is_real else FLOAT32, ir=result, bound=lhs.bound + rhs.bound)

    def clamp(self, value: Value, low: float, high: float) -> Value:
        """Of codes or of reals."""
        if not value.is_codes:
            return self._real_op("clamp", value, bound=value.bound, min=float(low), max=float(high))
        element = CODE_ELEMENTS[value.dtype]
        if value.levels and value.levels.is_table:
            return replace(self.lookup(value.levels.clipped(low, high), value.shape, element), dtype=value.dtype)

        def emit() -> ir.Value:
            return self._emit("clamp", [self.operand(value)], value.shape, element, min=float(low), max=float(high))

        if not value.waiting or value.ir is not None:
            return Value(value.shape, value.dtype, ir=emit())
        waiting = value.waiting
        clipped = Waiting(waiting.function, lambda x: np.clip(waiting.code(x), low, high), self._located(emit))
        return replace(self._function_codes(value.shape, element, clipped), dtype=value.dtype)

    def leaky_relu(self, value: Value, alpha: float) -> Value:
        return self._real_op("leaky_relu", value, alpha=float(alpha))

    def round(self, value: Value, rounding: str) -> Value:
        return self._real_op("round", value, bound=value.bound, rounding=Rounding(rounding))

    def conv2d(
        self, value: Value, weights: Value, shape: Shape, strides, pads, dilations, groups: int, op: str
    ) -> Value:
        operands = [self.real(value), self.real(weights)]
        geometry = {"strides": tuple(strides), "pads": tuple(pads), "dilations": tuple(dilations), "groups": groups}
        return Value(shape, FLOAT32, ir=self._emit("conv2d", operands, shape, "f32", onnx__op=op, **geometry))

    def matmul(self, lhs: Value, rhs: Value, op: str) -> Value:
        """Of the last two dimensions; leading extents broadcast."""
        leading = np.broadcast_shapes(lhs.shape[:-2], rhs.shape[:-2])
        shape = (*leading, lhs.shape[-2], rhs.shape[-1])
        operands = [self.real(lhs), self.real(rhs)]
        return Value(shape, FLOAT32, ir=self._emit("matmul", operands, shape, "f32", onnx__op=op))

    def pool(self, name: str, value: Value, shape: Shape, kernel, strides, pads, dilations, op: str, **extra) -> Value:
        """`name` is max_pool or avg_pool."""
        geometry = {"kernel": tuple(kernel), "strides": tuple(strides), "pads": tuple(pads)}
        geometry |= {"dilations": tuple(dilations), "onnx__op": op, **extra}
        return self._real_op(name, value, shape, bound=value.bound, **geometry)

    def non_max_suppression(
        self, boxes: Value, scores: Value, most: Value, iou: Value, score: Value | None, limit: int, center: bool
    ) -> Value:
        """Rows [image, class, box]; `limit` is the largest number of a class."""
        operands = [self.real(boxes), self.real(scores)]
        operands += [self.operand(value) for value in (most, iou, score) if value is not None]
        count = limit * math.prod(scores.shape[:2])
        types = [self.tensor_type((count, 3), "i64"), self.tensor_type((1,), "i64")]
        attributes = {"centerPoint": attribute(True)} if center else {}
        results = ir.Operation.create("ulq.non_max_suppression", types, operands, attributes).results
        rows = self._emit("first_rows", list(results), (None, 3), "i64")
        return Value((None, 3), np.dtype(np.int64), ir=rows)

    def top_k(self, rows: Value, count: int, smallest: bool) -> tuple[Value, Value]:
        """Values and indices of the largest elements of each row."""
        shape = (rows.shape[0], count)
        types = [self.tensor_type(shape, "f32"), self.tensor_type(shape, "i64")]
        attributes = {"smallest": attribute(True)} if smallest else {}
        results = ir.Operation.create("ulq.top_k", types, [self.real(rows)], attributes).results
        return Value(shape, FLOAT32, ir=results[0]), Value(shape, np.dtype(np.int64), ir=results[1])

    # --- shape ---------------------------------------------------------------

    def reshape(self, value: Value, shape: Shape) -> Value:
        shape = tuple(shape)
        if shape == value.shape:
            return value
        if value.is_const:
            return constant(value.const.reshape(shape), reshaped(value.codes, value.shape, shape))
        return self._moved("reshape", value, shape)

    def transpose(self, value: Value, perm: Sequence[int]) -> Value:
        perm = tuple(perm)
        if perm == tuple(range(len(perm))):
            return value
        if value.is_const:
            return constant(value.const.transpose(perm), transposed(value.codes, perm))
        return self._moved("transpose", value, tuple(value.shape[axis] for axis in perm), perm=perm)

    def pad(self, value: Value, low: Sequence[int], high: Sequence[int], fill: float) -> Value:
        shape = tuple(sum(extents) for extents in zip(value.shape, low, high, strict=True))
        return self._moved("pad", value, shape, low=tuple(low), high=tuple(high), value=float(fill))

    def slice(self, value: Value, starts: Sequence[int], steps: Sequence[int], shape: Shape) -> Value:
        """Elements start + i * step of each dimension."""
        if tuple(shape) == value.shape:
            return value
        return self._moved("slice", value, tuple(shape), starts=tuple(starts), steps=tuple(steps))

    def concat(self, values: Sequence[Value], axis: int) -> Value:
        shape = list(values[0].shape)
        shape[axis] = sum(value.shape[axis] for value in values)
        operands = [self.operand(value) for value in values]
        result = self._emit("concat", operands, tuple(shape), str(operands[0].type.element_type), axis=axis)
        return Value(tuple(shape), values[0].dtype, ir=result, bound=max(value.bound for value in values))

    def _moved(self, name: str, value: Value, shape: Shape, /, **attributes) -> Value:
        operand = self.operand(value)
        result = self._emit(name, [operand], shape, str(operand.type.element_type), **attributes)
        return Value(shape, value.dtype, ir=result, bound=value.bound)


def _is_product_of_codes(value: ir.Value) -> bool:
    """Whether it is a convolution or matrix product of codes, maybe scaled, shifted and added to."""
    name, operands = _definition(value)
    if name in ("ulq.conv2d", "ulq.matmul"):
        return all(_are_codes(operand) for operand in operands)
    followed = {"ulq.add": 2, "ulq.affine": 1, "ulq.reshape": 1, "ulq.transpose": 1}.get(name, 0)
    return any(_is_product_of_codes(operand) for operand in operands[:followed])


def _are_codes(value: ir.Value) -> bool:
    """Whether it is dequantized codes, maybe moved."""
    name, operands = _definition(value)
    if name in ("ulq.pad", "ulq.reshape", "ulq.transpose", "ulq.slice", "ulq.concat", "ulq.max_pool"):
        return all(_are_codes(operand) for operand in operands)
    return name == "ulq.dequantize"


def _definition(value: ir.Value) -> tuple[str, list[ir.Value]]:
    """Name and operands of the operation that yields it; of none for an argument."""
    if not isinstance(value.owner, ir.Operation | ir.OpView):
        return "", []
    operation = value.owner.operation
    return operation.name, list(operation.operands)
