"""The networks of the benchmarks, tiny: valid files, living activations, and programs that are exact and on codes."""

import functools
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import oracles
import pytest

import ulq
from ulq import importer
from ulq.reference_graph import run_graph

BENCH = Path(__file__).resolve().parents[1] / "bench"
TINY = {"size": 32, "width": 0.125}
SHALLOW = ("resnet18", "vgg16ssd", "unet")
PRODUCTS = ("Conv", "Gemm", "MatMul")
TOLERANCE = 1e-5  # of the largest output: what float32 sums in another order may differ by

# Each network, and each form, width and way to add and concatenate at least once.
CASES = (
    ("resnet18", "w2a2", "qdq", "shared"),
    ("resnet18", "w1a1", "qdq", "float"),
    ("resnet18", "w1a1", "qonnx", "shared"),
    ("resnet50", "w4a4", "qdq", "separate"),
    ("mobilenetv1", "w1a1", "qonnx", "shared"),
    ("mobilenetv2", "w2a8", "qonnx", "shared"),
    ("vgg16ssd", "w3a3", "qdq", "float"),
    ("yolov5s", "w8a8", "qonnx", "shared"),
    ("yolov5s", "w2a2", "qdq", "shared"),
    ("yolov5s", "w3a3", "qonnx", "separate"),
    ("yolov5s_relu", "w1a2", "qonnx", "shared"),
    ("yolov5s_relu", "w3a3", "qdq", "shared"),
    ("unet", "w2a2", "qonnx", "shared"),
)
each_case = pytest.mark.parametrize("case", CASES, ids="-".join)


def _load():
    sys.path.append(str(BENCH))  # its modules import each other by name
    spec = importlib.util.spec_from_file_location("bench_models", BENCH / "models.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


models = _load()


@functools.cache
def built(network: str, bits: str, form: str, residual: str) -> onnx.ModelProto:
    return models.build(network, bits, form=form, residual=residual, **TINY)


@functools.cache
def expected(case: tuple) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Outputs by the exact meaning of the imported graph, and the values behind every node."""
    model = built(*case)
    imported = importer.import_model(model)
    segments = {
        f"onnx_segment_{index}": oracles.as_function(segment.SerializeToString())
        for index, segment in enumerate(imported.segments)
    }
    trace: dict[str, np.ndarray] = {}
    return run_graph(imported.text, {"x": models.image(model)}, segments, trace), trace


@each_case
def test_is_valid(case):
    onnx.checker.check_model(built(*case), full_check=case[2] == "qdq")


@each_case
def test_activations_neither_die_nor_saturate(case):
    quantizers = {name: value for name, value in expected(case)[1].items() if re.search(r"/[sub]\d$", name)}
    assert len(quantizers) > 10
    for name, value in quantizers.items():
        bits = int(name[-1])
        if value.size < 64:
            continue
        shares = np.unique(value, return_counts=True)[1] / value.size
        zero, top = np.mean(value == 0), shares[-1]
        few = name.startswith("mean")  # of one pixel, which has as many values as there are codes
        assert len(shares) >= (2 if few else min(1 << bits, 16) // 2), f"{name}: {len(shares)} codes"
        assert zero < 0.95 and (top < 0.6 if bits > 1 else 0.03 < top < 0.97), f"{name}: zero {zero}, top {top}"


@each_case
def test_program_is_exact_and_on_codes(case):
    layers = check_program(case)
    assert not [layer.name for layer in layers if layer.is_float]


@pytest.mark.parametrize("network", ["vgg16ssd", "yolov5s_relu"])
def test_suppression_behind_a_detector(network):
    """Rows are those of ONNX Runtime for the boxes and scores that the program yields."""
    model = models.build(network, "w4a4", nms=True, **TINY)
    nodes = {node.op_type: node for node in model.graph.node}
    boxes, scores, *limits = nodes["NonMaxSuppression"].input
    for name in (boxes, scores):
        if name not in {value.name for value in model.graph.output}:
            model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    outputs = ulq.compile(model).run(models.image(model))
    graph = onnx.helper.make_graph(
        [nodes["NonMaxSuppression"]],
        "suppression",
        [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in (boxes, scores)],
        [onnx.helper.make_tensor_value_info("kept", onnx.TensorProto.INT64, None)],
        [tensor for tensor in model.graph.initializer if tensor.name in limits],
    )
    alone = onnx.helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    want = oracles.as_function(alone.SerializeToString())(outputs[boxes], outputs[scores])[0]
    assert len(want) > 0
    np.testing.assert_array_equal(outputs["kept"], want)


def test_functions_and_their_quantizers_are_part_of_layers():
    """SiLU too, whatever reads it: no quantizer is float."""
    program = ulq.compile(built("yolov5s", "w2a2", "qdq", "shared"))
    quantizers = [layer for layer in program.layers if re.search(r"/[su]\d$", layer.name)]
    assert quantizers and not any(layer.is_float for layer in quantizers)


def check_program(case) -> list:
    """The products of the program, which computes the exact outputs."""
    model = built(*case)
    program = ulq.compile(model)
    actual = program.run(models.image(model))
    outputs, _ = expected(case)
    assert actual.keys() == outputs.keys()
    for name, value in outputs.items():
        np.testing.assert_allclose(actual[name], value, rtol=0, atol=TOLERANCE * np.abs(value).max(), err_msg=name)
    products = [layer for layer in program.layers if layer.op in PRODUCTS]
    # A product is computed once for each of several quantizers of 8 bits.
    assert len({layer.name for layer in products}) == sum(node.op_type in PRODUCTS for node in model.graph.node)
    return products


@pytest.mark.parametrize("network", models.NETWORKS)
def test_peer_forms_agree(network):
    """ONNX Runtime takes both; int8 stays close to floats where few layers amplify the roundings of random weights."""
    logits = []
    for form in ("fp32", "int8"):
        model = models.build(network, form=form, tail=False, **TINY)
        onnx.checker.check_model(model, full_check=True)
        session = oracles.session(model.SerializeToString())
        logits.append(np.concatenate([y.ravel() for y in session.run(None, {"x": models.image(model)})]))
    assert all(0.5 < y.std() < 5 for y in logits)
    assert network not in SHALLOW or np.corrcoef(*logits)[0, 1] > 0.9


def test_macs_are_those_of_the_graph():
    model = models.build("mobilenetv2", form="fp32", **TINY)
    inferred = onnx.shape_inference.infer_shapes(model).graph
    extents = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in inferred.value_info}
    weights = {tensor.name: tensor.dims for tensor in inferred.initializer}
    products = [node for node in inferred.node if node.op_type in PRODUCTS]
    macs = sum(np.prod(extents[node.output[0]]) * np.prod(weights[node.input[1]][1:]) for node in products)
    assert {entry.key: entry.value for entry in model.metadata_props}["macs"] == str(macs)


def test_same_arguments_same_file():
    one, two, other = (models.build("resnet18", "w2a2", seed=seed, **TINY) for seed in (3, 3, 4))
    assert one.SerializeToString(deterministic=True) == two.SerializeToString(deterministic=True)
    assert one.graph.initializer != other.graph.initializer


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"network": "alexnet"}, "unknown network 'alexnet', expected one of resnet18"),
        ({"network": "unet", "bits": "w9a2"}, "bits 'w9a2'"),
        ({"network": "unet", "size": 100}, "size 100 is not a multiple of 32"),
        ({"network": "unet", "form": "tflite"}, "unknown form"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        models.build(**arguments)


def test_command_line(tmp_path):
    path = tmp_path / "tiny.onnx"
    command = [sys.executable, BENCH / "models.py", "--network", "mobilenetv1", "--bits", "w4a4", "--form", "qdq"]
    options = ["--size", "32", "--width", "0.25", "-o", path]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
    assert "GMAC" in done.stdout
    onnx.checker.check_model(str(path))
