"""What every engine of the benchmarks offers, and what it is asked to run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

# By target: the level that oneDNN takes from ONEDNN_MAX_CPU_ISA, and IREE's name of a CPU that has no more than it.
ONEDNN_LEVELS = {
    "x86-64": "SSE41",
    "x86-64-v3": "AVX2",
    "skylake-avx512": "AVX512_CORE",
    "x86-64-v4": "AVX512_CORE_VNNI",
}
LLVM_CPUS = {"x86-64": "x86-64", "x86-64-v3": "haswell", "skylake-avx512": "skylake-avx512", "x86-64-v4": "cascadelake"}
HOST = "host"
NEXT = "next"  # in place of a family: the runner-up of the selection


class Unusable(Exception):
    """An engine that cannot run a workload; the message is one line for the user."""


class NotTaken(Unusable):
    """A family of kernels that a layer has no use for: nothing worth a line."""


@dataclass(frozen=True)
class Job:
    """One model on one engine, in a process of its own.

    `divisor` is None for a network. A layer comes as two models, of which the second has `divisor` layers more: the
    time of a layer is the difference of the two over the divisor.
    """

    engine: str
    files: tuple[str, ...]
    threads: int
    limit: str  # the instruction sets to stay within: a target of ulq, or "host"
    divisor: int | None = None
    family: str = ""  # the kernels that ulq is told to use, or NEXT; its own choice unless given
    scratch: str = ""  # folder for what is compiled

    def to_row(self) -> dict:
        return asdict(self)


@dataclass(frozen=True)
class Session:
    """A loaded model: a call to time, and the first output that it yields, as float32 in the layout of the ONNX
    model. `kernels` says what computes the products, where the engine tells."""

    call: Callable[[], object]
    output: Callable[[], NDArray[np.float32]]
    kernels: tuple[str, ...] = ()


class Engine(Protocol):
    name: str
    title: str  # in tables and charts
    package: str  # the distribution that must be installed
    form: str  # of the file that it reads: "int8", "fp32", "same" as ulq, or "bits" for each width asked for

    def honours(self, limit: str) -> bool:
        """Whether it can be kept from using more than the instruction sets of `limit`."""
        ...

    def environment(self, limit: str) -> dict[str, str]:
        """Variables that must be set before its process starts."""
        ...

    def load(self, path: str, job: Job) -> Session: ...


class Peer:
    """An engine that cannot be restricted; others override `honours` and `environment`."""

    def __init__(self, name: str, title: str, package: str, form: str):
        self.name, self.title, self.package, self.form = name, title, package, form

    def honours(self, limit: str) -> bool:
        return limit == HOST

    def environment(self, limit: str) -> dict[str, str]:
        return {}


def onednn_environment(limit: str) -> dict[str, str]:
    return {"ONEDNN_MAX_CPU_ISA": ONEDNN_LEVELS[limit]} if limit in ONEDNN_LEVELS else {}


def installed(package: str) -> str | None:
    """The version of a distribution, None where it is missing."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def sample(shape: tuple[int, ...], seed: int = 1) -> NDArray[np.float32]:
    """The input that every engine gets: multiples of 1/64, as `models.image` has it, so that no value lies so close to
    a tie of a quantizer that its rounding depends on how the engine divides."""
    return np.rint(64 * np.random.default_rng(seed).standard_normal(shape, np.float32)) / 64
