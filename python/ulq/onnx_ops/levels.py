"""Elementwise operators on tensors that are a function of one tensor of codes, in float64."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import onnx
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from ulq.intervals import erf
from ulq.levels import Levels
from ulq.onnx_ops.registry import Node
from ulq.values import FLOAT32, Value

# Operators whose result depends on the one element at its place.
ELEMENTWISE = set(
    "Abs Add Celu Clip Div Elu Erf Exp Gelu HardSigmoid HardSwish LeakyRelu Log Max Min Mish Mul Neg PRelu Pow "
    "Reciprocal Relu Selu Sigmoid Softplus Softsign Sqrt Sub Swish Tanh ThresholdedRelu".split()
)


# Those of the reference implementation round to float32.
class Erf(OpRun):
    op_domain = ""

    def _run(self, x):
        return (erf(x),)


class Gelu(OpRun):
    op_domain = ""

    def _run(self, x, approximate="none"):
        if approximate == "tanh":
            return (x * 0.5 * (np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)) + 1),)
        return (x * 0.5 * (erf(x * math.sqrt(0.5)) + 1),)


def evaluate(node: Node) -> Levels | None:
    """What the node's result is for each code, where that is a number; None for other nodes."""
    if node.proto.domain not in ("", "ai.onnx") or node.proto.op_type not in ELEMENTWISE:
        return None
    computed = [value for value in node.inputs if value is not None and not value.is_const]
    if not computed or not all(_shares(value, computed[0]) for value in computed):
        return None
    constants = [value for value in node.inputs if value is not None and value.is_const]
    rank = len(computed[0].shape)
    if not all(value.const.size == 1 and value.const.ndim <= rank and value.dtype == FLOAT32 for value in constants):
        return None
    numbers = _run(node)
    if numbers is None or numbers.shape != computed[0].levels.numbers.shape or not np.isfinite(numbers).all():
        return None
    return Levels(computed[0].levels.source, numbers)


def _shares(value: Value, other: Value) -> bool:
    """Whether both are float functions of the same codes."""
    if value.levels is None or other.levels is None or value.dtype != FLOAT32:
        return False
    return value.levels.source is other.levels.source


def _run(node: Node) -> np.ndarray | None:
    """The node on the numbers and constants that it is given."""
    given = [value for value in node.inputs if value is not None]
    numbers = [v.const.reshape(()).astype(np.float64) if v.is_const else v.levels.numbers for v in given]
    try:
        return evaluator(node)(*numbers)
    except Exception:
        return None  # an operator without float64 stays what it is


def evaluator(node: Node) -> Callable[..., np.ndarray]:
    """The node as a function of its given inputs in float64, by the ONNX reference implementation."""
    given = [name for name, value in zip(node.proto.input, node.inputs, strict=True) if value is not None]
    inputs = [helper.make_tensor_value_info(name, TensorProto.DOUBLE, None) for name in dict.fromkeys(given)]
    output = helper.make_value_info(node.proto.output[0], onnx.TypeProto())
    graph = helper.make_graph([node.proto], "levels", inputs, [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", node.version)])
    session = ReferenceEvaluator(model, new_ops=[Erf, Gelu])

    def run(*numbers: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            feeds = dict(zip(given, map(np.asarray, numbers), strict=True))
            return np.asarray(session.run(None, feeds)[0], np.float64)

    return run
