"""Measures the cost tables of python/ulq/costs: `make costs`, or `python test/bench/costs.py --help`.

A table is a file of `ulq tune` for layers of usual shapes at usual widths, one thread, of one instruction set. Which
kernels are measured is what ulq-opt offers for each layer. Run it on a quiet machine; it may be stopped and continued.
"""

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from rich.console import Console
from rich.progress import Progress

from ulq import UlqError, targets, tune

COSTS = Path(__file__).resolve().parents[2] / "python" / "ulq" / "costs"
QONNX = "qonnx.custom_op.general"
WIDTHS = ((1, 1), (1, 2), (2, 2), (3, 3), (4, 4), (2, 8), (4, 8), (8, 8), (32, 32))


@dataclass(frozen=True)
class Layer:
    """A square convolution of a square image."""

    size: int  # of the input
    channels: int
    outputs: int
    kernel: int = 3
    stride: int = 1
    groups: int = 1


@dataclass(frozen=True)
class Product:
    """A matrix product."""

    rows: int
    depth: int
    outputs: int


# Layers of about as many kernels each: a model is compiled as often as its longest list of candidates is long.
PLAIN_3X3 = (Layer(112, 32, 32), Layer(56, 64, 64), Layer(28, 128, 128), Layer(14, 256, 256), Layer(7, 512, 512))
OTHERS = (
    Layer(56, 64, 128, stride=2),
    Layer(14, 256, 512, stride=2),
    Layer(56, 64, 128, kernel=1, stride=2),
    Layer(56, 64, 256, kernel=1),
    Layer(14, 1024, 256, kernel=1),
    Layer(112, 32, 32, groups=32),
    Layer(56, 128, 128, groups=128),
    Layer(14, 512, 512, groups=512),
    Product(196, 2304, 256),
    Product(16, 512, 512),
    Product(1, 2048, 2048),
    Product(1, 512, 1000),
)
# 8 bits and float only.
FIRST = (Layer(224, 3, 64, kernel=7, stride=2), Layer(224, 3, 32, stride=2), Layer(224, 3, 64))


class Builder:
    """An ONNX model of layers that have an input and an output each."""

    def __init__(self, weight_bits: int, code_bits: int):
        self.weight_bits, self.code_bits = weight_bits, code_bits
        self.nodes, self.constants, self.inputs, self.outputs = [], [], [], []
        self.random = np.random.default_rng(0)

    def add(self, layer: Layer | Product) -> None:
        """Input codes, product, codes of the result."""
        name = f"layer{len(self.outputs)}"
        if isinstance(layer, Product):
            shape, weights, attributes = (layer.rows, layer.depth), (layer.depth, layer.outputs), {}
        else:
            shape = (1, layer.channels, layer.size, layer.size)
            weights = (layer.outputs, layer.channels // layer.groups, layer.kernel, layer.kernel)
            pads = [layer.kernel // 2] * 4
            attributes = {"pads": pads, "strides": [layer.stride] * 2, "group": layer.groups}
        self.inputs.append(helper.make_tensor_value_info(f"{name}/x", TensorProto.FLOAT, shape))
        x = self._codes(f"{name}/x")
        w = self._weights(f"{name}/w", weights)
        self.nodes.append(
            helper.make_node(
                "MatMul" if isinstance(layer, Product) else "Conv", [x, w], [f"{name}/y"], name, **attributes
            )
        )
        self.outputs.append(helper.make_tensor_value_info(self._codes(f"{name}/y"), TensorProto.FLOAT, None))

    def model(self):
        graph = helper.make_graph(self.nodes, "layers", self.inputs, self.outputs, self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(QONNX, 1)])

    def _codes(self, value: str) -> str:
        if self.code_bits == 32:
            return value
        return self._quant(value, self.code_bits, signed=0)

    def _weights(self, name: str, shape: tuple[int, ...]) -> str:
        if self.weight_bits == 32:
            return self._constant(name, self.random.standard_normal(shape))
        if self.weight_bits == 1:
            values = self._constant(name, self.random.choice((-1, 1), shape))
            self.nodes.append(
                helper.make_node("BipolarQuant", [values, self._constant(f"{name}/s", 1)], [f"{name}/q"], domain=QONNX)
            )
            return f"{name}/q"
        half = 1 << (self.weight_bits - 1)
        return self._quant(self._constant(name, self.random.integers(1 - half, half, shape)), self.weight_bits, 1)

    def _quant(self, value: str, bits: int, signed: int) -> str:
        scale, zero, width = (
            self._constant(f"{value}/{key}", number) for key, number in (("s", 1), ("z", 0), ("b", bits))
        )
        quant = {"signed": signed, "narrow": signed, "rounding_mode": "ROUND"}
        self.nodes.append(helper.make_node("Quant", [value, scale, zero, width], [f"{value}/q"], domain=QONNX, **quant))
        return f"{value}/q"

    def _constant(self, name: str, value) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name


def model(layers, weight_bits: int, code_bits: int):
    """These layers at one pair of widths."""
    builder = Builder(weight_bits, code_bits)
    for layer in layers:
        builder.add(layer)
    return builder.model()


def models():
    """The models to measure, each with its name."""
    for weight_bits, code_bits in WIDTHS:
        widths = f"w{weight_bits}a{code_bits}"
        yield f"{widths} 3x3", model(PLAIN_3X3, weight_bits, code_bits)
        others = (*OTHERS, *FIRST) if weight_bits >= 8 else OTHERS
        yield f"{widths} others", model(others, weight_bits, code_bits)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--target", action="append", help="may be repeated; default: all that run on this machine")
    parser.add_argument("--output", type=Path, default=COSTS, help="folder of the tables")
    parser.add_argument("--fresh", action="store_true", help="measure everything again")
    arguments = parser.parse_args()
    console = Console(stderr=True)
    if os.getloadavg()[0] > 0.5:
        console.print("[red]warning: the machine is busy")
    arguments.output.mkdir(exist_ok=True)
    runnable = [name for name, target in targets.TARGETS.items() if target.runs_here()]
    try:
        for target in targets.resolve(arguments.target or runnable):
            file = arguments.output / f"{target.isa}.json"
            if arguments.fresh:
                file.unlink(missing_ok=True)
            with Progress(console=console) as bar:
                for name, layers in models():
                    task = bar.add_task(f"{target.isa} {name}")
                    tune.tune(
                        layers,
                        target.name,
                        output=file,
                        begin=lambda at, bar=bar, task=task: bar.update(task, completed=at.done, total=at.total),
                    )
    except UlqError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
