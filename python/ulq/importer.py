"""From an ONNX model to graph-level ulq IR as generic MLIR text.

Walks the graph in topological order with one rule per node: constants are folded, operators that
`ulq.onnx_ops` takes become ulq operations, other standard operators go to IREE as float segments,
anything else is refused. No operator is named here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from ulq import onnx_model
from ulq.codes import Shape
from ulq.graph import GraphBuilder
from ulq.onnx_model import Source
from ulq.onnx_ops import ALWAYS_KNOWN, FloatForm, Node, in_other_words, lookup
from ulq.onnx_ops.functions import compose
from ulq.onnx_ops.levels import evaluate
from ulq.onnx_segments import Segment
from ulq.values import FLOAT32, Value, constant, element_of

Port = tuple[str, Shape, np.dtype]


@dataclass(frozen=True)
class ImportedModel:
    """A graph-level module and what belongs to it.

    `text` is generic MLIR. `inputs` and `outputs` are (ONNX name, shape, numpy dtype). `segments[i]`
    is the model behind the private function `@onnx_segment_<i>`. `notes` says what was assumed.
    `operators` is the ONNX operator of each node, by the name that locations carry.
    """

    text: str
    inputs: list[Port]
    outputs: list[Port]
    segments: list[onnx.ModelProto]
    notes: list[str] = field(default_factory=list)
    operators: dict[str, str] = field(default_factory=dict)


def import_model(
    model: str | os.PathLike | bytes | onnx.ModelProto, shapes: Mapping[str, Sequence[int]] | None = None
) -> ImportedModel:
    """Imports an ONNX model.

    `model` is a path, the bytes of a file, or a parsed model (left unchanged). `shapes` fixes the
    shapes of inputs by name; an unknown leading dimension is 1 otherwise.

    Raises:
        UlqError: one line with the file, the node and the reason.
    """
    source = onnx_model.load(model)
    static, notes = onnx_model.input_shapes(source, shapes)
    return _Importer(source, static).run(notes)


class _Importer:
    """The state of one walk: `env` maps ONNX names to values."""

    def __init__(self, source: Source, shapes: dict[str, Shape]):
        self.source = source
        self.graph = source.model.graph
        self.shapes = shapes
        self.build = GraphBuilder()
        self.env: dict[str, Value | None] = {"": None}
        self.models: list[onnx.ModelProto] = []
        self.open: Segment | None = None
        self.members: set[int] = set()
        self.current: Node | None = None
        # Functions that nothing but quantizers has asked for: the node of each, by the value's identity.
        self.deferred: dict[int, tuple[int, Node, Value]] = {}
        self.outputs = {value.name for value in self.graph.output}
        self.users: dict[str, set[int]] = {}
        for index, node in enumerate(self.graph.node):
            for name in node.input:
                self.users.setdefault(name, set()).add(index)

    def run(self, notes: list[str]) -> ImportedModel:
        inputs = self._declare_inputs()
        for tensor in self.graph.initializer:
            self.env[tensor.name] = constant(self._array(tensor))
        with self.build as build:
            build.resolve = self._resolve
            build.begin_main([(name, self.env[name]) for name, _, _ in inputs])
            for index, proto in enumerate(self.graph.node):
                with build.at(onnx_model.node_name(proto)):
                    self._import(index, proto)
            results = [(value.name, self._result(value.name)) for value in self.graph.output]
            self._close()
            build.end_main(results)
            text = build.text()
        outputs = [(name, value.shape, value.dtype) for name, value in results]
        operators = {onnx_model.node_name(node): node.op_type for node in self.graph.node}
        return ImportedModel(text, inputs, outputs, self.models, notes, operators)

    def _declare_inputs(self) -> list[Port]:
        ports = []
        for value in onnx_model.runtime_inputs(self.source):
            type_name = onnx.TensorProto.DataType.Name(value.type.tensor_type.elem_type)
            dtype = np.dtype(helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type))
            if element_of(dtype) is None:
                raise self.source.error(f"input '{value.name}' has element type {type_name}, which is not supported")
            self.env[value.name] = Value(self.shapes[value.name], dtype)
            ports.append((value.name, self.shapes[value.name], dtype))
        return ports

    def _array(self, tensor: onnx.TensorProto) -> np.ndarray:
        try:
            return numpy_helper.to_array(tensor)
        except Exception as error:
            raise self.source.error(f"initializer '{tensor.name}': {error}") from None

    def _import(self, index: int, proto: onnx.NodeProto) -> None:
        node = self.current = Node(proto, [self.env[name] for name in proto.input], self.build, self.source)
        results = self._convert(index, node)
        for name, value in zip(proto.output, results, strict=False):
            if name:
                self.env[name] = value
        for name in proto.output[len(results) :]:
            if name and (name in self.users or name in self.outputs):
                raise node.error(f"output '{name}' is not supported")

    def _convert(self, index: int, node: Node) -> Sequence[Value | None]:
        if node.reads_open:
            return self._append(index, node)
        domain = "" if node.proto.domain == "ai.onnx" else node.proto.domain
        operator = lookup(domain, node.proto.op_type)
        all_constant = bool(node.inputs) and all(value is None or value.is_const for value in node.inputs)
        levels = evaluate(node)
        function = compose(node) if levels is None else None
        is_function = levels is not None or function is not None
        is_deferred = is_function and any(id(value) in self.deferred for value in node.inputs)
        if operator and (operator.folds or not all_constant) and not is_deferred:
            results = operator.function(node)
            if isinstance(results, Value) and is_function and results not in node.inputs:
                results.levels, results.function = levels, function and replace(function, is_graph=True)
            if results is not None:
                return results if isinstance(results, tuple) else (results,)
        if is_function:
            value = Value(node.output_shape, FLOAT32, levels=levels, function=function)
            self.deferred[id(value)] = (index, node, value)
            return [value]
        if domain:
            raise node.error("the operator is not supported" if operator is None else "this form is not supported")
        if all_constant and _is_deterministic(node):
            return _evaluate(node)
        return self._append(index, node)

    def _append(self, index: int, node: Node, known: Value | None = None) -> list[Value]:
        """Leaves a node to the open segment, and what it reads that was deferred."""
        for value in node.inputs:
            if id(value) in self.deferred:
                self._append(*self.deferred.pop(id(value)))
        if self.open is None:
            self.open = Segment(self.source, len(self.models))
        self.members.add(index)
        form = in_other_words(node)
        return self.open.append(node, known) if form is None else self._append_form(node, form, known)

    def _append_form(self, node: Node, form: FloatForm, known: Value | None) -> list[Value]:
        """Leaves the nodes of the form to the open segment; what they know already is folded."""
        env = dict(zip(node.proto.input, node.inputs, strict=True)) | {"": None}
        env |= {name: constant(array) for name, array in form.constants.items()}
        for proto in form.nodes:
            part = Node(proto, [env[name] for name in proto.input], self.build, self.source)
            operator = lookup("", proto.op_type)
            is_known = all(value is None or value.is_const for value in part.inputs)
            if proto.op_type in ALWAYS_KNOWN:
                results = [operator.function(part)]
            elif is_known:
                results = _evaluate(part)
            else:
                is_result = list(proto.output) == list(node.proto.output)
                results = self.open.append(part, known if is_result else None)
            env |= dict(zip(proto.output, results, strict=True))
        return [env[name] for name in node.proto.output]

    def _resolve(self, value: Value) -> None:
        """A value without IR comes out of the open segment, or exists only inside the operators that know it."""
        if id(value) in self.deferred:
            self._append(*self.deferred.pop(id(value)))
        if self.open is None or value not in self.open:
            raise self.current.error(f"an input of shape {list(value.shape)} is not supported by this operator")
        self._close()

    def _close(self) -> None:
        """Ends the open segment; what leaves it is what nodes outside, or the graph's outputs, read."""
        if self.open is None:
            return
        segment, self.open = self.open, None
        needed = {name for name, users in self.users.items() if users - self.members}
        self.models.append(segment.close(self.build, needed | self.outputs))
        self.members.clear()

    def _result(self, name: str) -> Value:
        value = self.env[name]
        if value.is_const or not value.is_accumulator:
            return value
        # A segment takes the accumulator as f32 and casts it inside.
        copy = helper.make_node("Identity", [name], [f"{name}/int32"], name)
        self._close()
        self.open = Segment(self.source, len(self.models))
        self.outputs.add(f"{name}/int32")
        return self.open.append(Node(copy, [value], self.build, self.source))[0]


def _is_deterministic(node: Node) -> bool:
    schema = onnx.defs.get_schema(node.proto.op_type, node.version, "")
    return schema.node_determinism != onnx.defs.OpSchema.NodeDeterminism.NonDeterministic


def _evaluate(node: Node) -> list[Value]:
    """A node of constants, by the ONNX reference implementation."""
    names = [name for name in dict.fromkeys(node.proto.input) if name]
    feeds = {name: value.const for name, value in zip(node.proto.input, node.inputs, strict=True) if name}
    infos = [onnx_model.tensor_info(name, feeds[name].dtype, None) for name in names]
    outputs = [helper.make_value_info(name, onnx.TypeProto()) for name in node.proto.output if name]
    graph = helper.make_graph([node.proto], "fold", infos, outputs)
    opset = helper.make_opsetid("", node.version)
    try:
        results = ReferenceEvaluator(helper.make_model(graph, opset_imports=[opset])).run(None, feeds)
    except Exception as error:
        raise node.error(f"constant folding: {onnx_model.one_line(error)}") from None
    arrays = iter(results)
    return [constant(np.asarray(next(arrays))) if name else None for name in node.proto.output]
