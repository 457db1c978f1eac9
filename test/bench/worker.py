"""The process of one engine with one model: `timing` starts it and asks for turns over a pipe, one JSON line each."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable

ANSWERS = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)  # what libraries print must not end up between the answers

import numpy as np  # noqa: E402
from engines import ENGINES, Job, NotTaken, Unusable  # noqa: E402
from timing import median_times  # noqa: E402


def pin(threads: int) -> None:
    """Keeps the process on as many CPUs as it has threads, the last ones: interrupts prefer the first."""
    if hasattr(os, "sched_setaffinity"):
        cpus = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cpus[-threads:])


def main() -> None:
    job = Job(**json.loads(sys.argv[1]))
    pin(job.threads)
    try:
        sessions = [ENGINES[job.engine].load(path, job) for path in job.files]
    except NotTaken:
        answer({"not_taken": True})
        return
    except Exception as error:  # whatever a peer raises is one line in the report
        answer({"error": one_line(error)})
        return
    answer({"kernels": sessions[-1].kernels})
    for line in sys.stdin:
        command = json.loads(line)
        if command["command"] == "turn":
            answer(attempt(lambda seconds=command["seconds"]: {"ms": turn(sessions, job.divisor, seconds)}))
        else:
            answer(attempt(lambda path=command["path"]: save(path, sessions[-1].output())))


def turn(sessions: list, divisor: int | None, seconds: float) -> float:
    times = median_times([session.call for session in sessions], seconds)
    return times[0] if divisor is None else (times[1] - times[0]) / divisor


def save(path: str, output: np.ndarray) -> dict:
    np.save(path, output)
    return {"path": path}


def attempt(call: Callable[[], dict]) -> dict:
    try:
        return call()
    except Exception as error:
        return {"error": one_line(error)}


def one_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = " ".join(lines)[:200]
    return text if isinstance(error, Unusable) else f"{type(error).__name__}: {text}"


def answer(values: dict) -> None:
    ANSWERS.write(json.dumps(values) + "\n")


if __name__ == "__main__":
    main()
