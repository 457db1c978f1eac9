"""Lookups of packed codes: `ulq.lookup` on every ISA tested in full and several numbers of workgroups, against numpy.

Buffers end at an unmapped page, except under qemu.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

import harness
import numpy as np
import pytest
from dispatches import GUARD, build_dispatches, compile_dispatches, run_dispatch

from ulq import layouts

ISAS = [isa for isa, facts in harness.ISAS.items() if facts.full]


@dataclass(frozen=True)
class Codes:
    bits: int
    stored: int

    def packed(self, shape: tuple[int, int]) -> str:
        return f"!ulq.packed<{list(shape)} x ui{self.bits}, <bits = {self.stored}>>"

    def __str__(self) -> str:
        return f"ui{self.bits}in{self.stored}"


@dataclass(frozen=True)
class Case:
    """The table has its last entry from `last` on."""

    input: Codes
    result: Codes
    shape: tuple[int, int]
    workgroups: int = 1
    last: int = 255

    @property
    def name(self) -> str:
        size = "x".join(map(str, self.shape))
        return f"{self.input}_to_{self.result}_{size}_parts{self.workgroups}_last{self.last}"

    def values(self) -> tuple[np.ndarray, np.ndarray]:
        """The table and the input."""
        random = np.random.default_rng(sum(map(ord, self.name)))
        table = random.integers(0, 1 << self.result.bits, 1 << self.input.bits)
        table[self.last :] = table[-1]
        codes = random.integers(0, table.size, self.shape)
        codes.reshape(-1)[-table.size :] = np.arange(table.size)[: codes.size]
        return table, codes

    def text(self, isa: str) -> str:
        types = self.input.packed(self.shape), self.result.packed(self.shape)
        kernel = (
            f'#ulq.kernel<family = "lookup", isa = "{isa}", rows = 1, outputs = 1, block = 1, '
            f'workgroups = {self.workgroups}, cost = 0.0 : f64, runnerUp = "", margin = 1.0 : f64>'
        )
        table = ", ".join(map(str, self.values()[0]))
        return f"""
func.func @{self.name}(%x: {types[0]}) -> {types[1]} {{
  %r = ulq.lookup %x {{table = array<i64: {table}>, kernel = {kernel}}} : ({types[0]}) -> {types[1]} loc("{self.name}")
  return %r : {types[1]}
}}
"""


INPUTS = [Codes(bits, layouts.storage_bits(bits)) for bits in range(1, 9)] + [Codes(bits, 8) for bits in (1, 2, 4)]
RESULTS = [Codes(1, 1), Codes(2, 2), Codes(3, 4), Codes(4, 4), Codes(8, 8), Codes(2, 8)]


def make_cases() -> list[Case]:
    cases = []
    for input, result in itertools.product(INPUTS, RESULTS):
        row = 8 // min(input.stored, result.stored)  # the shortest of whole bytes
        cases += [
            Case(input, result, (1, row)),
            Case(input, result, (3, 9 * row)),
            Case(input, result, (7, 47 * row)),
            Case(input, result, (7, 47 * row), workgroups=5),
        ]
    for bits, last in itertools.product((5, 6, 7, 8), (0, 1, 15, 16, 31, 32, 63, 64)):
        input = Codes(bits, 8)
        if last < 1 << bits:
            cases += [Case(input, result, (5, 56), last=last) for result in (Codes(2, 2), Codes(8, 8))]
    return cases


CASES = make_cases()


TEXT = {isa: "".join(case.text(isa) for case in CASES) for isa in ISAS}


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    return functools.cache(lambda isa: compile_dispatches(TEXT[isa], ["--ulq-tile"], isa, tmp_path_factory.mktemp(isa)))


def inputs_of(case: Case, dispatch) -> list[np.ndarray]:
    codes = layouts.pack_rows(case.values()[1], case.input.stored).reshape(-1)
    return [codes, *(np.frombuffer(blob, np.uint8) for blob in dispatch.constants)]


def expected(case: Case) -> np.ndarray:
    table, codes = case.values()
    return layouts.pack_rows(table[codes], case.result.stored).reshape(-1)


@pytest.mark.parametrize("isa", [isa for isa in ISAS if harness.ISAS[isa].cpu_flags is not None])
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_lookups(isa, case, objects):
    harness.require(isa)
    library, dispatches = objects(isa)
    dispatch = dispatches[case.name]
    assert dispatch.workgroups >= case.workgroups
    (result,) = run_dispatch(library, dispatch, inputs_of(case, dispatch))
    np.testing.assert_array_equal(result, expected(case))


@pytest.mark.parametrize("isa", [isa for isa in ISAS if harness.ISAS[isa].cpu_flags is None])
def test_lookups_under_qemu(isa, tmp_path):
    harness.require(isa)
    path, dispatches = build_dispatches(TEXT[isa], ["--ulq-tile"], isa, tmp_path)
    cases = [case for case in CASES if case.workgroups == 1]
    calls = []
    for case in cases:
        dispatch = dispatches[case.name]
        buffers = [*inputs_of(case, dispatch), np.full(dispatch.result_bytes[0], GUARD, np.uint8)]
        calls.append(harness.Call(dispatch.kernel, buffers, [0] * len(buffers)))
    for case, result in zip(cases, harness.run_calls(isa, path, calls), strict=True):
        np.testing.assert_array_equal(result, expected(case), err_msg=case.name)
