"""The reference against hand-made tables, brute force and ONNX's own evaluator."""

import itertools
from fractions import Fraction

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from ulq import exact, reference
from ulq import reference_graph as graph
from ulq.exact import Real
from ulq.reference import Geometry

MODES = ("half_even", "half_up", "half_down", "ceil", "floor", "up", "down")


def reals(*values):
    return Real.of_floats(np.array(values))


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("half_even", (-2, -2, -1, 0, 0, 0, 1, 2, 2)),
        ("half_up", (-3, -2, -1, -1, 0, 1, 1, 2, 3)),
        ("half_down", (-2, -1, -1, 0, 0, 0, 1, 1, 2)),
        ("ceil", (-2, -1, -1, 0, 0, 1, 1, 2, 3)),
        ("floor", (-3, -2, -1, -1, 0, 0, 1, 1, 2)),
        ("up", (-3, -2, -1, -1, 0, 1, 1, 2, 3)),
        ("down", (-2, -1, -1, 0, 0, 0, 1, 1, 2)),
    ],
)
def test_rounding_modes(mode, expected):
    values = np.array([-2.5, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2.5])
    np.testing.assert_array_equal(exact.round_float(values, mode), expected)
    assert [exact.round_fraction(Fraction(float(v)), mode) for v in values] == list(expected)


@pytest.mark.parametrize("mode", MODES)
def test_round_float_equals_round_fraction(mode):
    values = np.random.default_rng(0).normal(0, 1e3, 2000)
    assert [exact.round_fraction(Fraction(float(v)), mode) for v in values] == list(exact.round_float(values, mode))


def test_zero_point_order_differs_at_ties_with_odd_zero_point():
    x = reals(0.5, 1.5, 2.5, -0.5, -1.5, -2.5)
    for zero, first, expected in [
        (0, False, (0, 2, 2, 0, -2, -2)),
        (1, False, (0, 2, 2, 0, -2, -2)),
        (0, True, (0, 2, 2, 0, -2, -2)),
        (1, True, (1, 1, 3, -1, -1, -3)),
    ]:
        codes = exact.quantize(x, 1.0, zero, -8, 7, zero_point_first=first)
        np.testing.assert_array_equal(codes - zero, expected)


def test_quantize_saturates_infinities_and_huge_values():
    codes = exact.quantize(reals(np.inf, -np.inf, 1e300, -1e300, 3e9), 0.1, 3, -8, 7)
    np.testing.assert_array_equal(codes, (7, -8, 7, -8, 7))


def test_quantize_per_axis():
    x = Real.of_floats(np.full((2, 3), 6.0))
    codes = exact.quantize(x, [1.0, 2.0, 4.0], [0, 1, 2], 0, 255, axis=1)
    np.testing.assert_array_equal(codes, [[6, 4, 4], [6, 4, 4]])


def test_codes_round_the_real_number_where_float64_misses_a_tie():
    # 3 * 0.1 rounds up in float64, so 3 * 0.1 / 0.2 seems to lie beyond the tie 1.5 * (0.1 / 0.1).
    tenth = np.float64(0.1)
    x = graph.affine(Real.of_integers(np.array([[3]]), np.array([[Fraction(float(tenth))]], object)), 5.0, 0.0)
    codes = exact.quantize(x, tenth * 2, 0.0, -100, 100)
    exact_ratio = 3 * Fraction(float(tenth)) * 5 / Fraction(float(tenth * 2))
    assert exact_ratio == Fraction(15, 2) and codes[0, 0] == 8
    # A sum that float64 cannot hold decides on which side of the tie 2.5 the value lies.
    tiny = graph.affine(reals([2.5]), 1.0, 2.0**-60)
    assert exact.quantize(tiny, 1.0, 0.0, -8, 7)[0, 0] == 3
    assert exact.quantize(reals([2.5]), 1.0, 0.0, -8, 7)[0, 0] == 2


def test_count_reached_is_exact_at_the_threshold():
    x = graph.affine(reals([1.0, 1.0]), [1.0, 1.0], [0.0, -(2.0**-60)])
    np.testing.assert_array_equal(exact.count_reached(x, [0.0, 1.0], 2), [[2, 1]])
    per_channel = exact.count_reached(reals([1.0, 1.0]), [0.0, 1.0, 1.0, 2.0], 2, axis=1)
    np.testing.assert_array_equal(per_channel, [[2, 1]])


def test_sign_is_two_thresholds():
    smallest = 5e-324
    np.testing.assert_array_equal(exact.count_reached(reals(-1.0, -0.0, 0.0, 1.0), [0.0, smallest], 2), (0, 1, 1, 2))


def test_bipolar_codes_have_a_fractional_zero_point():
    x = exact.integer_quotient(np.array([0, 1]), 0.5, 0.5, 0)
    assert [x.at(0), x.at(1)] == [Fraction(-1, 4), Fraction(1, 4)]
    np.testing.assert_array_equal(x.integers, [-1, 1])


# --- integer level ----------------------------------------------------------------

GEOMETRIES = [
    Geometry.of((2, 5, 4, 3), 4, (3, 3), pads=(1, 1, 1, 1)),
    Geometry.of((1, 7, 6, 4), 6, (3, 2), (2, 1), (0, 1, 2, 0), (1, 2), groups=2),
    Geometry.of((1, 4, 4, 3), 3, (2, 2), (2, 2), groups=3),
    Geometry.of((1, 3, 1, 5), 2),
]


def brute_force(x, w, g, pad_code):
    """The sum of the description, one product at a time."""
    acc = np.zeros(g.output, np.int64)
    depth, width = g.input[3] // g.groups, g.output[3] // g.groups
    for b, oy, ox, n in np.ndindex(*g.output):
        for ky, kx, c in itertools.product(range(g.kernel[0]), range(g.kernel[1]), range(depth)):
            y = oy * g.strides[0] + ky * g.dilations[0] - g.pads[0]
            z = ox * g.strides[1] + kx * g.dilations[1] - g.pads[1]
            inside = 0 <= y < g.input[1] and 0 <= z < g.input[2]
            code = x[b, y, z, n // width * depth + c] if inside else pad_code
            acc[b, oy, ox, n] += int(code) * int(w[n, ky, kx, c])
    return acc


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_layer_accumulates_what_the_description_says(geometry):
    rng = np.random.default_rng(1)
    x = rng.integers(0, 256, geometry.input, np.uint8)
    depth = geometry.input[3] // geometry.groups
    w = rng.integers(-128, 128, (geometry.output[3], *geometry.kernel, depth), np.int8)
    zero = rng.integers(-9, 9, geometry.output[3])
    result = reference.layer(x, w, geometry, pad_code=7, weight_zero=zero)
    expected = brute_force(x, w.astype(np.int64) + zero[:, None, None, None], geometry, 7)
    np.testing.assert_array_equal(result.accumulator, expected)
    assert result.codes is None and result.values.dtype == np.float32


def test_epilogue_steps_in_order():
    geometry = Geometry.of((1, 1, 1, 1), 2)
    x, w = np.array([[[[3]]]]), np.array([2, -2]).reshape(2, 1, 1, 1)
    residual = np.array([10, 20]).reshape(1, 1, 1, 2)
    steps = [
        reference.Affine([0.5, 1.0], [0.0, 1.0]),  # 3, -5
        reference.Leaky(0.5),  # 3, -2.5
        reference.Add(0, 0.25, 1.0),  # 6.5, 3.5
        reference.Clamp(0.0, 6.0),  # 6, 3.5
        reference.Quantize([2.0], [1.0], 0, 3),  # 3, 2 -> 4, 3 -> 3, 3
    ]
    result = reference.layer(x, w, geometry, steps=steps, operands=[residual])
    np.testing.assert_array_equal(result.values.ravel(), [6, 3.5])
    np.testing.assert_array_equal(result.codes.ravel(), [3, 3])
    steps.append(reference.Dequantize([2.0], [1.0]))
    result = reference.layer(x, w, geometry, steps=steps, operands=[residual])
    assert result.codes is None
    np.testing.assert_array_equal(result.values.ravel(), [4, 4])


def test_integer_thresholds_replace_the_last_step():
    geometry = Geometry.of((1, 3, 1, 1), 2)
    x, w = np.array([0, 1, 2]).reshape(1, 3, 1, 1), np.array([1, -1]).reshape(2, 1, 1, 1)
    result = reference.layer(x, w, geometry, thresholds=[[1, 2], [-1, -2]], descending=[False, True])
    np.testing.assert_array_equal(result.codes[0, :, 0], [[0, 0], [1, 1], [2, 2]])


def test_max_pool_codes_ignores_padding():
    geometry = Geometry.of((1, 2, 2, 1), 1, (3, 3), (1, 1), (1, 1, 1, 1))
    x = np.array([[0, 1], [2, 3]]).reshape(1, 2, 2, 1)
    np.testing.assert_array_equal(reference.max_pool_codes(x, geometry).ravel(), [3, 3, 3, 3])


# --- graph level ------------------------------------------------------------------


def onnx_node(op_type, inputs, **attributes):
    """The result of one standard ONNX node under onnx.reference."""
    names = [f"x{i}" for i in range(len(inputs))]
    tensor = onnx.helper.make_tensor_value_info
    model = onnx.helper.make_model(
        onnx.helper.make_graph(
            [onnx.helper.make_node(op_type, names, ["y"], **attributes)],
            "node",
            [tensor(n, onnx.TensorProto.FLOAT, x.shape) for n, x in zip(names, inputs, strict=True)],
            [tensor("y", onnx.TensorProto.FLOAT, None)],
        ),
        opset_imports=[onnx.helper.make_opsetid("", 21)],
        ir_version=10,
    )
    return ReferenceEvaluator(model).run(None, dict(zip(names, inputs, strict=True)))[0]


@pytest.mark.parametrize("groups", [1, 2])
def test_conv2d_equals_onnx(groups):
    rng = np.random.default_rng(2)
    x = rng.normal(size=(2, 4, 7, 6)).astype(np.float32)
    w = rng.normal(size=(6, 4 // groups, 3, 2)).astype(np.float32)
    strides, pads, dilations = [2, 1], [0, 1, 2, 0], [1, 2]
    actual = graph.conv2d(Real.of_floats(x), Real.of_floats(w), strides, pads, dilations, groups)
    expected = onnx_node("Conv", [x, w], strides=strides, pads=pads, dilations=dilations, group=groups)
    np.testing.assert_allclose(actual.values, expected, rtol=1e-5, atol=1e-5)


def test_products_of_dequantized_tensors_are_integers_times_a_unit():
    rng = np.random.default_rng(3)
    codes, weights = rng.integers(0, 16, (1, 3, 5, 5)), rng.integers(-8, 8, (4, 3, 3, 3))
    x = exact.integer_quotient(codes, 0.1, 2.0, 0)
    w = exact.integer_quotient(weights, [0.3, 0.7, 0.9, 1.1], 0.0, 0)
    y = graph.conv2d(x, w, [1, 1], [1, 1, 1, 1], [1, 1], 1)
    np.testing.assert_allclose(
        y.values,
        graph.conv2d(Real.of_floats(x.values), Real.of_floats(w.values), [1, 1], [1, 1, 1, 1], [1, 1], 1).values,
        rtol=1e-12,
        atol=1e-12,
    )
    geometry = Geometry.of((1, 5, 5, 3), 4, (3, 3), pads=(1, 1, 1, 1))
    expected = brute_force(np.moveaxis(codes, 1, -1), np.moveaxis(weights, 1, -1), geometry, 2)
    correction = 2 * weights.sum((1, 2, 3))
    np.testing.assert_array_equal(np.moveaxis(y.integers, 1, -1), expected - correction)
    assert y.at(0) == int(y.integers.flat[0]) * Fraction(0.1) * Fraction(0.3)
    flat = x.rearranged(lambda a: a.reshape(1, 75))
    assert graph.matmul(flat, exact.integer_quotient(rng.integers(-2, 2, (75, 4)), 0.5, 0.0, 0)).integers is not None


@pytest.mark.parametrize("count_include_pad", [0, 1])
def test_pools_equal_onnx(count_include_pad):
    x = np.random.default_rng(4).normal(size=(2, 3, 6, 5)).astype(np.float32)
    window = {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 1]}
    parameters = [3, 2], [2, 1], [1, 0, 1, 1], [1, 1]
    actual = graph.avg_pool(Real.of_floats(x), *parameters, bool(count_include_pad))
    expected = onnx_node("AveragePool", [x], count_include_pad=count_include_pad, **window)
    np.testing.assert_allclose(actual.values, expected, rtol=1e-6)
    np.testing.assert_array_equal(
        graph.max_pool(Real.of_floats(x), *parameters).values, onnx_node("MaxPool", [x], **window)
    )


def test_fractions_follow_the_values_through_every_operation():
    rng = np.random.default_rng(5)
    x = exact.integer_quotient(rng.integers(0, 16, (1, 2, 4, 4)), [0.1, 0.3], [1.0, 2.0], 1)
    y = graph.affine(x, [0.7, -1.3], [0.01, 0.02])
    window = [2, 2], [2, 2], [0, 0, 0, 0], [1, 1]
    for value in (
        y,
        graph.add(x, y),
        graph.clamp(y, 0.0, np.inf),
        graph.leaky_relu(y, 0.1),
        graph.max_pool(y, *window),
        graph.max_pool(x, *window),
        graph.avg_pool(y, *window, True),
        graph.avg_pool(exact.integer_quotient(np.arange(16).reshape(1, 1, 4, 4), 0.1, 0.0, 0), *window, True),
        graph.pad(y, [0, 0, 1, 1], [0, 0, 0, 2], 1.5),
        graph.concat([x, y], 1),
        y.rearranged(lambda a: a.transpose(0, 2, 3, 1)),
        x.rearranged(lambda a: a.transpose(0, 2, 3, 1).reshape(8, 4)),
    ):
        elements = [float(value.at(i)) for i in range(value.values.size)]
        np.testing.assert_allclose(elements, value.values.ravel(), rtol=1e-12, atol=1e-12)


MODULE = """
"builtin.module"() ({
  "func.func"() <{function_type = (tensor<1x2xf32>) -> tensor<1x2xf32>, sym_name = "onnx_segment_0",
    sym_visibility = "private"}> ({}) : () -> ()
  "func.func"() <{function_type = (tensor<1x1x4x4xf32>) -> (tensor<1x2xf32>, tensor<1x2xui2>), sym_name = "main",
    arg_attrs = [{ulq.name = "image"}], res_attrs = [{ulq.name = "logits"}, {ulq.name = "codes"}]}> ({
  ^bb0(%image: tensor<1x1x4x4xf32>):
    %q = "ulq.quantize"(%image) {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>, min = 0, max = 3,
      rounding = #ulq.rounding<half_even>} : (tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xui2> loc("input quantizer")
    %x = "ulq.dequantize"(%q) {scale = array<f64: 0.5>, zeroPoint = array<f64: 0.0>}
      : (tensor<1x1x4x4xui2>) -> tensor<1x1x4x4xf32>
    %c = "ulq.constant"() {value = dense<[[[[1, -2], [1, 0]]], [[[0, 1], [-1, 1]]]]> : tensor<2x1x2x2xi8>}
      : () -> tensor<2x1x2x2xsi2>
    %w = "ulq.dequantize"(%c) {scale = array<f64: 0.25, 0.5>, zeroPoint = array<f64: 0.0>, axis = 0}
      : (tensor<2x1x2x2xsi2>) -> tensor<2x1x2x2xf32>
    %y = "ulq.conv2d"(%x, %w) {strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>,
      dilations = array<i64: 1, 1>, groups = 1, onnx.op = "Conv"}
      : (tensor<1x1x4x4xf32>, tensor<2x1x2x2xf32>) -> tensor<1x2x2x2xf32> loc("conv")
    %r = "ulq.clamp"(%y) {min = 0.0 : f64, max = 0x7FF0000000000000 : f64}
      : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
    %p = "ulq.avg_pool"(%r) {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
      dilations = array<i64: 1, 1>, countIncludePad = true} : (tensor<1x2x2x2xf32>) -> tensor<1x2x1x1xf32>
    %f = "ulq.reshape"(%p) : (tensor<1x2x1x1xf32>) -> tensor<1x2xf32>
    %s = "func.call"(%f) {callee = @onnx_segment_0} : (tensor<1x2xf32>) -> tensor<1x2xf32>
    %t = "ulq.threshold"(%s) {values = array<f64: 0.0, 0.25, 1.0>, count = 3} : (tensor<1x2xf32>) -> tensor<1x2xui2>
    "func.return"(%s, %t) : (tensor<1x2xf32>, tensor<1x2xui2>) -> ()
  }) : () -> ()
}) : () -> ()
"""


def test_run_graph():
    image = np.array([[0, 0.25, 0.75, 1], [1.25, 9, -1, 1], [1, 1, 1, 1], [0, 1, 0, 1]], np.float32).reshape(1, 1, 4, 4)
    trace = {}
    results = graph.run_graph(MODULE, {"image": image}, {"onnx_segment_0": lambda x: [2 * x]}, trace)
    np.testing.assert_array_equal(
        trace["input quantizer"][0, 0], [[0, 0, 2, 2], [2, 3, 0, 2], [2, 2, 2, 2], [0, 2, 0, 2]]
    )
    # By hand: conv sums 2, -2, -2, -2 (unit 1/8) and 1, 4, 4, 4 (unit 1/4), ReLU, mean, doubled.
    np.testing.assert_array_equal(trace["conv"][0], np.array([[[2, -2], [-2, -2]], [[2, 8], [8, 8]]]) / 8)
    np.testing.assert_array_equal(results["logits"], np.array([[2 / 8 / 4 * 2, 26 / 8 / 4 * 2]], np.float32))
    np.testing.assert_array_equal(results["codes"], [[1, 3]])
    assert results["logits"].dtype == np.float32 and results["codes"].dtype == np.int64


def test_run_graph_names_an_unknown_operation():
    with pytest.raises(ValueError, match="'ulq.layer' is not an operation of the graph level"):
        graph.run_graph(MODULE.replace("ulq.reshape", "ulq.layer"), {"image": np.zeros((1, 1, 4, 4), np.float32)})


def test_certain_elements_are_exact():
    rng = np.random.default_rng(6)
    x = exact.integer_quotient(rng.integers(-100, 100, (1, 3, 2, 2)), [0.25, 0.1, 1e-3], 0.0, 1)
    y = graph.affine(x, [0.5, 0.3, 2.0], [1.25, 0.7, 2.0**-60])
    z = graph.leaky_relu(graph.add(x, y), 0.125)
    for value in (x, y, z, graph.clamp(z, -1.0, 1.0), graph.max_pool(z, [2, 2], [1, 1], [1, 1, 1, 1], [1, 1])):
        for i in np.flatnonzero(value.certain):
            assert value.at(int(i)) == Fraction(float(value.values.flat[i]))
    assert np.all(y.certain[0, 0])  # quarters and eighths
    assert not np.any(y.certain[0, 2])  # a thousandth and 2 ** -60
