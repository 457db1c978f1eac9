"""`ulq.compile`: from an ONNX model to a program, in three stages whose text can be kept.

import: the model as graph-level operations
opt:    kernels generated and compiled; dispatches, functions and float operations are left
iree:   the module that IREE compiles, with the float parts of the model in it
"""

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import onnx

from ulq import importer, iree, opt, session, targets
from ulq import tuning as tuning_file
from ulq.onnx_model import node_name


def compile(
    model: str | os.PathLike | bytes | onnx.ModelProto,
    target: str | Sequence[str] = "host",
    *,
    shapes: Mapping[str, Sequence[int]] | None = None,
    tuning: str | os.PathLike | None = None,
    keep_stages: bool = False,
) -> session.Program:
    """Compiles a quantized ONNX model.

    Args:
        model: path of an ONNX file, its bytes, or the parsed model.
        target: name of a target (`ulq.targets`), or a list of names of one architecture.
        shapes: shapes of inputs by ONNX name, for dimensions that the model leaves open.
        tuning: path of a file of `ulq tune`: its times choose the kernels of the layers that it has.
        keep_stages: keep the MLIR text of each stage in `Program.stages`.

    Raises UlqError with one line that names the ONNX node, its operator and the reason.
    """
    return compile_stages(model, target, shapes, tuning, keep_stages, lambda stage: None)


def compile_stages(
    model: str | os.PathLike | bytes | onnx.ModelProto,
    target: str | Sequence[str],
    shapes: Mapping[str, Sequence[int]] | None,
    tuning: str | os.PathLike | None,
    keep_stages: bool,
    begin: Callable[[str], None],
    family: str = "",
) -> session.Program:
    """As `compile`; calls `begin` with the name of each stage when it starts. For comparisons of kernels, `family`
    names the ones to take wherever they are exact."""
    chosen = targets.resolve(target)
    begin("import")
    imported = importer.import_model(model, shapes)
    with tempfile.TemporaryDirectory(prefix="ulq-") as directory:
        begin("opt")
        lowered = [
            opt.compile_module(
                imported.text,
                one,
                chosen[0],
                directory,
                imported.operators,
                _tuning(tuning, one, directory),
                family,
            )
            for one in chosen
        ]
        begin("iree")
        module = iree.build(lowered, imported.segments, chosen)
        if tuning is not None:
            module.notes.extend(_unmeasured(module.layers))
        stages = _stages(imported, chosen, lowered, module) if keep_stages else {}
        data = iree.link(module, metadata(imported, module, chosen))
    return session.from_bytes(data, stages)


def _tuning(path: str | os.PathLike | None, target: targets.Target, directory: str) -> Path | None:
    """A checked copy of the tuning file, under a name that an option of ulq-opt can hold."""
    if path is None:
        return None
    copy = Path(directory) / f"tuning-{target.isa}.json"
    copy.write_text(tuning_file.for_isa(path, target.isa), encoding="utf-8")
    return copy


def _unmeasured(layers: Sequence[Mapping]) -> list[str]:
    """A note where the tuning file does not have all layers."""
    products = [layer for layer in layers if "candidates" in layer]
    missing = sum(not layer.get("measured") for layer in products)
    return [f"the tuning file has no times of {missing} of {len(products)} layers"] if missing else []


def _stages(imported: importer.ImportedModel, chosen, lowered: Sequence[str], module: iree.Module) -> dict[str, str]:
    """The text of each stage by its name; with several targets, one `opt` stage for each."""
    names = ["opt"] if len(chosen) == 1 else [f"opt-{target.name}" for target in chosen]
    return {"import": imported.text, **dict(zip(names, lowered, strict=True)), "iree": module.text()}


def metadata(imported: importer.ImportedModel, module: iree.Module, chosen: Sequence[targets.Target]) -> dict:
    """What a program must know about itself, as plain data: it travels inside the .vmfb."""
    return {
        "version": version("ulq"),
        "targets": [target.name for target in chosen],
        "inputs": [session.Tensor(*port).to_row() for port in imported.inputs],
        "outputs": [session.Tensor(*port).to_row() for port in imported.outputs],
        "layers": all_layers(imported, module.layers),
        "notes": [*imported.notes, *module.notes],
    }


def all_layers(imported: importer.ImportedModel, layers: Sequence[Mapping]) -> list[dict]:
    """The rows of ulq-opt and one for each node of the float segments, in the order of the model's nodes."""
    order = {name: index for index, name in enumerate(imported.operators)}
    nodes = [node_name(node) for segment in imported.segments for node in segment.graph.node]
    floats = [
        {"name": name, "op": imported.operators[name], "kernel": "float", "weight_bits": 0}
        for name in nodes
        if name in order  # not the casts at the boundary of a segment
    ]
    # What only `ulq tune` asks for is left out.
    layers = [{key: layer[key] for key in layer if key not in ("key", "candidates")} for layer in layers]
    # A copy beside another row of its node only prepares what that reads.
    computed = {layer["name"] for layer in layers if layer["kernel"] != "copy"}
    named = [
        {**layer, "op": imported.operators.get(layer["name"], layer["op"])}
        if layer["kernel"] != "copy" or layer["name"] not in computed
        else layer
        for layer in layers
    ]
    return sorted([*named, *floats], key=lambda layer: order.get(layer["name"], len(order)))
