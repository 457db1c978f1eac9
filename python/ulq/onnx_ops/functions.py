"""Elementwise operators on tensors that are a function of one tensor of real numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from ulq.functions import Function
from ulq.intervals import Dual
from ulq.onnx_ops.levels import ELEMENTWISE, evaluator
from ulq.onnx_ops.registry import Node
from ulq.values import FLOAT32


def compose(node: Node) -> Function | None:
    """The node's result as a function of the tensor that all its computed operands are functions of."""
    if node.proto.domain not in ("", "ai.onnx") or node.proto.op_type not in ELEMENTWISE & BOUNDS.keys():
        return None
    given = [value for value in node.inputs if value is not None]
    computed = [value for value in given if not value.is_const]
    if not computed or not all(value.dtype == FLOAT32 for value in given):
        return None
    functions = {id(value): value.function or Function(value) for value in computed}
    source, shape = functions[id(computed[0])].source, computed[0].shape
    constants = [value.const for value in given if value.is_const]
    if any(functions[id(value)].source is not source or value.shape != shape for value in computed):
        return None
    if any(const.size != 1 or const.ndim > len(shape) for const in constants):
        return None
    bounds, numbers = BOUNDS[node.proto.op_type](node), _numbers(node, len(given))
    operands = tuple(float(v.const.item()) if v.is_const else functions[id(v)] for v in given)
    return Function(source, operands, numbers, bounds) if bounds and numbers else None


def _numbers(node: Node, operands: int) -> Callable[..., np.ndarray] | None:
    """The node on float64 numbers; None for operators that have no float64."""
    try:
        run = evaluator(node)
        run(*[np.ones(1)] * operands)
        return run
    except Exception:
        return None


# ----------------------------------------------------------------------------
# Bounds: for each operator, from the node to a function on the `Dual`, or float, of each given input
# ----------------------------------------------------------------------------


def _swish(x: Dual, alpha: float) -> Dual:
    return x * (x * alpha).sigmoid()


def _hard_sigmoid(x: Dual, alpha: float, beta: float) -> Dual:
    return (x * alpha + beta).maximum(0.0).minimum(1.0)


def _hard_swish(x: Dual) -> Dual:
    return x * _hard_sigmoid(x, float(np.float32(1 / 6)), 0.5)


def _elu(x: Dual, alpha: float) -> Dual:
    return x.maximum(0.0) + (x.minimum(0.0).exp() - 1.0) * alpha


def _celu(x: Dual, alpha: float) -> Dual:
    return _elu(x * (1 / alpha), 1.0) * alpha


def _selu(x: Dual, alpha: float, gamma: float) -> Dual:
    return _elu(x, alpha) * gamma


def _leaky(x: Dual, alpha: float) -> Dual:
    return x.maximum(0.0) + x.minimum(0.0) * alpha


def _softsign(x: Dual) -> Dual:
    return x / (x.maximum(-x) + 1.0)


def _gelu(node: Node) -> Callable[..., Dual]:
    if node.attr("approximate", "none") == "tanh":
        return lambda x: x * 0.5 * (((x.power(3) * 0.044715 + x) * math.sqrt(2 / math.pi)).tanh() + 1.0)
    return lambda x: x * 0.5 * ((x * math.sqrt(0.5)).erf() + 1.0)


def _clip(node: Node) -> Callable[..., Dual]:
    if node.version < 11:
        low, high = node.attr("min", -math.inf), node.attr("max", math.inf)
        return lambda x: x.maximum(low).minimum(high)
    has_low = node.has(1)

    def bounds(x: Dual, *limits: float) -> Dual:
        low = limits[0] if has_low else -math.inf
        high = limits[-1] if node.has(2) else math.inf
        return x.maximum(low).minimum(high)

    return bounds


def _power(node: Node) -> Callable[..., Dual] | None:
    """Small whole exponents."""
    exponent = node.const(1)
    if exponent is None or exponent.item() not in (1, 2, 3, 4):
        return None
    return lambda x, exponent: x.power(int(exponent))


def _fold(function: Callable[[Dual, Dual | float], Dual]) -> Callable[..., Dual]:
    def bounds(first: Dual | float, *others: Dual | float) -> Dual:
        result = first if isinstance(first, Dual) else Dual.constant(first)
        for other in others:
            result = function(result, other)
        return result

    return bounds


def _with(function: Callable[..., Dual], **defaults: float) -> Callable[[Node], Callable[..., Dual]]:
    """The function with the node's attributes."""
    return lambda node: partial(function, **{name: node.attr(name, value) for name, value in defaults.items()})


BOUNDS: dict[str, Callable[[Node], Callable[..., Dual] | None]] = {
    "Abs": _with(lambda x: x.maximum(-x)),
    "Add": _with(_fold(lambda x, y: x + y)),
    "Celu": _with(_celu, alpha=1.0),
    "Clip": _clip,
    "Div": _with(_fold(lambda x, y: x / y)),
    "Elu": _with(_elu, alpha=1.0),
    "Erf": _with(Dual.erf),
    "Exp": _with(Dual.exp),
    "Gelu": _gelu,
    "HardSigmoid": _with(_hard_sigmoid, alpha=0.2, beta=0.5),
    "HardSwish": _with(_hard_swish),
    "LeakyRelu": _with(_leaky, alpha=0.01),
    "Max": _with(_fold(lambda x, y: x.maximum(y))),
    "Min": _with(_fold(lambda x, y: x.minimum(y))),
    "Mish": _with(lambda x: x * x.softplus().tanh()),
    "Mul": _with(_fold(lambda x, y: x * y)),
    "Neg": _with(lambda x: -x),
    "PRelu": _with(_leaky),
    "Pow": _power,
    "Relu": _with(lambda x: x.maximum(0.0)),
    "Selu": _with(_selu, alpha=1.67326319217681884765625, gamma=1.05070102214813232421875),
    "Sigmoid": _with(Dual.sigmoid),
    "Softplus": _with(Dual.softplus),
    "Softsign": _with(_softsign),
    "Sub": _with(_fold(lambda x, y: x - y)),
    "Swish": _with(_swish, alpha=1.0),
    "Tanh": _with(Dual.tanh),
}
