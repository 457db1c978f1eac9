"""Dispatches as ulq-opt prints them, and memory to run them in.

Buffers end at an unmapped page, so that a read beyond a tensor is a crash, and results are behind guard bytes.
"""

import ctypes
import mmap
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import harness
import numpy as np

PAGE = mmap.PAGESIZE
GUARD = 0xA5


@dataclass
class Dispatch:
    """A dispatch read from the text that ulq-opt prints."""

    kernel: str
    workgroups: int
    constants: list[bytes]  # parameters and tables, none for a pool
    counters: int
    result_bytes: list[int]


def byte_size(type_text: str) -> int:
    *extents, kind = type_text.split("x")
    return int(np.prod([int(e) for e in extents])) * {"i8": 1, "f32": 4}[kind]


def read_dispatches(text: str) -> dict[str, Dispatch]:
    """Returns the dispatch of each function of the module, by layer name."""
    constants = {}
    pattern = r'(%\S+) = arith.constant dense<(?:"0x([0-9A-F]*)"|(-?\d+))> : tensor<(\d+)xi8>'
    found = {}
    for line in text.splitlines():
        if match := re.search(pattern, line):
            name, digits, splat, size = match.groups()
            data = bytes.fromhex(digits or "")
            constants[name] = data if len(data) == int(size) else bytes([int(splat or data[0]) & 255]) * int(size)
        if match := re.search(r"ulq.dispatch \"(\w+)\"\((.*?)\) workgroups (\d+) (.*)-> (.*)$", line):
            kernel, inputs, workgroups, attributes, results = match.groups()
            counters = re.search(r"counters = (\d+)", attributes)
            blobs = [constants[name] for name in inputs.split(", ") if name in constants]
            sizes = [byte_size(t) for t in re.findall(r"tensor<([\dx]+(?:i8|f32))>", results)]
            found[re.sub(r"^ulq_[a-z0-9]+_\d+_", "", kernel)] = Dispatch(
                kernel, int(workgroups), blobs, int(counters[1]) if counters else 0, sizes
            )
    return found


class Memory:
    """`size` bytes between guard bytes and an unmapped page."""

    def __init__(self, size: int):
        pages = -(-(size + 64) // PAGE)
        self.map = mmap.mmap(-1, (pages + 1) * PAGE)
        whole = np.frombuffer(self.map, np.uint8)
        whole[: pages * PAGE] = GUARD
        self.address = whole.ctypes.data + pages * PAGE - size
        self.before = whole[: pages * PAGE - size]
        self.bytes = whole[pages * PAGE - size : pages * PAGE]
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mprotect(ctypes.c_void_p(whole.ctypes.data + pages * PAGE), PAGE, 0):
            raise OSError(ctypes.get_errno(), "mprotect")


def build_dispatches(text: str, passes: list[str], isa: str, folder: Path) -> tuple[Path, dict[str, Dispatch]]:
    """Compiles a module with `passes`, which end with the tile level; returns its object file and dispatches."""
    command = [
        harness.find_ulq_opt(), *passes, *harness.KERNEL_PASSES,
        f"--ulq-emit-objects=directory={folder} triple={harness.ISAS[isa].triple}",
        "--mlir-print-elementsattrs-with-hex-if-larger=0",
    ]  # fmt: skip
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:4000]
    return folder / f"kernels-{isa}.o", read_dispatches(done.stdout)


def compile_dispatches(text: str, passes: list[str], isa: str, folder: Path) -> tuple[ctypes.CDLL, dict[str, Dispatch]]:
    """The same with the kernels loaded into this process."""
    path, dispatches = build_dispatches(text, passes, isa, folder)
    return harness.load_kernels(path, [dispatch.kernel for dispatch in dispatches.values()]), dispatches


def run_dispatch(library: ctypes.CDLL, dispatch: Dispatch, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """Runs all workgroups, every three as one thread; returns the bytes of the results, scratch memory last."""
    if dispatch.counters:
        inputs = [*inputs, np.zeros(4 * dispatch.counters, np.uint8)]
    memories = [Memory(len(data)) for data in inputs]
    for memory, data in zip(memories, inputs, strict=True):
        memory.bytes[:] = data
    results = [Memory(size) for size in dispatch.result_bytes]
    arguments = []
    for memory in memories + results:
        arguments += [ctypes.c_void_p(memory.address - 8), ctypes.c_int64(8)]
    for workgroup in range(dispatch.workgroups):
        thread = ctypes.c_int32(workgroup // 3)
        getattr(library, dispatch.kernel)(*arguments, ctypes.c_int64(workgroup), thread)
    assert all((memory.before == GUARD).all() for memory in results), "wrote before a result"
    return [memory.bytes for memory in results]
