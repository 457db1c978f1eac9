"""Every standard operator that the importer takes, on the ONNX backend node cases.

A case becomes a model of one computed input: what quantizers and layers want constant is an initializer.
`test_import` interprets the imported graph with the reference; `test_compiled` runs the program.
"""

import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

import ulq
from ulq import opt
from ulq.importer import ImportedModel, import_model
from ulq.onnx_ops import registry
from ulq.reference_graph import run_graph

# Operators that read several computed tensors; the others get constants from their second input on.
ALL_COMPUTED = {"Add", "Sub", "Sum", "Concat", "Min", "Max", "NonMaxSuppression"}


@dataclass(frozen=True)
class Case:
    """A model, its inputs by name, and the expected outputs in order."""

    name: str
    operator: str
    model: onnx.ModelProto
    inputs: dict[str, np.ndarray]
    outputs: list[np.ndarray]


def _array(value) -> np.ndarray:
    """Sub-byte data of the node cases are tensors."""
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else np.asarray(value)


def collect(operators) -> Iterator[Case]:
    """One case per data set of every node test whose model is a single node of the given operators."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # overflow on purpose
        tests = collect_testcases(None)
    for test in tests:
        nodes = test.model.graph.node
        if len(nodes) != 1 or nodes[0].op_type not in operators or nodes[0].domain:
            continue
        for inputs, outputs in test.data_sets:
            if any(isinstance(value, list) for value in inputs):
                continue  # sequences
            yield _case(test.name, test.model, [_array(v) for v in inputs], [_array(v) for v in outputs])


def _case(name: str, original: onnx.ModelProto, inputs: list[np.ndarray], outputs: list[np.ndarray]) -> Case:
    model = onnx.ModelProto()
    model.CopyFrom(original)
    operator = model.graph.node[0].op_type
    names = [value.name for value in model.graph.input]
    computed = len(inputs) if operator in ALL_COMPUTED else 1
    for input_name, array in list(zip(names, inputs, strict=True))[computed:]:
        model.graph.initializer.append(numpy_helper.from_array(array, input_name))
    del model.graph.input[computed:]
    return Case(name, operator, model, dict(zip(names[:computed], inputs, strict=False)), outputs)


def segments(imported: ImportedModel) -> dict[str, Callable]:
    """The float segments, run by the ONNX reference evaluator."""
    return {f"onnx_segment_{index}": _runner(model) for index, model in enumerate(imported.segments)}


def _runner(model: onnx.ModelProto) -> Callable:
    evaluator = ReferenceEvaluator(model)
    infos = model.graph.input
    types = [onnx.helper.tensor_dtype_to_np_dtype(info.type.tensor_type.elem_type) for info in infos]

    def run(*arrays):
        feeds = {info.name: np.asarray(a).astype(t) for info, a, t in zip(infos, arrays, types, strict=True)}
        return evaluator.run(None, feeds)

    return run


# Element types outside ulq: 16 bits and small floats as codes, wide unsigned integers as numbers.
FOREIGN = re.compile(r"b?float(16|8|4)|double|e8m0|e4m3|e5m2|_u?int16|_uint(32|64)", re.IGNORECASE)

REFUSED = {
    "test_dequantizelinear_blocked": "blocked dequantization of a computed tensor",
    "test_quantizelinear_blocked_asymmetric": "blocked quantization of a computed tensor",
    "test_quantizelinear_blocked_symmetric": "codes of type int16",
    "test_wrap_pad": "mode 'wrap' is not supported for int32",
    "test_dropout_default_mask": "output 'z' is not supported",
    "test_dropout_default_mask_ratio": "output 'z' is not supported",
    "test_reshape_allowzero_reordered": "empty tensors are not taken",
    "test_split_zero_size_splits_opset13": "empty tensors are not taken",
    "test_split_zero_size_splits_opset18": "empty tensors are not taken",
}
REFUSED_PATTERNS = {
    re.compile(r"test_training_dropout"): "training mode",
    re.compile(r"test_reduce_.*_empty_set|test_tri[lu]_zero"): "empty tensors are not taken",
    re.compile(r"test_averagepool_3d_.*include_pad_is_1_ceil_mode_is_True"): "ceil_mode with count_include_pad",
    re.compile(r"test_cast(like)?_.*U?INT[24]"): "which the float path does not take",
}

# One lowering each is enough for the compiled program: compiling takes most of a second.
COMPILED = {
    "Add", "AveragePool", "BatchNormalization", "Clip", "Concat", "Conv", "ConvInteger", "DequantizeLinear", "Gemm",
    "GlobalAveragePool", "LeakyRelu", "MatMul", "MatMulInteger", "MaxPool", "NonMaxSuppression", "Pad", "QLinearConv",
    "QLinearMatMul", "QuantizeLinear", "Relu", "Round", "Sign", "SpaceToDepth", "TopK", "Transpose",
}  # fmt: skip

# By IREE: what it has no lowering for, or errs in, is given to it in other words; the rest as it is.
OTHER_WORDS = {
    "BitShift", "CenterCropPad", "Gelu", "GroupNormalization", "LpNormalization", "MeanVarianceNormalization", "Mod",
    "RMSNormalization", "Resize", "ReverseSequence", "RotaryEmbedding", "Slice", "Swish",
}  # fmt: skip
BY_IREE = {
    "ArgMax", "ArgMin", "CumSum", "Expand", "Gather", "GatherElements", "GatherND", "HardSigmoid",
    "HardSwish", "InstanceNormalization", "LRN", "LayerNormalization", "LogSoftmax", "Mish", "OneHot", "ReduceL2",
    "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum", "ScatterND", "Sigmoid", "Softmax", "Softplus", "Tile", "Trilu",
    "Where",
}  # fmt: skip


def _refusal(name: str) -> str | None:
    patterns = (reason for pattern, reason in REFUSED_PATTERNS.items() if pattern.match(name))
    return REFUSED.get(name) or next(patterns, None)


STANDARD = {name for domain, name in registry.names() if not domain}
CASES = [
    case
    for case in collect(STANDARD | OTHER_WORDS | BY_IREE)
    if not FOREIGN.search(case.name) and all(array.dtype != np.float64 for array in case.inputs.values())
]


# Expected values of the case are printed numbers with four decimals.
FOUR_DECIMALS = {"test_averagepool_2d_ceil_last_window_starts_on_pad"}


def check(got: dict[str, np.ndarray], case: Case) -> None:
    """Floats to 1e-5 of the largest value; integers exactly."""
    tolerance = 1e-4 if case.name in FOUR_DECIMALS else 1e-5
    for name, want in zip((value.name for value in case.model.graph.output), case.outputs, strict=True):
        value = np.asarray(got[name])
        assert value.shape == want.shape
        if want.dtype.kind == "f":
            scale = np.abs(want[np.isfinite(want)]).max(initial=1)
            np.testing.assert_allclose(value, want, rtol=tolerance, atol=tolerance * scale)
        else:
            np.testing.assert_array_equal(value.astype(np.int64), want.astype(np.int64))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_import(case):
    reason = _refusal(case.name)
    try:
        imported = import_model(case.model)
    except ulq.UlqError as error:
        assert reason and reason in str(error), str(error)
        return
    assert [dtype for _, _, dtype in imported.outputs] == [want.dtype for want in case.outputs]
    check(run_graph(imported.text, case.inputs, segments(imported)), case)


# Strided windows with indices.
NO_LOWERING = {"test_maxpool_with_argmax_2d_precomputed_strides"}


def _has_compiler() -> bool:
    try:
        return bool(opt.find())
    except ulq.UlqError:
        return False


def _compiled_cases() -> list[Case]:
    """Cases of codes and numbers that a program takes at its boundary: all in other words, the first few by IREE."""
    boundary = set(map(np.dtype, (np.float32, np.int8, np.uint8, np.int32, np.int64)))
    chosen = [case for case in CASES if case.operator in COMPILED | OTHER_WORDS and not _refusal(case.name)]
    for operator in sorted(BY_IREE):
        chosen += [case for case in CASES if case.operator == operator and not _refusal(case.name)][:3]
    return [case for case in chosen if {a.dtype for a in (*case.inputs.values(), *case.outputs)} <= boundary]


@pytest.mark.skipif(not _has_compiler(), reason="ulq-opt is not built")
@pytest.mark.parametrize("case", _compiled_cases(), ids=lambda case: case.name)
def test_compiled(case):
    model = onnx.ModelProto.FromString(case.model.SerializeToString())
    if case.name in NO_LOWERING:
        with pytest.raises(ulq.UlqError, match=rf"^node '\w+' \({case.operator}\): IREE has no float lowering"):
            ulq.compile(model)
        return
    check(ulq.compile(model).run(case.inputs), case)
