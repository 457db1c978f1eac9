"""unpack_weights and multiply_tile of every kernel, on every ISA that runs here, against exact numpy."""

from dataclasses import asdict, dataclass, replace

import harness
import numpy as np
import pytest
from tile_calls import GUARD, MAKE_CALL, UNALIGNED
from tiles import ALONG_DEPTH, Case, function_text


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
    harness.require(isa)
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
