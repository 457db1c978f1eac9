"""Models in ONNX's text form, and what the importer makes of them."""

import re

import numpy as np
import onnx
import onnx.parser

from ulq.importer import ImportedModel
from ulq.reference_graph import run_graph

QONNX = "qonnx.custom_op.general"


def parse(body: str, opset: int = 21, imports: str = "") -> onnx.ModelProto:
    """A model from the ONNX text form; `body` starts with the graph's signature."""
    extra = f', "{imports}": 1' if imports else ""
    return onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["": {opset}{extra}]> agraph {body}')


def operations(imported: ImportedModel) -> list[str]:
    """Names of the operations of `@main`, constants left out, in order."""
    names = re.findall(r'"(ulq\.\w+|func\.call)"', imported.text)
    return [name.removeprefix("ulq.") for name in names if name != "ulq.constant"]


def line(imported: ImportedModel, operation: str) -> str:
    """The first line of text with the operation."""
    return next(text for text in imported.text.splitlines() if f'"ulq.{operation}"' in text)


def run(imported: ImportedModel, *inputs: np.ndarray) -> np.ndarray:
    names = [name for name, _, _ in imported.inputs]
    outputs = run_graph(imported.text, dict(zip(names, inputs, strict=True)))
    return outputs[imported.outputs[0][0]]
