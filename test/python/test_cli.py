"""The command line: help, files, messages and exit codes. No test here needs a compiled model of ulq-opt."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ulq
from ulq import cli

COMMAND = Path(sys.executable).with_name("ulq")


@pytest.fixture
def saved(program, tmp_path):
    """The hand-made program and an input in files."""
    program.save(tmp_path / "model.vmfb")
    x = np.arange(256, dtype=np.int8) - np.int8(3)
    np.save(tmp_path / "x.npy", x)
    return tmp_path, program.run(x)


def refused(capsys, *arguments):
    """The one line on standard error with which the command ends."""
    assert cli.main([str(argument) for argument in arguments]) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    return captured.err.strip()


def test_installed_command():
    done = subprocess.run([COMMAND, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"ulq {ulq.__version__}\n"


@pytest.mark.parametrize("command", [[], ["compile"], ["run"], ["explain"], ["bench"]])
def test_help(capsys, command):
    with pytest.raises(SystemExit) as ended:
        cli.main([*command, "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("usage: ulq")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["compile"],
        ["run"],
        ["nonsense"],
        ["run", "m.vmfb", "--threads", "x"],
        ["bench", "m.vmfb", "--threads", "1,x"],
    ],
)
def test_usage_error(capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert "usage: ulq" in capsys.readouterr().err


def test_run_prints_outputs(saved, capsys):
    folder, outputs = saved
    assert cli.main(["run", f"{folder}/model.vmfb", "--input", f"{folder}/x.npy"]) == 0
    printed = capsys.readouterr().out
    assert "sums: int32[512]" in printed and str(outputs["doubled"]) in printed


def test_run_writes_outputs(saved, capsys):
    folder, outputs = saved
    arguments = ["run", f"{folder}/model.vmfb", "--input", f"x={folder}/x.npy"]
    arguments += ["--output", f"sums={folder}/sums", "--output", f"y/relu={folder}/y.npy"]
    assert cli.main(arguments) == 0
    assert capsys.readouterr().out == ""
    np.testing.assert_array_equal(np.load(folder / "sums"), outputs["sums"])
    np.testing.assert_array_equal(np.load(folder / "y.npy"), outputs["y/relu"])


def test_run_refuses(saved, capsys):
    folder, _ = saved
    model, x = folder / "model.vmfb", folder / "x.npy"
    assert refused(capsys, "run", model) == "ulq: expected inputs 'x', got none"
    assert "expected NAME=FILE with a name of 'sums'" in refused(capsys, "run", model, "-i", x, "--output", "y.npy")
    assert refused(capsys, "run", model, "-i", x, "-i", f"x={x}") == "ulq: --input: 'x' is given twice"
    assert "cannot read absent.npy: No such file" in refused(capsys, "run", model, "-i", "absent.npy")
    assert "with a name of 'x'" in refused(capsys, "run", model, "-i", "picture=absent.npy")
    assert "got an archive" in refused(capsys, "run", model, "-i", model)  # a .vmfb is a zip file too
    assert "not a .npy file" in refused(capsys, "run", model, "-i", __file__)
    assert "cannot write /absent/y" in refused(capsys, "run", model, "-i", x, "--output", "sums=/absent/y")
    assert "expected a number of threads from 1" in refused(capsys, "run", model, "-i", x, "--threads", "0")
    np.save(x, np.zeros(255, np.int8))
    assert refused(capsys, "run", model, "-i", x) == "ulq: input 'x': expected shape (256,), got (255,)"
    np.save(x, np.array([{}]), allow_pickle=True)
    assert "not a .npy file" in refused(capsys, "run", model, "-i", x)


def test_explain_of_a_program(saved, capsys):
    folder, _ = saved
    assert cli.main(["explain", f"{folder}/model.vmfb"]) == 0
    printed = capsys.readouterr().out
    assert "gemv" in printed and "-100..50" in printed and "note: an assumption" in printed


def test_bench(saved, capsys):
    folder, _ = saved
    arguments = ["--threads", "1,2", "--seconds", "0.1", "--json", f"{folder}/times.json"]
    assert cli.main(["bench", f"{folder}/model.vmfb", *arguments]) == 0
    printed = capsys.readouterr().out
    assert "on 1 thread," in printed and "on 2 threads," in printed and "gemv" in printed
    written = json.loads((folder / "times.json").read_text())
    assert written["versions"]["ulq"] == ulq.__version__ and written["machine"]["cores"] >= 1
    assert [row["threads"] for row in written["rows"]] == [1, 2]


def test_bench_refuses(saved, handmade, capsys):
    folder, _ = saved
    model = folder / "model.vmfb"
    assert "a number of threads from 1 to" in refused(capsys, "bench", model, "--threads", "1,0")
    assert "positive number of seconds" in refused(capsys, "bench", model, "--seconds", "-1")
    assert "cannot write /absent/times" in refused(capsys, "bench", model, "--json", "/absent/times")
    foreign = folder / "foreign.vmfb"
    foreign.write_bytes(handmade("aarch64").data)
    assert "does not execute programs for aarch64" in refused(capsys, "bench", foreign)


def test_compile_refuses(tmp_path, capsys):
    model = tmp_path / "model.onnx"
    assert "model.onnx" in refused(capsys, "compile", model)
    model.write_bytes(b"not onnx")
    assert "model.onnx" in refused(capsys, "compile", model, "-o", tmp_path / "model.vmfb")
    assert "unknown target 'z80'" in refused(capsys, "compile", model, "--target", "z80")
    assert "share an architecture" in refused(capsys, "compile", model, "--target", "aarch64", "--target", "x86-64")
    assert "no folder /absent" in refused(capsys, "compile", model, "-o", "/absent/model.vmfb")
    for shape in ("1x3", "x=", "x=1x-3", "x=axb"):
        assert "expected NAME=1x3x32x32" in refused(capsys, "compile", model, "--shape", shape)
    assert sorted(tmp_path.iterdir()) == [model]


def test_shape_argument():
    assert cli._shape("a=b=1x3x32x32") == ("a=b", (1, 3, 32, 32))


def test_bad_input_gives_no_traceback(tmp_path):
    (tmp_path / "model.vmfb").write_bytes(b"x" * 1000)
    done = subprocess.run([COMMAND, "run", tmp_path / "model.vmfb"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == f"ulq: {tmp_path}/model.vmfb: not a .vmfb, or a damaged one\n"
