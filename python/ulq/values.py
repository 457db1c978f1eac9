"""Tensors of a graph, and their element types in ONNX and in the IR."""

from __future__ import annotations

import math
from dataclasses import dataclass

import ml_dtypes
import numpy as np
from iree.compiler import ir

from ulq.codes import Codes, Shape
from ulq.functions import Function, Waiting
from ulq.levels import Levels

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
