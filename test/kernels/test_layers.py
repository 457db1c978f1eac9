"""Whole layers, from integer-level MLIR to machine code, against `ulq.reference`, bit for bit.

One module per ISA holds all cases; every workgroup of every dispatch is run in this process. Buffers end at an
unmapped page, so that a read beyond a tensor is a crash, and results are surrounded by guard bytes.
"""

import ctypes
import functools
import json
import mmap
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import harness
import numpy as np
import pytest

from ulq import layouts, reference
from ulq.reference import Add, Affine, Clamp, Dequantize, Geometry, Leaky, Quantize, Threshold

PAGE = mmap.PAGESIZE
ISAS = [isa for isa, facts in harness.ISAS.items() if facts.cpu_flags is not None]  # that run in this process
GUARD = 0xA5


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
    spacing: float = 0  # of thresholds on a line; the largest sum is one of them, or just below it

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
                sums = self.x.max() * self.w.sum((1, 2, 3)) + np.arange(self.channels) % 2
                self.thresholds = sums[:, None] + np.floor(self.spacing * (np.arange(self.levels) - 11)).astype(int)
            self.descending = random.integers(0, 2, self.channels).astype(bool) if self.levels % 2 else None
            if self.descending is None:
                self.descending = np.zeros(self.channels, bool)
            self.thresholds[self.descending] *= -1

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


@dataclass
class Dispatch:
    """A dispatch read from the text that ulq-opt prints."""

    kernel: str
    workgroups: int
    constants: list[bytes]  # parameters and tables, none for a pool
    counters: int
    result_bytes: list[int]


def byte_size(type_text: str) -> int:
    *extents, kind = type_text.split("x")
    return int(np.prod([int(e) for e in extents])) * {"i8": 1, "f32": 4}[kind]


def read_dispatches(text: str) -> dict[str, Dispatch]:
    """Returns the dispatch of each function of the module, by layer name."""
    constants = {}
    pattern = r'(%\S+) = arith.constant dense<(?:"0x([0-9A-F]*)"|(-?\d+))> : tensor<(\d+)xi8>'
    found = {}
    for line in text.splitlines():
        if match := re.search(pattern, line):
            name, digits, splat, size = match.groups()
            data = bytes.fromhex(digits or "")
            constants[name] = data if len(data) == int(size) else bytes([int(splat or data[0]) & 255]) * int(size)
        if match := re.search(r"ulq.dispatch \"(\w+)\"\((.*?)\) workgroups (\d+) (.*)-> (.*)$", line):
            kernel, inputs, workgroups, attributes, results = match.groups()
            counters = re.search(r"counters = (\d+)", attributes)
            blobs = [constants[name] for name in inputs.split(", ") if name in constants]
            sizes = [byte_size(t) for t in re.findall(r"tensor<([\dx]+(?:i8|f32))>", results)]
            found[re.sub(r"^ulq_[a-z0-9]+_\d+_", "", kernel)] = Dispatch(
                kernel, int(workgroups), blobs, int(counters[1]) if counters else 0, sizes
            )
    return found


class Memory:
    """`size` bytes between guard bytes and an unmapped page."""

    def __init__(self, size: int):
        pages = -(-(size + 64) // PAGE)
        self.map = mmap.mmap(-1, (pages + 1) * PAGE)
        whole = np.frombuffer(self.map, np.uint8)
        whole[: pages * PAGE] = GUARD
        self.address = whole.ctypes.data + pages * PAGE - size
        self.before = whole[: pages * PAGE - size]
        self.bytes = whole[pages * PAGE - size : pages * PAGE]
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mprotect(ctypes.c_void_p(whole.ctypes.data + pages * PAGE), PAGE, 0):
            raise OSError(ctypes.get_errno(), "mprotect")


def build(isa: str, cases: list[Case], directory: Path):
    """Compiles all cases and returns the loaded object and the dispatches."""
    loaded = {}
    for family, workgroups in sorted({(case.family, case.workgroups) for case in cases}):
        chosen = [case for case in cases if (case.family, case.workgroups) == (family, workgroups)]
        folder = directory / f"{family or 'any'}{workgroups}"
        folder.mkdir()
        command = [
            harness.find_ulq_opt(), "--ulq-prove-ranges",
            f"--ulq-select-kernel=isa={isa} family={family} workgroups={workgroups}",
            "--ulq-pack-weights", "--ulq-tile", *harness.KERNEL_PASSES,
            f"--ulq-emit-objects=directory={folder} triple={harness.ISAS[isa].triple}",
            "--mlir-print-elementsattrs-with-hex-if-larger=0",
        ]  # fmt: skip
        done = subprocess.run(command, input="".join(map(case_text, chosen)), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[:4000]
        dispatches = read_dispatches(done.stdout)
        functions = [dispatch.kernel for dispatch in dispatches.values()]
        library = harness.load_kernels(folder / f"kernels-{isa}.o", functions)
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
    if dispatch.counters:
        inputs.append(np.zeros(4 * dispatch.counters, np.uint8))
    memories = [Memory(len(data)) for data in inputs] + [Memory(size) for size in dispatch.result_bytes]
    for memory, data in zip(memories, inputs, strict=False):
        memory.bytes[:] = data
    arguments = []
    for memory in memories:
        arguments += [ctypes.c_void_p(memory.address - 8), ctypes.c_int64(8)]
    for workgroup in range(dispatch.workgroups):
        thread = ctypes.c_int32(workgroup // 3)
        getattr(library, dispatch.kernel)(*arguments, ctypes.c_int64(workgroup), thread)
    results = []
    for name, memory in zip(case.outputs, memories[len(inputs) :], strict=False):
        assert (memory.before == GUARD).all(), "wrote before a result"
        if name == "values":
            results.append(memory.bytes.view(np.float32).reshape(case.geo.output))
            continue
        bits = case.storage(case.out_bits, case.channels)
        rows = memory.bytes.reshape(*case.geo.output[:3], -1)
        codes = layouts.unpack_rows(rows, bits, case.channels)
        assert (layouts.pack_rows(codes, bits) == rows).all(), "padding bits are not zero"
        results.append(codes)
    return results


# ----------------------------------------------------------------------------
# Cases
# ----------------------------------------------------------------------------


def per_channel(count: int, seed: int) -> np.ndarray:
    """Scales that are multiples of 2^-6, so that float evaluation is exact and ties occur."""
    return np.random.default_rng(seed).integers(1, 16, count) / 64


def uneven(count: int, seed: int) -> np.ndarray:
    """Factors of both signs whose products round."""
    return np.random.default_rng(seed).normal(0, 0.2, count)


def ascending(channels: int, count: int) -> np.ndarray:
    return np.sort(np.random.default_rng(channels).normal(0, 3, (channels, count)), axis=1).ravel()


def turning(channels: int, count: int, falling: int) -> np.ndarray:
    """Thresholds of which the last `falling` ascend by themselves."""
    values = np.random.default_rng(count).integers(-20, 20, (channels, count)) / 8
    return np.concatenate([np.sort(values[:, :-falling]), np.sort(values[:, -falling:])], axis=1).ravel()


def requantize(channels: int, bits: int = 8, seed: int = 0, scale=0.5, zero=3):
    offset = np.random.default_rng(seed + 1).integers(-64, 64, channels) / 8
    return (Affine(per_channel(channels, seed), offset), Clamp(0.0, np.inf), Quantize(scale, zero, 0, 2**bits - 1))


SQUARE = {"kernel": (3, 3), "pads": (1, 1, 1, 1)}
W1, TERNARY, W4, W8 = (-1, 1), (-1, 0, 1), tuple(range(-8, 8)), (-128, -77, -3, 0, 5, 99, 127)


def make_cases() -> list[Case]:
    cases = []
    for channels in (1, 3, 5, 17, 65):
        cases.append(Case(f"odd{channels}", (1, 5, 6, channels), 66 - channels, geometry=SQUARE, levels=3))
    for bits in range(1, 9):
        for label, weights in (("w1", W1), ("t", TERNARY), ("w2", (-2, -1, 0, 1)), ("w4", W4), ("w8", W8)):
            steps = requantize(33, bits, bits)
            cases.append(
                Case(f"{label}a{bits}", (1, 4, 5, 24), 33, bits, weights, SQUARE, min(1, bits - 1), steps=steps,
                     out_bits=bits)
            )  # fmt: skip
    cases += [
        Case("extreme", (1, 3, 3, 128), 40, geometry=SQUARE, levels=3, extreme=True),
        Case("extreme8", (1, 3, 3, 64), 20, 8, W8, SQUARE, 255, steps=requantize(20), out_bits=8, extreme=True),
        *(Case(f"falling{levels}_{falling}", (1, 4, 5, 12), 19, 4, W4, SQUARE, 3, levels=levels, falling=falling,
               out_bits=8) for levels, falling in ((2, 1), (3, 3), (18, 2), (31, 12))),
        *(Case(f"falling_steps{n}", (1, 3, 4, 6), 11, 4, W4, addends=(2,), out_bits=8, steps=(
            Affine(per_channel(11, 7), 0.25), Add(0, 0.5, -0.5), Threshold(turning(11, n, 3), n, 3, 3)))
          for n in (5, 20)),
        Case("stride", (1, 9, 11, 20), 16, geometry={**SQUARE, "strides": (2, 3)}, levels=3, pad_code=1),
        Case("pads", (1, 6, 5, 12), 16, 4, W4, {"kernel": (3, 2), "pads": (2, 0, 1, 3)}, 7, levels=3),
        Case("dilated", (2, 9, 8, 8), 24, geometry={"kernel": (3, 3), "pads": (2, 2, 2, 2), "dilations": (2, 2)},
             levels=3),
        # Sums on both sides of the middle between two codes, closer to it than f32 can tell.
        *(Case(f"doubt{len(addends)}", (1, 24, 24, 4), 21, 8, W8, addends=addends, out_bits=8, steps=(
            Affine(2.0**-7 * (1 + 2.0**-26 * (-1.0) ** np.arange(21)), 128.0),
            *(Add(i, 0.5, 0.0) for i in range(len(addends))), Quantize(1.0, 0, 0, 255))) for addends in ((), (8,))),
        Case("doubt_levels", (1, 3, 3, 700), 53, 8, W8, levels=15, spacing=1048611.3, out_bits=4, extreme=True),
        Case("batch", (2, 5, 5, 16), 8, 8, W8, SQUARE, 128, steps=requantize(8), out_bits=8),
        Case("wide8", (1, 4, 6, 700), 9, 8, W4, SQUARE, 2, steps=requantize(9), out_bits=8),
        Case("wide2", (1, 3, 6, 2600), 9, 2, pad_code=1, geometry={"kernel": (3, 2), "pads": (0, 1, 1, 0)}, levels=3),
        Case("wide2even", (1, 2, 2, 4096), 9, 2, pad_code=1, geometry=SQUARE, levels=2),
        Case("point", (1, 7, 7, 64), 128, levels=3),
        Case("matmul", (1, 1, 1, 300), 10, 4, W4, outputs=("values",), steps=(Affine(0.25, 1.0),)),
        Case("matmul70", (1, 70, 1, 96), 200, 2, levels=3, workgroups=4),
        Case("groups", (1, 5, 5, 32), 32, geometry={**SQUARE, "groups": 4}, levels=3),
        Case("groups_odd", (1, 5, 5, 9), 15, geometry={**SQUARE, "groups": 3}, levels=3, pad_code=2),
        Case("depthwise", (1, 6, 6, 20), 20, 4, W4, {**SQUARE, "groups": 20}, 1, steps=requantize(20), out_bits=8),
        Case("depthwise70", (2, 6, 7, 70), 70, 8, W8, {**SQUARE, "groups": 70, "strides": (2, 1)}, 200,
             steps=requantize(70), out_bits=8, extreme=True),
        Case("depthwise2", (1, 20, 20, 130), 130, 2, geometry={"kernel": (5, 5), "pads": (2, 2, 2, 2), "groups": 130},
             levels=3, workgroups=4),
        Case("depthwise_large", (1, 12, 12, 9), 9, 4, W4, {"kernel": (9, 9), "groups": 9}, levels=3),
        Case("depthwise_zero", (1, 6, 6, 20), 20, 4, (-120, 7, 120), {**SQUARE, "groups": 20}, 1, weight_zero=True,
             steps=requantize(20), out_bits=8),
        Case("depthwise_sums", (1, 6, 6, 20), 20, 4, (-128, 7, 127), {**SQUARE, "groups": 20}, 1, weight_zero=True,
             steps=requantize(20), out_bits=8),
        Case("depthwisef", (1, 6, 7, 70), 70, 32, geometry={**SQUARE, "groups": 70}, outputs=("values",)),
        Case("depthwise_weightonly", (1, 6, 7, 70), 140, 32, W4, {**SQUARE, "groups": 70}, outputs=("values",)),
        Case("depthwise_multiplied", (1, 5, 6, 11), 77, 2, levels=3, pad_code=1,
             geometry={"kernel": (9, 9), "pads": (4, 4, 4, 4), "groups": 11}),
        Case("depthwise_multipliedf", (1, 6, 7, 21), 63, 32, geometry={**SQUARE, "groups": 21}, outputs=("values",)),
        Case("depthwise_residual", (1, 4, 5, 37), 74, 2, geometry={**SQUARE, "groups": 37}, addends=(2, 4), out_bits=4,
             steps=(Affine(per_channel(74, 5), 0.25), Add(0, 0.75, -0.5), Add(1, 0.5, 0.0), Quantize(0.5, 3, 0, 15))),
        Case("depthwise_narrow", (1, 5, 6, 3), 3, 1, W1, {**SQUARE, "groups": 3}, pad_code=1, levels=1, out_bits=1),
        Case("depthwise_dot", (1, 5, 6, 20), 40, 2, geometry={**SQUARE, "groups": 20}, levels=3, family="dot"),
        Case("depthwise_many", (1, 5, 6, 3), 30, 2, geometry={**SQUARE, "groups": 3}, levels=3),
        Case("weightonly", (1, 1, 30, 40), 50, 32, W4, outputs=("values",), steps=(Affine(0.25, 0.0),)),
        Case("zero", (1, 5, 5, 12), 40, 4, (0, 1, 7, 15), SQUARE, 2, weight_zero=True, levels=3),
        Case("unsigned8", (1, 5, 5, 12), 40, 8, (0, 1, 200, 255), SQUARE, 2, weight_zero=True, steps=requantize(40),
             out_bits=8),
        Case("sixteen", (1, 4, 4, 16), 24, 4, W4, SQUARE, levels=15, out_bits=4),
        Case("levels1", (1, 4, 4, 16), 70, 1, W1, SQUARE, levels=1, out_bits=1),
        Case("residual2", (1, 4, 4, 16), 37, 2, geometry=SQUARE, addends=(2,), out_bits=2,
             steps=(Affine(per_channel(37, 5), 0.25), Add(0, 0.75, -0.5), Clamp(0.0, np.inf), Quantize(0.5, 0, 0, 3))),
        Case("residual1", (1, 4, 4, 16), 37, 1, W1, SQUARE, addends=(1,), out_bits=1,
             steps=(Affine(0.25, 0.0), Add(0, 2.0, -1.0), Threshold([0.0], 1))),
        Case("residual8", (1, 4, 4, 16), 21, 8, W4, SQUARE, addends=(4, 8), out_bits=8,
             steps=(Add(0, 0.5, 0.0), Add(1, 1.0, -2.0), Quantize(3.0, 100, 0, 255))),
        Case("residualf", (1, 4, 4, 16), 21, 4, W4, SQUARE, addends=(32,), outputs=("codes", "values"), out_bits=4,
             steps=(Affine(0.5, per_channel(21, 8)), Add(0, 1.0, 0.0), Leaky(0.125), Quantize(0.75, 4, 0, 15))),
        Case("single4", (1, 6, 7, 40), 70, 4, W4, SQUARE, out_bits=4, steps=(
            Affine(uneven(70, 1), uneven(70, 2)), Clamp(0.0, np.inf), Quantize(7.31, 0, 0, 15))),
        Case("single2", (1, 6, 7, 40), 70, 2, (-2, -1, 0, 1), SQUARE, addends=(2,), steps=(
            Affine(uneven(70, 3), uneven(70, 4)), Add(0, 1.37, -0.2), Clamp(0.0, np.inf), Quantize(1.13, 0, 0, 3))),
        Case("single3", (1, 6, 7, 40), 70, 4, W4, SQUARE, addends=(4,), out_bits=3, steps=(
            Affine(uneven(70, 5), uneven(70, 6)), Quantize(3.1, 4, 0, 7), Dequantize(3.1, 4.0), Add(0, 1.37, -0.2),
            Leaky(0.1), Quantize(2.71, 2, 0, 7))),
        Case("both", (1, 4, 4, 16), 50, outputs=("codes", "values"), out_bits=8, geometry=SQUARE,
             steps=(Affine(per_channel(50, 3), per_channel(50, 4)), Quantize(0.25, 128, 0, 255))),
        Case("fake", (1, 4, 4, 16), 50, outputs=("values",), geometry=SQUARE,
             steps=(Affine(per_channel(50, 3), 0.0), Quantize(0.25, 8, 0, 15), Dequantize(0.25, 8.0),
                    Clamp(-1.0, 1.5))),
        Case("counts", (1, 4, 4, 16), 20, outputs=("codes", "values"), out_bits=8, geometry=SQUARE,
             steps=(Affine(0.25, 0.0), Threshold(ascending(20, 40), 40))),
        Case("first", (1, 4, 4, 16), 20, out_bits=8, geometry=SQUARE,
             steps=(Affine(per_channel(20, 1), 0.0), Quantize(0.25, 12.5, 0, 255, "half_even", True))),
        Case("float3", (1, 6, 7, 3), 20, 32, geometry={**SQUARE, "strides": (2, 2)}, outputs=("values",),
             steps=(Affine(1.0, per_channel(20, 2)), Clamp(0.0, np.inf))),
        Case("float17", (2, 5, 4, 17), 35, 32, geometry=SQUARE, outputs=("codes", "values"), out_bits=4,
             steps=(Affine(1.0, 0.5), Clamp(0.0, 6.0), Quantize(0.5, 0, 0, 15)), workgroups=3),
        Case("floatgroups", (1, 5, 4, 12), 12, 32, geometry={**SQUARE, "groups": 12}, outputs=("values",)),
        Case("parts", (1, 24, 24, 32), 64, geometry=SQUARE, levels=3, workgroups=8),
        Case("parts8", (1, 12, 13, 64), 72, 8, W8, SQUARE, 3, steps=requantize(72), out_bits=8, workgroups=8),
        Case("panels", (1, 2, 2, 256), 300, 8, W8, SQUARE, steps=requantize(300), out_bits=8, workgroups=4),
    ]  # fmt: skip
    for name, shape, channels, more in (
        ("odd", (1, 5, 7, 65), 33, {"pad_code": 1}),  # 35 rows, and bytes of a tap that are not full
        ("two", (2, 1, 1, 100), 40, {"geometry": {}}),
        ("three", (3, 1, 1, 513), 300, {"geometry": {}, "workgroups": 4}),
        ("parts", (1, 25, 23, 32), 64, {"workgroups": 8}),
        ("panels", (1, 3, 3, 1024), 300, {"workgroups": 4}),
        ("groups", (1, 5, 5, 48), 32, {"geometry": {**SQUARE, "groups": 2}}),
        ("zero", (1, 5, 5, 24), 20, {"weight_zero": True}),
        ("deep", (1, 2, 2, 8192), 9, {"pad_code": 1, "extreme": True}),
    ):
        cases.append(Case(f"nibble_{name}", shape, channels, 1, W1,
                          **{"geometry": SQUARE, "levels": 1, "out_bits": 1, "family": "nibble", **more}))  # fmt: skip
    few = (("w1", W1), ("t", TERNARY), ("w2", (-2, -1, 0, 1)), ("w3", tuple(range(-4, 4))), ("w4", W4))
    for label, weights in few:  # products by few rows
        for bits in range(1, 9):
            rows, depth, outputs = (1, 2, 3, 1)[bits % 4], (1, 9, 130, 515, 64)[len(cases) % 5], (9, 70, 300)[bits % 3]
            for family in ("dot_packed", "built_lut", ""):
                cases.append(
                    Case(f"rows_{label}a{bits}_{family}", (1, 1, rows, depth), outputs, bits, weights, family=family,
                         outputs=("values",), extreme=bits % 3 == 0, workgroups=(1, 4)[bits % 2])
                )  # fmt: skip
    for label, weights in (few[0], few[2], few[4]):
        for family in ("dot_packed", "built_lut"):
            cases.append(
                Case(f"deep_{label}_{family}", (1, 1, 1, 11008), 70, 8, weights, family=family, extreme=True,
                     weight_zero=True, outputs=("values",), workgroups=2)
            )  # fmt: skip
    shapes = (
        {"kernel": (3, 3), "pads": (1, 1, 1, 1)},
        {"kernel": (3, 3), "pads": (1, 0, 1, 2), "strides": (2, 1)},
        {"kernel": (3, 2), "pads": (2, 1, 0, 1), "dilations": (2, 3)},
        {"kernel": (5, 5), "pads": (2, 2, 2, 2), "strides": (2, 2)},
    )
    for label, weights in (("w1", W1), ("w2", (-2, -1, 0, 1)), ("w3", tuple(range(-4, 4))), ("w4", W4), ("w8", W8)):
        for bits in (1, 2, 3, 4, 8):
            number = len(cases)
            channels = (20, 64, 65, 128, 9, 203)[number % 6]
            for multiplier in (1, 2 + number % 2):
                cases.append(
                    Case(f"depthwise_{label}a{bits}x{multiplier}", (1, 7, 8, channels), channels * multiplier, bits,
                         weights, {**shapes[number % 4], "groups": channels}, min(1, bits - 1), out_bits=bits,
                         steps=requantize(channels * multiplier, bits, bits), extreme=number % 5 == 0,
                         workgroups=(1, 4)[number % 7 == 0])
                )  # fmt: skip
    windows = (*shapes[:2], {"kernel": (3, 2), "pads": (2, 1, 0, 1), "dilations": (2, 1)}, *shapes[3:])
    for label, weights in (("w1", W1), ("t", TERNARY), ("w3", tuple(range(-4, 4))), ("w4", W4), ("w8", W8)):
        for bits in (1, 2, 3, 8):  # windows that are read in place; a line of taps is filled up by weights of 0
            number = len(cases)
            channels, outputs = (3, 4, 1, 65, 20)[number % 5], (70, 9, 130)[number % 3]
            cases.append(
                Case(f"lines_{label}a{bits}", (2, 9, 11, channels), outputs, bits, weights, windows[number // 2 % 4],
                     min(1, bits - 1), extreme=number % 5 == 0, family="line_dot", out_bits=4,
                     steps=requantize(outputs, 4, bits), workgroups=(1, 4)[number % 3 == 0])
            )  # fmt: skip
    for bits, right, zeros in ((8, 8, (3, 250)), (8, 8, (128, 128)), (4, 4, (7, 8)), (2, 2, (0, 1)), (1, 1, (0, 0)),
                               (3, 4, (2, 0)), (8, 4, (120, 9)), (1, 8, (1, 77)), (32, 32, (0, 0))):  # fmt: skip
        for batch, rows, depth, columns in ((3, 5, 37, 21), (1, 13, 130, 65), (2, 1, 1, 1)):
            outputs = ("codes", "values") if bits < 32 else ("values",)
            steps = (Affine(0.25, 3.0), Quantize(2.0 ** (bits + right - 6), 120, 0, 255)) if bits < 32 else ()
            cases.append(
                Case(f"computed{bits}x{right}z{zeros[1]}x{depth}", (batch, rows, 1, depth), columns, bits, right=right,
                     zeros=zeros, steps=steps, outputs=outputs, out_bits=8)
            )  # fmt: skip
    cases += [
        Case("computed_extreme", (1, 3, 1, 2000), 9, 8, right=8, zeros=(0, 3), extreme=True, outputs=("values",)),
        Case("computed_bias", (3, 6, 1, 20), 37, 8, right=8, zeros=(5, 9), steps=requantize(37), out_bits=8),
        Case("computed_residual", (2, 6, 1, 20), 9, 4, right=4, zeros=(5, 9), addends=(8,), out_bits=8,
             steps=(Affine(0.5, 0.0), Add(0, 0.5, -1.0), Quantize(1.0, 100, 0, 255))),
        Case("computed_parts", (5, 70, 1, 64), 90, 8, right=8, zeros=(5, 9), outputs=("values",), workgroups=8),
        Case("computed_rows", (1, 900, 1, 40), 10, 8, right=8, zeros=(5, 9), outputs=("values",), workgroups=4),
        Case("computed_partsf", (5, 70, 1, 64), 90, 32, right=32, outputs=("values",), workgroups=8),
    ]  # fmt: skip
    for bits, channels, workgroups in ((1, 9, 1), (2, 64, 1), (2, 7, 3), (3, 130, 1), (4, 31, 1), (8, 600, 4)):
        windows = {"kernel": (3, 2), "strides": (2, 1), "pads": (1, 0, 1, 1), "dilations": (1, 2)}
        shape = (2, 7, 30 if workgroups > 1 else 6, channels)
        cases.append(Case(f"pool{bits}x{channels}", shape, channels, bits, geometry=windows, out_bits=bits, pool=True,
                          workgroups=workgroups))  # fmt: skip
    for rounding in ("half_up", "half_down", "ceil", "floor", "up", "down"):
        steps = (Affine(per_channel(20, 1), 0.0), Quantize(0.25, 100, 0, 255, rounding))
        cases.append(Case(f"round_{rounding}", (1, 4, 4, 16), 20, steps=steps, out_bits=8, geometry=SQUARE))
    for case in [c for c in cases if c.name in ("odd5", "w1a2", "w2a2", "ta1", "extreme", "parts", "groups_odd")]:
        copy = {k: getattr(case, k) for k in Case.__dataclass_fields__}
        families = ("dot", "dot16", "lut", "product_lut", "bit_serial")
        cases += [Case(**{**copy, "name": f"{case.name}_{family}", "family": family}) for family in families]
    return cases


CASES = make_cases()


def objects_of(cases: list[Case], directories):
    """A function that returns the objects of all cases for an ISA, compiled on first use."""
    return functools.cache(lambda isa: build(isa, harness.chosen(isa, cases, traits), directories.mktemp(isa)))


def check(isa: str, case: Case, objects):
    """Runs a case where this machine has the ISA; all of its results equal the reference."""
    if lacking := harness.missing_for(isa):
        pytest.skip(f"needs {lacking}")
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


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    return objects_of(CASES, tmp_path_factory)


@pytest.mark.parametrize(("isa", "case"), runs_of(CASES))
def test_layer(isa, case, objects):
    check(isa, case, objects)
