"""Which function imports which ONNX operator, and what such a function sees of its node."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import onnx

from ulq.codes import Shape
from ulq.errors import UlqError
from ulq.graph import GraphBuilder
from ulq.onnx_model import Source, node_name
from ulq.values import Value

# An operator function returns its outputs, or None to leave the node to IREE's float path.
OperatorFunction = Callable[["Node"], "Value | tuple[Value | None, ...] | None"]


@dataclass(frozen=True)
class Operator:
    """A registered function; `folds` says that it takes nodes whose inputs are all constant."""

    function: OperatorFunction
    folds: bool


# Standard operators whose results are constants, whatever they read.
ALWAYS_KNOWN = ("Constant", "Shape", "Size")

_operators: dict[tuple[str, str], Operator] = {}
_float_forms: dict[str, Callable[[Node], FloatForm | None]] = {}


def onnx_op(*names: str, domains: Iterable[str] = ("",), folds: bool = False):
    """Registers a function for operators of the given domains.

    With `folds` the function is called for constant inputs too and returns constants, codes
    included; without it the importer evaluates such nodes in float32.
    """

    def register(function: OperatorFunction) -> OperatorFunction:
        for domain in domains:
            for name in names:
                _operators[domain, name] = Operator(function, folds)
        return function

    return register


def lookup(domain: str, op_type: str) -> Operator | None:
    return _operators.get((domain, op_type))


def float_form(*names: str):
    """Registers a function that gives IREE a node in other words, or None where it takes the node as it is."""

    def register(function: Callable[[Node], FloatForm | None]) -> Callable[[Node], FloatForm | None]:
        for name in names:
            _float_forms[name] = function
        return function

    return register


def in_other_words(node: Node) -> FloatForm | None:
    """What a float segment holds in place of the node, if it is not the node itself."""
    function = _float_forms.get(node.proto.op_type)
    return function(node) if function else None


def names() -> list[tuple[str, str]]:
    """All registered (domain, operator); "" is the standard domain."""
    return sorted(_operators)


@dataclass(eq=False)
class Node:
    """One ONNX node with the values of its inputs."""

    proto: onnx.NodeProto
    inputs: list[Value | None]
    build: GraphBuilder
    source: Source

    @property
    def version(self) -> int:
        """The operator set version of the node's domain; QONNX domains are often not imported at all."""
        return self.source.opsets.get(self.proto.domain or "ai.onnx", 1)

    def error(self, reason: str) -> UlqError:
        return self.source.node_error(self.proto, reason)

    def input(self, index: int) -> Value | None:
        return self.inputs[index] if index < len(self.inputs) else None

    def const(self, index: int) -> np.ndarray | None:
        """The constant at an input; None where the input is absent or computed."""
        value = self.input(index)
        return None if value is None else value.const

    def has(self, index: int) -> bool:
        return self.input(index) is not None

    def is_runtime(self, index: int) -> bool:
        """Whether the input is given, and computed."""
        value = self.input(index)
        return value is not None and not value.is_const

    @property
    def reads_open(self) -> bool:
        """Whether an input has an extent that is known at run time only."""
        return any(value is not None and value.is_open for value in self.inputs)

    def attr(self, name: str, default=None):
        """The attribute's value; strings decoded."""
        for attribute in self.proto.attribute:
            if attribute.name == name:
                value = onnx.helper.get_attribute_value(attribute)
                return value.decode() if isinstance(value, bytes) else value
        return default

    def required(self, name: str):
        value = self.attr(name)
        if value is None:
            raise self.error(f"attribute '{name}' is missing")
        return value

    @property
    def output_shape(self) -> Shape:
        """Shape of the first output, by ONNX shape inference."""
        return self.infer()[0][0]

    @property
    def uses_extra_outputs(self) -> bool:
        return any(self.proto.output[1:])

    def infer(self) -> list[tuple[Shape, np.dtype]]:
        """Shape and element type of every output, by the operator's own inference function.

        Extents may be open where those of an input are, and of NonZero.
        """
        types = _infer(self)
        may_be_open = self.reads_open or self.proto.op_type == "NonZero"
        result = []
        for name in self.proto.output:
            tensor = types[name].tensor_type if name in types else onnx.TypeProto.Tensor()
            dims = tensor.shape.dim
            is_static = all(dim.HasField("dim_value") for dim in dims)
            if not tensor.HasField("shape") or not (is_static or may_be_open):
                if name:
                    raise self.error(f"the shape of output '{name}' is not static")
                dims = []
            dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type or onnx.TensorProto.FLOAT)
            shape = tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in dims)
            result.append((shape, np.dtype(dtype)))
        return result


class FloatForm:
    """Nodes of the standard domain in place of one, from its inputs and `constants` to its outputs."""

    def __init__(self, node: Node, nodes: list[onnx.NodeProto] | None = None):
        self.nodes = nodes or []
        self.constants: dict[str, np.ndarray] = {}
        self._name, self._outputs = node_name(node.proto), node.proto.output
        self._count = 0
        for proto in self.nodes:
            proto.name = self._name

    def op(self, operator: str, *inputs: str, **attributes) -> str:
        """A node of one output; returns its name."""
        proto = onnx.helper.make_node(operator, inputs, [self._fresh()], self._name, **attributes)
        self.nodes.append(proto)
        return proto.output[0]

    def constant(self, array: np.ndarray) -> str:
        name = self._fresh()
        self.constants[name] = np.asarray(array)
        return name

    def result(self, name: str) -> FloatForm:
        """The form whose last node yields the only output."""
        self.nodes.append(onnx.helper.make_node("Identity", [name], self._outputs[:1], self._name))
        return self

    def _fresh(self) -> str:
        self._count += 1
        return f"{self._outputs[0]}/{self._count}"


def _infer(node: Node) -> dict[str, onnx.TypeProto]:
    schema = onnx.defs.get_schema(node.proto.op_type, node.version, node.proto.domain)
    types, data = {}, {}
    for name, value in zip(node.proto.input, node.inputs, strict=True):
        if value is None:
            continue
        types[name] = onnx.helper.make_tensor_type_proto(onnx.helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
        if value.is_const and value.const.size <= 1024:
            data[name] = onnx.numpy_helper.from_array(np.ascontiguousarray(value.const), name)
    opsets = list(node.source.model.opset_import)
    try:
        return onnx.shape_inference.infer_node_outputs(schema, node.proto, types, data, opset_imports=opsets)
    except Exception as error:
        raise node.error(f"shape inference: {error}") from None
