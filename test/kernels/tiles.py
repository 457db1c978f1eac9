"""Single tiles: what `unpack_weights` and `multiply_tile` are asked for, as MLIR."""

from dataclasses import dataclass

import harness

LOOKUPS = ("lut", "nibble")
DEPTHWISE = ("depthwise", "depthwise_dot")
ALONG_DEPTH = ("product_lut", "bit_serial")  # vectors along the depth


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
