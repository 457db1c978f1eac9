"""Tuning: measured times choose kernels, files survive any end of the process, bad ones are refused."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx.parser
import pytest

import ulq
from ulq import cli, opt, targets, tune, tuning

COMMAND = Path(sys.executable).with_name("ulq")
HOST = targets.lookup("host")

# Two products of 2-bit codes and weights on the same shape, and one on another.
MODEL = """<ir_version: 8, opset_import: ["": 17, "qonnx.custom_op.general": 1]>
small (float[8, 64] x) => (float[8, 16] y)
<float s = {0.25}, float z = {0}, float two = {2},
 float[64, 64] w0 = {W0}, float[64, 64] w1 = {W1}, float[64, 16] w2 = {W2}> {
  [first_quant] a0 = qonnx.custom_op.general.Quant<signed = 0, narrow = 0, rounding_mode = "ROUND">(x, s, z, two)
  v0 = qonnx.custom_op.general.Quant<signed = 1, narrow = 0, rounding_mode = "ROUND">(w0, s, z, two)
  v1 = qonnx.custom_op.general.Quant<signed = 1, narrow = 0, rounding_mode = "ROUND">(w1, s, z, two)
  v2 = qonnx.custom_op.general.Quant<signed = 1, narrow = 0, rounding_mode = "ROUND">(w2, s, z, two)
  [first] m0 = MatMul(a0, v0)
  a1 = qonnx.custom_op.general.Quant<signed = 0, narrow = 0, rounding_mode = "ROUND">(m0, s, z, two)
  [second] m1 = MatMul(a1, v1)
  a2 = qonnx.custom_op.general.Quant<signed = 0, narrow = 0, rounding_mode = "ROUND">(m1, s, z, two)
  [third] y = MatMul(a2, v2)
}"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The path of the model, with random weights of all four codes."""
    draw = np.random.default_rng(0)
    text = MODEL
    for name, outputs in (("W0", 64), ("W1", 64), ("W2", 16)):
        weights = draw.integers(-2, 2, 64 * outputs) / 4
        text = text.replace(name, ", ".join(f"{weight:.2f}" for weight in weights))
    path = tmp_path_factory.mktemp("tune") / "small.onnx"
    onnx.save(onnx.parser.parse_model(text), path)
    return path


@pytest.fixture(scope="module")
def tuned(model, tmp_path_factory):
    """A tuning file of the model, measured once, and what was reported on the way."""
    path = tmp_path_factory.mktemp("tuned") / "tuning.json"
    seen = []
    tune.tune(model, output=path, begin=seen.append)
    return path, seen


def changed(path, directory, change):
    """A copy of a tuning file after `change` of its contents."""
    content = json.loads(path.read_text())
    change(content)
    copy = directory / "changed.json"
    copy.write_text(json.dumps(content))
    return copy


def test_measures_each_candidate_of_each_distinct_layer(model, tuned):
    path, seen = tuned
    content = json.loads(path.read_text())
    assert content["format"] == 1 and content["threads"] == 1 and content["versions"]["ulq"] == ulq.__version__
    layers = content["isas"][HOST.isa]
    assert sorted(layers) == [
        "1x8x1x64 1x8x1x16 k1x1 s1x1 p0x0x0x0 d1x1 g1 w2a2",
        "1x8x1x64 1x8x1x64 k1x1 s1x1 p0x0x0x0 d1x1 g1 w2a2",
    ]
    assert all(row["ns"] > 0 and row["tile"] for rows in layers.values() for row in rows)
    best, next_best = ulq.compile(model).layers[1].kernel, ulq.compile(model).layers[1].runner_up
    assert {best, next_best} <= {row["kernel"] for row in layers["1x8x1x64 1x8x1x64 k1x1 s1x1 p0x0x0x0 d1x1 g1 w2a2"]}
    total = sum(len({row["kernel"] for row in rows}) for rows in layers.values())
    assert [progress.total for progress in seen] == [total] * len(seen)
    assert seen[0].done == 0 and seen[-1].done == total
    # Nothing is left to measure.
    again = []
    before = path.read_bytes()
    tune.tune(model, output=path, begin=again.append)
    assert [progress.done for progress in again] == [total] and path.read_bytes() == before


def test_times_choose_and_outputs_stay(model, tuned, tmp_path):
    x = np.random.default_rng(1).integers(0, 4, (8, 64)).astype(np.float32) / 4
    expected = ulq.compile(model).run(x)["y"]
    key = "1x8x1x64 1x8x1x64 k1x1 s1x1 p0x0x0x0 d1x1 g1 w2a2"
    kernels = {row["kernel"] for row in json.loads(tuned[0].read_text())["isas"][HOST.isa][key]}
    assert len(kernels) > 1
    for wanted in kernels:

        def prefer(content, wanted=wanted):
            for row in content["isas"][HOST.isa][key]:
                row["ns"] = 100 if row["kernel"] == wanted else 250

        copy = changed(tuned[0], tmp_path, prefer)
        program = ulq.compile(model, tuning=copy)
        chosen = {layer.name: layer for layer in program.layers}
        for name in ("first", "second"):
            assert chosen[name].kernel == wanted and chosen[name].measured and chosen[name].margin == 2.5
            assert chosen[name].runner_up in kernels - {wanted}
        assert "2.50x measured" in program.report()
        np.testing.assert_array_equal(program.run(x)["y"], expected)


def test_same_file_same_bytes(model, tuned, tmp_path):
    for name in ("a", "b"):
        ulq.compile(model, tuning=tuned[0]).save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_cost_table_predicts(model, tuned, tmp_path, monkeypatch):
    """Of an instruction set that has one: a layer with twice the rows was measured."""
    monkeypatch.setattr(opt, "COSTS", tmp_path / "absent")
    kernels = {layer.name: layer.kernel for layer in ulq.compile(model).layers}
    content = json.loads(tuned[0].read_text())
    (key,) = (key for key in content["isas"][HOST.isa] if key.startswith("1x8x1x64 1x8x1x64 "))
    for wanted in {row["kernel"] for row in content["isas"][HOST.isa][key]}:
        rows = [{**row, "ns": 1 if row["kernel"] == wanted else 1e6} for row in content["isas"][HOST.isa][key]]
        similar = key.replace("1x8x1x64", "1x16x1x64")
        (tmp_path / f"{HOST.isa}.json").write_text(json.dumps({"format": 1, "isas": {HOST.isa: {similar: rows}}}))
        monkeypatch.setattr(opt, "COSTS", tmp_path)
        chosen = {layer.name: layer for layer in ulq.compile(model).layers}
        assert chosen["first"].kernel == wanted and not chosen["first"].measured
    assert set(kernels) == set(chosen)


@pytest.mark.parametrize("table", sorted(opt.COSTS.glob("*.json")), ids=lambda path: path.stem)
def test_committed_cost_table(table):
    """Small, of one instruction set, and says where it was measured."""
    content = json.loads(table.read_text())
    assert list(content["isas"]) == [table.stem] and content["machine"]["cpu"] and content["versions"]["ulq"]
    assert content["threads"] == 1 and table.stat().st_size < 100_000
    assert content["isas"][table.stem]


def test_unknown_kernel_is_reported(model, tuned, tmp_path):
    def add(content):
        for rows in content["isas"][HOST.isa].values():
            rows.append({"kernel": "later", "tile": "1x8", "ns": 1})

    program = ulq.compile(model, tuning=changed(tuned[0], tmp_path, add))
    assert program.notes == ["the tuning file has times of 'later', which is no kernel of this version"]
    assert all(layer.kernel != "later" for layer in program.layers)


def test_layers_without_times_are_reported(model, tuned, tmp_path):
    def forget(content):
        layers = content["isas"][HOST.isa]
        del layers[next(key for key in layers if "x16 " in key)]  # of the third product

    program = ulq.compile(model, tuning=changed(tuned[0], tmp_path, forget))
    assert program.notes == ["the tuning file has no times of 1 of 3 layers"]
    assert [layer.measured for layer in program.layers if layer.op == "MatMul"] == [True, True, False]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.update(format=2), "expected format 1 of tuning files, got 2"),
        (lambda content: content.pop("format"), "not a tuning file: no format"),
        (lambda content: content.pop("isas"), "a damaged tuning file: KeyError: 'isas'"),
        (lambda content: content.update(isas=[1]), "a damaged tuning file"),
        (lambda content: content.update(isas={HOST.isa: {"key": [{"kernel": "dot"}]}}), "a damaged tuning file"),
        (
            lambda content: content.update(isas={HOST.isa: {"key": [{"kernel": "dot", "tile": "", "ns": -1}]}}),
            "expected a positive number of nanoseconds, got -1",
        ),
        (lambda content: content["versions"].update(ulq="0.0.1"), "measured with ulq 0.0.1, this is"),
        (lambda content: content.update(isas={"neon": {}}), f"has times on neon, none on {HOST.isa}"),
        (lambda content: content.update(isas={}), f"has times on no instruction set, none on {HOST.isa}"),
    ],
)
def test_refuses_files(model, tuned, tmp_path, change, message):
    copy = changed(tuned[0], tmp_path, change)
    with pytest.raises(ulq.UlqError) as refused:
        ulq.compile(model, tuning=copy)
    assert message in str(refused.value) and str(copy) in str(refused.value) and "\n" not in str(refused.value)


def test_refuses_what_is_no_file(model, tmp_path):
    with pytest.raises(ulq.UlqError, match="cannot read .*absent: No such file"):
        ulq.compile(model, tuning=tmp_path / "absent")
    (tmp_path / "text").write_text("times")
    with pytest.raises(ulq.UlqError, match="not a tuning file"):
        ulq.compile(model, tuning=tmp_path / "text")


def test_refuses_to_measure(model, tuned, tmp_path):
    with pytest.raises(ulq.UlqError, match="this machine does not execute programs for aarch64"):
        tune.tune(model, "aarch64", output=tmp_path / "t.json")
    with pytest.raises(ulq.UlqError, match="expected a number of threads"):
        tune.tune(model, output=tmp_path / "t.json", threads=0)
    with pytest.raises(ulq.UlqError, match="cannot write .*: no folder /absent"):
        tune.tune(model, output="/absent/t.json")
    with pytest.raises(ulq.UlqError, match="measured with threads 1, this is 2"):
        tune.tune(model, output=tuned[0], threads=2)
    other = changed(tuned[0], tmp_path, lambda content: content["machine"].update(cpu="another"))
    with pytest.raises(ulq.UlqError, match="measured with machine cpu another"):
        tune.tune(model, output=other)
    assert not (tmp_path / "t.json").exists()


def test_command_line(model, tuned, tmp_path, capsys):
    path = tmp_path / "tuning.json"
    path.write_bytes(tuned[0].read_bytes())
    assert cli.main(["tune", str(model), "-o", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: times of 2 layers on {HOST.isa}\n"
    assert cli.main(["explain", str(model), "--tuning", str(path)]) == 0
    assert "measured" in capsys.readouterr().out
    assert cli.main(["tune", str(model), "--target", "aarch64", "-o", str(path)]) == 1
    assert capsys.readouterr().err.startswith("ulq: this machine does not execute programs for aarch64")


def test_survives_kill(model, tuned, tmp_path):
    """Killed at random moments: the file is absent or whole, and grows to the complete one."""
    path, moments = tmp_path / "tuning.json", random.Random(0)
    complete = tuning.load(tuned[0])
    measured = {}
    for _ in range(4):
        process = subprocess.Popen([COMMAND, "tune", model, "-o", path], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + moments.uniform(0.5, 6)
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        process.kill()
        process.wait()
        if path.exists():
            found = tuning.load(path)
            for key, rows in measured.items():  # nothing that was measured is lost
                assert rows <= found.kernels(HOST.isa, key)
            measured = {key: found.kernels(HOST.isa, key) for key in found.isas[HOST.isa]}
    subprocess.run([COMMAND, "tune", model, "-o", path], check=True, stdout=subprocess.DEVNULL)
    found = tuning.load(path)
    for key in complete.isas[HOST.isa]:
        assert found.kernels(HOST.isa, key) == complete.kernels(HOST.isa, key)


def test_interrupt_keeps_what_was_measured(model, tmp_path):
    path = tmp_path / "tuning.json"

    def stop(progress):
        if progress.done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune.tune(model, output=path, begin=stop)
    assert sum(map(len, tuning.load(path).isas[HOST.isa].values())) > 0
    assert [name for name in os.listdir(tmp_path) if name.endswith(".part")] == []
