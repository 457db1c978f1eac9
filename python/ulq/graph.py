"""Building graph-level ulq IR: values, constants with their codes, one method per ulq operation.

Knows ulq and MLIR, not ONNX operators. Operations are unregistered here; ulq-opt verifies the text.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import ml_dtypes
import numpy as np
from iree.compiler import ir

from ulq import exact
from ulq.attributes import Rounding, attribute, names
from ulq.codes import Codes, Grid, Shape, reshaped, transposed
from ulq.functions import MOST_STEPS, MOST_STEPS_OF_PRODUCT, Function, Waiting, find_steps
from ulq.levels import Levels, as_thresholds

# ONNX element types that are codes of the ulq dialect, and those that only float segments see.
CODE_ELEMENTS = {
    np.dtype(np.int8): "si8",
    np.dtype(np.uint8): "ui8",
    np.dtype(ml_dtypes.int4): "si4",
    np.dtype(ml_dtypes.uint4): "ui4",
    np.dtype(ml_dtypes.int2): "si2",
    np.dtype(ml_dtypes.uint2): "ui2",
}
PLAIN_ELEMENTS = {
    np.dtype(np.float32): "f32",
    np.dtype(np.float16): "f16",
    np.dtype(np.float64): "f64",
    np.dtype(ml_dtypes.bfloat16): "bf16",
    np.dtype(np.int16): "i16",
    np.dtype(np.int32): "i32",
    np.dtype(np.int64): "i64",
    np.dtype(np.bool_): "i1",
}
FLOAT32 = np.dtype(np.float32)
INT32 = np.dtype(np.int32)
# f32 holds every integer up to here.
EXACT_INTEGER = 2**24


def element_of(dtype: np.dtype) -> str | None:
    """The IR element type of an ONNX element type, None where the IR has none."""
    return CODE_ELEMENTS.get(dtype) or PLAIN_ELEMENTS.get(dtype)


def code_element(bits: int, signed: bool) -> str:
    return f"{'si' if signed else 'ui'}{bits}"


def code_range(element: str) -> tuple[int, int]:
    """Smallest and largest code of an element type such as "si4"."""
    bits = int(element[2:])
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if element[0] == "s" else (0, (1 << bits) - 1)


@dataclass(eq=False)
class Value:
    """A tensor of the graph: a constant, an IR value, or both; neither while its segment is open.

    `dtype` is the ONNX element type. Codes have a code element in the IR; everything that ulq
    computes with is f32 there, int32 accumulators included (`bound` is then their largest magnitude).
    With `levels` it is a function of one tensor of codes, with `function` one of real numbers. Codes
    of such a function may be `waiting` for a clip that leaves few of them: they get an IR value when it is asked for.
    An extent of None is known at run time only.
    """

    shape: Shape
    dtype: np.dtype
    const: np.ndarray | None = None
    codes: Codes | None = None
    ir: ir.Value | None = None
    bound: float = math.inf
    levels: Levels | None = None
    function: Function | None = None
    waiting: Waiting | None = None

    @property
    def is_const(self) -> bool:
        return self.const is not None

    @property
    def is_open(self) -> bool:
        """Whether an extent is known at run time only."""
        return None in self.shape

    @property
    def is_codes(self) -> bool:
        return self.dtype in CODE_ELEMENTS

    @property
    def is_accumulator(self) -> bool:
        return self.dtype == INT32 and self.ir is not None and str(self.ir.type.element_type) == "f32"

    @property
    def is_real(self) -> bool:
        """Whether ulq can compute with it in f32."""
        return self.dtype == FLOAT32 or self.is_accumulator


def constant(array: np.ndarray, codes: Codes | None = None) -> Value:
    array = np.asarray(array)
    return Value(array.shape, array.dtype, const=array, codes=codes)


def doubles(values) -> tuple[float, ...]:
    """Numbers as f64, exactly."""
    return tuple(float(value) for value in np.ravel(np.asarray(values)))


class GraphBuilder:
    """Emits operations into `@main`. Call inside `with builder:`."""

    def __init__(self):
        self.context = ir.Context()
        self.context.allow_unregistered_dialects = True
        # Gives a value of an open segment its IR value, or raises.
        self.resolve: Callable[[Value], None] = lambda value: None
        self._location = None
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> GraphBuilder:
        self._stack.enter_context(self.context)
        self._stack.enter_context(ir.Location.unknown())
        self.module = ir.Module.create()
        return self

    def __exit__(self, *exception) -> None:
        self._stack.close()

    # --- functions -----------------------------------------------------------

    def begin_main(self, inputs: Sequence[tuple[str, Value]]) -> None:
        """Opens `@main`; the input values get their arguments."""
        types = [self.tensor_type(value.shape, element_of(value.dtype)) for _, value in inputs]
        self._main = self._function("main", types, [])
        block = self._main.regions[0].blocks.append(*types, arg_locs=[ir.Location.name(name) for name, _ in inputs])
        for argument, (_, value) in zip(block.arguments, inputs, strict=True):
            value.ir = argument
        self._names = [name for name, _ in inputs]
        self._stack.enter_context(ir.InsertionPoint(block))

    def end_main(self, outputs: Sequence[tuple[str, Value]]) -> None:
        operands = [self.operand(value) for _, value in outputs]
        ir.Operation.create("func.return", operands=operands)
        arguments = [argument.type for argument in self._main.regions[0].blocks[0].arguments]
        function_type = ir.FunctionType.get(arguments, [operand.type for operand in operands])
        self._main.attributes["function_type"] = ir.TypeAttr.get(function_type)
        self._main.attributes["arg_attrs"] = names(self._names)
        self._main.attributes["res_attrs"] = names([name for name, _ in outputs])

    def call(self, callee: str, operands: Sequence[ir.Value], results: Sequence[ir.Type]) -> list[ir.Value]:
        """Declares a private function and calls it."""
        types = [operand.type for operand in operands]
        declaration = self._function(callee, types, results)
        declaration.attributes["sym_visibility"] = ir.StringAttr.get("private")
        attributes = {"callee": ir.FlatSymbolRefAttr.get(callee)}
        call = ir.Operation.create("func.call", operands=operands, results=list(results), attributes=attributes)
        return list(call.results)

    def _function(self, name: str, inputs, results) -> ir.Operation:
        with ir.InsertionPoint(self.module.body):
            function_type = ir.TypeAttr.get(ir.FunctionType.get(list(inputs), list(results)))
            attributes = {"sym_name": ir.StringAttr.get(name), "function_type": function_type}
            return ir.Operation.create("func.func", regions=1, attributes=attributes)

    @contextlib.contextmanager
    def at(self, name: str) -> Iterator[None]:
        """Operations made inside carry the name as their location."""
        with ir.Location.name(name):
            yield

    def text(self) -> str:
        return self.module.operation.get_asm(print_generic_op_form=True, enable_debug_info=True)

    # --- values --------------------------------------------------------------

    def tensor_type(self, shape: Shape, element: str) -> ir.Type:
        extents = [ir.ShapedType.get_dynamic_size() if extent is None else extent for extent in shape]
        return ir.RankedTensorType.get(extents, ir.Type.parse(element))

    def operand(self, value: Value) -> ir.Value:
        """The IR value in the element type that it has: codes stay codes."""
        if value.ir is None and value.is_const:
            value.ir = self._constant(value)
        if value.ir is None and value.waiting:
            value.ir = value.waiting.emit()
        if value.ir is None:
            self.resolve(value)
        return value.ir

    def real(self, value: Value) -> ir.Value:
        """The value in f32; codes are taken as integers."""
        if value.is_codes:
            return self.operand(self.dequantize(value, Grid()))
        return self.operand(value)

    def _constant(self, value: Value) -> ir.Value:
        if value.codes is None:
            return self._dense(value.const, element_of(value.dtype))
        codes = self._dense(value.codes.values, value.codes.element)
        return self._emit("dequantize", [codes], value.shape, "f32", **_grid(value.codes.grid))

    def _dense(self, array: np.ndarray, element: str) -> ir.Value:
        carrier = {"f32": np.float32, "i32": np.int32, "i16": np.int16, "i64": np.int64}.get(element)
        carrier = carrier or (np.int8 if element.startswith("s") else np.uint8)
        data = np.ascontiguousarray(array).astype(carrier)
        attribute = ir.DenseElementsAttr.get(data, shape=list(array.shape))
        return self._emit("constant", [], array.shape, element, value=attribute)

    def _emit(self, name: str, operands: Sequence[ir.Value], shape: Shape, element: str, **attributes) -> ir.Value:
        attributes = {key.rstrip("_").replace("__", "."): attribute(item) for key, item in attributes.items()}
        result = self.tensor_type(shape, element)
        return ir.Operation.create(f"ulq.{name}", [result], list(operands), attributes).result

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
            attributes = {**_grid(grid), "min": low, "max": high, "rounding": Rounding(rounding), **extra}
            return self._emit("quantize", [self.real(value)], value.shape, element, **attributes)

        if value.function and not value.function.is_graph and not grid.per_axis:

            def code(x):
                return exact.quantize(exact.Real.of_floats(x), grid.scale, grid.zero, low, high, rounding, first)

            return self._function_codes(value.shape, element, Waiting(value.function, code, self._located(emit)))
        return Value(value.shape, np.dtype(object), ir=emit(), levels=levels)

    def threshold(self, value: Value, values: Sequence[float], count: int, element: str, axis: int = 1) -> Value:
        """The number of thresholds that each element reaches."""
        if value.levels and value.ir is None and len(values) == count:
            return self.lookup(value.levels.counted(values), value.shape, element)

        def emit() -> ir.Value:
            attributes = {"values": doubles(values), "count": count, "axis": axis}
            return self._emit("threshold", [self.real(value)], value.shape, element, **attributes)

        if value.function and not value.function.is_graph and len(values) == count:

            def code(x):
                return np.sum(x[:, None] >= np.asarray(values), axis=1)

            return self._function_codes(value.shape, element, Waiting(value.function, code, self._located(emit)))
        return Value(value.shape, np.dtype(object), ir=emit())

    def _function_codes(self, shape: Shape, element: str, codes: Waiting) -> Value:
        """Thresholds of what the function is one of; where they are too many, the codes wait for a clip."""
        source = codes.function.source
        most = MOST_STEPS_OF_PRODUCT if _is_product_of_codes(self.real(source)) else MOST_STEPS
        steps = find_steps(codes.function, codes.code, most)
        if steps is None:
            return Value(shape, np.dtype(object), waiting=codes)
        narrow = code_element(max(1, steps.span.bit_length()), False)
        thresholds = steps.rising + steps.falling
        counting = {"count": len(thresholds), "falling": len(steps.falling), "start": steps.start - steps.base}
        result = self._emit("threshold", [self.real(source)], shape, narrow, values=doubles(thresholds), axis=0, **counting)
        return Value(shape, np.dtype(object), ir=self._recoded(result, shape, narrow, element, steps.base))

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
        result = self._emit("dequantize", [operand], value.shape, "f32", **_grid(grid))
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
            reals = self._emit("dequantize", [operand], shape, "f32", **_grid(Grid()))
            attributes = {"values": doubles(thresholds), "count": len(thresholds), "axis": 0}
            result = self._emit("threshold", [reals], shape, narrow, **attributes)
        else:
            result = self._emit("lookup", [operand], shape, narrow, table=tuple(table))
        result = self._recoded(result, shape, narrow, element, base)
        return Value(shape, np.dtype(object), ir=result, levels=replace(levels, is_table=True))

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
        if value.waiting and value.ir is None:
            return replace(self._clipped(value, low, high, element), dtype=value.dtype)
        result = self._emit("clamp", [self.operand(value)], value.shape, element, min=float(low), max=float(high))
        return Value(value.shape, value.dtype, ir=result)

    def _clipped(self, value: Value, low: float, high: float, element: str) -> Value:
        """Codes that wait, clipped."""

        def emit() -> ir.Value:
            return self._emit("clamp", [self.operand(value)], value.shape, element, min=float(low), max=float(high))

        codes = Waiting(
            value.waiting.function, lambda x: np.clip(value.waiting.code(x), low, high), self._located(emit)
        )
        return self._function_codes(value.shape, element, codes)

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


def _grid(grid: Grid) -> dict:
    return {"scale": grid.scale, "zeroPoint": grid.zero, "axis": grid.axis}


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
