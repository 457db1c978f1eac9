"""Times the dispatches of a program: IREE's benchmark runner with its profile of each execution.

Both tools come with the IREE runtime. The runner is a process of its own, so that every measurement starts alike.
"""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from iree import _runtime_libs

from ulq.errors import UlqError

MODE = "host-execution,executable-metadata"  # times on the clock of the host, function names


def profile(file: Path, inputs: Sequence[np.ndarray], threads: int, runs: int) -> dict[str, list[int]]:
    """Nanoseconds of each execution of each dispatch of a .vmfb, in the order of the program, by its function's name.

    A dispatch that the program executes several times in a run has as many times for each run.
    """
    with tempfile.TemporaryDirectory(prefix="ulq-") as directory:
        bundle = Path(directory) / "profile.ireeprof"
        arguments = [f"--module={file}", "--function=main", *_device(threads), f"--benchmark_min_time={runs}x"]
        arguments += [f"--device_profiling_mode={MODE}", f"--device_profiling_output={bundle}"]
        for index, array in enumerate(inputs):
            np.save(Path(directory) / f"{index}.npy", array)
            arguments.append(f"--input=@{directory}/{index}.npy")
        _run("iree-benchmark-module", arguments)
        text = _run("iree-profile", ["dispatch", "--format=jsonl", "--dispatch_events", str(bundle)])
    rows = [row for row in map(json.loads, text.splitlines()) if row["type"] == "host_dispatch_event" and row["valid"]]
    if not rows:
        raise UlqError("IREE recorded no dispatch of the program")
    times: dict[str, list[int]] = {}
    for row in sorted(rows, key=lambda row: row["start_host_time_ns"]):
        times.setdefault(row["key"], []).append(row["duration_ns"])
    return times


def _device(threads: int) -> list[str]:
    """The device of `session`, as the tools spell it."""
    if threads == 1:
        return ["--device=local-sync", "--device_allocator=caching"]
    return ["--device=local-task", f"--task_topology_group_count={threads}", "--device_allocator=caching"]


def _run(tool: str, arguments: Sequence[str]) -> str:
    path = Path(_runtime_libs.__file__).with_name(tool)
    if not path.is_file():
        raise UlqError(f"the installed IREE runtime has no {tool}, which times dispatches")
    done = subprocess.run([path, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        reason = next((line for line in done.stderr.splitlines() if "warning" not in line.lower() and line.strip()), "")
        raise UlqError(f"{tool} failed with status {done.returncode}: {reason or 'no message'}")
    return done.stdout
