"""Floats to packed codes: `ulq.encode` on every ISA and several numbers of workgroups, against numpy.

Buffers end at an unmapped page, except under qemu.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass, replace

import harness
import numpy as np
import pytest
from dispatches import GUARD, build_dispatches, compile_dispatches, run_dispatch

from ulq import layouts


@dataclass(frozen=True)
class Grid:
    scale: float
    zero_point: int
    low: int
    high: int
    zero_point_first: bool = False

    def codes(self, x: np.ndarray) -> np.ndarray:
        """QuantizeLinear of ONNX, and Quant of QONNX, in float32; the code of a NaN is the lowest."""
        zero_point, scale = np.float32(self.zero_point), np.float32(self.scale)
        with np.errstate(all="ignore"):
            quotient = x / scale
        if self.zero_point_first:
            codes = np.rint(np.clip(quotient + zero_point, self.low, self.high))
        else:
            codes = np.clip(np.rint(quotient) + zero_point, self.low, self.high)
        assert codes.dtype == np.float32
        return np.where(np.isnan(x), self.low, codes).astype(np.int64)

    def floats(self) -> np.ndarray:
        """Around the middle between any two codes, each with neighbours; special numbers; some of no special form."""
        steps = np.arange(self.low - self.zero_point - 2, self.high - self.zero_point + 3)
        middles = np.float32((steps + 0.5) * np.float64(np.float32(self.scale)))
        below, above = (np.nextafter(middles, np.float32(sign * np.inf)) for sign in (-1, 1))
        around = [
            middles,
            below,
            above,
            np.nextafter(below, np.float32(-np.inf)),
            np.nextafter(above, np.float32(np.inf)),
        ]
        special = np.float32([np.nan, np.inf, -np.inf, 0.0, -0.0, 3e38, -3e38, 1e-38, -1e-38, 1e-45, -1e-45, 1e-40])
        random = np.random.default_rng(len(steps)).normal(0, self.scale * len(steps) / 3, 300)
        return np.concatenate([*around, special, random.astype(np.float32)])


@dataclass(frozen=True)
class Case:
    grid: Grid
    bits: int
    stored: int
    shape: tuple[int, ...]  # of the input
    channels_first: bool = False
    workgroups: int = 1

    @property
    def name(self) -> str:
        g = self.grid
        size = "x".join(map(str, self.shape))
        first = ("_first" if g.zero_point_first else "") + ("_nchw" if self.channels_first else "")
        zero = f"{g.zero_point}".replace("-", "m")
        scale = f"{np.float32(g.scale).view(np.uint32):x}"
        return f"ui{self.bits}in{self.stored}_{size}_s{scale}_z{zero}_{g.low}to{g.high}{first}_parts{self.workgroups}"

    def values(self) -> np.ndarray:
        """The input: of all floats of interest those that the shape holds, in some order."""
        random = np.random.default_rng(sum(map(ord, self.name)))
        count, floats = int(np.prod(self.shape)), self.grid.floats()
        return random.permutation(np.resize(random.permutation(floats), count)).reshape(self.shape)

    def expected(self) -> np.ndarray:
        codes = self.grid.codes(self.values())
        if self.channels_first:
            codes = codes.transpose(0, 2, 3, 1)
        rows = codes.reshape(-1, codes.shape[-1])
        return layouts.pack_rows(rows, self.stored).reshape(-1)

    def text(self, isa: str) -> str:
        n, *rest = self.shape
        shape = [n, *rest[1:], rest[0]] if self.channels_first else [n, *rest]
        source = f"tensor<{'x'.join(map(str, self.shape))}xf32>"
        target = f"!ulq.packed<{shape} x ui{self.bits}, <bits = {self.stored}>>"
        kernel = (
            f'#ulq.kernel<family = "encode", isa = "{isa}", rows = 1, outputs = 1, block = 1, '
            f'workgroups = {self.workgroups}, cost = 0.0 : f64, runnerUp = "", margin = 1.0 : f64>'
        )
        flags = ", zeroPointFirst" * self.grid.zero_point_first + ", channelsFirst" * self.channels_first
        g = self.grid
        grid = f"scale = {np.float32(g.scale):.17e}, zeroPoint = {g.zero_point}, min = {g.low}, max = {g.high}"
        return f"""
func.func @{self.name}(%x: {source}) -> {target} {{
  %r = ulq.encode %x {{{grid}, kernel = {kernel}{flags}}} : ({source}) -> {target} loc("{self.name}")
  return %r : {target}
}}
"""


def make_cases() -> list[Case]:
    stored = [(1, 1), (2, 2), (3, 4), (4, 4), (6, 8), (8, 8), (2, 8)]
    cases = []
    for bits, width in stored:
        grid = Grid(0.37, 0, 0, (1 << bits) - 1)
        row = 8 // width
        shapes = [(1, row), (3, 5 * row), (7, 37 * row), (64, 8 * row)]
        cases += [Case(grid, bits, width, shape) for shape in shapes]
        cases += [
            Case(grid, bits, width, (7, 37 * row), workgroups=5),
            Case(grid, bits, width, (1, 2 * row), workgroups=4),
        ]
        for channels in (1, 2, 3, 4):
            shapes = [(1, channels, 1, 1), (1, channels, 2, 3), (2, channels, 9, 15), (1, channels, 32, 16)]
            cases += [Case(grid, bits, width, shape, channels_first=True) for shape in shapes]
            cases += [
                Case(grid, bits, width, shape, channels_first=True, workgroups=3)
                for shape in ((2, channels, 9, 15), (4, channels, 5, 7))
            ]
    # What products might miss depends on the digits of the scale.
    random = np.random.default_rng(1)
    digits = [*random.integers(1 << 23, 1 << 24, 40), *range((1 << 24) - 8, 1 << 24), *range(1 << 23, (1 << 23) + 8)]
    cases += [Case(Grid(float(digit * 2.0**-26), 0, 0, 255), 8, 8, (1, 1700)) for digit in digits]
    scales = [1.0, 0.5, 0.1, 1 / 255, 0.017, 7.3e28, 1e-30, 2.0**100, 2.0**-100]
    grids = [Grid(scale, zero_point, 0, 255) for scale, zero_point in itertools.product(scales, (0, 114, 128))]
    grids += [replace(grid, zero_point_first=True) for grid in grids]
    grids += [Grid(0.3, 1024, 0, 255), Grid(0.3, -1024, 0, 255), Grid(0.3, 77, 20, 21), Grid(0.3, 3, 5, 5)]
    cases += [Case(grid, 8, 8, (3, 701)) for grid in grids]
    cases += [Case(grid, 8, 8, (1, 3, 19, 37), channels_first=True) for grid in grids]
    return list(dict.fromkeys(cases))


CASES = make_cases()


def traits(case: Case) -> tuple:
    return case.bits, case.stored, case.channels_first, case.grid.zero_point, case.grid.scale, case.workgroups


@functools.cache
def cases_of(isa: str) -> list[Case]:
    return harness.chosen(isa, CASES, traits)


def text_of(isa: str) -> str:
    return "".join(case.text(isa) for case in cases_of(isa))


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    return functools.cache(
        lambda isa: compile_dispatches(text_of(isa), ["--ulq-tile"], isa, tmp_path_factory.mktemp(isa))
    )


def bytes_of(case: Case) -> np.ndarray:
    return np.ascontiguousarray(case.values()).view(np.uint8).reshape(-1)


NATIVE = [isa for isa, facts in harness.ISAS.items() if facts.cpu_flags is not None]


@pytest.mark.parametrize(
    "isa, case",
    [pytest.param(isa, case, id=f"{isa}-{case.name}") for isa in NATIVE for case in cases_of(isa)],
)
def test_encodes(isa, case, objects):
    harness.require(isa)
    library, dispatches = objects(isa)
    dispatch = dispatches[case.name]
    assert dispatch.workgroups >= case.workgroups
    (result,) = run_dispatch(library, dispatch, [bytes_of(case)])
    np.testing.assert_array_equal(result, case.expected())


@pytest.mark.parametrize("isa", [isa for isa in harness.ISAS if isa not in NATIVE])
def test_encodes_under_qemu(isa, tmp_path):
    harness.require(isa)
    path, dispatches = build_dispatches(text_of(isa), ["--ulq-tile"], isa, tmp_path)
    cases = [case for case in cases_of(isa) if case.workgroups == 1]
    calls = []
    for case in cases:
        dispatch = dispatches[case.name]
        buffers = [bytes_of(case), np.full(dispatch.result_bytes[0], GUARD, np.uint8)]
        calls.append(harness.Call(dispatch.kernel, buffers, [0] * len(buffers)))
    for case, result in zip(cases, harness.run_calls(isa, path, calls), strict=True):
        np.testing.assert_array_equal(result, case.expected(), err_msg=case.name)
