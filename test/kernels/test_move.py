"""Copies of packed codes: `ulq.move_codes` on x86 ISAs and several numbers of workgroups, against its definition."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

import harness
import numpy as np
import pytest
from dispatches import compile_dispatches, run_dispatch

from ulq import layouts

ISAS = [isa for isa, facts in harness.ISAS.items() if facts.full and facts.cpu_flags is not None]


@dataclass(frozen=True)
class Block:
    input: int
    start: int
    to: int
    extents: tuple[int, ...]
    from_strides: tuple[int, ...]
    to_strides: tuple[int, ...]
    run: int

    def text(self) -> str:
        lists = [str(list(values)) for values in (self.extents, self.from_strides, self.to_strides)]
        return (
            f"#ulq.block<input = {self.input}, from = {self.start}, to = {self.to}, extents = {lists[0]}, "
            f"fromStrides = {lists[1]}, toStrides = {lists[2]}, run = {self.run}>"
        )

    def copy(self, source: np.ndarray, target: np.ndarray) -> None:
        for turn in itertools.product(*map(range, self.extents)):
            start = self.start + int(np.dot(turn, self.from_strides))
            to = self.to + int(np.dot(turn, self.to_strides))
            target[to : to + self.run] = source[start : start + self.run]


@dataclass(frozen=True)
class Case:
    name: str
    bits: int  # of codes and storage
    inputs: tuple[tuple[int, ...], ...]
    shape: tuple[int, ...]
    blocks: tuple[Block, ...]
    workgroups: int = 1

    def text(self, isa: str) -> str:
        types = [self.packed(shape) for shape in (*self.inputs, self.shape)]
        names = [f"%x{i}" for i in range(len(self.inputs))]
        arguments = ", ".join(f"{name}: {kind}" for name, kind in zip(names, types, strict=False))
        kernel = (
            f'#ulq.kernel<family = "copy", isa = "{isa}", rows = 1, outputs = 1, block = 1, '
            f'workgroups = {self.workgroups}, cost = 0.0 : f64, runnerUp = "", margin = 1.0 : f64>'
        )
        return f"""
func.func @{self.name}({arguments}) -> {types[-1]} {{
  %r = ulq.move_codes {", ".join(names)} {{blocks = [{", ".join(b.text() for b in self.blocks)}], kernel = {kernel}}}
    : ({", ".join(types[:-1])}) -> {types[-1]} loc("{self.name}")
  return %r : {types[-1]}
}}
"""

    def packed(self, shape: tuple[int, ...]) -> str:
        return f"!ulq.packed<{list(shape)} x ui{self.bits}, <bits = {self.bits}>>"


def joined(name: str, bits: int, lines: int, channels: tuple[int, ...], workgroups: int) -> Case:
    """The channels of some tensors, the first one twice."""
    counts, blocks, at = (channels[0], *channels), [], 0
    for i, count in enumerate(counts):
        blocks.append(Block(max(i - 1, 0), 0, at, (lines,), (count,), (sum(counts),), count))
        at += count
    inputs = tuple((lines, count) for count in channels)
    return Case(name, bits, inputs, (lines, sum(counts)), tuple(blocks), workgroups)


def repeated(name: str, bits: int, shape: tuple[int, int, int], factors: tuple[int, int], workgroups: int) -> Case:
    (height, width, channels), (down, right) = shape, factors
    line = width * channels
    extents, sources = (height, down, width, right), (line, 0, channels, 0)
    targets = (down * right * line, right * line, right * channels, channels)
    block = Block(0, 0, 0, extents, sources, targets, channels)
    return Case(name, bits, (shape,), (height * down, width * right, channels), (block,), workgroups)


def make_cases() -> list[Case]:
    cases = []
    for bits, workgroups in itertools.product((1, 2, 4, 8), (1, 2, 5)):
        label = f"{bits}_{workgroups}"
        cases += [
            joined(f"joined{label}", bits, 7, (8, 24), workgroups),
            joined(f"joined_wide{label}", bits, 3, (8, 808, 48), workgroups),
            repeated(f"repeated{label}", bits, (3, 5, 8), (2, 3), workgroups),
            repeated(f"repeated_odd{label}", bits, (2, 3, 33), (3, 2), workgroups),
            repeated(f"repeated_often{label}", bits, (1, 2, 16), (1, 9), workgroups),
            Case(f"long{label}", bits, ((1, 80040),), (80040,), (Block(0, 0, 0, (), (), (), 80040),), workgroups),
            Case(f"turned{label}", bits, ((3, 4, 16),), (4, 3, 8),
                 (Block(0, 8, 0, (4, 3), (16, 64), (24, 8), 8),), workgroups),
        ]  # fmt: skip
    return cases


CASES = make_cases()


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    text = {isa: "".join(case.text(isa) for case in CASES) for isa in ISAS}
    return functools.cache(lambda isa: compile_dispatches(text[isa], ["--ulq-tile"], isa, tmp_path_factory.mktemp(isa)))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_copies(isa, case, objects):
    harness.require(isa)
    library, dispatches = objects(isa)
    dispatch = dispatches[case.name]
    random = np.random.default_rng(3)
    inputs = [random.integers(0, 1 << case.bits, shape) for shape in case.inputs]
    expected = np.full(case.shape, -1)
    for block in case.blocks:
        block.copy(inputs[block.input].reshape(-1), expected.reshape(-1))
    assert expected.min() >= 0
    assert dispatch.workgroups >= case.workgroups
    packed = [layouts.pack_rows(codes, case.bits).reshape(-1) for codes in inputs]
    (result,) = run_dispatch(library, dispatch, packed)
    np.testing.assert_array_equal(result, layouts.pack_rows(expected, case.bits).reshape(-1))
