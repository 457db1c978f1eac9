"""ONNX operators, one function each, by theme. A new operator is one function in one of these files."""

from ulq.onnx_ops import boxes, elementwise, finn, float_forms, integer, linear, pool, qdq, qonnx, shape  # noqa: F401  registers
from ulq.onnx_ops.registry import ALWAYS_KNOWN, FloatForm, Node, in_other_words, lookup, onnx_op

__all__ = ["ALWAYS_KNOWN", "FloatForm", "Node", "in_other_words", "lookup", "onnx_op"]
