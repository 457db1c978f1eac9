"""The machine of a run: what its CPU offers, how fast it multiplies 8-bit numbers, and whether it is at rest."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from ulq import targets

BUSY = 0.25  # load per core above which times are not to be trusted
PEAK = Path(__file__).with_name("peak.c")
COMPILERS = ("clang-22", "clang", "gcc")
ROUNDS, REPEATS = 100_000, 20
# CPU flags of interest and their usual names, plainest first.
INSTRUCTION_SETS = {
    "sse4_1": "SSE4.1",
    "avx2": "AVX2",
    "avx_vnni": "AVX-VNNI",
    "avx512bw": "AVX-512",
    "avx512_vnni": "AVX-512 VNNI",
    "avx512_bf16": "AVX-512 BF16",
    "amx_int8": "AMX int8",
    "amx_bf16": "AMX bf16",
    "asimddp": "dotprod",
    "i8mm": "i8mm",
    "sve": "SVE",
}


def about() -> dict:
    """Plain data for the results; the peaks are GMAC/s of one thread by ISA."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count() or 1,
        "instruction_sets": instruction_sets(),
        "load": round(os.getloadavg()[0], 2),
        "peak_gmacs": peaks(),
    }


def instruction_sets() -> list[str]:
    flags = targets.host_cpu_flags()
    return [name for flag, name in INSTRUCTION_SETS.items() if flag in flags]


def is_busy(load: float) -> bool:
    return load > BUSY * (os.cpu_count() or 1)


def peaks() -> dict[str, float]:
    """The best of some short runs of each loop of peak.c that this CPU executes; empty without a C compiler."""
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if platform.machine().lower() not in targets.X86_64.machines or not compiler:
        return {}
    with tempfile.TemporaryDirectory(prefix="ulq-peak-") as folder:
        library = str(Path(folder, "peak.so"))
        done = subprocess.run([compiler, "-O2", "-shared", "-fPIC", str(PEAK), "-o", library], check=False)
        if done.returncode:
            return {}
        loops = ctypes.CDLL(library)
        here = {target.isa for target in targets.TARGETS.values() if target.runs_here()}
        return {isa: _rate(loops, isa) for isa in ("avx2", "avx512bw", "avx512vnni") if isa in here}


def _rate(loops: ctypes.CDLL, isa: str) -> float:
    function = getattr(loops, isa)
    function.argtypes, function.restype = [ctypes.c_int64], ctypes.c_int64
    best = float("inf")
    for _ in range(REPEATS):
        start = time.perf_counter()
        products = function(ROUNDS)
        best = min(best, time.perf_counter() - start)
    return round(products * ROUNDS / best / 1e9, 1)


def _cpu() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
