"""Evaluators that share no code with ulq: ONNX Runtime, and a small QONNX executor.

The executor is written from the definitions of the QONNX operators (all tensors
are float32) and hands every standard node, alone, to ONNX Runtime.
"""

from collections.abc import Callable, Mapping

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper, numpy_helper

GENERAL = {"qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general", "finn"}
CHANNELS_LAST = "qonnx.custom_op.channels_last"
FINN_HARDWARE = "finn.custom_op.fpgadataflow"


def session(model: bytes | str, threads: int = 1) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session on the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def as_function(model: bytes) -> Callable[..., list[NDArray]]:
    """A model as a function from input arrays to output arrays."""
    runner = session(model)
    names = [value.name for value in runner.get_inputs()]
    return lambda *arrays: runner.run(None, dict(zip(names, arrays, strict=True)))


# --- QONNX operators --------------------------------------------------------------


def _half_up(x: NDArray) -> NDArray:
    return np.sign(x) * np.floor(np.abs(x) + np.float32(0.5))


def _half_down(x: NDArray) -> NDArray:
    return np.sign(x) * np.ceil(np.abs(x) - np.float32(0.5))


ROUNDING = {
    "ROUND": np.rint,
    "HALF_EVEN": np.rint,
    "CEIL": np.ceil,
    "FLOOR": np.floor,
    "UP": lambda x: np.sign(x) * np.ceil(np.abs(x)),
    "DOWN": np.trunc,
    "HALF_UP": _half_up,
    "HALF_DOWN": _half_down,
}


def _bounds(bits: NDArray, signed: int, narrow: int) -> tuple[float, float]:
    levels = 2.0 ** (float(bits) - 1)
    return (-levels + narrow, levels - 1) if signed else (0.0, 2 * levels - 1 - narrow)


def _int_quant(x, scale, zero, bits, *, signed, narrow, rounding_mode="ROUND"):
    v = x / scale + zero
    if float(bits) == 1 and signed:
        return (np.where(v >= 0, 1, -1) - zero) * scale
    v = ROUNDING[rounding_mode.upper()](np.clip(v, *_bounds(bits, signed, narrow)))
    return (v - zero) * scale


def _bipolar_quant(x, scale):
    return np.where(x >= 0, 1, -1) * scale


def _trunc_v1(x, scale, zero, in_bits, out_bits, *, rounding_mode="FLOOR"):
    v = np.rint(x / scale + zero) / 2.0 ** (float(in_bits) - float(out_bits))
    return (ROUNDING[rounding_mode.upper()](v) - zero) * scale


def _trunc_v2(x, scale, zero, in_bits, out_scale, out_bits, *, rounding_mode="FLOOR", signed=1, narrow=0):
    divisor = 2.0 ** np.rint(np.log2(out_scale / scale))
    v = np.clip(np.rint(x / scale + zero) / divisor, *_bounds(out_bits, signed, narrow))
    return (ROUNDING[rounding_mode.upper()](v) - zero / divisor) * out_scale


def _multi_threshold(v, thresholds, *, out_dtype, out_scale=1.0, out_bias=0.0, data_layout="NCHW"):
    channels_last = v if data_layout.endswith("C") else np.moveaxis(v, 1, -1)
    count = np.sum(channels_last[..., None] >= thresholds, axis=-1)
    count = count if data_layout.endswith("C") else np.moveaxis(count, -1, 1)
    return out_scale * count + out_bias


# --- FINN hardware operators: NHWC tensors of integers ------------------------------


def _duplicate(x, **_):
    return x, x


def _pad(x, *, Padding, **_):
    top, left, bottom, right = Padding
    return np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))


def _im2col(x, *, ConvKernelDim, Stride, Dilation, OFMDim, SIMD, depthwise, **_):
    (kh, kw), (sy, sx), (dy, dx), (oh, ow) = ConvKernelDim, Stride, Dilation, OFMDim
    taps = [
        x[:, i * dy : i * dy + sy * (oh - 1) + 1 : sy, j * dx : j * dx + sx * (ow - 1) + 1 : sx]
        for i in range(kh)
        for j in range(kw)
    ]
    columns = np.stack(taps, axis=3)  # [n, oh, ow, taps, c]
    if depthwise:  # one fold of SIMD channels after the other
        columns = columns.reshape(*columns.shape[:4], -1, SIMD).swapaxes(3, 4)
    return columns.reshape(*columns.shape[:3], -1)


def _activate(accumulator, thresholds, bias):
    return np.sum(accumulator[..., None] >= thresholds, axis=-1) + bias


def _vector_vector(x, w, thresholds, *, Channels, Kernel, PE, ActVal, **_):
    taps = Kernel[0] * Kernel[1]
    columns = x.reshape(*x.shape[:3], -1, taps, PE)
    accumulator = np.einsum("...fkp,fpk->...fp", columns, w.reshape(-1, PE, taps))
    return _activate(accumulator.reshape(*x.shape[:3], Channels), thresholds, ActVal)


def _matrix_vector(x, w, thresholds, *, ActVal, **_):
    return _activate(x @ w, thresholds, ActVal)


def _add(x, y, **_):
    return x + y


OPERATORS = {
    **{(domain, "Quant"): _int_quant for domain in GENERAL},
    **{(domain, "IntQuant"): _int_quant for domain in GENERAL},
    **{(domain, "BipolarQuant"): _bipolar_quant for domain in GENERAL},
    **{(domain, "MultiThreshold"): _multi_threshold for domain in GENERAL},
    (FINN_HARDWARE, "DuplicateStreams_Batch"): _duplicate,
    (FINN_HARDWARE, "FMPadding_Batch"): _pad,
    (FINN_HARDWARE, "ConvolutionInputGenerator"): _im2col,
    (FINN_HARDWARE, "VectorVectorActivation"): _vector_vector,
    (FINN_HARDWARE, "MatrixVectorActivation"): _matrix_vector,
    (FINN_HARDWARE, "AddStreams_Batch"): _add,
}


# --- executor -----------------------------------------------------------------------


def _attributes(node: onnx.NodeProto) -> dict:
    values = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return {name: v.decode() if isinstance(v, bytes) else v for name, v in values.items()}


class QonnxExecutor:
    """Evaluates a QONNX model node by node in float32; static batch sizes are not enforced."""

    def __init__(self, path: str):
        self.model = onnx.load(path)
        self.opsets = {o.domain: o.version for o in self.model.opset_import}
        self.sessions: dict[int, onnxruntime.InferenceSession] = {}

    def run(self, inputs: Mapping[str, NDArray], trace: dict[str, NDArray] | None = None) -> dict[str, NDArray]:
        """Outputs by name; `trace` receives every tensor."""
        graph = self.model.graph
        tensors = {i.name: numpy_helper.to_array(i) for i in graph.initializer} | dict(inputs)
        for index, node in enumerate(graph.node):
            operands = [tensors[name] if name else None for name in node.input]
            results = self._node(index, node, operands)
            tensors.update(zip(node.output, results, strict=True))
        if trace is not None:
            trace.update(tensors)
        return {o.name: tensors[o.name] for o in graph.output}

    def _node(self, index: int, node: onnx.NodeProto, operands: list) -> list[NDArray]:
        if node.domain in ("", "ai.onnx"):
            return self._standard(index, node, operands)
        if node.domain == CHANNELS_LAST:
            return self._channels_last(index, node, operands)
        function = OPERATORS.get((node.domain, node.op_type))
        if node.op_type == "Trunc" and node.domain in GENERAL:
            function = _trunc_v1 if self.opsets[node.domain] == 1 else _trunc_v2
        results = function(*operands, **_attributes(node))
        results = results if isinstance(results, tuple) else (results,)
        return [np.asarray(result, np.float32) for result in results]

    def _channels_last(self, index: int, node: onnx.NodeProto, operands: list) -> list[NDArray]:
        """Transpose to channels first, run the ONNX node, transpose back."""
        spatial = [np.moveaxis(x, -1, 1) if x.ndim == 4 else x for x in operands]
        return [np.moveaxis(y, 1, -1) for y in self._standard(index, node, spatial)]

    def _standard(self, index: int, node: onnx.NodeProto, operands: list) -> list[NDArray]:
        feed = {f"x{i}": np.array(x, order="C") for i, x in enumerate(operands) if x is not None}
        if index not in self.sessions:
            self.sessions[index] = session(self._single(node, operands))
        return self.sessions[index].run(None, feed)

    def _single(self, node: onnx.NodeProto, operands: list) -> bytes:
        """A model of one node, with inputs of any shape."""
        names = [f"x{i}" if x is not None else "" for i, x in enumerate(operands)]
        outputs = [f"y{i}" for i in range(len(node.output))]
        alone = helper.make_node(node.op_type, names, outputs)
        alone.attribute.extend(node.attribute)
        inputs = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(x.dtype), [None] * x.ndim)
            for name, x in zip(names, operands, strict=True)
            if x is not None
        ]
        graph = helper.make_graph([alone], "node", inputs, [onnx.ValueInfoProto(name=name) for name in outputs])
        opset = helper.make_opsetid("", self.opsets.get("", 17))
        return helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString()
