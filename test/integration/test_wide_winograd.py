"""Winograd layers whose transformed weights exceed the cache: panels are outside of blocks, and rows are divided."""

import sys
from pathlib import Path

import numpy as np
import pytest

from ulq import targets
from ulq.compile import compile_stages

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))
from layers import Layer, _Builder

CASES = [
    ("x86-64-v3", "winograd_f2x2", (4, 4), Layer(256, 256, 28, 3)),
    ("x86-64-v3", "winograd_f2x2", (3, 4), Layer(256, 512, 32, 3)),
    ("x86-64-v4", "winograd_q4x4", (4, 4), Layer(64, 512, 40, 3)),  # one panel, divided rows
]


@pytest.mark.parametrize(("target", "family", "bits", "layer"), CASES)
def test_equals_products_of_gathered_rows(target, family, bits, layer):
    if not targets.lookup(target).runs_here():
        pytest.skip(f"this machine does not run {target}")
    model = _Builder(bits, "qonnx").model([[layer]], shared=True).SerializeToString()
    program, plain = (
        compile_stages(model, target, None, None, False, lambda stage: None, family=name) for name in (family, "dot")
    )
    kernels = {layer.kernel for layer in (*program.layers, *plain.layers) if not layer.is_float}
    assert kernels == {family, "dot"}
    random = np.random.default_rng(0)
    shape = program.inputs[0].shape
    x = random.random(shape, np.float32) * (random.random(shape) < 0.02)  # few: not all sums are below 0
    want = next(iter(plain.run(x).values()))
    assert len(np.unique(want)) > 3
    for threads in (1, 2):
        program.threads = threads
        np.testing.assert_array_equal(next(iter(program.run(x).values())), want)
