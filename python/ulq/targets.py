"""The CPUs that ulq compiles for: one row per target.

A row names the instruction provider of `lowering/isa` that generates the kernels, and describes the same CPU to IREE,
which compiles the float operations between them.
"""

import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ulq.errors import UlqError


@dataclass(frozen=True)
class Family:
    """An architecture: what all its targets share."""

    name: str
    machines: tuple[str, ...]  # as platform.machine() spells it
    triple: str
    executable_format: str  # IREE's name for an embedded ELF of this architecture
    data_layout: str  # LLVM's, for the triple
    emulator: str | None = None  # the qemu command that runs it elsewhere
    sysroot: str | None = None  # libraries of the emulated program


@dataclass(frozen=True)
class Target:
    """A CPU to compile for: the row of the table that `ulq.compile(target=...)` names."""

    name: str
    family: Family
    isa: str  # instruction provider in lowering/isa
    features: tuple[str, ...]  # LLVM features for IREE's own float code
    cpu_flags: tuple[str, ...]  # what /proc/cpuinfo must list to run the kernels
    vector_bytes: int
    queried: tuple[str, ...] = ()  # features that tell the CPU at run time, of those that IREE's runtime knows

    @property
    def attribute(self) -> str:
        """The `#hal.executable.target` attribute for this CPU, as MLIR text."""
        features = ",".join(f"+{feature}" for feature in self.features)
        return (
            f'#hal.executable.target<"llvm-cpu", "{self.family.executable_format}", '
            f'{{cpu = "", cpu_features = "{features}", data_layout = "{self.family.data_layout}", '
            f'native_vector_size = {self.vector_bytes} : i64, target_triple = "{self.family.triple}"}}>'
        )

    def missing_flags(self) -> list[str]:
        """The CPU flags that this target needs and this machine lacks."""
        present = host_cpu_flags()
        return [flag for flag in self.cpu_flags if flag not in present]

    def runs_here(self) -> bool:
        """Whether this machine executes the target without emulation."""
        return platform.machine().lower() in self.family.machines and not self.missing_flags()

    def require_native(self) -> None:
        """Raises UlqError where this machine does not execute the target itself, as measurements need."""
        if not self.runs_here():
            raise UlqError(f"this machine does not execute programs for {self.name}: nothing to measure")


X86_64 = Family(
    name="x86-64",
    machines=("x86_64", "amd64"),
    triple="x86_64-none-elf",
    executable_format="embedded-elf-x86_64",
    data_layout="e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128",
)
AARCH64 = Family(
    name="aarch64",
    machines=("aarch64", "arm64"),
    triple="aarch64-none-elf",
    executable_format="embedded-elf-arm_64",
    data_layout="e-m:e-p270:32:32-p271:32:32-p272:64:64-i8:8:32-i16:16:32-i64:64-i128:128-n32:64-S128-Fn32",
    emulator="qemu-aarch64",
    sysroot="/usr/aarch64-linux-gnu",
)

# No FMA among the features: IREE would contract a product and a sum on the CPUs that have it, and the float operations
# around the kernels would round differently from target to target.
_V2 = ("sse3", "ssse3", "sse4.1", "sse4.2", "popcnt", "cx16")
_V3 = (*_V2, "avx", "avx2", "f16c", "bmi", "bmi2", "lzcnt", "movbe")
_AVX512 = (*_V3, "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl")
_ICELAKE = ("avx512vbmi", "avx512vbmi2", "avx512vpopcntdq", "avx512bitalg")
_V2_FLAGS = ("cx16", "popcnt", "pni", "ssse3", "sse4_1", "sse4_2")
_V3_FLAGS = ("avx2", "abm", "bmi1", "bmi2", "cx16", "f16c", "fma", "movbe", "popcnt", "xsave")
_AVX512_FLAGS = (*_V3_FLAGS, "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl")

# Within a family from the plainest to the best CPU: `host` takes the last row that runs here.
TARGETS = {
    target.name: target
    for target in (
        Target("x86-64", X86_64, isa="generic", features=(), cpu_flags=(), vector_bytes=16),
        Target(
            "x86-64-v2",
            X86_64,
            isa="sse41",
            features=_V2,
            cpu_flags=_V2_FLAGS,
            vector_bytes=16,
            queried=_V2[:4],
        ),
        Target(
            "x86-64-v3",
            X86_64,
            isa="avx2",
            features=_V3,
            cpu_flags=_V3_FLAGS,
            vector_bytes=32,
            queried=("avx2", "f16c", "fma"),
        ),
        # AVX-VNNI, named as compilers name the first CPU that has it and no AVX-512. IREE's runtime does not tell it.
        Target(
            "alderlake",
            X86_64,
            isa="avxvnni",
            features=(*_V3, "avxvnni"),
            cpu_flags=(*_V3_FLAGS, "avx_vnni"),
            vector_bytes=32,
        ),
        Target(
            "skylake-avx512",
            X86_64,
            isa="avx512bw",
            features=_AVX512,
            cpu_flags=_AVX512_FLAGS,
            vector_bytes=64,
            queried=_AVX512[-5:],
        ),
        # The psABI level has no VNNI; this row asks for it, since it is what low-bit networks gain most from.
        Target(
            "x86-64-v4",
            X86_64,
            isa="avx512vnni",
            features=(*_AVX512, "avx512vnni"),
            cpu_flags=(*_AVX512_FLAGS, "avx512_vnni"),
            vector_bytes=64,
            queried=(*_AVX512[-5:], "avx512vnni"),
        ),
        # Counts of ones and permutations of bytes beside VNNI.
        Target(
            "icelake-server",
            X86_64,
            isa="avx512icl",
            features=(*_AVX512, "avx512vnni", *_ICELAKE),
            cpu_flags=(
                *_AVX512_FLAGS,
                "avx512_vnni",
                "avx512vbmi",
                "avx512_vbmi2",
                "avx512_vpopcntdq",
                "avx512_bitalg",
            ),
            vector_bytes=64,
            queried=(*_AVX512[-5:], "avx512vnni", *_ICELAKE),
        ),
        # Armv8.0: NEON is part of the architecture, so no flag is asked for.
        Target("aarch64", AARCH64, isa="neon", features=("neon",), cpu_flags=(), vector_bytes=16),
    )
}
ALIASES = ("host", "generic")


def host_cpu_flags() -> frozenset[str]:
    """The feature names of this machine's CPU as /proc/cpuinfo spells them; empty where there is no such file."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            found = re.search(r"^(?:flags|Features)\s*:(.*)$", file.read(), re.MULTILINE)
    except OSError:
        return frozenset()
    return frozenset(found[1].split()) if found else frozenset()


def lookup(name: str) -> Target:
    """The target of that name; `host` is the best one that runs here, `generic` the plainest of this architecture.

    Raises UlqError for an unknown name, and for the two aliases on an architecture that ulq has no target for.
    """
    if name in TARGETS:
        return TARGETS[name]
    if name not in ALIASES:
        raise UlqError(f"unknown target {name!r}, expected one of {', '.join((*ALIASES, *TARGETS))}")
    native = [target for target in TARGETS.values() if target.runs_here()]
    if not native:
        raise UlqError(f"no target for this machine's architecture, {platform.machine()}")
    return native[-1 if name == "host" else 0]


def resolve(names: str | Sequence[str]) -> list[Target]:
    """The targets that a `target=` argument names, plainest first, each once.

    Raises UlqError for an unknown name, an empty list, targets of different architectures, and one that a program
    cannot choose at run time.
    """
    listed = list(names) if isinstance(names, Sequence) and not isinstance(names, str) else [names]
    if not listed:
        raise UlqError("no target given")
    found = {lookup(_checked(name)).name for name in listed}
    targets = [target for target in TARGETS.values() if target.name in found]
    for target in targets[1:]:
        if target.family == targets[0].family and not target.queried:
            raise UlqError(f"target {target.name} cannot be told from {targets[0].name} at run time: compile it alone")
    families = list(dict.fromkeys(target.family.name for target in targets))
    if len(families) > 1:
        raise UlqError(f"targets of one program must share an architecture, got {' and '.join(families)}")
    return targets


def _checked(name: object) -> str:
    if not isinstance(name, str):
        raise UlqError(f"expected the name of a target, got {type(name).__name__}")
    return name
