"""LiteRT (TensorFlow Lite) with its XNNPACK delegate. The int8 form is written as a .tflite file, operator by operator.

The file is what a converter would make of the network: int8 activations, the grids of the int8 form shifted by 128,
and int8 weights per channel. TensorFlow's SAME padding is not symmetric where a stride is 2, so those operators read
the result of a PAD, as in files that were converted from PyTorch.
"""

from __future__ import annotations

from pathlib import Path

import int8_graph
import numpy as np
from numpy.typing import NDArray

from engines.base import Job, Peer, Session, Unusable, sample

SHIFT = 128  # from unsigned codes to signed ones
# The versions of operators that take int8, where it is not 1; per-channel weights ask for the last two.
VERSIONS = {
    **dict.fromkeys(("ADD", "MUL", "LOGISTIC", "CONCATENATION", "MEAN", "PAD", "MAX_POOL_2D", "DEQUANTIZE"), 2),
    **dict.fromkeys(("QUANTIZE", "RESIZE_NEAREST_NEIGHBOR"), 2),
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D"), 3),
    "FULLY_CONNECTED": 12,
}
SIGMOID = int8_graph.Codes(1 / 256, 0)  # the one grid that LOGISTIC yields


class LiteRT(Peer):
    def __init__(self):
        super().__init__("litert-int8", "LiteRT int8", "ai-edge-litert", "int8")

    def load(self, path: str, job: Job) -> Session:
        from ai_edge_litert.interpreter import Interpreter

        graph = int8_graph.read(path)
        file = Path(job.scratch, f"{Path(path).stem}.tflite")
        if not file.is_file():
            file.write_bytes(Writer(graph).model())
        interpreter = Interpreter(model_path=str(file), num_threads=job.threads)
        interpreter.allocate_tensors()
        for detail, shape in zip(interpreter.get_input_details(), graph.inputs.values(), strict=True):
            interpreter.set_tensor(detail["index"], _last(sample(shape)))
        first = interpreter.get_output_details()[0]["index"]

        def output() -> np.ndarray:
            interpreter.invoke()
            result = interpreter.get_tensor(first)
            return result.transpose(0, 3, 1, 2) if result.ndim == 4 else result

        return Session(interpreter.invoke, output)


def _last(x: NDArray) -> NDArray:
    """Channels last."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)) if x.ndim == 4 else x


class Writer:
    """A .tflite file under construction, in the object form of its schema."""

    def __init__(self, graph: int8_graph.Int8Graph):
        from ai_edge_litert import schema_py_generated as schema

        self.schema, self.graph = schema, graph
        self.codes = dict(graph.codes)
        self.codes |= {o.output: SIGMOID for o in graph.operators if o.kind == "Sigmoid"}
        self.buffers, self.tensors, self.operators = [schema.BufferT()], [], []
        self.opcodes: dict[str, int] = {}
        self.index: dict[str, int] = {}  # of computed tensors
        self.shapes: dict[str, tuple[int, ...]] = {}

    def model(self) -> bytes:
        import flatbuffers

        schema, graph = self.schema, self.graph
        types = schema.TensorType
        for name, shape in graph.inputs.items():
            self.shapes[name] = shape
            self.index[name] = self._tensor(name, _order(shape), types.FLOAT32)
        for operator in graph.operators:
            self._write(operator)
        outputs = []
        for name in graph.outputs:
            result = self._tensor(f"{name}/real", _order(self.shapes[name]), types.FLOAT32)
            self._operator("DEQUANTIZE", [self.index[name]], result, "DequantizeOptions")
            outputs.append(result)
        subgraph = schema.SubGraphT()
        subgraph.tensors, subgraph.operators = self.tensors, self.operators
        subgraph.inputs, subgraph.outputs, subgraph.name = [self.index[name] for name in graph.inputs], outputs, "main"
        model = schema.ModelT()
        model.version, model.subgraphs, model.buffers = 3, [subgraph], self.buffers
        model.operatorCodes = [self._opcode(code) for code in self.opcodes]
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    # --- operators --------------------------------------------------------------------

    def _write(self, operator: int8_graph.Operator) -> None:
        """The operator and the tensor that it yields."""
        self.shapes[operator.output] = operator.shape
        result = self._result(operator.output, operator.shape)
        sources = [self.index[name] for name in operator.inputs]
        relu = self.schema.ActivationFunctionType.RELU if operator.relu else 0
        match operator.kind:
            case "QuantizeLinear":
                self._operator("QUANTIZE", sources, result, "QuantizeOptions")
            case "Conv":
                self._conv(operator, result, relu)
            case "Gemm":
                sources += self._weights(operator, operator.weights, 0)
                options = {"fusedActivationFunction": relu}
                self._operator("FULLY_CONNECTED", sources, result, "FullyConnectedOptions", **options)
            case "Add":
                self._operator("ADD", sources, result, "AddOptions", fusedActivationFunction=relu)
            case "Mul":
                self._operator("MUL", sources, result, "MulOptions")
            case "Sigmoid":
                self._operator("LOGISTIC", sources, result, None)
            case "Concat":
                parts = [self._regrid(name, operator.output) for name in operator.inputs]
                self._operator("CONCATENATION", parts, result, "ConcatenationOptions", axis=3)
            case "MaxPool":
                self._max_pool(operator, result)
            case "GlobalAveragePool":
                axes = self._constant("axes", np.array([1, 2], np.int32))
                self._operator("MEAN", [*sources, axes], result, "ReducerOptions", keepDims=True)
            case "Flatten":
                shape = self._constant("shape", np.array(operator.shape, np.int32))
                self._operator("RESHAPE", [*sources, shape], result, "ReshapeOptions", newShape=list(operator.shape))
            case "Resize":
                size = self._constant("size", np.array(operator.shape[2:], np.int32))
                self._operator("RESIZE_NEAREST_NEIGHBOR", [*sources, size], result, "ResizeNearestNeighborOptions")
            case _:
                raise Unusable(f"no LiteRT operator for {operator.kind}")

    def _conv(self, operator: int8_graph.Operator, result: int, relu: int) -> None:
        source, padding = self._padded(operator)
        groups, strides = operator.attributes["group"], operator.attributes["strides"]
        options = {"padding": padding, "strideH": strides[0], "strideW": strides[1], "fusedActivationFunction": relu}
        if groups == 1:
            weights = self._weights(operator, operator.weights.transpose(0, 2, 3, 1), 0)
            self._operator("CONV_2D", [source, *weights], result, "Conv2DOptions", **options)
            return
        if groups != len(operator.weights):
            raise Unusable(f"no LiteRT operator for a convolution of {groups} groups")
        weights = self._weights(operator, operator.weights.transpose(1, 2, 3, 0), 3)
        options["depthMultiplier"] = 1
        self._operator("DEPTHWISE_CONV_2D", [source, *weights], result, "DepthwiseConv2DOptions", **options)

    def _max_pool(self, operator: int8_graph.Operator, result: int) -> None:
        source, padding = self._padded(operator)
        (strides, kernel) = operator.attributes["strides"], operator.attributes["kernel_shape"]
        window = {"strideH": strides[0], "strideW": strides[1], "filterHeight": kernel[0], "filterWidth": kernel[1]}
        self._operator("MAX_POOL_2D", [source], result, "Pool2DOptions", padding=padding, **window)

    def _padded(self, operator: int8_graph.Operator) -> tuple[int, int]:
        """The operand of a window, behind a PAD where no padding of TensorFlow's is the same; and the padding left.

        PAD writes the code of 0, which for the maximum of values that are not negative is as good as none.
        """
        pads, kernel = operator.attributes["pads"], operator.attributes["kernel_shape"]
        name = operator.inputs[0]
        valid, same = self.schema.Padding.VALID, self.schema.Padding.SAME
        if not any(pads):
            return self.index[name], valid
        if operator.attributes["strides"] == [1, 1] and 2 * pads[0] == kernel[0] - 1 and len(set(pads)) == 1:
            return self.index[name], same
        batch, channels, height, width = self.shapes[name]
        padded = f"{operator.output}/pad"
        shape = batch, channels, height + pads[0] + pads[2], width + pads[1] + pads[3]
        self.codes[padded] = self.codes[name]
        result = self._result(padded, shape)
        amounts = np.array([[0, 0], [pads[0], pads[2]], [pads[1], pads[3]], [0, 0]], np.int32)
        sources = [self.index[name], self._constant("pads", amounts)]
        self._operator("PAD", sources, result, "PadOptions")
        return result, valid

    def _regrid(self, name: str, target: str) -> int:
        """The tensor on the grid of another: CONCATENATION takes one grid only."""
        if self.codes[name] == self.codes[target]:
            return self.index[name]
        moved = f"{name}/in/{target}"
        self.codes[moved] = self.codes[target]
        result = self._result(moved, self.shapes[name])
        self._operator("QUANTIZE", [self.index[name]], result, "QuantizeOptions")
        return result

    # --- tensors ----------------------------------------------------------------------

    def _result(self, name: str, shape: tuple[int, ...]) -> int:
        grid = self.codes[name]
        parameters = self._parameters([grid.scale], [grid.zero - SHIFT])
        self.index[name] = self._tensor(name, _order(shape), self.schema.TensorType.INT8, parameters)
        return self.index[name]

    def _weights(self, operator: int8_graph.Operator, weights: NDArray, axis: int) -> list[int]:
        types, zeros = self.schema.TensorType, [0] * len(operator.scales)
        step = self.codes[operator.inputs[0]].scale * operator.scales
        kernel = self._parameters(operator.scales.tolist(), zeros, axis)
        return [
            self._tensor("weights", weights.shape, types.INT8, kernel, weights.astype(np.int8)),
            self._tensor(
                "bias", operator.bias.shape, types.INT32, self._parameters(step.tolist(), zeros), operator.bias
            ),
        ]

    def _constant(self, name: str, values: NDArray[np.int32]) -> int:
        return self._tensor(name, values.shape, self.schema.TensorType.INT32, None, values)

    def _tensor(self, name, shape, kind, parameters=None, values: NDArray | None = None) -> int:
        tensor = self.schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.quantization = name, list(shape), kind, parameters
        tensor.buffer = 0
        if values is not None:
            buffer = self.schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
            tensor.buffer = len(self.buffers)
            self.buffers.append(buffer)
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def _parameters(self, scales: list[float], zeros: list[int], axis: int = 0):
        parameters = self.schema.QuantizationParametersT()
        parameters.scale, parameters.zeroPoint, parameters.quantizedDimension = scales, zeros, axis
        return parameters

    def _operator(self, code: str, inputs: list[int], output: int, kind: str | None, **options) -> None:
        schema = self.schema
        operator = schema.OperatorT()
        operator.opcodeIndex = self.opcodes.setdefault(code, len(self.opcodes))
        operator.inputs, operator.outputs = inputs, [output]
        if kind:
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
            operator.builtinOptions = getattr(schema, f"{kind}T")()
            for name, value in options.items():
                if not hasattr(operator.builtinOptions, name):
                    raise AttributeError(f"{kind} has no {name}")
                setattr(operator.builtinOptions, name, value)
        self.operators.append(operator)

    def _opcode(self, name: str):
        code = self.schema.OperatorCodeT()
        code.builtinCode = getattr(self.schema.BuiltinOperator, name)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)  # where readers of old files look
        code.version = VERSIONS.get(name, 1)
        return code


def _order(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape with channels last."""
    return (shape[0], *shape[2:], shape[1]) if len(shape) == 4 else shape
