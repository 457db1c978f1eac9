"""The golden packers against each other and against plain integer products."""

import numpy as np
import pytest

from ulq import layouts
from ulq.layouts import Weights

SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 16, 31, 64, 65, 130]


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("channels", SIZES)
def test_rows_round_trip(bits, channels):
    codes = np.random.default_rng(channels).integers(0, 1 << bits, (2, 3, channels))
    packed = layouts.pack_rows(codes, bits)
    assert packed.shape == (2, 3, layouts.tap_bytes(channels, bits))
    np.testing.assert_array_equal(layouts.unpack_rows(packed, bits, channels), codes)


def test_rows_by_hand():
    np.testing.assert_array_equal(layouts.pack_rows([[1, 2, 3, 0, 3]], 2), [[0b00111001, 0b11]])
    np.testing.assert_array_equal(layouts.pack_rows([[1, 0, 1, 1]], 1), [[0b1101]])
    np.testing.assert_array_equal(layouts.pack_rows([[5, 9, 15]], 4), [[0x95, 0x0F]])


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("channels", SIZES)
def test_expanded_order_holds_every_channel_once(bits, channels):
    order = layouts.expanded_order(channels, bits)
    assert len(order) == layouts.tap_bytes(channels, bits) * 8 // bits
    assert sorted(c for c in order if c >= 0) == list(range(channels))


def test_expanded_order_by_hand():
    # Three bytes of four 2-bit codes: a chunk of two bytes, then one.
    assert layouts.expanded_order(10, 2) == [0, 4, 1, 5, 2, 6, 3, 7, 8, 9, -1, -1]


def weights_of(bits, rng, shape, row_bits, tile_outputs, base=None, step=1):
    base = -(1 << (bits - 1)) if base is None else base
    values = base + step * rng.integers(0, 1 << bits, shape)
    values[0, 0] = base
    values[0, -1] = base + step * ((1 << bits) - 1)
    return Weights(values.astype(np.int32), bits, base, step, row_bits, tile_outputs)


def expected(weights, x):
    """Products [groups, rows, outputs] of codes [groups, rows, taps, channels]."""
    return np.einsum("grtc,gotc->gro", x.astype(np.int64), weights.values.astype(np.int64))


@pytest.mark.parametrize("row_bits", [1, 2, 4, 8])
@pytest.mark.parametrize("bits", range(1, 9))
def test_dot_panels_multiply(bits, row_bits):
    rng = np.random.default_rng(bits * 10 + row_bits)
    for groups, outputs, taps, channels in [(1, 5, 3, 7), (2, 8, 1, 13), (1, 3, 2, 1), (1, 9, 1, 70)]:
        shape = (groups, outputs, taps, channels)
        weights = weights_of(bits, rng, shape, row_bits, 4, *((-1, 2) if bits == 1 else (None, 1)))
        x = rng.integers(0, 1 << row_bits, (groups, 6, taps, channels))
        panels = layouts.read_dot_panels(layouts.pack_dot(weights), weights)
        rows = layouts.expand_rows(x, row_bits).astype(np.int64)
        rows = np.pad(rows, ((0, 0), (0, 0), (0, layouts.dot_depth(weights) - rows.shape[2])))
        result = expected(weights, x)
        for panel, (group, outputs_of_panel) in zip(panels, weights.panels(), strict=True):
            product = rows[group] @ panel
            np.testing.assert_array_equal(product[:, : len(outputs_of_panel)], result[group][:, outputs_of_panel])


@pytest.mark.parametrize("row_bits", [1, 2])
@pytest.mark.parametrize("bits", [1, 2])
@pytest.mark.parametrize("vector_bytes", [16, 32, 64])
def test_lut_panels_multiply(bits, row_bits, vector_bytes):
    rng = np.random.default_rng(bits * 10 + row_bits)
    for outputs, taps, channels in [(3, 3, 7), (70, 1, 13), (65, 2, 4), (1, 1, 1)]:
        tile = 2 * vector_bytes
        weights = weights_of(bits, rng, (1, outputs, taps, channels), row_bits, tile, *((-1, 2) if bits == 1 else ()))
        x = rng.integers(0, 1 << row_bits, (1, 4, taps, channels))
        rows = layouts.pack_rows(x[0], row_bits).reshape(4, -1)
        sums = layouts.read_lut_panels(layouts.pack_lut(weights, vector_bytes), weights, rows, vector_bytes)
        actual = weights.step * sums + weights.base * x[0].sum(axis=(1, 2))[:, None, None]
        for index, (_, outputs_of_panel) in enumerate(weights.panels()):
            width = len(outputs_of_panel)
            np.testing.assert_array_equal(actual[:, index, :width], expected(weights, x)[0][:, outputs_of_panel])


def test_lut_tables_by_hand():
    # Two 2-bit codes (1, 3) against two 2-bit weight codes (2, 1): index 2 | 1 << 2, table 1 | 3 << 2.
    assert layouts.lut_tables(2, 2)[1 | 3 << 2, 2 | 1 << 2] == 1 * 2 + 3 * 1
    assert layouts.lut_tables(1, 1)[0b1011, 0b0110] == 1
    assert layouts.lut_tables(1, 2).shape == (256, 16) and layouts.lut_tables(2, 1).shape == (4, 16)


def test_lut_lanes_by_hand():
    assert [layouts.lut_lane(n, 16) for n in (0, 1, 7, 8, 15, 16)] == [0, 2, 14, 1, 15, 16]
