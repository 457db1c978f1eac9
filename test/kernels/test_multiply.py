"""unpack_weights and multiply_tile of every kernel, on every ISA that runs here, against exact numpy."""

from dataclasses import asdict, dataclass, replace

import harness
import numpy as np
import pytest

LOOKUPS = ("lut", "nibble")
DEPTHWISE = ("depthwise", "depthwise_dot")
ALONG_DEPTH = ("product_lut", "bit_serial")  # vectors along the depth
UNALIGNED = 3  # kernels may not assume any alignment


@dataclass(frozen=True)
class Case:
    """A tile: weights base + step * code, code < levels, times activation codes 0..max_code (0: f32).

    A depthwise tile has `multiplier` outputs for each channel; its pixels have `channels` channels; the panel reads the
    first of them. Rows are windows of `lines` lines of an image, `stride` pixels apart.
    """

    family: str
    rows: int
    outputs: int
    taps: int
    channels: int
    weight_bits: int
    base: int = 0
    step: int = 1
    levels: int = 0
    max_code: int = 0
    multiplier: int = 1
    lines: int = 1
    stride: int = 1
    in_place: bool = False  # "dot_packed" multiplies fields of a byte where they stand

    @property
    def width(self) -> int:
        return harness.storage_bits(self.max_code.bit_length()) if self.max_code else 32

    @property
    def depth(self) -> int:
        """Reduction elements of the panel, padding included."""
        if self.family == "depthwise":
            return self.taps
        if self.family == "depthwise_dot":
            return self.columns * harness.round_up(self.lines, 4)
        if self.family == "float32":
            return self.taps * self.channels
        if self.family in ALONG_DEPTH:
            return self.row_bytes * 8 // self.width
        codes = self.taps * harness.round_up(self.channels, 8 // self.width)
        return harness.round_up(codes, self.depth_step)

    @property
    def depth_step(self) -> int:
        """Reduction elements that the panel is a multiple of."""
        lut = max(8 // self.weight_bits, 8 // self.width)
        body = 8 * min(8, 255 // (8 * self.max_part))
        return {"dot": 4, "dot16": 4, "dot_packed": 4, "built_lut": body, "lut": lut, "nibble": 24}[self.family]

    @property
    def byte_products(self) -> int:
        """Products that a byte gains in a step of a kernel with vectors along the depth."""
        return 8 // min(self.width, self.weight_bits) if self.family == "product_lut" else 8

    @property
    def row_bytes(self) -> int:
        if self.family in ALONG_DEPTH:
            vectors = self.byte_products * self.width // 8
            return harness.round_up(self.taps * -(-self.channels * self.width // 8), 64 * vectors)
        if self.family == "float32":
            return harness.round_up(4 * self.depth, 64)
        if self.family in LOOKUPS:
            return harness.round_up(-(-self.depth * self.width // 8), 64) * (2 if self.family == "nibble" else 1)
        if self.family in DEPTHWISE:
            return self.stride * self.tap_bytes
        return harness.round_up(self.depth, 64)

    @property
    def max_part(self) -> int:
        """The largest part of a code in the tables of "built_lut": codes of more than 4 bits have two parts."""
        bits = self.max_code.bit_length()
        return (1 << (bits if bits <= 4 else -(-bits // 2))) - 1

    @property
    def table_bytes(self) -> int:
        """Bytes of the tables of a row, 0 where multiply_tile reads the row: 16 for four codes, twice for two parts."""
        if self.family != "built_lut":
            return 0
        return harness.round_up(self.depth, 16) // 4 * 16 * (2 if self.max_code > 15 else 1)

    @property
    def tap_bytes(self) -> int:
        """Bytes of a pixel of a depthwise image: one for each code, whatever its width in the input."""
        return self.channels * (1 if self.max_code else 4)

    @property
    def columns(self) -> int:
        """Columns of a depthwise window."""
        return self.taps // self.lines

    @property
    def line_pixels(self) -> int:
        """Pixels of a line of a depthwise image."""
        return (self.rows - 1) * self.stride + self.columns

    @property
    def window(self) -> str:
        """The attributes of the window of a depthwise tile; lines need not be neighbours."""
        if self.family not in DEPTHWISE:
            return ""
        return (
            f", tapBytes = {self.tap_bytes}, tapLines = {self.lines}, lineBytes = {self.line_pixels * self.tap_bytes},"
            f" multiplier = {self.multiplier}"
        )

    @property
    def narrow_sums(self) -> str:
        """The attributes of the bound of the narrow sums: as many products as fit."""
        if self.family in LOOKUPS:
            interval = 255 // (self.max_code * (self.levels - 1)) // self.depth_step * self.depth_step
            return f"codeProducts, narrowBits = 8, flushInterval = {interval}"
        if self.family in ALONG_DEPTH:
            interval = 255 // (self.max_code * (self.levels - 1)) // self.byte_products * self.byte_products
            return f"codeProducts, narrowBits = 8, flushInterval = {interval}"
        if self.family == "built_lut":
            return f"codeProducts, narrowBits = 8, flushInterval = {self.depth_step}, narrowProduct = {self.max_part}"
        if self.family == "dot_packed":
            interval = ((1 << 24) - 1) // (self.max_code * (self.levels - 1))
            return "codeProducts" + (f", narrowBits = 24, flushInterval = {interval}" if self.in_place else "")
        if self.family == "dot16":
            return f"narrowBits = 16, flushInterval = {2 * self.dot2_steps}"
        if self.family == "depthwise" and self.max_code:
            return f"narrowBits = 16, flushInterval = {32767 // (self.max_code * self.largest_weight)}"
        return "narrowBits = 0"

    @property
    def largest_weight(self) -> int:
        return max(abs(self.base), abs(self.base + self.step * (self.levels - 1)))

    @property
    def dot2_steps(self) -> int:
        """Sums of two products that fit signed 16 bits together, at most those of a block of "dot16"."""
        return min(64, 32767 // (2 * self.max_code * self.largest_weight))

    @property
    def unpacked_bytes(self) -> int:
        """Size of the unpacked panel, 0 where multiply_tile reads the packed one."""
        if self.family in (*LOOKUPS, *ALONG_DEPTH, "built_lut", "dot_packed") or self.weight_bits == 32:
            return 0
        width = harness.storage_bits(self.weight_bits)
        if self.max_code and width == 8:
            return 0
            return 0
        codes = harness.round_up(self.depth * self.outputs, 64 * 8 // width)
        return codes * (1 if self.max_code else 4)


FUNCTION = """
  func.func @case{number}(%lhs: memref<i8>, %lhsOffset: index, %rhs: memref<i8>, %rhsOffset: index,
      %tables: memref<i8>, %tablesOffset: index, %scratch: memref<i8>, %scratchOffset: index,
      %out: memref<i8>, %outOffset: index, %workgroup: index) attributes {{llvm.bareptr}} {{
    %n = arith.constant {largest} : index
    %a = memref.reinterpret_cast %lhs to offset: [0], sizes: [%n], strides: [1] : memref<i8> to memref<?xi8>
    %b = memref.reinterpret_cast %rhs to offset: [0], sizes: [%n], strides: [1] : memref<i8> to memref<?xi8>
    %t = memref.reinterpret_cast %tables to offset: [0], sizes: [%n], strides: [1] : memref<i8> to memref<?xi8>
    %s = memref.reinterpret_cast %scratch to offset: [0], sizes: [%n], strides: [1] : memref<i8> to memref<?xi8>
    %c = memref.reinterpret_cast %out to offset: [0], sizes: [%n], strides: [1] : memref<i8> to memref<?xi8>
    {unpack}
    ulq.multiply_tile %a, %{lhsName}, %{panel}, %{panelName}Offset, %t, %tablesOffset, %c, %outOffset {{
      kernel = {kernel}, rowBytes = {rowBytes}, depth = {depth}, storageBits = {storageBits}, maxCode = {maxCode},
      weightBits = {weightBits}, weightBase = {weightBase}, weightStep = {weightStep}, weightLevels = {weightLevels},
      {narrowSums}{window}
    }} : memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index, memref<?xi8>, index
    return
  }}
"""
BUILD = """%tableAt = arith.constant {tableAt} : index
    %built = arith.addi %lhsOffset, %tableAt : index
    %rows = arith.constant {rows} : index
    ulq.build_tables %a[%lhsOffset] to [%built] rows %rows {{
      kernel = {kernel}, rowBytes = {gatheredBytes}, tableBytes = {rowBytes}, depth = {depth}, maxCode = {maxCode}
    }} : memref<?xi8>"""
UNPACK = """%one = arith.constant 1 : index
    ulq.unpack_weights %b, %rhsOffset, %s, %scratchOffset, %one {{
      kernel = {kernel}, depth = {depth}, weightBits = {weightBits}, weightBase = {weightBase},
      weightStep = {weightStep}{floats}
    }} : memref<?xi8>, index, memref<?xi8>, index, index"""


def function_text(case: Case, isa: str, number: int) -> str:
    """Returns a kernel function that unpacks one panel and multiplies one tile."""
    fields = {
        "number": number,
        "kernel": f'#ulq.kernel<family = "{case.family}", isa = "{isa}", rows = {case.rows}, '
        f"outputs = {case.outputs}, block = {case.rows}, workgroups = 1, cost = 1.0 : f64, "
        'runnerUp = "", margin = 1.0 : f64>',
        "rowBytes": case.table_bytes or case.row_bytes,
        "gatheredBytes": case.row_bytes,
        "rows": case.rows,
        "tableAt": case.rows * case.row_bytes,
        "lhsName": "built" if case.table_bytes else "lhsOffset",
        "depth": case.depth,
        "storageBits": case.width,
        "maxCode": case.max_code,
        "weightBits": case.weight_bits,
        "weightBase": case.base,
        "weightStep": case.step,
        "weightLevels": case.levels,
        "narrowSums": case.narrow_sums,
        "window": case.window,
        "floats": "" if case.max_code else ", floats",
        "largest": 1 << 30,
    }
    unpack = UNPACK.format(**fields) if case.unpacked_bytes else BUILD.format(**fields) if case.table_bytes else ""
    panel = ("s", "scratch") if case.unpacked_bytes else ("b", "rhs")
    return FUNCTION.format(**fields, unpack=unpack, panel=panel[0], panelName=panel[1])


def integer_data(case: Case, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Returns activation codes [rows, taps, channels] and weight codes [outputs, taps, channels] with extreme rows."""
    shape = (case.taps, case.channels)
    codes = random.integers(0, case.max_code + 1, (case.rows, *shape), dtype=np.uint8)
    weights = random.integers(0, case.levels, (case.outputs, *shape), dtype=np.uint8)
    codes[-1] = case.max_code
    weights[0] = 0
    weights[-1] = case.levels - 1
    return codes, weights


def pad_depth(values: np.ndarray, depth: int) -> np.ndarray:
    """Fills the last axis with zeros up to `depth`."""
    return np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, depth - values.shape[-1])])


def dot_call(case: Case, isa: str, number: int, random: np.random.Generator) -> tuple[harness.Call, np.ndarray]:
    codes, weights = integer_data(case, random)
    values = weights.astype(np.int64) * case.step + case.base
    stored = values.astype(np.int8).view(np.uint8) if case.weight_bits > 4 else weights
    panel = pad_depth(harness.expand_taps(stored, case.width), case.depth)
    call = make_call(
        case, number, harness.expand_taps(codes, case.width), harness.pack_dot(panel, case.weight_bits), NO_TABLES
    )
    return call, np.einsum("rtc,otc->ro", codes.astype(np.int64), values).astype(np.int32)


def dot_packed_call(case: Case, isa: str, number: int, random: np.random.Generator) -> tuple[harness.Call, np.ndarray]:
    codes, weights = integer_data(case, random)
    panel = pad_depth(harness.expand_taps(weights, case.width), case.depth)
    call = make_call(
        case, number, harness.expand_taps(codes, case.width), harness.pack_dot(panel, case.weight_bits), NO_TABLES
    )
    return call, np.einsum("rtc,otc->ro", codes.astype(np.int64), weights.astype(np.int64)).astype(np.int32)


def built_lut_call(case: Case, isa: str, number: int, random: np.random.Generator) -> tuple[harness.Call, np.ndarray]:
    codes, weights = integer_data(case, random)
    panel = pad_depth(harness.expand_taps(weights, case.width), case.depth)
    planes = [
        harness.pack_lut(panel >> plane & 1, 1, harness.ISAS[isa].vector_bytes) for plane in range(case.weight_bits)
    ]
    packed = np.stack([plane.reshape(-1, case.outputs) for plane in planes], axis=1).ravel()
    call = make_call(case, number, harness.expand_taps(codes, case.width), packed, NO_TABLES)
    return call, np.einsum("rtc,otc->ro", codes.astype(np.int64), weights.astype(np.int64)).astype(np.int32)


def lut_call(case: Case, isa: str, number: int, random: np.random.Generator) -> tuple[harness.Call, np.ndarray]:
    codes, weights = integer_data(case, random)
    tap_codes = harness.round_up(case.channels, 8 // case.width)
    panel = pad_depth(pad_depth(weights, tap_codes).reshape(case.outputs, -1), case.depth)
    packed = harness.pack_lut(panel, case.weight_bits, harness.ISAS[isa].vector_bytes)
    rows = harness.pack_taps(codes, case.width).reshape(case.rows, -1)
    tables = harness.lut_tables(case.weight_bits, case.width)
    if case.family == "nibble":
        rows, tables = harness.pair_rows(pad_depth(rows, case.row_bytes // 2)), harness.nibble_tables()
    wide = harness.repeat_tables(tables, harness.ISAS[isa].vector_bytes)
    call = make_call(case, number, rows, packed, wide)
    return call, np.einsum("rtc,otc->ro", codes.astype(np.int64), weights.astype(np.int64)).astype(np.int32)


def depth_call(case: Case, isa: str, number: int, random: np.random.Generator) -> tuple[harness.Call, np.ndarray]:
    codes, weights = integer_data(case, random)
    tap_codes = harness.round_up(case.channels, 8 // case.width)
    x, w = (pad_depth(pad_depth(v, tap_codes).reshape(len(v), -1), case.depth) for v in (codes, weights))
    if case.family == "product_lut":
        rows = harness.pack_taps(x, case.width)
        panel = harness.pack_product(w, case.weight_bits, case.width, harness.ISAS[isa].vector_bytes)
        tables = harness.product_tables(case.weight_bits, case.width)
    else:
        rows = harness.pack_planes(x, case.width, case.width)
        panel, tables = harness.pack_planes(w, case.width, case.weight_bits).ravel(), NO_TABLES
    call = make_call(case, number, rows, panel, tables)
    return call, np.einsum("rtc,otc->ro", codes.astype(np.int64), weights.astype(np.int64)).astype(np.int32)


def float_call(case: Case, isa: str, number: int, random: np.random.Generator) -> tuple[harness.Call, np.ndarray]:
    # Small integers: sums are exact in f32, whatever the order and the fusion.
    inputs = random.integers(-8, 9, (case.rows, case.depth)).astype(np.float32)
    if case.weight_bits == 32:
        values = random.integers(-8, 9, (case.outputs, case.depth)).astype(np.float32)
        packed = np.ascontiguousarray(values.T).view(np.uint8).ravel()
    else:
        codes = random.integers(0, case.levels, (case.outputs, case.depth), dtype=np.uint8)
        values = codes.astype(np.float32) * case.step + case.base
        packed = harness.pack_chunks(codes.T, harness.storage_bits(case.weight_bits))
    call = make_call(case, number, inputs.view(np.uint8), packed, NO_TABLES)
    return call, (inputs.astype(np.float64) @ values.T.astype(np.float64)).astype(np.float32)


def depthwise_call(case: Case, isa: str, number: int, random: np.random.Generator) -> tuple[harness.Call, np.ndarray]:
    shape = (case.lines, case.line_pixels, case.channels)
    if case.max_code:
        image = random.integers(0, case.max_code + 1, shape, dtype=np.uint8)
        image[:, -case.columns :] = case.max_code
    else:
        image = random.integers(-8, 9, shape).astype(np.float32)
    starts = range(0, case.rows * case.stride, case.stride)
    windows = np.stack([image[:, start : start + case.columns] for start in starts])
    rows = windows.reshape(case.rows, case.taps, case.channels)
    if case.weight_bits == 32:
        values = stored = random.integers(-8, 9, (case.outputs, case.taps)).astype(np.float32)
    else:
        codes = random.integers(0, case.levels, (case.outputs, case.taps), dtype=np.uint8)
        codes[0], codes[-1] = 0, case.levels - 1
        values = codes.astype(np.int64) * case.step + case.base
        stored = values.astype(np.int8).view(np.uint8) if case.max_code and case.weight_bits > 4 else codes
    width = harness.storage_bits(min(case.weight_bits, 8))
    if case.family == "depthwise":
        packed = harness.pack_depthwise(stored, case.multiplier, width)
    else:
        packed = harness.pack_depthwise_dot(stored.reshape(case.outputs, case.lines, -1), case.multiplier, width)
    call = make_call(case, number, image.reshape(1, -1).view(np.uint8), packed, NO_TABLES)
    read = rows[..., np.arange(case.outputs) // case.multiplier]  # what output n multiplies
    sums = np.einsum("rto,ot->ro", read.astype(np.float64), values.astype(np.float64))
    return call, sums.astype(np.int32 if case.max_code else np.float32)


NO_TABLES = np.zeros(64, np.uint8)
MAKE_CALL = {
    "built_lut": built_lut_call,
    "dot": dot_call,
    "dot16": dot_call,
    "dot_packed": dot_packed_call,
    "lut": lut_call,
    "nibble": lut_call,
    "product_lut": depth_call,
    "bit_serial": depth_call,
    "float32": float_call,
    "depthwise": depthwise_call,
    "depthwise_dot": depthwise_call,
}


def make_call(case: Case, number: int, rows: np.ndarray, panel: np.ndarray, tables: np.ndarray) -> harness.Call:
    """Places rows, panel, tables, scratch and result at unaligned offsets of their buffers."""
    padded = (rows if case.family in DEPTHWISE else pad_depth(rows, case.row_bytes)).ravel()
    padded = np.append(padded, np.full(case.rows * case.table_bytes, 0xA5, np.uint8))
    result = np.full(case.rows * case.outputs * 4, 0xA5, np.uint8)
    parts = [padded, panel, tables, np.full(case.unpacked_bytes + 1, 0x5A, np.uint8), result]
    buffers = [np.concatenate([np.full(UNALIGNED, 0xEE, np.uint8), part, GUARD]) for part in parts]
    return harness.Call(f"case{number}", buffers, [UNALIGNED] * len(buffers))


GUARD = np.full(64, 0xC3, np.uint8)  # bytes behind a buffer: read by nobody, written by nobody


@dataclass(frozen=True)
class Tiles:
    """Rows and panel widths that a kernel offers on an ISA (its `match`)."""

    rows: int
    outputs: tuple[int, ...]


TILES = {
    "built_lut": {
        "generic": Tiles(2, (32, 16)),
        "sse41": Tiles(2, (32, 16)),
        "avx2": Tiles(2, (64, 32)),
        "avxvnni": Tiles(2, (64, 32)),
        "avx512bw": Tiles(2, (128, 64)),
        "avx512vnni": Tiles(2, (128, 64)),
        "avx512icl": Tiles(2, (128, 64)),
        "neon": Tiles(2, (32, 16)),
    },
    "dot": {
        "generic": Tiles(4, (8,)),
        "sse41": Tiles(4, (8,)),
        "avx2": Tiles(4, (16, 8)),
        "avxvnni": Tiles(6, (16, 8)),
        "avx512bw": Tiles(6, (64, 32, 16)),
        "avx512vnni": Tiles(6, (64, 32, 16)),
        "avx512icl": Tiles(6, (64, 32, 16)),
        "neon": Tiles(3, (16, 8)),
    },
    "lut": {
        "generic": Tiles(4, (32, 16)),
        "sse41": Tiles(4, (32, 16)),
        "avx2": Tiles(4, (64, 32)),
        "avxvnni": Tiles(4, (64, 32)),
        "avx512bw": Tiles(7, (128, 64)),
        "avx512vnni": Tiles(7, (128, 64)),
        "avx512icl": Tiles(7, (128, 64)),
        "neon": Tiles(6, (32, 16)),
    },
    "nibble": {
        "generic": Tiles(8, (16,)),
        "sse41": Tiles(8, (16,)),
        "avx2": Tiles(8, (32,)),
        "avxvnni": Tiles(8, (32,)),
        "avx512bw": Tiles(8, (128, 64)),
        "avx512vnni": Tiles(8, (128, 64)),
        "avx512icl": Tiles(8, (128, 64)),
        "neon": Tiles(4, (32, 16)),
    },
    "float32": {
        "generic": Tiles(4, (8,)),
        "sse41": Tiles(4, (8,)),
        "avx2": Tiles(6, (16, 8)),
        "avxvnni": Tiles(6, (16, 8)),
        "avx512bw": Tiles(6, (64, 32, 16)),
        "avx512vnni": Tiles(6, (64, 32, 16)),
        "avx512icl": Tiles(6, (64, 32, 16)),
        "neon": Tiles(6, (16, 8)),
    },
}
TILES["dot_packed"] = TILES["dot"]
TILES["dot16"] = {isa: TILES["dot"][isa] for isa in ("generic", "sse41", "avx2", "avx512bw")}
# Kernels with vectors along the depth have one tile per kind of registers.
for family in ALONG_DEPTH:
    rows_of = {"generic": 2, "sse41": 2, "avx2": 3, "avxvnni": 3}
    TILES[family] = {isa: Tiles(rows_of.get(isa, 4), (32, 16, 8)) for isa in harness.ISAS}
# Odd extents first; 3 x 683 and 9 x 911 pass the 16-bit sums of "lut" for 2-bit codes.
SHAPES = [(1, 1), (1, 2), (1, 3), (3, 5), (9, 1), (1, 7), (9, 13), (1, 64), (4, 37), (1, 129), (2, 65), (1, 255)]
# "nibble" has steps of 24 codes, byte sums of 240 and 16-bit sums of 65,520.
BINARY = [(1, 23), (1, 24), (1, 25), (1, 239), (1, 240), (1, 241), (3, 85), (9, 64), (1, 481), (1, 511), (2, 512)]
BINARY_DEEP = [(9, 911), (1, 65519), (1, 65520), (1, 65521), (9, 7283)]
DEEP = [(9, 911), (1, 7279), (1, 7280), (1, 7281), (3, 683)]


def rows_and_outputs(family: str, isa: str, number: int) -> tuple[int, int]:
    """Cycles through the tiles of a kernel: full, one row, two rows, one row less than full; whole pairs of rows."""
    tiles = TILES[family][isa]
    choices = (tiles.rows, 2, 4, tiles.rows) if family == "nibble" else (tiles.rows, 1, 2, tiles.rows - 1)
    rows = choices[number % 4]
    wide = [2 * tiles.outputs[0]] if rows <= 2 and family not in ("float32", "dot16", *ALONG_DEPTH) else []
    widths = [*wide, *tiles.outputs]
    return rows, widths[number // 4 % len(widths)]


def integer_cases(family: str, isa: str, weights: list[tuple], activation_bits: range, shapes: list) -> list[Case]:
    """Every weight code (bits, base, step, levels) by every activation width, shapes and tiles in turn."""
    cases = []
    for bits, base, step, levels in weights:
        for activation in activation_bits:
            for taps, channels in (shapes[len(cases) % len(shapes)],):
                rows, outputs = rows_and_outputs(family, isa, len(cases))
                top = (1 << activation) - 1
                cases.append(Case(family, rows, outputs, taps, channels, bits, base, step, levels, top))
    return cases


BYTE_WEIGHTS = [(bits, -(1 << (bits - 1)), 1, 1 << bits) for bits in range(2, 9)] + [
    (1, -1, 2, 2), (1, 0, 1, 2), (2, -1, 1, 3), (2, -3, 2, 4), (3, -7, 2, 8), (8, -127, 1, 255)
]  # fmt: skip


def dot_cases(isa: str) -> list[Case]:
    return integer_cases("dot", isa, BYTE_WEIGHTS, range(1, 9), SHAPES)


def dot16_cases(isa: str) -> list[Case]:
    """Shallow and deep, so that there are no whole block, some, and some and a rest."""
    if isa not in TILES["dot16"]:
        return []
    cases = [
        case
        for shapes in (SHAPES, [(2, 511), (9, 65), (1, 1024)])
        for case in integer_cases("dot16", isa, BYTE_WEIGHTS, range(1, 9), shapes)
    ]
    return [case for case in cases if case.dot2_steps >= 2]


def dot_packed_cases(isa: str) -> list[Case]:
    """Every width, fields in place and shifted; the last shapes are the deepest whose sums stay in 24 bits."""
    weights = [(1, -1, 2, 2), (1, 0, 1, 2), (2, -2, 1, 4), (2, -1, 1, 3), (3, -4, 1, 8), (4, -8, 1, 16), (4, -7, 2, 8)]
    cases = integer_cases("dot_packed", isa, weights, range(1, 9), SHAPES)
    deep = [integer_cases("dot_packed", isa, [kind], range(8, 9), [(1, ((1 << 24) - 1) // (255 * (kind[3] - 1)))])
            for kind in (weights[0], weights[2], weights[5])]  # fmt: skip
    both = cases + sum(deep, [])
    return both + [replace(case, in_place=True) for case in both]


def built_lut_cases(isa: str) -> list[Case]:
    """Every width; the deep shapes pass the 16-bit sums of parts of 4 bits, 4368 codes."""
    weights = [(1, -1, 2, 2), (2, -2, 1, 4), (2, -1, 1, 3), (3, -4, 1, 8), (4, -8, 1, 16)]
    # The generic lookup is long straight-line code, slow to compile.
    few = isa == "generic"
    cases = integer_cases("built_lut", isa, weights[:2] if few else weights, range(1, 9, 3 if few else 1), SHAPES)
    return cases + integer_cases("built_lut", isa, weights[:2], range(8, 9), [(9, 911), (1, 4369)])


def lut_cases(isa: str) -> list[Case]:
    weights = [(1, -1, 2, 2), (2, -2, 1, 4), (2, -1, 1, 3)]
    # The generic lookup is long straight-line code, slow to compile.
    starts = range(0, len(SHAPES), 6 if isa == "generic" else 1)
    shallow = [integer_cases("lut", isa, weights, range(1, 3), SHAPES[i:] + SHAPES[:i]) for i in starts]
    return sum(shallow, []) + integer_cases("lut", isa, [(2, -2, 1, 4)] * 5, range(2, 3), DEEP)


def nibble_cases(isa: str) -> list[Case]:
    shapes = (SHAPES + BINARY)[:: 3 if isa == "generic" else 1]
    # A period of tiles per shape.
    wide = [shape for shape in shapes for _ in range(1 if isa == "generic" else 3)]
    return integer_cases("nibble", isa, [(1, -1, 2, 2)] * len(wide), range(1, 2), wide) + integer_cases(
        "nibble", isa, [(1, 0, 1, 2)] * len(BINARY_DEEP), range(1, 2), BINARY_DEEP
    )


def depth_cases(family: str, isa: str, widths: list[tuple], rounds: int) -> list[Case]:
    """Each of `widths`, (weight code, activation bits), with `rounds` shapes and a deep one, tiles in turn."""
    cases = []
    for number in range((rounds + 1) * len(widths)):
        turn, kind = divmod(number, len(widths))
        weights, bits = widths[kind]
        shapes = SHAPES if turn < rounds else DEEP
        rows, outputs = rows_and_outputs(family, isa, number + turn)
        cases.append(Case(family, rows, outputs, *shapes[(number + turn) % len(shapes)], *weights, (1 << bits) - 1))
    return cases


def product_cases(isa: str) -> list[Case]:
    weights = [(1, -1, 2, 2), (2, -2, 1, 4), (2, -1, 1, 3)]
    # The generic lookup is long straight-line code, slow to compile.
    return depth_cases("product_lut", isa, [(w, a) for w in weights for a in (1, 2)], 1 if isa == "generic" else 8)


def bit_serial_cases(isa: str) -> list[Case]:
    """Widths whose largest product is at most 31, so that a byte holds eight of them."""
    weights = [(1, -1, 2, 2), (2, -2, 1, 4), (2, -1, 1, 3), (3, -4, 1, 8), (4, -8, 1, 16)]
    widths = [(w, a) for w in weights for a in range(1, 5) if (w[3] - 1) * ((1 << a) - 1) <= 31]
    return depth_cases("bit_serial", isa, widths, 4) + integer_cases(
        "bit_serial", isa, [(1, 0, 1, 2)] * len(BINARY_DEEP), range(1, 2), BINARY_DEEP
    )


def float_cases(isa: str) -> list[Case]:
    kinds = [(32, 0, 1, 0)] * 4 + [(bits, -(1 << (bits - 1)), 1, 1 << bits) for bits in range(1, 9)]
    cases = []
    for number, (bits, base, step, levels) in enumerate(kinds):
        rows, outputs = rows_and_outputs("float32", isa, number)
        cases.append(Case("float32", rows, outputs, *SHAPES[number % len(SHAPES)], bits, base, step, levels))
    return cases


# Of depthwise layers: bits, base, step, levels.
SIGNED_CODES = [(bits, -(1 << (bits - 1)), 1, 1 << bits) for bits in range(2, 9)]
WEIGHT_CODES = [*SIGNED_CODES, (1, -1, 2, 2), (1, 1, 1, 1), (2, -1, 1, 3), (3, -7, 2, 8), (8, -127, 1, 255)]


def depthwise_cases(isa: str) -> list[Case]:
    """Channels of a panel, multipliers and windows in turn, by every weight code and some activation widths."""
    kinds = [(weights, (1 << bits) - 1) for weights in WEIGHT_CODES for bits in (1, 2, 4, 7, 8)]
    kinds += [((32, 0, 1, 0), 0)] * 4 + [(weights, 0) for weights in SIGNED_CODES]
    cases = []
    for number, (weights, top) in enumerate(kinds):
        rows, lanes = (4, 1, 2, 3)[number % 4], (64, 8, 32, 16)[number // 4 % 4]
        multiplier = (1, 2, 3, 1, 8, 1)[number % 6]
        lines, columns = ((3, 3), (1, 1), (1, 2), (5, 5), (5, 13), (9, 9), (3, 1))[number % 7]
        channels = lanes + number % 3 * 5
        window = (multiplier, lines, number // 3 % 2 + 1)
        cases.append(Case("depthwise", rows, lanes * multiplier, lines * columns, channels, *weights, top, *window))
    return cases


def depthwise_dot_cases(isa: str) -> list[Case]:
    """As `depthwise_cases`, with windows of at most 64 taps."""
    cases = []
    for number, weights in enumerate(WEIGHT_CODES * 2):
        rows, lanes = (4, 1, 2, 3)[number % 4], (64, 16, 32)[number // 4 % 3]
        multiplier = (1, 2, 3, 1, 8, 1)[number % 6]
        lines, columns = ((3, 3), (1, 1), (4, 2), (5, 5), (7, 7), (2, 1), (3, 2))[number % 7]
        channels, top = lanes + number % 3 * 5, (255, 1, 3, 15, 127)[number % 5]
        window = (multiplier, lines, number // 3 % 2 + 1)
        cases.append(Case("depthwise_dot", rows, lanes * multiplier, lines * columns, channels, *weights, top, *window))
    return cases


CASES = {
    "built_lut": built_lut_cases,
    "dot": dot_cases,
    "dot16": dot16_cases,
    "dot_packed": dot_packed_cases,
    "lut": lut_cases,
    "nibble": nibble_cases,
    "product_lut": product_cases,
    "bit_serial": bit_serial_cases,
    "float32": float_cases,
    "depthwise": depthwise_cases,
    "depthwise_dot": depthwise_dot_cases,
}


def traits(case: Case) -> list[tuple]:
    """Each property by itself, for each family."""
    return [(case.family, *item) for item in asdict(case).items()]


@pytest.mark.parametrize("isa", harness.ISAS)
def test_multiply(isa, tmp_path):
    """One object holds all cases of an ISA; each must equal numpy exactly."""
    missing = harness.missing_for(isa)
    if missing:
        pytest.skip(f"{isa} needs {missing}")
    cases = harness.chosen(isa, [case for family in CASES.values() for case in family(isa)], traits)
    functions = "".join(function_text(case, isa, number) for number, case in enumerate(cases))
    text = f'module {{ module @kernels attributes {{ulq.isa = "{isa}"}} {{ {functions} }} }}'
    objects = harness.compile_kernels(text, isa, tmp_path)
    random = np.random.default_rng(7)
    made = [MAKE_CALL[case.family](case, isa, number, random) for number, case in enumerate(cases)]
    results = harness.run_calls(isa, objects, [call for call, _ in made])
    failures = []
    for case, (_, expected), result in zip(cases, made, results, strict=True):
        body = result[UNALIGNED : UNALIGNED + expected.nbytes].tobytes()
        same = body == expected.tobytes()
        untouched = np.array_equal(result[-GUARD.size :], GUARD)
        if not (same and untouched):
            failures.append(f"{case}: {'wrote past the tile' if same else 'wrong sums'}")
    assert not failures, "\n".join(failures[:20]) + f"\n{len(failures)} of {len(cases)}"
