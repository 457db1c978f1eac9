"""Layers forced to the Winograd schemes, bit for bit against `ulq.reference`, at the bounds of each scheme."""

import subprocess

import harness
import pytest
from whole_layers import SQUARE, Case, case_text, check, objects_of, requantize, runs_of

W1, TERNARY, W2, W3, W4 = (-1, 1), (-1, 0, 1), (-2, -1, 0, 1), tuple(range(-4, 4)), tuple(range(-8, 8))
# The widest codes and weights of each scheme, from the norms of its matrices.
WIDEST = {
    "f2x2": [(6, W4), (2, W1), (2, W2)],
    "f3x3": [(2, W2), (1, TERNARY)],
    "f4x3": [(2, W2), (2, W1)],
    "f4x4": [(1, W2), (1, W1)],
    "q4x2": [(4, W4), (5, W4)],
    "q4x4": [(4, W4), (3, W3)],
}


def make_cases() -> list[Case]:
    cases = []
    for scheme, widths in WIDEST.items():
        family = f"winograd_{scheme}"
        for number, (bits, weights) in enumerate(widths):
            name = f"{scheme}_w{len(weights)}a{bits}"
            common = {"bits": bits, "weights": weights, "geometry": SQUARE, "family": family}
            signed = {"pad_code": 2 ** (bits - 1) if bits > 1 else 1}
            steps = requantize(70, 4, bits)
            cases += [
                Case(f"{name}_odd", (2, 7, 5, 17), 70, steps=steps, out_bits=4, **common, **signed),
                Case(f"{name}_extreme", (1, 5, 9, 40), 9, outputs=("values",), extreme=True, **common),
            ]
            if number == 0:
                cases += [
                    Case(f"{name}_rows", (1, 30, 26, 64), 24, levels=3, workgroups=3, **common),
                    Case(f"{name}_panels", (1, 4, 5, 132), 200, levels=3, workgroups=3, **common),
                ]
    return cases + [
        Case("one", (1, 1, 1, 1), 1, geometry=SQUARE, levels=3, family="winograd_f2x2"),
        Case("valid", (1, 9, 8, 24), 24, geometry={"kernel": (3, 3)}, levels=3, family="winograd_f4x3"),
        Case("pads", (1, 9, 8, 24), 24, geometry={"kernel": (3, 3), "pads": (2, 0, 1, 3)}, pad_code=1, levels=3,
             family="winograd_f2x2"),
        Case("wide", (1, 6, 200, 16), 16, geometry=SQUARE, levels=3, family="winograd_f2x2", workgroups=4),
        Case("deep", (2, 12, 12, 300), 130, geometry=SQUARE, levels=3, family="winograd_f2x2"),
        Case("residual", (1, 9, 9, 32), 32, 4, W4, SQUARE, addends=(4,), out_bits=4, family="winograd_f2x2",
             steps=(*requantize(32, 4)[:1], *requantize(32, 4)[1:])),
    ]  # fmt: skip


CASES = make_cases()


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    return objects_of(CASES, tmp_path_factory)


@pytest.mark.parametrize(("isa", "case"), runs_of(CASES))
def test_winograd(isa, case, objects):
    check(isa, case, objects)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_family_is_taken(case):
    passes = ["--ulq-prove-ranges", f"--ulq-select-kernel=isa=avx2 family={case.family}"]
    done = subprocess.run(
        [harness.find_ulq_opt(), *passes], input=case_text(case), capture_output=True, text=True, check=True
    )
    assert f'family = "{case.family}"' in done.stdout
