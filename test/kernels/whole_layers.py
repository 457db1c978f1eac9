"""Whole layers and pools as integer-level MLIR, compiled and run on the ISAs that run in this process."""

import functools
import json
from dataclasses import dataclass, field
from pathlib import Path

import harness
import numpy as np
import pytest
from dispatches import Dispatch, compile_dispatches, run_dispatch

from ulq import layouts, reference
from ulq.reference import Add, Affine, Clamp, Dequantize, Geometry, Leaky, Quantize, Threshold

ISAS = [isa for isa, facts in harness.ISAS.items() if facts.cpu_flags is not None]  # that run in this process


@dataclass
class Case:
    """A layer, or a max pool. `bits` 32 stands for f32; `outputs` names results, "codes" first, of `out_bits` bits.

    With `right` the weights are computed: codes of so many bits, with the `zeros` of both operands.
    """

    name: str
    shape: tuple
    channels: int
    bits: int = 2
    weights: tuple = (-2, -1, 0, 1)
    geometry: dict = field(default_factory=dict)
    pad_code: int = 0
    weight_zero: bool = False
    steps: tuple = ()
    levels: int = 0
    out_bits: int = 2
    outputs: tuple = ("codes",)
    addends: tuple = ()
    family: str = ""
    workgroups: int = 1
    extreme: bool = False
    pool: bool = False
    right: int = 0
    zeros: tuple = (0, 0)
    falling: int = 0  # of the levels, with codes from so many on
    spacing: float = 0  # of thresholds on a line, those of the last channel twice as far apart
    ends: tuple = ()  # thresholds are these two, sums next to them on the inside, and one that no sum reaches

    def __post_init__(self):
        self.geo = Geometry.of(self.shape, self.channels, **self.geometry)
        random = np.random.default_rng(sum(map(ord, self.name)))
        kernel = (self.channels, *self.geo.kernel, self.shape[3] // self.geo.groups)
        if self.bits == 32:
            self.x = random.integers(-8, 9, self.shape).astype(np.float32) / 4
            self.w = random.integers(-8, 9, kernel).astype(np.float32) / 8
            if len(self.weights) > 4:  # weight-only quantization
                self.w = random.choice(self.weights, kernel)
        else:
            high = 1 << self.bits
            self.x = np.full(self.shape, high - 1) if self.extreme else random.integers(0, high, self.shape)
            self.w = random.choice(self.weights, kernel)
            self.w[0], self.w[-1] = self.weights[0], self.weights[-1]
        self.zero = random.integers(-3, 4, self.channels) if self.weight_zero else None
        if self.right:
            shape = (self.shape[0], self.channels, 1, self.shape[3])
            floats = random.integers(-8, 9, shape).astype(np.float32) / 8
            self.w = floats if self.right == 32 else random.integers(0, 1 << self.right, shape)
            if self.extreme:
                self.w[:] = (1 << self.right) - 1
            self.zero = np.full(self.channels, -self.zeros[1]) if self.zeros[1] else None
        self.addend_values = [random_addend(random, self.geo.output, bits) for bits in self.addends]
        self.thresholds, self.descending = None, None
        if self.levels:
            depth = int(np.prod(kernel[1:])) * (self.pad_code + 1)
            spread = max(2, depth // 3)
            self.thresholds = random.integers(-spread, spread, (self.channels, self.levels))
            self.thresholds[:, : self.levels - self.falling].sort()
            self.thresholds[:, self.levels - self.falling :].sort()
            if self.spacing:
                spacing = self.spacing * np.linspace(1, 2, self.channels)[:, None]
                self.thresholds = np.floor(spacing * (np.arange(self.levels) - self.levels / 2.2)).astype(int)
            if self.ends:
                self.thresholds = np.sort(random.choice(self._sums_near_ends(), self.thresholds.shape), axis=1)
                self.thresholds[:, 0], self.thresholds[:, -2] = self.ends
                self.thresholds[:, -1] = 1 << 30
            self.descending = random.integers(0, 2, self.channels).astype(bool) if self.levels % 2 else None
            if self.descending is None:
                self.descending = np.zeros(self.channels, bool)
            self.thresholds[self.descending] *= -1

    def _sums_near_ends(self) -> np.ndarray:
        sums = np.unique(reference.layer(self.x, self.w, self.geo, self.pad_code).accumulator)
        sums = sums[(sums >= self.ends[0]) & (sums <= self.ends[1])]
        return np.concatenate([sums[:20], sums[-20:]])

    def operand_storage(self) -> int:
        """Storage width of the input, and of computed weights, which are stored alike."""
        widths = {self.storage(bits, self.shape[3]) for bits in (self.bits, self.right or self.bits)}
        return widths.pop() if len(widths) == 1 else 8

    def expected(self):
        if self.pool:
            codes = reference.max_pool_codes(self.x, self.geo)
            return reference.LayerResult(None, codes, None)
        return reference.layer(
            self.x, self.w, self.geo, self.pad_code, self.zero, self.steps, self.thresholds,
            self.descending, self.addend_values, bool(self.right), self.zeros[0], self.falling, self.falling,
        )  # fmt: skip

    @property
    def groups_are_lanes(self) -> bool:
        """Whether the layer goes to "depthwise": one channel per group, few outputs of each, no sums of rows."""
        if self.geo.groups != self.shape[3] or self.channels // self.geo.groups > 8 or self.family == "dot":
            return False
        if self.zero is None:
            return True
        weights = self.w + self.zero[:, None, None, None]  # no sums where these are signed bytes
        return weights.min() >= -128 and weights.max() <= 127

    def storage(self, bits: int, channels: int) -> int:
        """Storage width of a tensor: 8 bits where groups that a kernel takes in turn would not start at a byte."""
        if bits == 32:
            return 32
        width, per_group = layouts.storage_bits(bits), channels // self.geo.groups
        in_turn = self.geo.groups > 1 and not self.groups_are_lanes
        return 8 if in_turn and per_group * width % 8 else width


def random_addend(random, shape, bits):
    if bits == 32:
        return random.integers(-20, 21, shape).astype(np.float32) / 8
    return random.integers(0, 1 << bits, shape)


# ----------------------------------------------------------------------------
# MLIR text
# ----------------------------------------------------------------------------


def floats(values) -> str:
    return ", ".join(repr(float(v)) for v in np.atleast_1d(np.asarray(values, np.float64)))


def step_text(step) -> str:
    match step:
        case Affine():
            return f"#ulq.affine<scale = [{floats(step.scale)}], offset = [{floats(step.offset)}]>"
        case Clamp():
            return f"#ulq.clamp<min = {real(step.minimum)}, max = {real(step.maximum)}>"
        case Leaky():
            return f"#ulq.leaky<alpha = {real(step.alpha)}>"
        case Add():
            return f"#ulq.add<operand = {step.operand}, scale = {real(step.scale)}, offset = {real(step.offset)}>"
        case Quantize():
            first = "true" if step.zero_point_first else "false"
            return (
                f"#ulq.quantize<scale = [{floats(step.scale)}], zeroPoint = [{floats(step.zero_point)}], "
                f"min = {step.minimum}, max = {step.maximum}, rounding = <{step.rounding}>, zeroPointFirst = {first}>"
            )
        case Dequantize():
            return f"#ulq.dequantize<scale = [{floats(step.scale)}], zeroPoint = [{floats(step.zero_point)}]>"
        case Threshold():
            turning = f", falling = {step.falling}, start = {step.start}" if step.falling else ""
            return f"#ulq.threshold<values = [{floats(step.values)}], count = {step.count}{turning}>"


def real(value: float) -> str:
    return {np.inf: "0x7FF0000000000000", -np.inf: "0xFFF0000000000000"}.get(value, repr(float(value))) + " : f64"


def tensor(shape, element: str) -> str:
    return f"tensor<{'x'.join(map(str, shape))}x{element}>"


def element(bits: int) -> str:
    return "f32" if bits == 32 else f"ui{bits}"


def case_text(case: Case) -> str:
    geo = case.geo
    x_type = tensor(case.shape, element(case.bits))
    w_element = "f32" if case.w.dtype == np.float32 else element(case.right) if case.right else "i16"
    w_type = tensor(case.w.shape, w_element)
    add_types = [tensor(geo.output, element(bits)) for bits in case.addends]
    out_types = [tensor(geo.output, "f32" if name == "values" else element(case.out_bits)) for name in case.outputs]
    names = [f"%a{i}" for i in range(len(add_types))]
    arguments = ", ".join(f"{n}: {t}" for n, t in zip(["%x", *names], [x_type, *add_types], strict=True))
    constant = f"%w = ulq.constant {{value = dense<{json.dumps(case.w.tolist())}> : {w_type}}} : {w_type}"
    if case.right:
        arguments, constant = f"{arguments}, %w: {w_type}", ""
    attributes = [
        f"geometry = #ulq.geometry<input = {list(geo.input)}, output = {list(geo.output)}, "
        f"kernel = {list(geo.kernel)}, strides = {list(geo.strides)}, pads = {list(geo.pads)}, "
        f"dilations = {list(geo.dilations)}, groups = {geo.groups}>"
    ]
    if case.pool:
        kind = f"({x_type}) -> {out_types[0]}"
        return f"""
func.func @{case.name}({arguments}) -> {out_types[0]} {{
  %r = ulq.max_pool_codes %x {{{attributes[0]}}} : {kind} loc("{case.name}")
  return %r : {out_types[0]}
}}
"""
    if case.right:
        attributes.append("computedWeights")
    if case.zeros[0]:
        attributes.append(f"inputZero = {case.zeros[0]} : i64")
    if case.pad_code:
        attributes.append(f"padCode = {case.pad_code} : i64")
    if case.zero is not None:
        attributes.append(f"weightZero = array<i32: {', '.join(map(str, case.zero))}>")
    if case.steps:
        attributes.append(f"epilogue = [{', '.join(map(step_text, case.steps))}]")
    if case.levels:
        values = json.dumps(case.thresholds.tolist())
        flags = ", ".join("true" if flag else "false" for flag in case.descending)
        attributes.append(f"thresholds = dense<{values}> : tensor<{case.channels}x{case.levels}xi32>")
        attributes.append(f"descending = array<i1: {flags}>")
        attributes.append(f"falling = {case.falling} : i64, start = {case.falling} : i64")
    results = ", ".join(out_types)
    add = f" add {', '.join(names)}" if names else ""
    count = f":{len(out_types)}" if len(out_types) > 1 else ""
    returned = ", ".join(f"%r#{i}" for i in range(len(out_types))) if count else "%r"
    return f"""
func.func @{case.name}({arguments}) -> ({results}) {{
  {constant}
  %r{count} = ulq.layer %x, %w{add} {{{", ".join(attributes)}}}
    : ({", ".join([x_type, w_type, *add_types])}) -> ({results}) loc("{case.name}")
  return {returned} : {results}
}}
"""


# ----------------------------------------------------------------------------
# Building and running
# ----------------------------------------------------------------------------


def build(isa: str, cases: list[Case], directory: Path):
    """Compiles all cases and returns the loaded object and the dispatches."""
    loaded = {}
    for family, workgroups in sorted({(case.family, case.workgroups) for case in cases}):
        chosen = [case for case in cases if (case.family, case.workgroups) == (family, workgroups)]
        folder = directory / f"{family or 'any'}{workgroups}"
        folder.mkdir()
        select = f"--ulq-select-kernel=isa={isa} family={family} workgroups={workgroups}"
        passes = ["--ulq-prove-ranges", select, "--ulq-pack-weights", "--ulq-tile"]
        library, dispatches = compile_dispatches("".join(map(case_text, chosen)), passes, isa, folder)
        loaded |= {case.name: (library, dispatches[case.name]) for case in chosen}
    return loaded


def tensor_bytes(values, bits: int) -> np.ndarray:
    packed = np.asarray(values, np.float32).view(np.uint8) if bits == 32 else layouts.pack_rows(values, bits)
    return packed.reshape(-1)


def run(case: Case, library, dispatch: Dispatch) -> list[np.ndarray]:
    """Runs all workgroups; returns the results as arrays."""
    inputs = [tensor_bytes(case.x, case.operand_storage())]
    inputs += [np.frombuffer(blob, np.uint8) for blob in dispatch.constants]
    if case.right:
        inputs.append(tensor_bytes(case.w, case.operand_storage()))
    inputs += [
        tensor_bytes(v, case.storage(b, case.channels)) for v, b in zip(case.addend_values, case.addends, strict=True)
    ]
    results = []
    for name, data in zip(case.outputs, run_dispatch(library, dispatch, inputs), strict=False):
        if name == "values":
            results.append(data.view(np.float32).reshape(case.geo.output))
            continue
        bits = case.storage(case.out_bits, case.channels)
        rows = data.reshape(*case.geo.output[:3], -1)
        codes = layouts.unpack_rows(rows, bits, case.channels)
        assert (layouts.pack_rows(codes, bits) == rows).all(), "padding bits are not zero"
        results.append(codes)
    return results


def objects_of(cases: list[Case], directories):
    """A function that returns the objects of all cases for an ISA, compiled on first use."""
    return functools.cache(lambda isa: build(isa, harness.chosen(isa, cases, traits), directories.mktemp(isa)))


def check(isa: str, case: Case, objects):
    """Runs a case where this machine has the ISA; all of its results equal the reference."""
    harness.require(isa)
    expected = case.expected()
    results = run(case, *objects(isa)[case.name])
    for name, result in zip(case.outputs, results, strict=True):
        np.testing.assert_array_equal(result, getattr(expected, name), err_msg=name)


def traits(case: Case) -> list[tuple]:
    """Widths, windows and kinds of results by themselves, for each family that is asked for."""
    window = tuple(sorted(case.geometry.items())), case.geo.groups in (1, case.shape[3])
    kinds = tuple(type(step).__name__ for step in case.steps), case.levels, case.addends
    results = case.outputs, case.out_bits, case.extreme, case.weight_zero
    widths = case.bits, case.right, case.pool
    weights = case.weights[0], case.weights[-1], len(case.weights)
    return [(case.family, *trait) for trait in (window, kinds, results, widths, weights, (case.workgroups > 1,))]


def runs_of(cases: list[Case]) -> list:
    """The cases of each ISA, as parameters of a test."""
    return [
        pytest.param(isa, case, id=f"{isa}-{case.name}") for isa in ISAS for case in harness.chosen(isa, cases, traits)
    ]


# ----------------------------------------------------------------------------
# Parts of cases
# ----------------------------------------------------------------------------

SQUARE = {"kernel": (3, 3), "pads": (1, 1, 1, 1)}


def per_channel(count: int, seed: int) -> np.ndarray:
    """Scales that are multiples of 2^-6, so that float evaluation is exact and ties occur."""
    return np.random.default_rng(seed).integers(1, 16, count) / 64


def requantize(channels: int, bits: int = 8, seed: int = 0, scale=0.5, zero=3):
    offset = np.random.default_rng(seed + 1).integers(-64, 64, channels) / 8
    return (Affine(per_channel(channels, seed), offset), Clamp(0.0, np.inf), Quantize(scale, zero, 0, 2**bits - 1))
