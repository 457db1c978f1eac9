"""One process for each engine and model, of which one is awake; they take turns A B C A B C.

A turn is a call that brings code and weights back into the caches, and calls until its time is over; it yields their
median. A row has the median of the turns, and their 10th and 90th percentiles.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from engines import ENGINES, Job, NotTaken, Unusable

LOAD_SECONDS, TURN_SECONDS = 900, 300
WORKER = Path(__file__).with_name("worker.py")


@dataclass(frozen=True)
class Row:
    """One engine on one workload; times in milliseconds: median of the turns, 10 % and 90 %."""

    suite: str
    workload: str
    bits: str
    engine: str  # "ulq:dot" is ulq on the kernels of one family
    threads: int
    isa: str  # that the engine is kept to; "host" where nothing restricts it
    limit: str  # that the run asked for
    ms: float
    lo: float
    hi: float
    macs: int
    kernel: str = ""
    agreement: float | None = None  # correlation of the outputs with those of the first engine on the same file

    def to_row(self) -> dict:
        return asdict(self)


class Process:
    """A worker with a loaded model, stopped unless it is asked something."""

    def __init__(self, job: Job):
        variables = {"OMP_NUM_THREADS": str(job.threads), "MKL_NUM_THREADS": str(job.threads)}
        environment = os.environ | variables | ENGINES[job.engine].environment(job.limit)
        self._errors = open(Path(job.scratch, f"{job.engine}.log"), "ab")
        self._process = subprocess.Popen(
            [sys.executable, str(WORKER), json.dumps(job.to_row())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment,
        )
        try:
            self.about = self._answer(LOAD_SECONDS)
        except Unusable:
            self.close()
            raise

    def ask(self, **command) -> dict:
        """Wakes the process for one command. Raises Unusable when it fails."""
        self._process.send_signal(signal.SIGCONT)
        try:
            self._process.stdin.write((json.dumps(command) + "\n").encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            raise Unusable("its process ended") from None
        return self._answer(TURN_SECONDS)

    def _answer(self, seconds: float) -> dict:
        """Waits for a line, then stops the process: threads that spin must not disturb the next one."""
        if not select.select([self._process.stdout], [], [], seconds)[0]:
            raise Unusable(f"no answer in {seconds} s")
        line = self._process.stdout.readline()
        if not line:
            raise Unusable(f"its process ended with status {self._process.wait()}")
        self._process.send_signal(signal.SIGSTOP)
        answer = json.loads(line)
        if "not_taken" in answer:
            raise NotTaken
        if "error" in answer:
            raise Unusable(answer["error"])
        return answer

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
        self._errors.close()


@dataclass
class Entry:
    """A job and what its row says besides the times."""

    job: Job
    workload: str
    suite: str
    bits: str
    label: str
    macs: int

    @property
    def title(self) -> str:
        return f"{self.workload} {self.bits} {self.label}"


def measure(entries: list[Entry], rounds: int, seconds: float, say: Callable[[str], None]) -> list[Row]:
    """A row for each entry that runs; `say` gets one line for each that does not."""
    running: list[tuple[Entry, Process]] = []
    turns: dict[int, list[float]] = {}
    failed: set[int] = set()
    try:
        for entry in entries:
            try:
                running.append((entry, Process(entry.job)))
            except NotTaken:
                continue
            except Unusable as error:
                say(f"{entry.title}: {error}")
        for _ in range(rounds):
            for index, (entry, process) in enumerate(running):
                if index in failed:
                    continue
                try:
                    turns.setdefault(index, []).append(process.ask(command="turn", seconds=seconds)["ms"])
                except Unusable as error:
                    failed.add(index)
                    say(f"{entry.title}: {error}")
        agreements = _agreements(running, failed)
        return [
            _row(entry, process, turns[index], agreements.get(index))
            for index, (entry, process) in enumerate(running)
            if index not in failed
        ]
    finally:
        for _, process in running:
            process.close()


def _agreements(running: list[tuple[Entry, Process]], failed: set[int]) -> dict[int, float]:
    """Correlation of each first output with that of the first engine that runs the same file."""
    found, first = {}, {}
    for index, (entry, process) in enumerate(running):
        if index in failed:
            continue
        path = Path(process.ask(command="output", path=str(Path(entry.job.scratch, "output.npy")))["path"])
        output = np.load(path).ravel()
        reference = first.setdefault(entry.job.files, output)
        if reference is not output:
            found[index] = correlation(reference, output)
    return found


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's; 1 for equal constants, 0 for arrays of different sizes and where only one is constant."""
    if a.size != b.size:
        return 0.0
    if not (a.std() and b.std()):
        return float(np.array_equal(a, b))
    return float(np.corrcoef(a, b)[0, 1])


def _row(entry: Entry, process: Process, turns: list[float], agreement: float | None) -> Row:
    job = entry.job
    low, median, high = np.percentile(turns, (10, 50, 90))
    isa = job.limit if ENGINES[job.engine].honours(job.limit) else "host"
    kernel = ", ".join(process.about["kernels"]) if job.divisor else ""
    numbers = [float(median), float(low), float(high)]
    return Row(
        entry.suite, entry.workload, entry.bits, entry.label, job.threads, isa, job.limit, *numbers, entry.macs, kernel,
        agreement,
    )  # fmt: skip


def median_times(calls: list[Callable[[], object]], seconds: float) -> list[float]:
    """Milliseconds of each call, medians over `seconds` of calls in turn, after a first round that does not count."""
    for call in calls:
        call()
    times: list[list[int]] = [[] for _ in calls]
    end = time.perf_counter() + seconds
    while not times[0] or time.perf_counter() < end:
        for call, measured in zip(calls, times, strict=True):
            start = time.perf_counter_ns()
            call()
            measured.append(time.perf_counter_ns() - start)
    return [float(np.median(measured)) / 1e6 for measured in times]
