"""Real networks, compiled and run: every output against evaluators that share no code with the compiler.

Four questions for each model. Does the imported graph mean what an independent evaluator computes? Does the program
compute what the imported graph defines, exactly? Does it compute what the evaluator does? Does it classify as well as
its authors measured?
"""

import functools
import shutil
from collections.abc import Callable

import models
import numpy as np
import oracles
import pytest
from models import CASES, Case
from numpy.typing import NDArray

import ulq
from ulq import importer
from ulq.reference_graph import run_graph

TOLERANCE = 1e-5  # of the largest output: what float32 sums in another order may differ by
EXACT_IMAGES = 10  # the exact interpreter is slow
EMULATED_IMAGES = 3

each_case = pytest.mark.parametrize("case", CASES.values(), ids=str)


@functools.cache
def compiled(case: Case, target: str = "host") -> ulq.Program:
    return ulq.compile(case.path, target=target)


def run(case: Case, x: NDArray, target: str = "host") -> NDArray:
    """Outputs of the program, one example at a time."""
    program = compiled(case, target)
    return np.concatenate([next(iter(program.run({case.input_name: x[i : i + 1]}).values())) for i in range(len(x))])


def reference(case: Case) -> Callable[[NDArray], NDArray]:
    """The exact meaning of the imported graph, as a function of one example."""
    imported = importer.import_model(case.path)
    segments = {}
    for index, model in enumerate(imported.segments):
        segments[f"onnx_segment_{index}"] = oracles.as_function(model.SerializeToString())
    return lambda x: next(iter(run_graph(imported.text, {case.input_name: x}, segments).values()))


def differing(actual: NDArray, expected: NDArray) -> NDArray:
    """Indices of the elements that differ by more than the order of float32 sums."""
    assert actual.shape == expected.shape and actual.dtype == expected.dtype
    differences = np.abs(actual.astype(np.float64) - expected)
    return np.argwhere(~(differences <= TOLERANCE * np.abs(expected).max()))


def assert_close(actual: NDArray, expected: NDArray, flips: float = 0.0) -> None:
    """Equal up to the order of float32 sums, but for a share of `flips` of the elements."""
    wrong = differing(actual, expected)
    shown = [f"{tuple(map(int, i))}: {actual[tuple(i)]!r}, expected {expected[tuple(i)]!r}" for i in wrong[:5]]
    assert len(wrong) <= flips * expected.size, f"{len(wrong)} of {expected.size} differ: " + "; ".join(shown)


@functools.cache
def exact_outputs(case: Case) -> tuple[NDArray, NDArray]:
    """Some inputs and what the imported graph defines for them."""
    x, _ = case.inputs(EXACT_IMAGES)
    evaluate = reference(case)
    return x, np.concatenate([evaluate(x[i : i + 1]) for i in range(len(x))])


@each_case
def test_imported_graph_equals_the_independent_evaluator(case):
    case.require()
    x, outputs = exact_outputs(case)
    assert_close(outputs, case.evaluate(x), case.flips)


@each_case
def test_outputs_equal_the_exact_reference(case):
    case.require()
    x, outputs = exact_outputs(case)
    assert_close(run(case, x), outputs, case.float_flips)


@each_case
def test_outputs_equal_the_independent_evaluator(case):
    case.require()
    x, _ = case.inputs(models.IMAGES)
    actual, expected = run(case, x), case.evaluate(x)
    assert_close(actual, expected, case.flips)
    if case.float_flips:
        return
    # The evaluator may decide a tie otherwise; the exact meaning of the graph then has to side with the program.
    exact = reference(case)
    for i in np.unique(differing(actual, expected)[:, 0]):
        assert_close(actual[i : i + 1], exact(x[i : i + 1]))


@pytest.mark.parametrize("case", [case for case in CASES.values() if case.accuracy], ids=str)
def test_accuracy_is_reproduced(case):
    case.require()
    x, labels = case.inputs(models.LABELLED)
    right = np.argmax(run(case, x), axis=1) == labels
    expected = np.argmax(case.evaluate(x), axis=1) == labels
    assert np.sum(right != expected) <= case.flips * len(x) + 1
    # These are samples of the test sets on which the accuracies were published.
    assert abs(right.mean() - case.accuracy) < 0.02


@each_case
def test_report_accounts_for_every_product(case):
    """One row per convolution and matrix product of the file, on packed codes wherever both operands are quantized."""
    case.require()
    layers = compiled(case).layers
    products = [layer for layer in layers if layer.op in models.PRODUCTS]
    assert len(products) == case.count_products()
    floats = [layer.name for layer in products if layer.kernel.startswith("float") or layer.activation_bits > 8]
    assert len(floats) == case.float_products, f"float layers: {', '.join(floats)}"
    for layer in products:
        assert layer.weight_bytes > 0
        if not layer.kernel.startswith("float"):
            assert 1 <= layer.weight_bits <= 8 and 1 <= layer.activation_bits <= 8
            assert 0 < layer.accumulator_bound < 2**31


@pytest.mark.skipif(shutil.which("qemu-aarch64") is None, reason="qemu-aarch64 is not installed")
@pytest.mark.parametrize("name", ["tfc_w1a1", "tfc_w2a2", "cnv_w1a1", "digits_qcdq", "digits_qonnx"])
def test_aarch64_equals_the_host(name):
    case = CASES[name]
    case.require()
    x, _ = case.inputs(EMULATED_IMAGES)
    np.testing.assert_array_equal(run(case, x, "aarch64"), run(case, x))


@pytest.mark.parametrize("target", ["x86-64", "x86-64-v3"])
@pytest.mark.parametrize("name", ["tfc_w1a1", "cnv_w1a1", "resnet8_int8", "digits_qcdq"])
def test_every_isa_computes_the_same(name, target):
    case = CASES[name]
    case.require()
    if not ulq.targets.lookup(target).runs_here():
        pytest.skip(f"this machine does not run {target}")
    x, _ = case.inputs(EXACT_IMAGES)
    np.testing.assert_array_equal(run(case, x, target), run(case, x))
