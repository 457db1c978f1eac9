"""Golden packers: what the bytes of the packed level mean, one code at a time.

Written from the descriptions in `dialect/UlqAttrs.td` and `lowering/kernels/`
(Kernel.h, CodePanel.h, Dot.cpp, Lut.cpp), so that the C++ packers have
something to be compared with. `read_dot_panels` and `read_lut_panels` are not
the packers run backwards: they follow what the kernels read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

CHUNK_BYTES = 64


def storage_bits(bits: int) -> int:
    """The width at which codes of 1 to 8 bits are stored: 1, 2, 4 or 8."""
    return next(width for width in (1, 2, 4, 8) if width >= bits)


# --- activations ------------------------------------------------------------------


def pack_rows(codes: ArrayLike, bits: int) -> NDArray[np.uint8]:
    """Bytes of `#ulq.layout<bits>`: every row of codes, [..., c], becomes [..., ceil(c * bits / 8)].

    Element 0 stands in the lowest bits of byte 0; the last byte is filled with zeros.
    """
    codes = np.asarray(codes)
    row_bytes = -(-codes.shape[-1] * bits // 8)
    packed = np.zeros((*codes.shape[:-1], row_bytes), np.uint8)
    for i in range(codes.shape[-1]):
        packed[..., i * bits // 8] |= (codes[..., i].astype(np.uint8) << np.uint8(i * bits % 8)).astype(np.uint8)
    return packed


def unpack_rows(packed: ArrayLike, bits: int, count: int) -> NDArray[np.uint8]:
    """The first `count` codes of every row, [..., count]."""
    packed = np.asarray(packed, np.uint8)
    columns = [packed[..., i * bits // 8] >> (i * bits % 8) & (1 << bits) - 1 for i in range(count)]
    return np.stack(columns, axis=-1).astype(np.uint8)


def tap_bytes(channels: int, bits: int) -> int:
    """Bytes of one tap's channels: each tap starts at a byte."""
    return -(-channels * bits // 8)


def expanded_order(channels: int, bits: int) -> list[int]:
    """The channel at each byte of an expanded tap, -1 for padding.

    The packed bytes of a tap are cut into chunks of 64, 32, ... 1 bytes, largest first. A chunk of B bytes yields
    8 / bits runs of B bytes: run s holds bits [s * bits, (s + 1) * bits) of each byte.
    """
    per_byte = 8 // bits
    order, start, rest = [], 0, tap_bytes(channels, bits)
    for size in (64, 32, 16, 8, 4, 2, 1):
        while rest >= size:
            for run in range(per_byte):
                order += [(start + byte) * per_byte + run for byte in range(size)]
            start, rest = start + size, rest - size
    return [channel if channel < channels else -1 for channel in order]


def expand_rows(codes: ArrayLike, bits: int) -> NDArray[np.uint8]:
    """One byte per code in expanded order: [..., taps, c] becomes [..., taps * expanded length]."""
    codes = np.asarray(codes, np.uint8)
    padded = np.concatenate([codes, np.zeros((*codes.shape[:-1], 1), np.uint8)], axis=-1)
    expanded = padded[..., expanded_order(codes.shape[-1], bits)]
    return expanded.reshape(*codes.shape[:-2], -1)


# --- weights ------------------------------------------------------------------------


@dataclass(frozen=True)
class Weights:
    """Weights of a layer and the codes that they are stored as: w = base + step * code.

    `values` is [groups, outputs, taps, channels]; `row_bits` is the storage width of the input codes; `tile_outputs`
    the outputs of a panel.
    """

    values: NDArray
    bits: int
    base: int
    step: int
    row_bits: int
    tile_outputs: int

    def codes(self) -> NDArray[np.int64]:
        return (self.values.astype(np.int64) - self.base) // self.step

    def panels(self) -> Iterator[tuple[int, range]]:
        """(group, its outputs) of every panel, in the order of the program."""
        groups, outputs = self.values.shape[:2]
        for group in range(groups):
            for first in range(0, outputs, self.tile_outputs):
                yield group, range(first, min(first + self.tile_outputs, outputs))


def dot_depth(weights: Weights) -> int:
    """Reduction elements of a dot panel: expanded taps, in whole products of 4."""
    taps, channels = weights.values.shape[2:]
    codes = taps * len(expanded_order(channels, weights.row_bits))
    return -(-codes // 4) * 4


def pack_dot(weights: Weights) -> NDArray[np.uint8]:
    """Panels [depth / 4][outputs][4] of weight codes at their storage width, as `CodePanel` chunks.

    A chunk of 64 * (8 / width) codes is stored in 64 bytes: byte j holds code s * 64 + j at bits
    [s * width, (s + 1) * width). Weights of more than 4 bits stand as signed bytes, not as codes.
    """
    width = storage_bits(weights.bits)
    stored = weights.values.astype(np.int64) & 0xFF if width == 8 else weights.codes()
    order = expanded_order(weights.values.shape[3], weights.row_bits)
    per_chunk = CHUNK_BYTES * 8 // width
    chunks = -(-dot_depth(weights) * weights.tile_outputs // per_chunk)
    blob = []
    for group, outputs in weights.panels():
        panel = np.zeros(chunks * CHUNK_BYTES, np.uint8)
        for lane, output in enumerate(outputs):
            for k, (tap, channel) in enumerate((t, c) for t in range(weights.values.shape[2]) for c in order):
                if channel < 0:
                    continue
                place = (k // 4 * weights.tile_outputs + lane) * 4 + k % 4
                chunk, within = divmod(place, per_chunk)
                shift = within // CHUNK_BYTES * width
                panel[chunk * CHUNK_BYTES + within % CHUNK_BYTES] |= stored[group, output, tap, channel] << shift
        blob.append(panel)
    return np.concatenate(blob)


def read_dot_panels(blob: NDArray[np.uint8], weights: Weights) -> NDArray[np.int64]:
    """The values that the dot kernel multiplies: [panels, depth, tile_outputs].

    Decodes whole chunks, field after field. Padding reads as code 0, weight `base`: rows are zero there.
    """
    width = storage_bits(weights.bits)
    panels = sum(1 for _ in weights.panels())
    chunks = blob.reshape(panels, -1, CHUNK_BYTES)
    fields = [chunks >> (s * width) & (1 << width) - 1 for s in range(8 // width)]
    codes = np.stack(fields, axis=2).reshape(panels, -1)
    depth = dot_depth(weights)
    codes = codes[:, : depth * weights.tile_outputs].reshape(panels, depth // 4, weights.tile_outputs, 4)
    values = codes.astype(np.uint8).view(np.int8) if width == 8 else weights.base + weights.step * codes.astype(int)
    return values.astype(np.int64).swapaxes(2, 3).reshape(panels, depth, weights.tile_outputs)


# --- constant tables ------------------------------------------------------------------


def lut_step(weight_bits: int, row_bits: int) -> int:
    """Reduction elements of whole weight bytes by whole row bytes."""
    return max(8 // weight_bits, 8 // row_bits)


def lut_depth(weights: Weights) -> int:
    """Reduction elements of a lut panel: packed taps, in whole steps."""
    taps, channels = weights.values.shape[2:]
    codes = taps * tap_bytes(channels, weights.row_bits) * 8 // weights.row_bits
    step = lut_step(weights.bits, weights.row_bits)
    return -(-codes // step) * step


def lut_lane(output: int, vector_bytes: int) -> int:
    """The byte of an output in a step of a panel.

    Even bytes of a vector are its first half of outputs, odd bytes its second half.
    """
    vector, lane = divmod(output, vector_bytes)
    half, index = divmod(lane, vector_bytes // 2)
    return vector * vector_bytes + 2 * index + half


def pack_lut(weights: Weights, vector_bytes: int) -> NDArray[np.uint8]:
    """Panels [depth / 2g][tile_outputs] of bytes for 1- and 2-bit weight codes, g = 4 / bits.

    A nibble is a group of g codes, code j at bits j * weight bits; the low nibble of byte b is group 2b, the high one
    group 2b + 1. Reduction elements follow the packed rows: each tap starts at a byte.
    """
    group_codes = 4 // weights.bits
    taps, channels = weights.values.shape[2:]
    tap_codes = tap_bytes(channels, weights.row_bits) * 8 // weights.row_bits
    codes = weights.codes()
    blob = []
    for group, outputs in weights.panels():
        panel = np.zeros((lut_depth(weights) // (2 * group_codes), weights.tile_outputs), np.uint8)
        for lane, output in enumerate(outputs):
            for tap, channel in np.ndindex(taps, channels):
                nibble, j = divmod(tap * tap_codes + channel, group_codes)
                shift = nibble % 2 * 4 + j * weights.bits
                panel[nibble // 2, lut_lane(lane, vector_bytes)] |= codes[group, output, tap, channel] << shift
        blob.append(panel.reshape(-1))
    return np.concatenate(blob)


def lut_tables(weight_bits: int, row_bits: int) -> NDArray[np.uint8]:
    """Tables [2 ** (g * row_bits), 16]: entry E[A][i] is the sum over j < g of activation A_j times weight code i_j."""
    group = 4 // weight_bits
    activations = np.arange(1 << (group * row_bits))
    indices = np.arange(16)
    tables = np.zeros((len(activations), 16), np.int64)
    for j in range(group):
        a = activations >> (j * row_bits) & (1 << row_bits) - 1
        tables += np.outer(a, indices >> (j * weight_bits) & (1 << weight_bits) - 1)
    return tables.astype(np.uint8)


def read_lut_panels(
    blob: NDArray[np.uint8], weights: Weights, rows: NDArray[np.uint8], vector_bytes: int
) -> NDArray[np.int64]:
    """Code products by table lookups alone: [rows, panels, tile_outputs], sum over k of x_k * code_k.

    `rows` are packed rows [rows, taps * tap bytes], of one group.
    """
    group = 4 // weights.bits
    panels = sum(1 for _ in weights.panels())
    panel = blob.reshape(panels, -1, weights.tile_outputs)
    nibbles = np.stack([panel & 15, panel >> 4], axis=2).reshape(panels, -1, weights.tile_outputs)
    count = nibbles.shape[1]
    padded = np.pad(rows, ((0, 0), (0, -(-count * group * weights.row_bits // 8) - rows.shape[1])))
    tuples = unpack_rows(padded, weights.row_bits, count * group).reshape(len(rows), count, group).astype(np.int64)
    addresses = np.sum(tuples << (np.arange(group) * weights.row_bits), axis=-1)  # [rows, nibbles]
    products = lut_tables(weights.bits, weights.row_bits)[addresses[:, None, :, None], nibbles[None]]
    lanes = [lut_lane(output, vector_bytes) for output in range(weights.tile_outputs)]
    return products.astype(np.int64).sum(axis=2)[..., lanes]
