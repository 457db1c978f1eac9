"""Whole layers, from integer-level MLIR to machine code, against `ulq.reference`, bit for bit.

One module per ISA holds all cases; every workgroup of every dispatch is run in this process. Buffers end at an
unmapped page, so that a read beyond a tensor is a crash, and results are surrounded by guard bytes.
"""

import numpy as np
import pytest
from whole_layers import SQUARE, Case, check, objects_of, per_channel, requantize, runs_of

from ulq.reference import Add, Affine, Clamp, Dequantize, Leaky, Quantize, Threshold


def uneven(count: int, seed: int) -> np.ndarray:
    """Factors of both signs whose products round."""
    return np.random.default_rng(seed).normal(0, 0.2, count)


def ascending(channels: int, count: int) -> np.ndarray:
    return np.sort(np.random.default_rng(channels).normal(0, 3, (channels, count)), axis=1).ravel()


def turning(channels: int, count: int, falling: int) -> np.ndarray:
    """Thresholds of which the last `falling` ascend by themselves."""
    values = np.random.default_rng(count).integers(-20, 20, (channels, count)) / 8
    return np.concatenate([np.sort(values[:, :-falling]), np.sort(values[:, -falling:])], axis=1).ravel()


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
        # Thresholds around the last ones for 16 bits, which sums exceed; and at the largest and smallest sums.
        *(Case(f"ends{n}_{levels}", (1, 24, 24, 8), 70, 8, W8, levels=levels, ends=ends, out_bits=4)
          for n, ends in enumerate(((1 - 2**15, 2**15 - 1), (1 - 2**15, 2**15), (-(2**15), 2**15 - 1)))
          for levels in (6, 7)),
        *(Case(f"reached{levels}", (1, 3, 3, 8), 70, levels=levels, ends=(-48, 24), extreme=True, out_bits=4)
          for levels in (6, 7)),
        Case("doubt_levels", (1, 24, 24, 700), 21, 8, W8, levels=15, spacing=25601.3, out_bits=4),
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


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    return objects_of(CASES, tmp_path_factory)


@pytest.mark.parametrize(("isa", "case"), runs_of(CASES))
def test_layer(isa, case, objects):
    check(isa, case, objects)
