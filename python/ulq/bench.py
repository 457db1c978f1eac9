"""Times a program: whole runs, and each dispatch.

Whole runs are calls of `Program.run` in a process of its own for each number of threads, which IREE fixes for a
process; dispatches come from IREE's profiler in another. Run as a module it is the first of these processes.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ulq import profiler, report, session
from ulq.errors import UlqError

PROFILED_RUNS = (5, 2000)  # fewest and most


@dataclass(frozen=True)
class DispatchTime:
    """One dispatch of a program; times of one run of it."""

    name: str  # of its function
    node: str  # ONNX node of the layer, empty for what IREE made
    kernel: str
    ms: float  # median
    best_ms: float
    share: float  # of the time of all dispatches
    gmacs: float | None  # 10^9 multiply-accumulates of the direct algorithm a second, None where it has none


@dataclass(frozen=True)
class Timing:
    """A program on a number of threads; times of whole runs in milliseconds."""

    threads: int
    runs: int
    ms: float  # median
    lo: float  # 10 %
    hi: float  # 90 %
    best: float
    dispatches: tuple[DispatchTime, ...]  # in the order of the program

    def to_row(self) -> dict:
        """The record as plain data."""
        return asdict(self)


def bench(program: "session.Program", threads: Sequence[int] = (1,), seconds: float = 2.0) -> list[Timing]:
    """Times a program on each number of threads, for `seconds` each.

    Inputs are random floats and zero integers. Raises UlqError where this machine does not execute the program.
    """
    for count in threads:
        session.checked_threads(count)
    if not 0 < seconds < float("inf"):
        raise UlqError(f"expected a positive number of seconds, got {seconds}")
    program.require_native()
    with tempfile.TemporaryDirectory(prefix="ulq-") as directory:
        file = Path(directory) / "model.vmfb"
        program.save(file)
        return [_timing(program, file, count, seconds / 2) for count in threads]


def inputs_for(tensors: Sequence["session.Tensor"]) -> list[np.ndarray]:
    """Arrays to time a program on: floats that are no denormals, integers that are valid as codes and as indices."""
    random = np.random.default_rng(0)
    return [
        random.standard_normal(tensor.shape).astype(tensor.dtype)
        if np.issubdtype(tensor.dtype, np.floating)
        else np.zeros(tensor.shape, tensor.dtype)
        for tensor in tensors
    ]


def _timing(program: "session.Program", file: Path, threads: int, seconds: float) -> Timing:
    times = np.array(_timed_runs(file, threads, seconds))
    lo, ms, hi = np.percentile(times, (10, 50, 90))
    runs = int(np.clip(seconds * 1000 / ms, *PROFILED_RUNS))
    dispatches = dispatch_times(program, file, threads, runs)
    return Timing(threads, len(times), float(ms), float(lo), float(hi), float(times.min()), dispatches)


def dispatch_times(program: "session.Program", file: Path, threads: int, runs: int) -> tuple[DispatchTime, ...]:
    """The dispatches of a program that stands in `file`, profiled for a number of runs."""
    profiled = profiler.profile(file, inputs_for(program.inputs), threads, runs)
    known = {dispatch.name: dispatch for dispatch in report.dispatches(program.layers, program.dispatches)}
    medians = {name: float(np.median(times)) * (len(times) / runs) for name, times in profiled.items()}
    total = sum(medians.values())
    found = []
    for name, ns in medians.items():
        entry = known.get(name) or report.Dispatch(name)
        gmacs = entry.macs / ns if entry.macs else None
        best = min(profiled[name]) / 1e6
        found.append(DispatchTime(name, entry.node, entry.kernel, ns / 1e6, best, ns / total, gmacs))
    return tuple(found)


def table(timing: Timing) -> str:
    """A line for the whole program and an aligned table of its dispatches."""
    head = (
        f"{timing.ms:.3f} ms (10 % {timing.lo:.3f}, 90 % {timing.hi:.3f}, best {timing.best:.3f}) "
        f"on {timing.threads} thread{'s' if timing.threads > 1 else ''}, median of {timing.runs} runs"
    )
    rows = [("dispatch", "layer", "kernel", "ms", "best", "share", "GMAC/s")]
    for dispatch in timing.dispatches:
        times = (f"{dispatch.ms:.4f}", f"{dispatch.best_ms:.4f}", f"{100 * dispatch.share:.1f} %")
        rate = f"{dispatch.gmacs:.1f}" if dispatch.gmacs else ""
        rows.append((dispatch.name, dispatch.node, dispatch.kernel, *times, rate))
    return f"{head}\n\n{report.aligned(rows)}"


# --- the process that times whole runs ---------------------------------------


def _timed_runs(file: Path, threads: int, seconds: float) -> list[float]:
    command = [sys.executable, "-m", "ulq.bench", str(file), str(threads), str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise UlqError(f"could not time the program: {lines[-1] if lines else f'status {done.returncode}'}")
    return json.loads(done.stdout)


def _time_runs(file: str, threads: int, seconds: float) -> list[float]:
    """Milliseconds of runs that follow each other, three at least, after one that is not counted."""
    program = session.load(file)
    program.threads = threads
    inputs = {tensor.name: array for tensor, array in zip(program.inputs, inputs_for(program.inputs), strict=True)}
    program.run(inputs)
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        program.run(inputs)
        times.append(1000 * (time.perf_counter() - start))
    return times


if __name__ == "__main__":
    try:
        print(json.dumps(_time_runs(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))))
    except UlqError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
