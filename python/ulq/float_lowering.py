"""Float segments: ONNX models of operators that ulq has no kernels for, to linalg by IREE's own ONNX path.

The lowering runs in a process of its own, IREE's iree-opt: some operators in unusual forms end it in a crash, which
must not take the caller's process along.
"""

import subprocess
from collections.abc import Mapping

import onnx
from iree.compiler import ir
from iree.compiler.extras import onnx_importer
from iree.compiler.tools import binaries

from ulq.errors import UlqError
from ulq.onnx_model import node_name

PIPELINE = "builtin.module(torch-onnx-to-torch-backend-pipeline,torch-backend-to-linalg-on-tensors-backend-pipeline)"


def lower(segments: Mapping[str, onnx.ModelProto]) -> str:
    """The models as functions on builtin tensors, one for each symbol, in one module of generic text.

    Raises UlqError naming the node that IREE's path has no lowering for.
    """
    done = _run(segments)
    if done.returncode == 0:
        return done.stdout
    for symbol, model in segments.items():
        alone = _run({symbol: model}) if len(segments) > 1 else done
        if alone.returncode:
            raise _refusal(symbol, model, alone)
    raise UlqError(f"IREE could not lower the float operators: {_reason(done)}")


def _refusal(symbol: str, model: onnx.ModelProto, done: subprocess.CompletedProcess) -> UlqError:
    """Names the first node that fails on its own, or all of the segment where none does."""
    for node in model.graph.node:
        single = single_node(model, node)
        alone = _run({symbol: single})
        if alone.returncode:
            model, done = single, alone
            break
    return UlqError(f"{named_nodes(model)}: IREE has no float lowering: {_reason(done)}")


def single_node(model: onnx.ModelProto, node: onnx.NodeProto) -> onnx.ModelProto:
    """The model of one node."""
    graph = model.graph
    infos = {info.name: info for info in (*graph.input, *graph.value_info, *graph.output)}
    constants = [tensor for tensor in graph.initializer if tensor.name in node.input]
    known = {tensor.name for tensor in constants} | {""}
    inputs = [infos[name] for name in dict.fromkeys(node.input) if name not in known]
    outputs = [infos[name] for name in node.output if name]
    single = onnx.helper.make_graph([node], graph.name, inputs, outputs, constants)
    return onnx.helper.make_model(single, opset_imports=model.opset_import, ir_version=model.ir_version)


def _run(segments: Mapping[str, onnx.ModelProto]) -> subprocess.CompletedProcess:
    command = [binaries.find_tool("iree-opt"), f"--pass-pipeline={PIPELINE}", "--mlir-print-op-generic", "-"]
    return subprocess.run(command, input=_import(segments), capture_output=True, text=True, check=False)


def _import(segments: Mapping[str, onnx.ModelProto]) -> str:
    """The models in the torch dialect, as IREE's importer writes them."""
    with ir.Context() as context:
        infos = [onnx_importer.ModelInfo(_named(symbol, model)) for symbol, model in segments.items()]
        module = infos[0].create_module(context=context)
        for info, model in zip(infos, segments.values(), strict=True):
            try:
                function = onnx_importer.NodeImporter.define_function(info.main_graph, module.operation)
                function.import_all()
            except onnx_importer.OnnxImportError as error:
                raise UlqError(
                    f"{named_nodes(model)}: IREE could not import it: {str(error).splitlines()[0]}"
                ) from None
        return module.operation.get_asm(print_generic_op_form=True)


def _named(symbol: str, model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose graph, and so its function, is called `symbol`."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.graph.name = symbol
    return copy


def named_nodes(model: onnx.ModelProto) -> str:
    """The nodes of a segment as the user knows them."""
    nodes = [f"node '{node_name(node)}' ({node.op_type})" for node in model.graph.node]
    return nodes[0] if len(nodes) == 1 else f"{nodes[0]} to {nodes[-1]}"


def _reason(done: subprocess.CompletedProcess) -> str:
    """The first error of iree-opt, or how it ended."""
    errors = [line.partition(" error: ")[2] for line in done.stderr.splitlines() if " error: " in line]
    if errors:
        return errors[0].partition(": %")[0]  # without the operation
    return f"its compiler ended with {'signal' if done.returncode < 0 else 'status'} {abs(done.returncode)}"
