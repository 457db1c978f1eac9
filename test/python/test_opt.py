"""Running ulq-opt: where it is looked for, and what becomes of its diagnostics."""

import shutil
import sys

import pytest

import ulq
from ulq import opt, targets

OPERATORS = {"conv1": "Conv", 'a "b"': "Relu"}


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """`fake(script)` puts a shell script in the place of ulq-opt."""

    def install(script):
        path = tmp_path / "ulq-opt"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
        return path

    return install


@pytest.mark.parametrize(
    ("stderr", "line"),
    [
        (
            'loc("conv1"): error: \'ulq.conv2d\' op expected 4 pads, got 3\nloc("conv1"): note: see current operation',
            "node 'conv1' (Conv): 'ulq.conv2d' op expected 4 pads, got 3",
        ),
        ('loc("a \\"b\\""): error: no kernel', "node 'a \"b\"' (Relu): no kernel"),
        ('loc("other"): error: no kernel', "node 'other': no kernel"),
        ('loc(fused["conv1", "<stdin>":3:1]): error: no kernel', "node 'conv1' (Conv): no kernel"),
        ('loc("<stdin>":3:1): error: no kernel', "ulq-opt: no kernel"),
        ("<stdin>:3:10: error: expected '('\n  foo\n      ^", "ulq-opt: expected '('"),
        ('loc("conv1"): remark: lut\nloc("conv1"): error: bad', "node 'conv1' (Conv): bad"),
        ("\nulq-opt: Unknown command line argument\n", "ulq-opt failed with exit status 1: ulq-opt: Unknown command"),
        ("", "ulq-opt failed with exit status 1: no message"),
    ],
)
def test_first_diagnostic_becomes_one_line(stderr, line):
    assert opt.explain(stderr, 1, OPERATORS).startswith(line)


def test_crash_is_told():
    assert opt.explain("PLEASE submit\nStack dump:", -11, {}) == "ulq-opt failed with signal 11: PLEASE submit"


def test_passes_text_and_options(fake, tmp_path):
    fake(f'printf "%s\\n" "$@" > {tmp_path}/arguments; cat')
    target = targets.TARGETS["aarch64"]
    assert opt.compile_module("module {}", target, target, "/folder", {}) == "module {}"
    arguments = (tmp_path / "arguments").read_text().splitlines()
    assert "--mlir-print-op-generic" in arguments
    assert "isa=neon" in arguments[-1] and "directory=/folder" in arguments[-1]
    assert target.attribute in arguments[-1]


def test_failure_raises(fake):
    fake("""echo 'loc("conv1"): error: no kernel' >&2; exit 1""")
    with pytest.raises(ulq.UlqError, match=r"^node 'conv1' \(Conv\): no kernel$"):
        opt.run([], "", OPERATORS)


def test_binary_beside_the_interpreter_is_taken_first(fake):
    path = fake("exit 0")
    assert opt.find() == str(path)


def test_missing_binary(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name, path=None: None)
    with pytest.raises(ulq.UlqError, match="ulq-opt is not installed"):
        opt.find()
