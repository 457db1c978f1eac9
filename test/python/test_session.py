"""Program: run, save, load, report, and the checks of what goes in."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import ulq
from ulq import emulator, session, targets

RUN_MODULE = Path(sys.executable).with_name("iree-run-module")


def vector(seed=1):
    return np.random.default_rng(seed).integers(-128, 128, 256, dtype=np.int8)


def expected(weights, x):
    sums = weights.astype(np.int32) @ x.astype(np.int32)
    return {
        "sums": sums,
        "y/relu": np.maximum(sums.astype(np.float32) * np.float32(0.5), 0),
        "doubled": (x + x).view(np.uint8),
    }


def check(outputs, weights, x):
    reference = expected(weights, x)
    assert list(outputs) == list(reference)
    for name, array in reference.items():
        assert outputs[name].dtype == array.dtype
        np.testing.assert_array_equal(outputs[name], array)


def test_runs_on_dict_and_array(program, handmade):
    x = vector()
    check(program.run({"x": x}), handmade().weights, x)
    check(program.run(x), handmade().weights, x)


def test_takes_strided_input(program, handmade):
    x = np.repeat(vector(), 2)[::2]
    check(program.run(x), handmade().weights, x)


def test_outputs_outlive_program_and_later_runs(handmade):
    program = session.from_bytes(handmade().data)
    inputs = [vector(seed) for seed in range(50)]
    outputs = [program.run(x) for x in inputs]
    del program
    for x, found in zip(inputs, outputs, strict=True):
        check(found, handmade().weights, x)


def test_runs_on_two_threads(handmade):
    program = session.from_bytes(handmade().data)
    program.threads = 2
    x = vector()
    check(program.run(x), handmade().weights, x)
    program.threads = 1
    check(program.run(x), handmade().weights, x)


@pytest.mark.parametrize(("workgroups", "driver"), [(1, "local-sync"), (2, "local-task")])
def test_takes_threads_for_divided_dispatches_only(handmade, monkeypatch, workgroups, driver):
    taken = []
    monkeypatch.setattr(session, "_device", lambda threads: taken.append(threads) or session._caching_device(driver))
    program = session.from_bytes(handmade().data)
    program.threads = 2
    program.dispatches = [{"name": "first", "workgroups": 1}, {"name": "second", "workgroups": workgroups}]
    x = vector()
    check(program.run(x), handmade().weights, x)
    assert taken == [workgroups]


@pytest.mark.parametrize("count", [0, -1, 1.5, "2"])
def test_refuses_thread_count(program, count):
    with pytest.raises(ulq.UlqError, match="expected a number of threads from 1"):
        program.threads = count


def test_refuses_second_thread_count(handmade):
    x = vector()
    first, second = session.from_bytes(handmade().data), session.from_bytes(handmade().data)
    first.threads, second.threads = 2, 3
    first.run(x)
    with pytest.raises(ulq.UlqError, match="already runs programs on 2 threads, cannot change that to 3"):
        second.run(x)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"y": vector()}, "expected inputs 'x', got 'y'"),
        ({}, "expected inputs 'x', got none"),
        ({"x": vector(), "y": vector()}, "expected inputs 'x', got 'x', 'y'"),
        ({"x": vector().astype(np.float32)}, "input 'x': expected dtype int8, got float32"),
        ({"x": vector().view(np.uint8)}, "input 'x': expected dtype int8, got uint8"),
        ({"x": vector()[:-1]}, r"input 'x': expected shape \(256,\), got \(255,\)"),
        (vector()[None], r"input 'x': expected shape \(256,\), got \(1, 256\)"),
        (None, "input 'x': expected dtype int8, got object"),
    ],
)
def test_refuses_inputs(program, inputs, message):
    with pytest.raises(ulq.UlqError, match=message) as raised:
        program.run(inputs)
    assert "\n" not in str(raised.value)


def test_layers_and_report(program):
    dot, scale = program.layers
    assert (dot.name, dot.op, dot.weight_bits, dot.activation_bits) == ("gemv", "MatMul", 8, 8)
    assert (dot.kernel, dot.tile, dot.weight_bytes, dot.accumulator_bound) == ("dot", "1x64", 131072, 100)
    assert scale.kernel == "float" and scale.accumulator_bound is None
    report = program.report()
    assert "gemv" in report and "-100..50" in report and "float, by IREE" in report and "note: an assumption" in report


def test_save_and_load(program, handmade, tmp_path):
    path = tmp_path / "model.vmfb"
    program.save(path)
    assert path.read_bytes() == handmade().data and os.listdir(tmp_path) == ["model.vmfb"]
    again = ulq.load(path)
    assert again.layers == program.layers and again.report() == program.report()
    assert [tensor.name for tensor in again.outputs] == ["sums", "y/relu", "doubled"]
    x = vector()
    check(again.run(x), handmade().weights, x)
    again.save(path)  # onto the file that it is mapped from
    check(again.run(x), handmade().weights, x)
    check(ulq.load(path).run(x), handmade().weights, x)


def test_load_maps_the_file(program, tmp_path):
    path = tmp_path / "model.vmfb"
    program.save(path)
    again = ulq.load(path)
    again.run(vector())
    assert str(path) in Path("/proc/self/maps").read_text()


def test_save_leaves_nothing_behind(program, tmp_path):
    with pytest.raises(ulq.UlqError, match="cannot write .*: No such file or directory"):
        program.save(tmp_path / "absent" / "model.vmfb")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ulq.UlqError, match="cannot write .*: Is a directory"):
        program.save(tmp_path / "folder")
    assert os.listdir(tmp_path) == ["folder"]


@pytest.mark.parametrize("length", [0, 1, 100, 1000, 10000, 100000])
def test_refuses_truncated_file(handmade, tmp_path, length):
    path = tmp_path / "model.vmfb"
    path.write_bytes(handmade().data[:length])
    with pytest.raises(ulq.UlqError, match="the file is empty|not a .vmfb, or a damaged one"):
        ulq.load(path)


def test_refuses_other_files(tmp_path):
    path = tmp_path / "model.vmfb"
    path.write_bytes(np.random.default_rng(0).bytes(5000))
    with pytest.raises(ulq.UlqError, match="not a .vmfb"):
        ulq.load(path)
    with pytest.raises(ulq.UlqError, match="cannot read .*: No such file"):
        ulq.load(tmp_path / "absent.vmfb")
    with pytest.raises(ulq.UlqError, match="cannot read .*: Is a directory"):
        ulq.load(tmp_path)


def test_stock_tool_runs_it(program, handmade, tmp_path):
    program.save(tmp_path / "model.vmfb")
    x = vector()
    np.save(tmp_path / "x.npy", x)
    arguments = ["--module=model.vmfb", "--device=local-task", "--function=main", "--input=@x.npy"]
    outputs = [f"--output=@{index}.npy" for index in range(3)]
    subprocess.run([RUN_MODULE, *arguments, *outputs], cwd=tmp_path, check=True, capture_output=True)
    for index, array in enumerate(expected(handmade().weights, x).values()):
        np.testing.assert_array_equal(np.load(tmp_path / f"{index}.npy").view(array.dtype), array)


def test_same_bytes_from_another_folder(handmade, build_handmade, tmp_path):
    again = build_handmade(tmp_path, "generic")
    assert again.data == handmade().data
    assert os.fsencode(tmp_path) not in again.data


def test_runs_under_qemu(handmade):
    target = targets.lookup("aarch64")
    if not target.runs_here():
        try:
            emulator.command(target)
        except ulq.UlqError as missing:
            pytest.skip(str(missing))
    x = vector()
    check(session.from_bytes(handmade("aarch64").data).run(x), handmade().weights, x)


@pytest.mark.parametrize(
    ("broken", "message"),
    [("which", "needs qemu-aarch64: install qemu-user"), ("prefix", "needs /absent/.*iree-run-module: run scripts/")],
)
def test_says_what_emulation_misses(handmade, monkeypatch, broken, message):
    if targets.lookup("aarch64").runs_here():
        pytest.skip("this machine runs aarch64 programs itself")
    program = session.from_bytes(handmade("aarch64").data)
    if broken == "which":
        monkeypatch.setattr(emulator.shutil, "which", lambda name: None)
    else:
        monkeypatch.setattr(emulator.shutil, "which", lambda name: f"/usr/bin/{name}")
        monkeypatch.setattr(emulator.Path, "is_dir", lambda path: True)
        monkeypatch.setattr(emulator.sys, "prefix", "/absent")
    with pytest.raises(ulq.UlqError, match=message):
        program.run(vector())


def test_says_which_cpu_flags_are_missing(handmade, monkeypatch):
    if targets.X86_64 is not targets.lookup("host").family:
        pytest.skip("x86-64 only")
    program = session.from_bytes(handmade("x86-64-v3").data)
    monkeypatch.setattr(targets, "host_cpu_flags", lambda: frozenset({"fma"}))
    with pytest.raises(ulq.UlqError, match="cannot run a program for x86-64-v3: its CPU lacks avx2, abm"):
        program.run(vector())


def test_call_overhead(program):
    """The wrapper adds little to IREE's own call; the limit leaves room for a loaded machine."""
    x = vector()
    program.run(x)

    def best(call):
        times = []
        for _ in range(300):
            begin = time.perf_counter()
            call()
            times.append(time.perf_counter() - begin)
        return min(times)

    whole, inner = best(lambda: program.run({"x": x})), best(lambda: program._call([x]))
    assert whole - inner < 40e-6
