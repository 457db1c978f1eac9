"""PyTorch's quantized operators, called one after the other as its eager quantized models do."""

from __future__ import annotations

from collections.abc import Callable

import int8_graph
import numpy as np

from engines.base import HOST, ONEDNN_LEVELS, Job, Peer, Session, Unusable, onednn_environment, sample

ATEN_LEVELS = {"x86-64": "default", "x86-64-v3": "avx2", "skylake-avx512": "avx512", "x86-64-v4": "avx512"}


class TorchInt8(Peer):
    """`backend` is one of torch.backends.quantized.supported_engines; the kernels of qnnpack are SSE2 on x86."""

    def __init__(self, name: str, title: str, backend: str):
        super().__init__(name, title, "torch", "int8")
        self.backend = backend

    def honours(self, limit: str) -> bool:
        return limit == HOST or limit in ONEDNN_LEVELS

    def environment(self, limit: str) -> dict[str, str]:
        return onednn_environment(limit) | ({"ATEN_CPU_CAPABILITY": ATEN_LEVELS[limit]} if limit in ATEN_LEVELS else {})

    def load(self, path: str, job: Job) -> Session:
        import torch

        if self.backend not in torch.backends.quantized.supported_engines:
            raise Unusable(f"torch {torch.__version__} has no {self.backend}")
        torch.backends.quantized.engine = self.backend
        torch.set_num_threads(job.threads)
        graph = int8_graph.read(path)
        steps = [(operator.output, operator.inputs, _step(torch, operator, graph)) for operator in graph.operators]
        tensors = {name: torch.from_numpy(sample(shape)) for name, shape in graph.inputs.items()}
        tensors = {
            name: x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x for name, x in tensors.items()
        }

        def call() -> list:
            with torch.inference_mode():
                values = dict(tensors)
                for output, inputs, step in steps:
                    values[output] = step(*(values[name] for name in inputs))
                return [values[name] for name in graph.outputs]

        return Session(call, lambda: call()[0].dequantize().contiguous().numpy().astype(np.float32))


def _step(torch, operator: int8_graph.Operator, graph: int8_graph.Int8Graph) -> Callable:
    """A function from the operands' tensors to the result."""
    quantized, functional = torch.ops.quantized, torch.nn.functional
    grid = operator.codes.scale, operator.codes.zero
    attributes = operator.attributes
    match operator.kind:
        case "QuantizeLinear":
            return lambda x: torch.quantize_per_tensor(x, *grid, torch.quint8)
        case "Conv" | "Gemm":
            return _product(torch, operator, graph, grid)
        case "Add":
            add = quantized.add_relu if operator.relu else quantized.add
            return lambda a, b: add(a, b, *grid)
        case "Mul":
            return lambda a, b: quantized.mul(a, b, *grid)
        case "Sigmoid":
            return lambda x: quantized.sigmoid(x, *grid)
        case "Concat":
            return lambda *parts: quantized.cat(list(parts), attributes["axis"], *grid)
        case "MaxPool":
            window = attributes["kernel_shape"], attributes["strides"], attributes["pads"][:2]
            return lambda x: functional.max_pool2d(x, *window)
        case "GlobalAveragePool":
            return lambda x: functional.adaptive_avg_pool2d(x, 1)
        case "Flatten":
            return lambda x: x.flatten(1)
        case "Resize":
            return lambda x: functional.interpolate(x, size=operator.shape[2:], mode="nearest")
    raise Unusable(f"no torch operator for {operator.kind}")


def _product(torch, operator: int8_graph.Operator, graph: int8_graph.Int8Graph, grid: tuple) -> Callable:
    quantized = torch.ops.quantized
    weights = operator.weights
    scales = torch.from_numpy(operator.scales.astype(np.float64))
    tensor = torch._make_per_channel_quantized_tensor(
        torch.from_numpy(weights.astype(np.int8)), scales, torch.zeros(len(weights), dtype=torch.long), 0
    )
    step = graph.codes[operator.inputs[0]].scale * operator.scales
    bias = torch.from_numpy((operator.bias * step).astype(np.float32))
    if operator.kind == "Gemm":
        packed = quantized.linear_prepack(tensor, bias)
        linear = quantized.linear_relu if operator.relu else quantized.linear
        return lambda x: linear(x, packed, *grid)
    attributes = operator.attributes
    geometry = attributes["strides"], attributes["pads"][:2], [1, 1], attributes["group"]
    packed = quantized.conv2d_prepack(tensor, bias, *geometry)
    conv = quantized.conv2d_relu if operator.relu else quantized.conv2d
    return lambda x: conv(x, packed, *grid)
