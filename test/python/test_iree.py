"""The IREE stage: float segments, metadata, errors in one line."""

import numpy as np
import onnx.parser
import onnx.shape_inference
import pytest

import ulq
from ulq import iree, session, targets

SEGMENT = """<ir_version: 8, opset_import: ["": 17]>
segment (float[4] x) => (float[4] y) <float h = {0.5}> { m = Mul(x, h)  y = %s }"""
MAIN = """
module {
  func.func private @onnx_segment_0(tensor<4xf32>) -> tensor<4xf32>
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = func.call @onnx_segment_0(%x) : (tensor<4xf32>) -> tensor<4xf32>
    return %0 : tensor<4xf32>
  }
}
"""


def segment(last="Relu(m)"):
    return onnx.shape_inference.infer_shapes(onnx.parser.parse_model(SEGMENT % last))


def build(text, *segments):
    return iree.build([text], segments, [targets.lookup("generic")])


def test_segment_becomes_a_private_function():
    text = build(MAIN, segment()).text()
    assert "torch" not in text and "linalg.generic" in text
    assert text.count('sym_name = "onnx_segment_0"') == 1
    assert '"local"' in text and targets.lookup("generic").family.executable_format in text


def test_segment_that_nobody_calls_is_left_out():
    text = build("module { func.func @main() { return } }", segment()).text()
    assert "onnx_segment" not in text


def test_operator_without_lowering_is_named():
    with pytest.raises(ulq.UlqError, match=r"^node 'y' \(Hann\): IREE has no float lowering: failed to legalize"):
        build(MAIN, segment("Hann(m)"))


def test_the_failing_segment_is_named():
    text = MAIN.replace("return %0", "%1 = func.call @onnx_segment_1(%0) : (tensor<4xf32>) -> tensor<4xf32> return %1")
    text = text.replace("{", "{ func.func private @onnx_segment_1(tensor<4xf32>) -> tensor<4xf32>", 1)
    build(text, segment(), segment())
    with pytest.raises(ulq.UlqError, match=r"node 'y' \(Hann\)"):
        build(text, segment(), segment("Hann(m)"))


def test_crash_of_the_lowering_is_told():
    with pytest.raises(ulq.UlqError, match=r"\(Unique\): IREE has no float lowering: its compiler ended with signal"):
        build(MAIN, segment("Unique(m)"))


def test_unreadable_text():
    with pytest.raises(ulq.UlqError, match="IREE cannot read what ulq-opt wrote: "):
        build("module {")


def test_unknown_operation_is_refused_before_the_compiler_sees_it():
    with pytest.raises(ulq.UlqError, match="IREE cannot read what ulq-opt wrote: .*unregistered"):
        build('module { func.func @main() { "ulq.foo"() : () -> () return } }')


def test_compiler_error_is_one_line():
    module = build("""module {
      func.func private @nowhere(tensor<4xf32>) -> tensor<4xf32>
      func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
        %0 = func.call @nowhere(%x) : (tensor<4xf32>) -> tensor<4xf32>
        return %0 : tensor<4xf32>
      }
    }""")
    with pytest.raises(ulq.UlqError, match="^IREE could not (compile|write) the program: .*nowhere") as raised:
        iree.link(module, {})
    assert "\n" not in str(raised.value) and "no reason" not in str(raised.value)


def test_node_that_iree_cannot_compile_is_named():
    proto = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["": 17]>
      g (float[1,8,6,6] x) => (float y, int64 i) {
        h = Relu(x)
        [pool] y, i = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(h) }""")
    with pytest.raises(ulq.UlqError, match=r"^node 'pool' \(MaxPool\): IREE could not compile it: ") as raised:
        ulq.compile(proto)
    assert "\n" not in str(raised.value)


def test_layers_are_taken_off_the_module():
    module = build('module attributes {ulq.layers = [{name = "a", margin = 1.5, weight_bits = 2 : i64}]} {}')
    assert module.layers == [{"name": "a", "margin": 1.5, "weight_bits": 2}]
    assert "ulq.layers" not in module.text()


VERSION = """
module attributes {ulq.layers = [{name = "add", op = "Add", kernel = "float", isa = "ISA"}]} {
  func.func private @onnx_segment_0(tensor<4xf32>) -> tensor<4xf32>
  func.func @main(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
    %0 = func.call @onnx_segment_0(%x) : (tensor<4xf32>) -> tensor<4xf32>
    %1 = func.call @helper(%0) : (tensor<4xf32>) -> tensor<4xf32>
    return %1, %0 : tensor<4xf32>, tensor<4xf32>
  }
  func.func private @helper(%x: tensor<4xf32>) -> tensor<4xf32> {
    %c = arith.constant dense<NUMBER.0> : tensor<4xf32>
    %0 = arith.addf %x, %c : tensor<4xf32>
    return %0 : tensor<4xf32>
  }
}
"""


@pytest.mark.parametrize("count", [2, 3, 4])
def test_program_of_several_targets_runs_the_best_one(count):
    rows = [target for target in targets.TARGETS.values() if target.family is targets.X86_64]
    chosen = [target for target in rows if target.queried or target is rows[0]][:count]
    if not chosen[0].runs_here():
        pytest.skip("this machine runs no x86-64 programs")
    texts = [
        VERSION.replace("NUMBER", str(number)).replace("ISA", target.isa) for number, target in enumerate(chosen, 10)
    ]
    module = iree.build(texts, [segment()], chosen)
    assert [layer["isa"] for layer in module.layers] == [target.isa for target in chosen]
    ports = [{"name": name, "shape": [4], "dtype": "float32"} for name in "xyz"]
    names = [target.name for target in chosen]
    described = {"version": "0", "targets": names, "inputs": ports[:1], "outputs": ports[1:], "layers": [], "notes": []}
    program = session.from_bytes(iree.link(module, described))
    best = max(index for index, target in enumerate(chosen) if target.runs_here())

    def check(version):
        outputs = program.run(np.array([-2, 0, 2, 4], np.float32))
        np.testing.assert_array_equal(outputs["z"], np.array([0, 0, 1, 2], np.float32))
        np.testing.assert_array_equal(outputs["y"], outputs["z"] + 10 + version)

    check(best)
    for number, name in enumerate(names):
        program.max_target = name
        check(min(number, best))
    with pytest.raises(ulq.UlqError, match="expected one of the program's targets, x86-64, .* got 'neon'"):
        program.max_target = "neon"
