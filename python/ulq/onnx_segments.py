"""Float segments: runs of ONNX nodes that IREE's own ONNX path compiles, as models of their own.

At its boundary a segment sees no codes and no accumulators: 8-bit integers and int32 accumulators
travel as f32, which holds them exactly, and are cast inside.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import onnx
from iree.compiler import ir
from onnx import TensorProto, helper, numpy_helper

from ulq.codes import Grid
from ulq.graph import GraphBuilder
from ulq.onnx_model import Source, node_name, tensor_info
from ulq.onnx_ops.registry import Node
from ulq.values import CODE_ELEMENTS, EXACT_INTEGER, FLOAT32, PLAIN_ELEMENTS, Value

MODERN_OPSET = 17
BYTE_TYPES = (np.dtype(np.int8), np.dtype(np.uint8))
# What IREE compiles for extents that are known at run time only.
OPEN_EXTENTS = set(
    "Abs Add And Cast CastLike Ceil Clip Concat Cos Div Equal Exp Expand Flatten Floor Gather GatherElements GatherND "
    "Greater GreaterOrEqual Identity Less LessOrEqual Log Max Min Mul Neg Not Or Pow Reciprocal ReduceMax ReduceMean "
    "ReduceMin ReduceSum Relu Reshape Round Shape Sigmoid Sin Size Slice Softmax Split Sqrt Squeeze Sub Sum Tanh "
    "Transpose Unsqueeze Where".split()
)


class Segment:
    """An open run of float nodes; `close` emits its call and gives its outputs IR values."""

    def __init__(self, source: Source, index: int):
        self.name = f"onnx_segment_{index}"
        self._source = source
        self._nodes: list[onnx.NodeProto] = []
        self._inputs: list[tuple[onnx.ValueInfoProto, Value]] = []
        self._initializers: list[onnx.TensorProto] = []
        self._names: dict[int, str] = {}  # value identity -> name inside the segment
        self._values: list[Value] = []  # keeps identities alive
        self._results: dict[str, Value] = {}
        self._infos: list[onnx.ValueInfoProto] = []

    def __contains__(self, value: Value) -> bool:
        return any(value is result for result in self._results.values())

    def append(self, node: Node, known: Value | None = None) -> list[Value]:
        """Adds a node of the standard domain; its outputs are pending until `close`.

        `known` is its only output, where others know it already.
        """
        self._check_extents(node)
        names = [self._read(node, name, value) for name, value in zip(node.proto.input, node.inputs, strict=True)]
        copy = onnx.NodeProto()
        copy.CopyFrom(node.proto)
        del copy.input[:]
        copy.input.extend(names)
        self._nodes.append(copy)
        results = []
        for name, (shape, dtype) in zip(node.proto.output, node.infer(), strict=True):
            value = known or Value(shape, dtype)
            if name:
                self._check_type(node, name, dtype)
                if value.is_codes and value.is_open:
                    raise node.error(f"8-bit integers '{name}' with an extent known at run time only are not supported")
                self._name(value, name)
                self._results[name] = value
                self._infos.append(tensor_info(name, dtype, shape))
            results.append(value)
        return results

    def close(self, build: GraphBuilder, needed: Collection[str]) -> onnx.ModelProto:
        """Emits the call with the needed results, in the order of their nodes."""
        outputs = [(name, value) for name, value in self._results.items() if name in needed]
        infos, types = [], []
        for name, value in outputs:
            element = "f32" if value.is_codes else PLAIN_ELEMENTS[value.dtype]
            types.append(build.tensor_type(value.shape, element))
            infos.append(self._boundary(name, value))
        with build.at(node_name(self._nodes[0])):
            operands = [build.real(value) if value.is_codes else build.operand(value) for _, value in self._inputs]
            results = build.call(self.name, operands, types)
            for (_, value), result in zip(outputs, results, strict=True):
                value.ir = self._codes(build, value, result) if value.is_codes else result
        return self._model(infos)

    def _codes(self, build: GraphBuilder, value: Value, result: ir.Value) -> ir.Value:
        floats = Value(value.shape, FLOAT32, ir=result)
        return build.quantize(floats, Grid(), CODE_ELEMENTS[value.dtype]).ir

    def _boundary(self, name: str, value: Value) -> onnx.ValueInfoProto:
        """The graph output for a result: bytes are cast to float."""
        if not value.is_codes:
            return tensor_info(name, value.dtype, value.shape)
        self._nodes.append(helper.make_node("Cast", [name], [f"{name}/float"], f"{name}/float", to=TensorProto.FLOAT))
        return tensor_info(f"{name}/float", FLOAT32, value.shape)

    def _read(self, node: Node, name: str, value: Value | None) -> str:
        if value is None:
            return ""
        if id(value) in self._names:
            return self._names[id(value)]
        self._check_type(node, name, value.dtype)
        if value.is_const:
            array = np.ascontiguousarray(value.const).reshape(value.shape)
            self._initializers.append(numpy_helper.from_array(array, name))
            return self._name(value, name)
        if not value.is_codes and not value.is_accumulator:
            self._inputs.append((tensor_info(name, value.dtype, value.shape), value))
            return self._name(value, name)
        if value.is_accumulator and value.bound > EXACT_INTEGER:
            raise node.error(f"accumulator '{name}' may exceed {EXACT_INTEGER}, which float32 does not hold exactly")
        self._inputs.append((tensor_info(f"{name}/float", FLOAT32, value.shape), value))
        to = helper.np_dtype_to_tensor_dtype(value.dtype)
        self._nodes.append(helper.make_node("Cast", [f"{name}/float"], [name], f"{name}/cast", to=to))
        self._infos.append(tensor_info(name, value.dtype, value.shape))
        return self._name(value, name)

    def _check_extents(self, node: Node) -> None:
        taken = node.proto.domain in ("", "ai.onnx") and node.proto.op_type in OPEN_EXTENTS
        if node.reads_open and not taken:
            raise node.error("an input with an extent known at run time only is not supported by this operator")

    def _check_type(self, node: Node, name: str, dtype: np.dtype) -> None:
        if dtype in BYTE_TYPES or dtype in PLAIN_ELEMENTS or dtype in (np.uint16, np.uint32, np.uint64):
            return
        type_name = TensorProto.DataType.Name(helper.np_dtype_to_tensor_dtype(dtype))
        raise node.error(f"'{name}' has element type {type_name}, which the float path does not take")

    def _name(self, value: Value, name: str) -> str:
        self._names[id(value)] = name
        self._values.append(value)
        return name

    def _model(self, outputs: list[onnx.ValueInfoProto]) -> onnx.ModelProto:
        inner = {output.name for output in outputs}
        inputs = [info for info, _ in self._inputs]
        graph = helper.make_graph(self._nodes, self.name, inputs, outputs, self._initializers)
        graph.value_info.extend(info for info in self._infos if info.name not in inner)
        opset = helper.make_opsetid("", self._source.opsets["ai.onnx"])
        # Initializers are no inputs here, which IR version 3 did not know.
        version = max(self._source.model.ir_version, 4)
        return _modern(helper.make_model(graph, opset_imports=[opset], ir_version=version, producer_name="ulq"))


def _modern(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model in an operator set whose operators IREE lowers; it leaves out the older forms of many."""
    if model.opset_import[0].version >= MODERN_OPSET:
        return model
    try:
        return onnx.shape_inference.infer_shapes(onnx.version_converter.convert_version(model, MODERN_OPSET))
    except Exception:
        # The converter does not know every operator: IREE decides on the model as it is.
        return model
