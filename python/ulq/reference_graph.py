"""The meaning of a graph-level module: what a quantized network computes, exactly.

One function per operation of `dialect/UlqOps.td`, channels first, and
`run_graph`, which interprets the generic text that the importer writes. Tensors
of f32 are `ulq.exact.Real`: codes are rounded from the real number that the
graph defines, without floating-point error. Written from the descriptions of
the operations, never from the passes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

import numpy as np
from iree.compiler import ir
from numpy.typing import ArrayLike, NDArray

from ulq import exact
from ulq.exact import Real, along
from ulq.reference import Geometry, accumulate, suppress

# ----------------------------------------------------------------------------
# Operations: values are `Real` (f32 tensors) or int64 arrays (codes, integers)
# ----------------------------------------------------------------------------


def _nhwc(x: NDArray) -> NDArray:
    return np.moveaxis(x, 1, -1)


def _nchw(x: NDArray) -> NDArray:
    return np.moveaxis(x, -1, 1)


def _product(x: Real, w: Real, multiply: Callable[[NDArray, NDArray], NDArray], w_unit_axis: int) -> Real:
    """A bilinear `multiply`, exact when both operands are integers times a unit.

    The unit of `x` must be one number and that of `w` at most one per index of
    its `w_unit_axis`, the output channel. Otherwise the product is in float64:
    graphs define no exact value for a sum over unquantized floats.
    """
    unit = x.uniform_unit()
    if unit is None or w.unit is None or any(w.unit.shape[i] > 1 and i != w_unit_axis for i in range(w.unit.ndim)):
        return Real.of_floats(multiply(x.values, w.values))
    bound = float(np.abs(x.values).max()) / float(unit) * float(np.abs(w.integers).astype(np.float64).sum())
    kind = np.int64 if bound < 2**62 else object
    product = multiply(x.integers.astype(kind), w.integers.astype(kind))
    channel_axis = 1 if w_unit_axis == 0 else product.ndim - 1
    units = w.unit.reshape(-1) * unit
    shape = (1,) * product.ndim if units.size == 1 else [-1 if i == channel_axis else 1 for i in range(product.ndim)]
    return Real.of_integers(product, units.reshape(shape))


def conv2d(x: Real, w: Real, strides, pads, dilations, groups: int) -> Real:
    """NCHW by OIHW, padded with the real number 0."""

    def multiply(a, b):
        shape = (a.shape[0], a.shape[2], a.shape[3], a.shape[1])
        geometry = Geometry.of(shape, b.shape[0], b.shape[2:], strides, pads, dilations, groups)
        return _nchw(accumulate(_nhwc(a), _nhwc(b), geometry))

    return _product(x, _compact(w, 0), multiply, 0)


def matmul(x: Real, w: Real) -> Real:
    """Matrix product of the last two dimensions."""
    axis = w.values.ndim - 1
    return _product(x, _compact(w, axis), np.matmul, axis)


def _compact(w: Real, axis: int) -> Real:
    """`w` with its unit reduced to one number per index of `axis`, where that holds."""
    if w.unit is None or w.unit.size == 1:
        return w
    unit = np.broadcast_to(w.unit, w.shape)
    first = unit[tuple(slice(None) if i == axis else slice(0, 1) for i in range(unit.ndim))]
    return Real(w.values, w.certain, w.integers, first) if bool(np.all(unit == first)) else w


def affine(x: Real, scale: ArrayLike, offset: ArrayLike, axis: int = 1) -> Real:
    """x * scale + offset along an axis."""
    scale = np.broadcast_to(along(scale, axis, x.values.ndim), x.shape)
    offset = np.broadcast_to(along(offset, axis, x.values.ndim), x.shape)

    def element(i: int) -> Fraction:
        return x.at(i) * Fraction(float(scale.flat[i])) + Fraction(float(offset.flat[i]))

    scaled, exact_scaled = exact.product(x.values, scale)
    values, exact_values = exact.total(scaled, offset)
    return Real(values, x.certain & exact_scaled & exact_values, fraction=element)


def add(x: Real, y: Real) -> Real:
    """Elementwise sum."""
    values, exact_values = exact.total(x.values, y.values)
    return Real(values, x.certain & y.certain & exact_values, fraction=lambda i: x.at(i) + y.at(i))


def clamp(x: Real, minimum: float, maximum: float) -> Real:
    """min(max(x, minimum), maximum)."""

    def element(i: int) -> Fraction:
        # A fraction compares with an infinite float, but does not become one.
        value = x.at(i)
        value = Fraction(minimum) if value < minimum else value
        return Fraction(maximum) if value > maximum else value

    return Real(np.clip(x.values, minimum, maximum), x.certain, fraction=element)


def leaky_relu(x: Real, alpha: float) -> Real:
    """x < 0 ? alpha * x : x."""

    def element(i: int) -> Fraction:
        value = x.at(i)
        return Fraction(alpha) * value if value < 0 else value

    scaled, exact_scaled = exact.product(x.values, alpha)
    certain = x.certain & (exact_scaled | (x.values >= 0))
    return Real(np.where(x.values < 0, scaled, x.values), certain, fraction=element)


def round_real(x: Real, rounding: str) -> Real:
    """Round to an integer."""
    limit = 2**53
    rounded = exact.quantize(x, 1.0, 0.0, -limit, limit, rounding)
    return Real.of_integers(rounded, np.full((1,) * rounded.ndim, Fraction(1), object))


def _windows(x: Real, kernel, strides, pads, dilations) -> tuple[NDArray, NDArray]:
    """Values (NaN in the padding) and flat indices (-1) under each window: [taps, n, c, oh, ow]."""
    n, c, h, w = x.shape
    geometry = Geometry.of((n, h, w, c), c, kernel, strides, pads, dilations)
    index = _nhwc(np.arange(x.values.size).reshape(x.shape))
    taps = [_nchw(tap) for tap in geometry.taps(_nhwc(x.values), np.nan)]
    return np.stack(taps), np.stack([_nchw(tap) for tap in geometry.taps(index, -1)])


def max_pool(x: Real, kernel, strides, pads, dilations) -> Real:
    """Largest value of each window; padding never wins."""
    values, index = _windows(x, kernel, strides, pads, dilations)
    winner = np.nanargmax(values, axis=0)[None]
    if x.uniform_unit() is not None:
        integers = x.integers.reshape(-1)[np.take_along_axis(index, winner, 0)[0]]
        return Real.of_integers(integers, np.full((1,) * integers.ndim, x.uniform_unit(), object))
    columns = index.reshape(len(index), -1)
    return Real(
        np.take_along_axis(values, winner, 0)[0],
        np.all((index < 0) | x.certain.reshape(-1)[index], axis=0),
        fraction=lambda i: max(x.at(int(j)) for j in columns[:, i] if j >= 0),
    )


def avg_pool(x: Real, kernel, strides, pads, dilations, count_include_pad: bool) -> Real:
    """Mean of each window, over the window or over its part inside the input."""
    values, index = _windows(x, kernel, strides, pads, dilations)
    inside = np.sum(index >= 0, axis=0)
    divisor = np.full_like(inside, len(index)) if count_include_pad else inside
    unit = x.uniform_unit()
    if unit is not None and np.all(divisor == divisor.flat[0]):
        integers = np.sum(np.where(index >= 0, x.integers.reshape(-1)[index], 0), axis=0)
        return Real.of_integers(integers, np.full((1,) * integers.ndim, unit / int(divisor.flat[0]), object))
    columns = index.reshape(len(index), -1)

    def element(i: int) -> Fraction:
        return sum((x.at(int(j)) for j in columns[:, i] if j >= 0), Fraction(0)) / int(divisor.flat[i])

    return Real(np.nansum(values, axis=0) / divisor, np.zeros(divisor.shape, bool), fraction=element)


def pad(x: Real, low, high, value: float) -> Real:
    """Surround with a constant."""
    widths = list(zip(low, high, strict=True))
    if value == 0 and x.uniform_unit() is not None:
        return x.rearranged(lambda a: np.pad(a, widths))
    origin = np.pad(np.arange(x.values.size).reshape(x.shape), widths, constant_values=-1)
    return Real(
        np.pad(x.values, widths, constant_values=value),
        np.pad(x.certain, widths, constant_values=True),
        fraction=lambda i: x.at(int(origin.flat[i])) if origin.flat[i] >= 0 else Fraction(value),
    )


def concat(parts: Sequence[Real], axis: int) -> Real:
    """Join along an axis."""
    units = [part.uniform_unit() for part in parts]
    if units[0] is not None and all(unit == units[0] for unit in units):
        return Real.of_integers(np.concatenate([part.integers for part in parts], axis), parts[0].unit.reshape(-1)[:1])
    starts = np.cumsum([0, *(part.values.size for part in parts)])
    indices = [
        start + np.arange(part.values.size).reshape(part.shape) for start, part in zip(starts[:-1], parts, strict=True)
    ]
    origin = np.concatenate(indices, axis)

    def element(i: int) -> Fraction:
        source = int(origin.flat[i])
        which = int(np.searchsorted(starts, source, "right")) - 1
        return parts[which].at(source - int(starts[which]))

    values = np.concatenate([part.values for part in parts], axis)
    return Real(values, np.concatenate([part.certain for part in parts], axis), fraction=element)


def top_k(x: Real, count: int, smallest: bool) -> tuple[Real, NDArray]:
    """The largest elements of each row, the first of equal ones first, and their indices."""
    key = x.values if smallest else -x.values
    index = np.argsort(key, axis=1, kind="stable")[:, :count]
    return Real.of_floats(np.take_along_axis(x.values, index, 1)), index


# ----------------------------------------------------------------------------
# Interpreter
# ----------------------------------------------------------------------------

Value = Real | NDArray
Segment = Callable[..., Sequence[NDArray]]


class _Op:
    """An operation with its attributes as Python values."""

    def __init__(self, operation: ir.Operation):
        self.operation = operation
        self.name = operation.name
        self.shape = tuple(operation.results[0].type.shape) if len(operation.results) else ()

    def has(self, name: str) -> bool:
        return name in self.operation.attributes

    def __getitem__(self, name: str):
        return _python(self.operation.attributes[name])

    def get(self, name: str, default):
        return self[name] if self.has(name) else default

    @property
    def location(self) -> str:
        """The name in the location, "" without one."""
        found = re.match(r'loc\("((?:[^"\\]|\\.)*)"\)$', str(self.operation.location))
        return found[1] if found else ""


def _python(attribute: ir.Attribute):
    if isinstance(attribute, ir.DenseElementsAttr):
        return np.array(attribute).reshape(attribute.type.shape)
    if isinstance(attribute, ir.DenseF64ArrayAttr | ir.DenseI64ArrayAttr):
        return list(attribute)
    if isinstance(attribute, ir.IntegerAttr | ir.FloatAttr | ir.BoolAttr | ir.StringAttr | ir.FlatSymbolRefAttr):
        return attribute.value
    found = re.fullmatch(r"#ulq\.rounding<(\w+)>|#ulq<rounding<(\w+)>>", str(attribute))
    if not found:
        raise ValueError(f"unsupported attribute {attribute}")
    return found[1] or found[2]


def _constant(op: _Op) -> Value:
    value = op["value"]
    if np.issubdtype(value.dtype, np.floating):
        return Real.of_floats(value)
    # i8 carries unsigned codes too: the result's type says which.
    unsigned = str(op.operation.results[0].type.element_type).startswith("ui")
    return (value.view(f"u{value.itemsize}") if unsigned else value).astype(np.int64)


def _move(function: Callable[[NDArray], NDArray], x: Value) -> Value:
    return x.rearranged(function) if isinstance(x, Real) else function(x)


def _clamp(op: _Op, x: Value) -> Value:
    if isinstance(x, Real):
        return clamp(x, op["min"], op["max"])
    return np.clip(x, op["min"], op["max"]).astype(np.int64)


def _pad(op: _Op, x: Value) -> Value:
    if isinstance(x, Real):
        return pad(x, op["low"], op["high"], op["value"])
    return np.pad(x, list(zip(op["low"], op["high"], strict=True)), constant_values=int(op["value"]))


def _concat(op: _Op, *parts: Value) -> Value:
    return concat(parts, op["axis"]) if isinstance(parts[0], Real) else np.concatenate(parts, op["axis"])


def _window(op: _Op) -> tuple:
    return op["kernel"], op["strides"], op["pads"], op["dilations"]


def _slice(op: _Op, x: Value) -> Value:
    parts = tuple(
        np.s_[start : start + (extent - 1) * step + 1 : step]
        for start, step, extent in zip(op["starts"], op["steps"], op.shape, strict=True)
    )
    return _move(lambda a: a[parts], x)


OPERATIONS: dict[str, Callable[..., Value | tuple[Value, ...]]] = {
    "ulq.constant": _constant,
    "ulq.quantize": lambda op, x: exact.quantize(
        x,
        op["scale"],
        op["zeroPoint"],
        op["min"],
        op["max"],
        op["rounding"],
        op.has("zeroPointFirst"),
        op.get("axis", 0),
    ),
    "ulq.dequantize": lambda op, x: exact.integer_quotient(x, op["scale"], op["zeroPoint"], op.get("axis", 0)),
    "ulq.threshold": lambda op, x: exact.count_reached(
        x, op["values"], op["count"], op.get("axis", 1), op.get("falling", 0), op.get("start", 0)
    ),
    "ulq.recode": lambda op, x: x + op["offset"],
    "ulq.conv2d": lambda op, x, w: conv2d(x, w, op["strides"], op["pads"], op["dilations"], op["groups"]),
    "ulq.matmul": lambda op, x, w: matmul(x, w),
    "ulq.affine": lambda op, x: affine(x, op["scale"], op["offset"], op.get("axis", 1)),
    "ulq.add": lambda op, x, y: add(x, y),
    "ulq.clamp": _clamp,
    "ulq.leaky_relu": lambda op, x: leaky_relu(x, op["alpha"]),
    "ulq.round": lambda op, x: round_real(x, op["rounding"]),
    "ulq.max_pool": lambda op, x: max_pool(x, *_window(op)),
    "ulq.avg_pool": lambda op, x: avg_pool(x, *_window(op), bool(op["countIncludePad"])),
    "ulq.reshape": lambda op, x: _move(lambda a: a.reshape(op.shape), x),
    "ulq.transpose": lambda op, x: _move(lambda a: a.transpose(op["perm"]), x),
    "ulq.pad": _pad,
    "ulq.slice": _slice,
    "ulq.concat": _concat,
    "ulq.lookup": lambda op, x: np.asarray(op["table"])[x],
    "ulq.non_max_suppression": lambda op, *x: suppress(*map(_array, x), center_point=op.has("centerPoint")),
    "ulq.top_k": lambda op, x: top_k(x, op.shape[1], op.has("smallest")),
    "ulq.first_rows": lambda op, rows, count: rows[: np.asarray(count).item()],
}


def run_graph(
    text: str,
    inputs: Mapping[str, NDArray],
    segments: Mapping[str, Segment] | None = None,
    trace: dict[str, NDArray] | None = None,
) -> dict[str, NDArray]:
    """Interpret `@main` of a graph-level module.

    Args:
        text: the module in generic form, as the importer writes it.
        inputs: arrays by ONNX name (the `ulq.name` of each argument).
        segments: what `func.call @name` runs: a function from arrays to arrays.
        trace: receives the last result of every located operation, by location;
            codes as int64, floats as float64.

    Returns the results by ONNX name: float32, or int64 for codes.
    Raises ValueError for an operation that is not of the graph level.
    """
    with ir.Context() as context, ir.Location.unknown():
        context.allow_unregistered_dialects = True
        module = ir.Module.parse(text)
        main = next(op for op in module.body.operations if _symbol(op) == "main")
        block = main.regions[0].blocks[0]
        environment = {}
        for name, argument in zip(_names(main, "arg_attrs"), block.arguments, strict=True):
            array = np.asarray(inputs[name]).reshape(argument.type.shape)
            environment[argument] = Real.of_floats(array) if _is_float(argument.type) else array.astype(np.int64)
        for operation in block.operations:
            op = _Op(operation.operation)
            operands = [environment[value] for value in op.operation.operands]
            if op.name == "func.return":
                return dict(zip(_names(main, "res_attrs"), map(_array, operands), strict=True))
            results = _evaluate(op, operands, segments or {})
            environment.update(zip(op.operation.results, results, strict=True))
            if trace is not None and op.location:
                trace[op.location] = results[-1].values if isinstance(results[-1], Real) else results[-1]
    raise ValueError("expected a func.return in @main")


def _evaluate(op: _Op, operands: Sequence[Value], segments: Mapping[str, Segment]) -> list[Value]:
    if op.name == "func.call":
        arrays = segments[op["callee"]](*map(_array, operands))
        return [Real.of_floats(a) if np.issubdtype(a.dtype, np.floating) else a for a in map(np.asarray, arrays)]
    if op.name not in OPERATIONS:
        raise ValueError(f"'{op.name}' is not an operation of the graph level")
    results = OPERATIONS[op.name](op, *operands)
    return list(results) if isinstance(results, tuple) else [results]


def _array(value: Value) -> NDArray:
    return value.values.astype(np.float32) if isinstance(value, Real) else value


def _is_float(kind: ir.Type) -> bool:
    return isinstance(kind.element_type, ir.F32Type)


def _symbol(op) -> str:
    return ir.StringAttr(op.operation.attributes["sym_name"]).value


def _names(function, attribute: str) -> list[str]:
    return [ir.StringAttr(ir.DictAttr(a)["ulq.name"]).value for a in function.operation.attributes[attribute]]
