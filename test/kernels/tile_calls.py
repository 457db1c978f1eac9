"""Operands of single tiles, packed in numpy, and the sums that they must yield."""

import harness
import numpy as np
from tiles import DEPTHWISE, Case

UNALIGNED = 3  # kernels may not assume any alignment
GUARD = np.full(64, 0xC3, np.uint8)  # bytes behind a buffer: read by nobody, written by nobody
NO_TABLES = np.zeros(64, np.uint8)


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


def make_call(case: Case, number: int, rows: np.ndarray, panel: np.ndarray, tables: np.ndarray) -> harness.Call:
    """Places rows, panel, tables, scratch and result at unaligned offsets of their buffers."""
    padded = (rows if case.family in DEPTHWISE else pad_depth(rows, case.row_bytes)).ravel()
    padded = np.append(padded, np.full(case.rows * case.table_bytes, 0xA5, np.uint8))
    result = np.full(case.rows * case.outputs * 4, 0xA5, np.uint8)
    parts = [padded, panel, tables, np.full(case.unpacked_bytes + 1, 0x5A, np.uint8), result]
    buffers = [np.concatenate([np.full(UNALIGNED, 0xEE, np.uint8), part, GUARD]) for part in parts]
    return harness.Call(f"case{number}", buffers, [UNALIGNED] * len(buffers))


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
