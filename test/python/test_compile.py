"""`ulq.compile` from an ONNX file to results, on the digits network of the examples."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

import ulq
from ulq import opt, targets

MODEL = Path(__file__).resolve().parents[2] / "examples" / "digits" / "digits_w2a2_qcdq.onnx"


@pytest.fixture(autouse=True, scope="module")
def need_ulq_opt():
    try:
        opt.find()
    except ulq.UlqError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((20, 1, 1, 8, 8), dtype=np.float32)


@pytest.fixture(scope="module")
def expected(images):
    session = onnxruntime.InferenceSession(MODEL)
    return [session.run(None, {"image": image})[0] for image in images]


def native(names):
    return [name for name in names if targets.TARGETS[name].runs_here()]


def check(program, images, expected):
    outputs = [program.run(image)["logits"] for image in images]  # all are kept: a later run must not touch them
    np.testing.assert_allclose(np.stack(outputs), np.stack(expected), rtol=1e-4, atol=1e-4)
    return np.stack(outputs)


@pytest.mark.parametrize("name", native(targets.TARGETS))
def test_each_native_target(name, images, expected):
    program = ulq.compile(MODEL, name)
    check(program, images, expected)
    assert program.targets == [name]


def test_list_of_targets(images, expected):
    names = native(["x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4"])
    program = ulq.compile(MODEL, names, keep_stages=True)
    outputs = check(program, images, expected)
    np.testing.assert_array_equal(outputs, check(ulq.compile(MODEL), images, expected))
    assert program.targets == names and list(program.stages)[0] == "import"
    for name in names:
        program.max_target = name
        np.testing.assert_array_equal(outputs, check(program, images, expected))


@pytest.mark.parametrize("form", [str, Path.read_bytes, onnx.load])
def test_forms_of_a_model(form, images, expected):
    check(ulq.compile(form(MODEL)), images[:2], expected[:2])


def test_same_input_same_bytes(tmp_path):
    for name in ("a", "b"):
        ulq.compile(MODEL).save(tmp_path / name)
    data = (tmp_path / "a").read_bytes()
    assert data == (tmp_path / "b").read_bytes()
    assert b"kernels-" not in data  # the path of the object


def test_stages_on_request():
    assert ulq.compile(MODEL).stages == {}
    stages = ulq.compile(MODEL, keep_stages=True).stages
    assert list(stages) == ["import", "opt", "iree"]
    assert "ulq.conv2d" in stages["import"] and "flow.dispatch" in stages["opt"] and "hal.device" in stages["iree"]


def test_program_describes_itself():
    program = ulq.compile(MODEL)
    assert [str(tensor) for tensor in program.inputs] == ["image: float32[1, 1, 8, 8]"]
    assert [str(tensor) for tensor in program.outputs] == ["logits: float32[1, 10]"]
    assert any("image" in note for note in program.notes)
    convolutions = [layer for layer in program.layers if layer.op == "Conv"]
    assert [layer.activation_bits for layer in convolutions] == [8, 2, 2]
    assert all(layer.weight_bytes > 0 and 0 < layer.accumulator_bound < 2**31 for layer in convolutions)
    assert all(layer.name in program.report() for layer in program.layers)


def test_batch_by_shapes(images, expected):
    program = ulq.compile(MODEL, shapes={"image": (4, 1, 8, 8)})
    outputs = program.run(images[:4, 0])["logits"]
    np.testing.assert_allclose(outputs, np.concatenate(expected[:4]), rtol=1e-4, atol=1e-4)


def test_aarch64_gives_the_same_numbers(images, expected):
    program = ulq.compile(MODEL, "aarch64")
    try:
        outputs = check(program, images[:2], expected[:2])
    except ulq.UlqError as missing:
        pytest.skip(str(missing))
    np.testing.assert_array_equal(outputs, check(ulq.compile(MODEL), images[:2], expected[:2]))


def test_refuses_before_any_work(tmp_path):
    with pytest.raises(ulq.UlqError, match="unknown target"):
        ulq.compile("absent.onnx", "z80")
    with pytest.raises(ulq.UlqError, match="absent.onnx"):
        ulq.compile(tmp_path / "absent.onnx")


def test_float_operators_are_in_the_report():
    model = onnx.load(MODEL)
    model.graph.node.append(onnx.helper.make_node("Softmax", ["logits"], ["probabilities"], "softmax", axis=1))
    model.graph.output[0].name = "probabilities"
    program = ulq.compile(model)
    assert program.layers[-1].name == "softmax" and program.layers[-1].op == "Softmax" and program.layers[-1].is_float
    outputs = program.run(np.zeros((1, 1, 8, 8), np.float32))
    np.testing.assert_allclose(outputs["probabilities"].sum(), 1, rtol=1e-6)
