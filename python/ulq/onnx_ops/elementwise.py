"""Elementwise operators: affine steps by constants, sums, activations, rounding."""

from __future__ import annotations

import math

import numpy as np

from ulq.codes import Codes, Grid
from ulq.onnx_ops.grids import along_axis, byte_element
from ulq.onnx_ops.registry import Node, onnx_op
from ulq.values import CODE_ELEMENTS, FLOAT32, Value, code_range, constant

# ----------------------------------------------------------------------------
# Arithmetic
# ----------------------------------------------------------------------------


def _real_and_constant(node: Node) -> tuple[Value, Value] | None:
    """The computed operand and the constant of a binary operator, whatever their order.

    The computed operand gets the result's shape; None where the constant would enlarge it.
    """
    value, other = node.inputs if node.inputs[1].is_const else reversed(node.inputs)
    if not other.is_const or not value.is_real:
        return None
    shape = np.broadcast_shapes(value.shape, other.shape)
    if math.prod(shape) != math.prod(value.shape):
        return None
    return node.build.reshape(value, shape), other


def _equal_operands(node: Node) -> bool:
    """Two computed operands of one shape and type."""
    lhs, rhs = node.inputs
    return lhs.is_real and rhs.is_real and not (lhs.is_const or rhs.is_const) and lhs.shape == rhs.shape


def _plus_constant(node: Node, value: Value, other: Value, sign: float = 1.0) -> Value:
    """value + sign * other, by channel where that is enough; else the constant is a tensor of its own."""
    found = along_axis(value.shape, sign * other.const.astype(np.float64))
    if found:
        return node.build.affine(value, offset=found[1][0], axis=found[0])
    if sign == 1.0 and other.shape == value.shape:
        return node.build.add(value, other)
    return node.build.add(value, constant(np.broadcast_to(sign * other.const, value.shape).astype(np.float32)))


@onnx_op("Add")
def add(node: Node) -> Value | None:
    if _equal_operands(node):
        return node.build.add(*node.inputs)
    operands = _real_and_constant(node)
    return operands and _plus_constant(node, *operands)


@onnx_op("Sum")
def add_many(node: Node) -> Value | None:
    """A chain of additions where all shapes agree."""
    first, *others = node.inputs
    if not others:
        return first
    if not all(value.is_real and not value.is_const and value.shape == first.shape for value in node.inputs):
        return None
    for other in others:
        first = node.build.add(first, other)
    return first


@onnx_op("Sub")
def subtract(node: Node) -> Value | None:
    if _equal_operands(node):
        return node.build.add(node.inputs[0], node.build.affine(node.inputs[1], [-1.0]))
    operands = _real_and_constant(node)
    if operands is None:
        return None
    value, other = operands
    if node.inputs[1].is_const:
        return _plus_constant(node, value, other, -1.0)
    return _plus_constant(node, node.build.affine(value, [-1.0]), other)


@onnx_op("Neg")
def negate(node: Node) -> Value | None:
    return node.build.affine(node.inputs[0], [-1.0]) if node.inputs[0].is_real else None


@onnx_op("Mul", folds=True)
def multiply(node: Node) -> Value | None:
    if all(value.is_const for value in node.inputs):
        return _scaled_codes(*node.inputs) or _scaled_codes(*reversed(node.inputs))
    operands = _real_and_constant(node)
    found = operands and along_axis(operands[0].shape, operands[1].const)
    return node.build.affine(operands[0], found[1][0], axis=found[0]) if found else None


def _scaled_codes(integers: Value, factor: Value) -> Value | None:
    """8-bit integers times their scale: the last step of a weight quantizer that is written out."""
    array, scale = integers.const, factor.const
    if not array.dtype == scale.dtype == FLOAT32 or array.size <= scale.size or not (scale > 0).all():
        return None
    element, found = byte_element(array), along_axis(array.shape, scale)
    if element is None or found is None or np.broadcast_shapes(array.shape, scale.shape) != array.shape:
        return None
    return constant(array * scale, Codes(array.astype(np.int32), element, Grid(found[1][0], axis=found[0])))


@onnx_op("Div")
def divide(node: Node) -> Value | None:
    """By a constant: multiplication by its reciprocal in float64."""
    value, divisor = node.inputs
    if not divisor.is_const or value.dtype != FLOAT32 or (divisor.const == 0).any():
        return None
    operands = _real_and_constant(node)
    found = operands and along_axis(operands[0].shape, divisor.const)
    return node.build.affine(operands[0], 1 / np.asarray(found[1][0]), axis=found[0]) if found else None


# ----------------------------------------------------------------------------
# Activations
# ----------------------------------------------------------------------------


def _clamp(node: Node, low: float | None, high: float | None) -> Value | None:
    """Bounds of None are those of the element type."""
    value = node.inputs[0]
    if not value.is_real and not value.is_codes:
        return None
    limits = code_range(CODE_ELEMENTS[value.dtype]) if value.is_codes else (-math.inf, math.inf)
    low, high = limits[0] if low is None else low, limits[1] if high is None else high
    if math.isnan(low) or math.isnan(high):
        raise node.error("the bounds must not be NaN")
    # ONNX: min(max, max(x, min)), so that the upper bound wins.
    return node.build.clamp(value, min(low, high), high)


@onnx_op("Relu")
def relu(node: Node) -> Value | None:
    return _clamp(node, 0.0, None)


@onnx_op("Clip")
def clip(node: Node) -> Value | None:
    if node.version < 11:
        return _clamp(node, node.attr("min"), node.attr("max"))
    if node.is_runtime(1) or node.is_runtime(2):
        return None
    low, high = (None if node.const(i) is None else float(node.const(i).item()) for i in (1, 2))
    return _clamp(node, low, high)


@onnx_op("Min", "Max")
def limit(node: Node) -> Value | None:
    """A computed value and one number."""
    if len(node.inputs) != 2 or not any(value.is_const and value.const.size == 1 for value in node.inputs):
        return None
    operands = _real_and_constant(node)
    if operands is None:
        return None
    value, bound = operands[0], float(operands[1].const.item())
    low, high = (-math.inf, bound) if node.proto.op_type == "Min" else (bound, math.inf)
    return node.build.clamp(value, low, high)


@onnx_op("LeakyRelu")
def leaky_relu(node: Node) -> Value | None:
    value = node.inputs[0]
    return node.build.leaky_relu(value, node.attr("alpha", 0.01)) if value.dtype == FLOAT32 else None


@onnx_op("PRelu")
def prelu(node: Node) -> Value | None:
    """With one slope for all channels."""
    value, slope = node.inputs[0], node.const(1)
    if value.dtype != FLOAT32 or slope is None or slope.size != 1:
        return None
    return node.build.leaky_relu(value, slope.item())


# ----------------------------------------------------------------------------
# Rounding
# ----------------------------------------------------------------------------

ROUNDING_OPERATORS = {"Round": "half_even", "Floor": "floor", "Ceil": "ceil"}


@onnx_op(*ROUNDING_OPERATORS)
def rounded(node: Node) -> Value | None:
    value = node.inputs[0]
    return node.build.round(value, ROUNDING_OPERATORS[node.proto.op_type]) if value.dtype == FLOAT32 else None


@onnx_op("Sign")
def sign(node: Node) -> Value | None:
    """Three codes: below zero, zero, above."""
    value = node.inputs[0]
    if value.dtype != FLOAT32:
        return None
    codes = node.build.threshold(value, [0.0, np.nextafter(0.0, 1.0)], 2, "ui2", 0)
    return node.build.dequantize(codes, Grid(zero=(1.0,)))
