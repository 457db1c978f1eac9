"""Steps of quantizers behind functions: found exactly, on proved stretches only."""

import math

import numpy as np
import pytest
from onnx import helper

from ulq import exact
from ulq.functions import LARGEST, MOST_STEPS, Function, find_steps
from ulq.intervals import Dual, Interval
from ulq.onnx_model import Source
from ulq.onnx_ops.functions import BOUNDS, compose
from ulq.onnx_ops.registry import Node
from ulq.values import FLOAT32, Value, constant

SHAPE = (2, 3)
ATTRIBUTES = {
    "Celu": {"alpha": 0.7},
    "Elu": {"alpha": 1.5},
    "Gelu": {"approximate": "tanh"},
    "HardSigmoid": {"alpha": 0.3},
    "LeakyRelu": {"alpha": -0.2},
    "Swish": {"alpha": 1.7},
}
CONSTANTS = {"Add": [0.5], "Clip": [-1.0, 2.0], "Div": [-3.0], "Max": [-0.5], "Min": [0.5], "Mul": [-0.7]}
CONSTANTS |= {"PRelu": [0.3], "Pow": [3.0], "Sub": [1.5]}


def node(name: str, inputs: list[Value], **attributes) -> Node:
    proto = helper.make_node(name, [f"i{i}" for i in range(len(inputs))], ["y"], **attributes)
    graph = helper.make_graph([], "g", [], [])
    source = Source(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 24)]), "model", None)
    return Node(proto, inputs, None, source)


def apply(name: str, *inputs: Value | float, **attributes) -> Value:
    values = [v if isinstance(v, Value) else constant(np.float32(v)) for v in inputs]
    return Value(SHAPE, FLOAT32, function=compose(node(name, values, **attributes)))


def variable() -> Value:
    return Value(SHAPE, FLOAT32)


def quantizer(scale: float, bits: int, rounding: str = "half_even", signed: bool = True):
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return lambda x: exact.quantize(exact.Real.of_floats(x), scale, 0.0, low, high, rounding)


def check(function: Function, code) -> None:
    """On many numbers, the neighbours of all steps among them."""
    steps = find_steps(function, code, MOST_STEPS)
    assert steps is not None
    edges = np.array(steps.rising + steps.falling)
    spread = np.random.default_rng(3).normal(0, 4, 20000)
    x = np.concatenate([edges, np.nextafter(edges, -np.inf), spread, [-LARGEST, LARGEST, 0.0, -800.0]])
    with np.errstate(all="ignore"):
        expected = code(function.at(x))
    rising = np.sum(x[:, None] >= np.array(steps.rising), axis=1)
    np.testing.assert_array_equal(
        steps.start + rising - np.sum(x[:, None] >= np.array(steps.falling), axis=1), expected
    )
    assert (steps.base, steps.base + steps.span) == (expected.min(), expected.max())


@pytest.mark.parametrize("name", sorted(BOUNDS))
def test_bounds_enclose(name):
    x = variable()
    result = apply(name, x, *CONSTANTS.get(name, []), **ATTRIBUTES.get(name, {}))
    points = np.sort(np.random.default_rng(1).normal(0, 3, 400))
    points = points[np.diff(points, append=np.inf) > 1e-5]
    with np.errstate(all="ignore"):
        bounds = result.function.between(points[:-1], points[1:])
        numbers = result.function.at(points)
    slope = np.diff(numbers) / np.diff(points)
    for low, high in ((numbers[:-1], bounds.value), (numbers[1:], bounds.value), (slope, bounds.slope)):
        ok = (high.low - 1e-9 <= low) & (low <= high.high + 1e-9)
        assert ok.all(), points[:-1][~ok]
    assert np.median(bounds.value.high - bounds.value.low) < 0.5


@pytest.mark.parametrize("rounding", ["half_even", "half_up", "half_down", "floor", "ceil", "up", "down"])
@pytest.mark.parametrize("name", ["HardSwish", "Mish", "Gelu", "Tanh", "Elu", "Softplus", "Sigmoid", "Exp"])
def test_finds_all_steps(name, rounding):
    if (name, rounding) in (("Gelu", "floor"), ("Gelu", "up")):
        pytest.skip("the last step, to 0, is in the rounding error of 1 + erf(x)")
    function = apply(name, variable()).function
    for scale, bits, signed in ((0.3, 2, True), (0.25, 4, True), (0.11, 4, False), (0.125, 3, True)):
        check(function, quantizer(scale, bits, rounding, signed))


def test_finds_steps_of_compositions():
    x = variable()
    check(apply("Mul", x, apply("Sigmoid", x)).function, quantizer(0.02, 4))
    gate = apply("Clip", apply("Add", x, 3.0), 0.0, 6.0)
    check(apply("Div", apply("Mul", gate, x), 6.0).function, quantizer(0.125, 4))
    check(apply("Div", 1.0, x).function, quantizer(0.5, 4))
    check(apply("Mul", apply("Neg", x), x).function, quantizer(1.0, 4))
    check(apply("Exp", apply("Neg", apply("Pow", x, 2.0))).function, quantizer(0.3, 2, signed=False))


def test_leaves_what_is_not_proved():
    x = variable()
    wide = apply("Sub", apply("Mul", x, x), apply("Mul", x, x))
    # Bounds of large squares are too wide; constants and many steps are not worth thresholds.
    assert find_steps(wide.function, quantizer(0.5, 4), MOST_STEPS) is None
    assert find_steps(apply("Mul", x, 0.0).function, quantizer(0.5, 4), MOST_STEPS) is None
    many = apply("Tanh", x).function, quantizer(2.0 / MOST_STEPS / 1.5, 8)
    assert find_steps(*many, MOST_STEPS) is None
    assert find_steps(*many, 2 * MOST_STEPS) is not None


@pytest.mark.parametrize(
    "other",
    [
        constant(np.ones((1, 3), np.float32)),
        constant(np.ones((1, 1, 1), np.float32)),
        Value(SHAPE, FLOAT32),
        constant(np.float64(1)),
    ],
    ids=["per channel", "of higher rank", "of another tensor", "double"],
)
def test_is_no_function(other):
    assert compose(node("Add", [variable(), other])) is None


def test_takes_supported_operators_only():
    assert compose(node("Relu", [variable()])) is not None
    assert compose(node("Log", [variable()])) is None
    assert compose(node("Softmax", [variable()])) is None
    assert compose(node("Pow", [variable(), constant(np.float32(0.5))])) is None


def test_intervals():
    two = Interval(np.array([-2.0]), np.array([3.0]))
    assert (two * two).low <= -6 and (two * two).high >= 9
    assert np.isinf(two.inverse().low) and np.isinf(two.inverse().high)
    huge = Interval(np.array([0.0]), np.array([math.inf])) * Interval.of(np.array([0.0]))
    assert huge.low == huge.high == 0
    kink = Dual.identity(np.array([-1.0]), np.array([1.0])).maximum(0.0)
    assert (kink.value.low, kink.value.high, kink.slope.low, kink.slope.high) == (0, 1, 0, 1)
