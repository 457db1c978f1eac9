"""NonMaxSuppression and what follows it: extents that are known at run time only."""

import re
import subprocess
from pathlib import Path

import iree.runtime
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

import ulq
from ulq.importer import import_model
from ulq.reference_graph import run_graph

RANDOM = np.random.default_rng(5)


def model(body: str, outputs: str, boxes=(1, 40, 4), classes: int = 3, numbers=(4, 0.5, 0.3)) -> onnx.ModelProto:
    """Nodes from `boxes` and `scores`; `numbers` are the constants most, iou and limit, where there are any."""
    batch, count, _ = boxes
    text = f"""<ir_version: 8, opset_import: ["" : 17]>
      g (float[{batch},{count},4] boxes, float[{batch},{classes},{count}] scores) => ({outputs}) {{ {body} }}"""
    parsed = onnx.parser.parse_model(text)
    for name, value in zip(("most", "iou", "limit"), numbers, strict=False):
        array = np.array([value], np.int64 if name == "most" else np.float32)
        parsed.graph.initializer.append(numpy_helper.from_array(array, name))
    parts = {"c0": 0, "c1": 1, "c2": 2, "c3": 3, "zero": [0], "one": [1], "two": [2], "three": [3], "last": [-1]}
    for name, value in {**parts, "four_wide": [-1, 4]}.items():
        parsed.graph.initializer.append(numpy_helper.from_array(np.array(value, np.int64), name))
    parsed.graph.initializer.append(numpy_helper.from_array(np.array([2, 2, 1, 1], np.float32), "scale"))
    return parsed


def suppression(boxes=(1, 40, 4), classes: int = 3, numbers=(4, 0.5, 0.3), center: int = 0) -> onnx.ModelProto:
    names = ", ".join(("boxes", "scores", "most", "iou", "limit")[: 2 + len(numbers)])
    body = f"kept = NonMaxSuppression<center_point_box={center}>({names})"
    return model(body, "int64[n,3] kept", boxes, classes, numbers)


def random_inputs(proto: onnx.ModelProto, grid: int = 0) -> dict[str, np.ndarray]:
    """With `grid`, multiples of 1 / grid: equal scores, equal overlaps, empty boxes."""
    shapes = [[dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in proto.graph.input]
    arrays = [RANDOM.random(shape, np.float32) for shape in shapes]
    arrays = [np.round(array * grid) / np.float32(grid) if grid else array for array in arrays]
    return {value.name: array for value, array in zip(proto.graph.input, arrays, strict=True)}


def check(proto: onnx.ModelProto, program: ulq.Program, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The program on the inputs, equal to ONNX Runtime bit for bit."""
    got = program.run(inputs)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    for value, want in zip(session.get_outputs(), session.run(None, inputs), strict=True):
        assert got[value.name].dtype == want.dtype
        np.testing.assert_array_equal(got[value.name], want)
    return got


# One box; less than, as much as and more than a vector; several images; several parts.
EXTENTS = [((1, 1, 4), 1), ((1, 7, 4), 2), ((2, 16, 4), 3), ((1, 33, 4), 1), ((3, 50, 4), 4), ((1, 1500, 4), 60)]
NUMBERS = [(1000, 0.0, 0.2), (5, 0.5), (2,), ()]
CASES = [(*extent, (3, 0.4, 0.5), center) for extent in EXTENTS for center in (0, 1)]
CASES += [(*EXTENTS[4], numbers, index % 2) for index, numbers in enumerate(NUMBERS)]


@pytest.mark.parametrize(("boxes", "classes", "numbers", "center"), CASES, ids=str)
def test_equals_runtime_and_reference(boxes, classes, numbers, center):
    proto = suppression(boxes, classes, numbers, center)
    program = ulq.compile(proto)
    text = import_model(proto).text
    for grid in (0, 8, 2):
        inputs = random_inputs(proto, grid)
        got = check(proto, program, inputs)
        if boxes[1] <= 50:
            np.testing.assert_array_equal(got["kept"], run_graph(text, inputs)["kept"])


@pytest.mark.parametrize("target", ["x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4"])
def test_every_vector_width(target):
    if not ulq.targets.TARGETS[target].runs_here():
        pytest.skip(f"this CPU does not execute {target}")
    proto = suppression((2, 37, 4), 3)
    check(proto, ulq.compile(proto, target=target), random_inputs(proto, 8))


def test_versions_and_threads():
    proto = suppression((1, 1500, 4), 60)
    program = ulq.compile(proto, target=["x86-64", "x86-64-v2"])
    inputs = random_inputs(proto, 16)
    alone = check(proto, program, inputs)["kept"]
    program.max_target = "x86-64"
    np.testing.assert_array_equal(program.run(inputs)["kept"], alone)


def test_no_box_is_left():
    proto = suppression(numbers=(4, 0.5, 2.0))
    kept = check(proto, ulq.compile(proto), random_inputs(proto))["kept"]
    assert kept.shape == (0, 3)


def test_overlap_at_the_threshold_is_kept():
    boxes = np.array([[[0, 0, 2, 2], [0, 1, 2, 3], [2, 3, 0, 0]]], np.float32)  # 2/6; 4/6 with the third, flipped
    scores = np.array([[[0.9, 0.8, 0.7]]], np.float32)
    for threshold, rows in ((1 / 3, [0, 1]), (np.nextafter(np.float32(1 / 3), np.float32(0)), [0])):
        proto = suppression((1, 3, 4), 1, (9, float(threshold), 0.0))
        kept = check(proto, ulq.compile(proto), {"boxes": boxes, "scores": scores})["kept"]
        assert kept[:, 2].tolist() == rows


def test_equal_scores_by_index_and_no_number_never():
    boxes = np.array([[[i, i, i + 1, i + 1] for i in range(5)]], np.float32)
    scores = np.array([[[0.0, np.nan, -0.0, -np.inf, 1.0]]], np.float32)
    program = ulq.compile(suppression((1, 5, 4), 1, (9, 0.5)))
    assert program.run({"boxes": boxes, "scores": scores})["kept"][:, 2].tolist() == [4, 0, 2, 3]


def test_computed_limits():
    proto = suppression(numbers=())
    proto.graph.node[0].input.extend(["most", "iou", "limit"])
    for name, kind in (("most", "INT64"), ("iou", "FLOAT"), ("limit", "FLOAT")):
        element = onnx.TensorProto.DataType.Value(kind)
        proto.graph.input.append(onnx.helper.make_tensor_value_info(name, element, [1]))
    program = ulq.compile(proto)
    inputs = random_inputs(proto)
    for most in (-1, 0, 2, 10**12):
        numbers = {"most": np.array([most]), "iou": np.float32([0.3]), "limit": np.float32([0.1])}
        if most >= 0:
            check(proto, program, {**inputs, **numbers})
        else:
            assert program.run({**inputs, **numbers})["kept"].shape == (0, 3)


KEPT = "kept = NonMaxSuppression(boxes, scores, most, iou, limit) "
COLUMN = KEPT + "column = Slice(kept, two, three, one) index = Squeeze(column, one) "
CHAINS = {
    "boxes": (COLUMN + "y = Gather<axis=1>(boxes, index)", "float[1,n,4] y"),
    "rows of boxes": (KEPT + "i = Gather<axis=1>(kept, c2) f = Gather<axis=1>(boxes, i) y = Reshape(f, four_wide)",
                      "float[n,4] y"),
    "scores": (KEPT + "y = GatherND(scores, kept)", "float[n] y"),
    "detections": (
        COLUMN + "f = Gather<axis=1>(boxes, index) b = Squeeze(f, zero) s0 = GatherND(scores, kept) "
        "s = Unsqueeze(s0, one) k = Slice(kept, one, two, one) c = Cast<to=1>(k) b2 = Mul(b, scale) "
        "y = Concat<axis=1>(b2, s, c)",
        "float[n,6] y",
    ),
    "elements": (
        COLUMN + "u = Unsqueeze(index, last) i = Concat<axis=1>(u, u, u, u) b = Squeeze(boxes, zero) "
        "y = GatherElements<axis=0>(b, i)",
        "float[n,4] y",
    ),
    "three parts": (KEPT + "y0, y1, y2 = Split<axis=1>(kept)", "int64[n,1] y0, int64[n,1] y1, int64[n,1] y2"),
    "first rows": (KEPT + "y = Slice(kept, zero, two, zero)", "int64[m,3] y"),
    "transposed": (KEPT + "y = Transpose<perm=[1,0]>(kept)", "int64[3,n] y"),
    "number": (KEPT + "y = Shape(kept) z = Size(kept)", "int64[2] y, int64 z"),
    "same twice": (KEPT + "y = Identity(kept)", "int64[n,3] kept, int64[n,3] y"),
    "arithmetic": (
        KEPT + "f = Cast<to=1>(kept) g = Add(f, f) h = Sigmoid(g) k = Sub(h, f) m = Max(k, f) q = Sqrt(f) "
        "y = Div(m, q)",
        "float[n,3] y",
    ),
    "chosen": (
        KEPT + "i = Gather<axis=1>(kept, c1) e = Equal(i, c1) n = Neg(i) w = Where(e, i, n) p = Mul(w, i) "
        "l = Less(i, c2) g = Greater(i, c0) a = And(l, g) o = Or(a, e) y = Not(o)",
        "int64[n] p, bool[n] y",
    ),
    "not zero": ("y = NonZero(scores)", "int64[3,n] y"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHAINS)
def test_chains_behind(name):
    body, outputs = CHAINS[name]
    proto = model(body, outputs)
    program = ulq.compile(proto)
    for scale in (1, 0):  # rows, and none
        inputs = random_inputs(proto)
        inputs["scores"] *= np.float32(scale)
        check(proto, program, inputs)


REFUSED = {
    KEPT + "f = Cast<to=1>(kept) g = Gather<axis=1>(f, c2) v, y = TopK(g, two)": ("TopK", "int64[2] y"),
    KEPT + "u = Cast<to=3>(kept) y = Identity(u)": ("Cast", "int8[n,3] y"),
    KEPT + "f = Cast<to=1>(kept) y = LogSoftmax(f)": ("LogSoftmax", "float[n,3] y"),
}


@pytest.mark.parametrize("body", REFUSED)
def test_refusals_name_the_node(body):
    operator, output = REFUSED[body]
    with pytest.raises(ulq.UlqError, match=rf"^model: node '\w+' \({operator}\): .*known at run time only") as error:
        ulq.compile(model(body, output))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"numbers": (3, 1.5, 0.5)}, "iou_threshold must be from 0 to 1, got 1.5"),
        ({"center": 2}, "center_point_box must be 0 or 1, got 2"),
    ],
    ids=["iou", "center"],
)
def test_bad_suppressions(change, reason):
    with pytest.raises(ulq.UlqError, match=re.escape(f"node 'kept' (NonMaxSuppression): {reason}")):
        ulq.compile(suppression(**change))


def test_saved_program(tmp_path):
    proto = suppression()
    program = ulq.compile(proto)
    program.save(tmp_path / "model.vmfb")
    loaded = ulq.load(tmp_path / "model.vmfb")
    assert loaded.outputs[0].shape == (None, 3)
    assert "kept: int64[?, 3]" in loaded.report()
    assert re.search(r"kept +NonMaxSuppression +a32 +float32 non_max_suppression", loaded.report())
    inputs = random_inputs(proto)
    want = check(proto, loaded, inputs)["kept"]
    for name, array in inputs.items():
        np.save(tmp_path / f"{name}.npy", array)
    tool = Path(iree.runtime.__file__).parent.parent / "_runtime_libs" / "iree-run-module"
    arguments = [f"--input=@{tmp_path}/{name}.npy" for name in ("boxes", "scores")]
    arguments += [f"--module={tmp_path}/model.vmfb", "--function=main", f"--output=@{tmp_path}/kept.npy"]
    subprocess.run([tool, "--device=local-sync", *arguments], check=True, capture_output=True)
    np.testing.assert_array_equal(np.load(tmp_path / "kept.npy"), want)


def test_emulated_program():
    proto = suppression((2, 37, 4), 3)
    program = ulq.compile(proto, target="aarch64")
    try:
        check(proto, program, random_inputs(proto, 8))
    except ulq.UlqError as error:
        if "needs" not in str(error):
            raise
        pytest.skip(str(error))
