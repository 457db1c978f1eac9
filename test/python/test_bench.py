"""Timing of programs: the hand-made one, whose dispatches are known."""

import numpy as np
import pytest

import ulq
from ulq import bench, session


def test_dispatches_in_order(program):
    first, *rest = program.dispatches
    assert first == {"name": "gemv", "workgroups": 8}
    # What IREE made of the segment and of the addition, one of them fused or not.
    assert rest and all(row["name"].startswith("main_dispatch") for row in rest)
    lines = program.dispatch_report().splitlines()
    assert lines[2].split() == ["gemv", "gemv", "dot", "8"] and "float, by IREE" in lines[3]
    assert len(lines) == 2 + len(program.dispatches)


def test_bench(program):
    one, two = program.bench((1, 2), seconds=0.1)
    assert (one.threads, two.threads) == (1, 2) and one.runs >= 3
    assert 0 < one.best <= one.lo <= one.ms <= one.hi
    assert {dispatch.name for dispatch in one.dispatches} == {row["name"] for row in program.dispatches}
    assert np.isclose(sum(dispatch.share for dispatch in one.dispatches), 1)
    gemv = next(dispatch for dispatch in one.dispatches if dispatch.name == "gemv")
    assert (gemv.node, gemv.kernel) == ("gemv", "dot") and 0 < gemv.best_ms <= gemv.ms
    assert np.isclose(gemv.gmacs, 512 * 256 / gemv.ms / 1e6)
    floats = [dispatch for dispatch in one.dispatches if dispatch is not gemv]
    assert all((dispatch.node, dispatch.kernel, dispatch.gmacs) == ("", "float, by IREE", None) for dispatch in floats)
    # From the first number of threads, for the layer that has a dispatch of its own.
    assert [layer.ms for layer in program.layers] == [gemv.ms, None]
    head, _, row, *_ = program.report().splitlines()[3:]
    assert head.split()[-1] == "ms" and row.split()[-1] == f"{gemv.ms:.4f}"
    assert gemv.name in bench.table(one) and "on 2 threads" in bench.table(two)


def test_inputs_are_safe_to_time():
    tensors = [session.Tensor("x", (2, 3), np.dtype("float32")), session.Tensor("i", (4,), np.dtype("int64"))]
    floats, integers = bench.inputs_for(tensors)
    assert floats.shape == (2, 3) and floats.dtype == np.float32 and np.abs(floats).min() > 1e-30
    np.testing.assert_array_equal(integers, np.zeros(4, np.int64))


@pytest.mark.parametrize("threads", [0, -1, True, 1.5, "2", 100_000])
def test_refuses_threads(program, threads):
    with pytest.raises(ulq.UlqError, match="expected a number of threads from 1 to"):
        program.bench((threads,))
    with pytest.raises(ulq.UlqError, match="expected a number of threads from 1 to"):
        program.threads = threads


def test_refuses_foreign_target(handmade):
    foreign = session.from_bytes(handmade("aarch64").data)
    with pytest.raises(ulq.UlqError, match="this machine does not execute programs for aarch64"):
        foreign.bench()
    assert foreign.dispatch_report()  # needs no run
