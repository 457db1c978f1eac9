"""Reading ONNX files: parsing, external data, validity, static input shapes, order of nodes.

Nothing here builds IR. Every refusal is one `UlqError` line that starts with the name of the file.
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import external_data_helper

from ulq.codes import Shape
from ulq.errors import UlqError


@dataclass(frozen=True)
class Source:
    """A parsed model, the name that messages give it, and its folder (None if it came from memory)."""

    model: onnx.ModelProto
    name: str
    folder: Path | None

    @property
    def opsets(self) -> dict[str, int]:
        return {entry.domain or "ai.onnx": entry.version for entry in self.model.opset_import}

    def error(self, reason: str) -> UlqError:
        return UlqError(f"{self.name}: {one_line(reason)}")

    def node_error(self, node: onnx.NodeProto, reason: str) -> UlqError:
        operator = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
        return self.error(f"node '{node_name(node)}' ({operator}): {reason}")


def one_line(text: object) -> str:
    """The text without line breaks and without runs of blanks."""
    return " ".join(str(text).split())


def node_name(node: onnx.NodeProto) -> str:
    """The node's name, or that of its first output where it has none."""
    return node.name or next((name for name in node.output if name), node.op_type)


def tensor_info(name: str, dtype: np.dtype, shape: Shape | None) -> onnx.ValueInfoProto:
    """A graph input or output; without a shape it may have any."""
    return onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(dtype), shape)


def load(model: str | os.PathLike | bytes | onnx.ModelProto) -> Source:
    """Returns a valid model, its tensors in memory, local functions inlined, nodes in topological order.

    Raises:
        UlqError: the model cannot be read, or is not valid ONNX.
    """
    source = _parse(model)
    _check_header(source)
    _load_external_data(source)
    if source.model.functions:
        source = _inline_functions(source)
    _check_graph(source)
    return source


def _parse(model) -> Source:
    if isinstance(model, onnx.ModelProto):
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        return Source(copy, "model", None)
    if isinstance(model, bytes | bytearray | memoryview):
        return Source(_decode(bytes(model), "model"), "model", None)
    path = Path(model)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UlqError(f"{path}: {error.strerror or error}") from None
    return Source(_decode(data, str(path)), str(path), path.resolve().parent)


def _decode(data: bytes, name: str) -> onnx.ModelProto:
    try:
        return onnx.ModelProto.FromString(data)
    except DecodeError:
        raise UlqError(f"{name}: not an ONNX file, or truncated ({len(data)} bytes)") from None


def _check_header(source: Source) -> None:
    model = source.model
    if not model.ir_version or not model.HasField("graph") or not model.graph.output:
        raise source.error("not an ONNX model: no graph with outputs")
    version = source.opsets.get("ai.onnx")
    if version is None:
        raise source.error("the model imports no standard operator set")
    newest = onnx.defs.onnx_opset_version()
    if not 1 <= version <= newest:
        raise source.error(f"operator set {version} is not supported, expected 1 to {newest}")
    if model.graph.sparse_initializer:
        raise source.error(f"sparse initializer '{model.graph.sparse_initializer[0].values.name}' is not supported")


# ----------------------------------------------------------------------------
# Tensors
# ----------------------------------------------------------------------------


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Initializers and tensor attributes, those of subgraphs included."""
    yield from graph.initializer
    for attribute in (attribute for node in graph.node for attribute in node.attribute):
        if attribute.type == onnx.AttributeProto.TENSOR:
            yield attribute.t
        yield from attribute.tensors
        for subgraph in [attribute.g] if attribute.HasField("g") else attribute.graphs:
            yield from _tensors(subgraph)


def _load_external_data(source: Source) -> None:
    for tensor in _tensors(source.model.graph):
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        _check_external_data(source, tensor)
        try:
            external_data_helper.load_external_data_for_tensor(tensor, str(source.folder))
        except Exception as error:
            raise source.error(f"external data of tensor '{tensor.name}': {error}") from None
        tensor.data_location = onnx.TensorProto.DEFAULT
        del tensor.external_data[:]


def _check_external_data(source: Source, tensor: onnx.TensorProto) -> None:
    """The data must be a regular file inside the model's folder, and long enough."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    error = f"external data '{location}' of tensor '{tensor.name}'"
    if source.folder is None:
        raise source.error(f"{error}: a model from memory has no folder, pass its path")
    if not location or os.path.isabs(location) or ".." in Path(location.replace("\\", "/")).parts:
        raise source.error(f"{error}: expected a relative path inside the model's folder")
    path = (source.folder / location).resolve()
    if not path.is_relative_to(source.folder):
        raise source.error(f"{error}: leads out of the model's folder")
    if not path.is_file():
        raise source.error(f"{error}: no such file")
    try:
        offset, length = int(entries.get("offset", 0)), int(entries.get("length", 0))
    except ValueError:
        raise source.error(f"{error}: offset and length must be integers") from None
    if offset < 0 or length < 0 or offset + length > path.stat().st_size:
        raise source.error(f"{error}: expected at least {offset + length} bytes, got {path.stat().st_size}")


# ----------------------------------------------------------------------------
# Graph
# ----------------------------------------------------------------------------


def _inline_functions(source: Source) -> Source:
    from onnx import inliner

    try:
        return Source(inliner.inline_local_functions(source.model), source.name, source.folder)
    except Exception as error:
        raise source.error(f"local functions cannot be inlined: {error}") from None


def _check_graph(source: Source) -> None:
    """Every value is defined once and before its use; standard nodes and tensors are well formed."""
    graph = source.model.graph
    defined = {tensor.name for tensor in graph.initializer} | {value.name for value in graph.input}
    for tensor in graph.initializer:
        _check(source, f"initializer '{tensor.name}'", onnx.checker.check_tensor, tensor)
    produced: set[str] = set()
    for node in graph.node:
        for name in filter(None, node.output):
            if name in defined or name in produced:
                raise source.node_error(node, f"value '{name}' is defined twice")
            produced.add(name)
    for node in graph.node:
        _check_node(source, node)
        for name in filter(None, node.input):
            if name not in defined and name not in produced:
                raise source.node_error(node, f"input '{name}' is not defined")
    for value in graph.output:
        if value.name not in defined and value.name not in produced:
            raise source.error(f"output '{value.name}' is not defined")
    _sort_nodes(source)


def _check(source: Source, subject: str, check, *arguments) -> None:
    try:
        check(*arguments)
    except Exception as error:
        raise source.error(f"{subject}: {str(error).split('==> Context')[0]}") from None


def _check_node(source: Source, node: onnx.NodeProto) -> None:
    """Standard nodes against their schema; the other domains have none."""
    if node.domain not in ("", "ai.onnx"):
        return
    version = source.opsets["ai.onnx"]
    if not onnx.defs.has(node.op_type, version, ""):
        raise source.node_error(node, f"unknown operator in operator set {version}")
    if any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute):
        raise source.node_error(node, "control flow is not supported")
    context = onnx.checker.C.CheckerContext()
    context.ir_version = source.model.ir_version
    context.opset_imports = {"": version}
    try:
        onnx.checker.check_node(node, context)
    except onnx.checker.ValidationError as error:
        raise source.node_error(node, str(error).split("==> Context")[0]) from None


def _sort_nodes(source: Source) -> None:
    """Keeps the nodes that an output needs, in a stable topological order; files are not always ordered."""
    graph = source.model.graph
    nodes = list(graph.node)
    producer = {name: index for index, node in enumerate(nodes) for name in node.output if name}
    needs = [{producer[name] for name in node.input if name in producer} for node in nodes]
    live: set[int] = set()
    pending = [producer[value.name] for value in graph.output if value.name in producer]
    while pending:
        index = pending.pop()
        if index not in live:
            live.add(index)
            pending.extend(needs[index])
    missing = {index: len(needs[index]) for index in live}
    ready = [index for index in live if not missing[index]]
    heapq.heapify(ready)
    users: dict[int, list[int]] = {index: [] for index in live}
    for index in live:
        for need in needs[index]:
            users[need].append(index)
    ordered = []
    while ready:
        index = heapq.heappop(ready)
        ordered.append(onnx.NodeProto.FromString(nodes[index].SerializeToString()))
        for user in users[index]:
            missing[user] -= 1
            if not missing[user]:
                heapq.heappush(ready, user)
    if len(ordered) < len(live):
        stuck = min(index for index in live if missing[index])
        raise source.node_error(nodes[stuck], "the graph has a cycle at this node")
    del graph.node[:]
    graph.node.extend(ordered)


# ----------------------------------------------------------------------------
# Inputs
# ----------------------------------------------------------------------------


def input_shapes(source: Source, shapes: Mapping[str, Sequence[int]] | None) -> tuple[dict[str, Shape], list[str]]:
    """Static shapes of the graph inputs by name, and notes on dimensions that had to be chosen.

    `shapes` fixes inputs by name; a symbolic dimension that it fixes has the same extent in every
    input. A leading dimension that stays unknown is the batch: 1.
    """
    inputs = runtime_inputs(source)
    given = {name: tuple(shape) for name, shape in (shapes or {}).items()}
    for name in given.keys() - {value.name for value in inputs}:
        known = ", ".join(f"'{value.name}'" for value in inputs)
        raise source.error(f"shapes: no input '{name}', expected one of {known}")
    symbols = _fixed_symbols(source, inputs, given)
    result, notes = {}, []
    for value in inputs:
        dims = value.type.tensor_type.shape.dim
        shape = []
        for axis, dim in enumerate(dims):
            extent = dim.dim_value if _is_static(dim) else symbols.get(dim.dim_param)
            if value.name in given:
                extent = given[value.name][axis]
            if extent is None and axis == 0:
                extent = 1
                notes.append(f"dimension {dim.dim_param or axis} of input '{value.name}' is unknown: using 1")
                if dim.dim_param:
                    symbols[dim.dim_param] = 1
            if extent is None:
                name = f"{axis} ({dim.dim_param})" if dim.dim_param else f"{axis}"
                raise source.error(f"dimension {name} of input '{value.name}' is unknown: pass shapes=")
            if extent < 1:
                raise source.error(f"dimension {axis} of input '{value.name}' is {extent}: empty tensors are not taken")
            shape.append(int(extent))
        result[value.name] = tuple(shape)
    return result, notes


def runtime_inputs(source: Source) -> list[onnx.ValueInfoProto]:
    """The graph inputs that are no initializers (before IR version 4 those were listed as inputs too)."""
    constants = {tensor.name for tensor in source.model.graph.initializer}
    inputs = [value for value in source.model.graph.input if value.name not in constants]
    for value in inputs:
        if not value.type.HasField("tensor_type") or not value.type.tensor_type.elem_type:
            raise source.error(f"input '{value.name}' is not a tensor")
        if not value.type.tensor_type.HasField("shape"):
            raise source.error(f"input '{value.name}' has no shape")
    return inputs


def _fixed_symbols(source: Source, inputs, given: dict[str, Shape]) -> dict[str, int]:
    symbols: dict[str, int] = {}
    for value in inputs:
        if value.name not in given:
            continue
        shape, dims = given[value.name], value.type.tensor_type.shape.dim
        if len(shape) != len(dims):
            raise source.error(f"shapes: input '{value.name}' has {len(dims)} dimensions, got {len(shape)}")
        for axis, (extent, dim) in enumerate(zip(shape, dims, strict=True)):
            if _is_static(dim) and dim.dim_value != extent:
                raise source.error(f"shapes: dimension {axis} of input '{value.name}' is {dim.dim_value}, got {extent}")
            if dim.dim_param and symbols.setdefault(dim.dim_param, extent) != extent:
                raise source.error(f"shapes: dimension {dim.dim_param} is both {symbols[dim.dim_param]} and {extent}")
    return symbols


def _is_static(dim: onnx.TensorShapeProto.Dimension) -> bool:
    """Some exporters write -1 for an unknown dimension."""
    return dim.HasField("dim_value") and dim.dim_value >= 0
