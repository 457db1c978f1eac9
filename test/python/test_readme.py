"""The README's example runs as it is printed."""

import re
import shutil
from pathlib import Path

import numpy as np

import ulq
from ulq import targets

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = re.compile(r"```python\n(.*?)```", re.DOTALL)


def test_example(tmp_path, monkeypatch, capsys):
    (code,) = EXAMPLE.findall((ROOT / "README.md").read_text())
    shutil.copy(ROOT / "examples" / "digits" / "digits_w2a2_qcdq.onnx", tmp_path / "model.onnx")
    monkeypatch.chdir(tmp_path)
    x = np.zeros((1, 1, 8, 8), np.float32)
    names = {"x": x}
    exec(code.replace('"input"', '"image"'), names)
    assert "/conv1/Conv" in capsys.readouterr().out
    saved = ulq.load(tmp_path / "model.vmfb").run(x)
    np.testing.assert_array_equal(saved["logits"], names["outputs"]["logits"])


def test_named_targets_exist():
    row = next(line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("| Targets |"))
    for name in re.findall(r"`([a-z0-9-]+)`", row):
        assert targets.resolve(name)
