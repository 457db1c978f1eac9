"""The int8 form of a network as a list of operators on codes, for engines that do not read ONNX.

In that form every tensor between operators passes QuantizeLinear and DequantizeLinear, so an operator is a node, the
activation behind it and the grid of the quantizer that follows: what a library of int8 operators takes as arguments.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper


@dataclass(frozen=True)
class Codes:
    """Unsigned 8-bit codes of the real numbers (code - zero) * scale."""

    scale: float
    zero: int


@dataclass
class Operator:
    kind: str  # the ONNX operator
    inputs: list[str]
    output: str
    codes: Codes | None = None  # of the output
    shape: tuple[int, ...] = ()  # of the output
    relu: bool = False  # also for ReLU6: the codes end where it does
    attributes: dict = field(default_factory=dict)
    weights: NDArray[np.int8] | None = None  # [outputs, ...], symmetric
    scales: NDArray[np.float32] | None = None  # one for each output channel
    bias: NDArray[np.int32] | None = None  # of scale input * weight


@dataclass(frozen=True)
class Int8Graph:
    """`inputs` are the float tensors and their shapes; `codes` has the grid of every other tensor."""

    inputs: dict[str, tuple[int, ...]]
    operators: list[Operator]
    codes: dict[str, Codes]
    outputs: list[str]  # as codes


def read(path: str) -> Int8Graph:
    """Raises ValueError for a graph that is not of this form."""
    model = onnx.shape_inference.infer_shapes(onnx.load(path))
    graph = model.graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    infos = (*graph.input, *graph.value_info, *graph.output)
    shapes = {info.name: tuple(dim.dim_value for dim in info.type.tensor_type.shape.dim) for info in infos}
    weights: dict[str, tuple[NDArray, NDArray]] = {}
    named: dict[str, str] = {}  # real tensors to the codes behind them
    pending: dict[str, Operator] = {}  # by the name of their float result
    operators: list[Operator] = []
    codes: dict[str, Codes] = {}
    for node in graph.node:
        source, result = node.input[0], node.output[0]
        if node.op_type == "DequantizeLinear":
            if source in constants:
                weights[result] = constants[source], constants[node.input[1]]
            else:
                named[result] = source
        elif node.op_type == "QuantizeLinear":
            if source in named:
                raise ValueError(f"{node.name}: '{source}' is quantized twice")
            operator = pending.get(source) or Operator("QuantizeLinear", [source], result)
            operator.output, operator.shape = result, shapes.get(source, shapes.get(result, ()))
            operator.codes = Codes(float(constants[node.input[1]]), int(constants[node.input[2]]))
            operators.append(operator)
            codes[result] = operator.codes
        elif node.op_type in ("Relu", "Clip"):
            operator = pending[result] = pending.pop(source)
            operator.relu = True
        else:
            pending[result] = _operator(node, named, weights, constants)
    return Int8Graph(
        {info.name: shapes[info.name] for info in graph.input},
        operators,
        codes,
        [named.get(output.name, output.name) for output in graph.output],
    )


def _operator(node: onnx.NodeProto, named: dict, weights: dict, constants: dict) -> Operator:
    unknown = [name for name in node.input if name and name not in (*named, *weights, *constants)]
    if unknown:
        raise ValueError(f"{node.name}: operand {unknown[0]} is not quantized")
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    operator = Operator(node.op_type, [named[name] for name in node.input if name in named], "", attributes=attributes)
    products = [weights[name] for name in node.input if name in weights]
    if products:
        operator.weights, operator.scales = products[0]
        operator.bias = products[1][0] if len(products) > 1 else np.zeros(len(operator.weights), np.int32)
    return operator
