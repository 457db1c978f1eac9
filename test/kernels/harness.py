"""Builds kernels from MLIR text and runs them: in this process, or under qemu-aarch64.

Also the golden packers: the layouts of `lowering/kernels` written a second time, in numpy.
"""

import ctypes
import os
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
LLVM = Path("/usr/lib/llvm-22/bin")
KERNEL_PASSES = ["--ulq-expand-tiles", "--canonicalize", "--cse", "--ulq-lower-isa"]


@dataclass(frozen=True)
class IsaFacts:
    """What tests must know of an ISA: vector bytes, and the /proc/cpuinfo flags that run it (None: qemu-aarch64).

    The instructions of an ISA that is not tested in `full` are mostly those of another one at the same vector length.
    """

    vector_bytes: int
    cpu_flags: tuple[str, ...] | None
    triple: str = ""
    full: bool = False


AVX2_FLAGS = ("avx2", "fma", "bmi2")
AVX512_FLAGS = ("avx512bw", "avx512vl", "avx512dq")
ICELAKE_FLAGS = ("avx512_vnni", "avx512vbmi", "avx512_vbmi2", "avx512_vpopcntdq", "avx512_bitalg")
ISAS = {
    "generic": IsaFacts(16, (), "x86_64-none-elf", full=True),
    "sse41": IsaFacts(16, ("ssse3", "sse4_1", "sse4_2", "popcnt")),
    "avx2": IsaFacts(32, AVX2_FLAGS, full=True),
    "avxvnni": IsaFacts(32, (*AVX2_FLAGS, "avx_vnni")),
    "avx512bw": IsaFacts(64, AVX512_FLAGS),
    "avx512vnni": IsaFacts(64, (*AVX512_FLAGS, "avx512_vnni"), full=True),
    "avx512icl": IsaFacts(64, (*AVX512_FLAGS, *ICELAKE_FLAGS)),
    "neon": IsaFacts(16, None, full=True),
}


def chosen(isa: str, cases: list, traits) -> list:
    """All cases for an ISA tested in full; for others those that have some of `traits(case)` first.

    So every trait is there at least once.
    """
    if ISAS[isa].full:
        return cases
    seen, found = set(), []
    for case in cases:
        new = set(traits(case)) - seen
        seen |= new
        found += [case] if new else []
    return found


def cpu_flags() -> set[str]:
    """Returns the x86 feature names of this machine, an empty set elsewhere."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return set()
    lines = [line for line in text.splitlines() if line.startswith("flags")]
    return set(lines[0].split(":")[1].split()) if lines else set()


def require(isa: str) -> None:
    """Skips the test where this machine cannot run kernels of `isa`."""
    if lacking := _missing_for(isa):
        pytest.skip(f"{isa} needs {lacking}")


def _missing_for(isa: str) -> str | None:
    flags = ISAS[isa].cpu_flags
    if flags is None:
        return None if shutil.which("qemu-aarch64") else "qemu-aarch64"
    lacking = set(flags) - cpu_flags()
    return f"a CPU with {', '.join(sorted(lacking))}" if lacking else None


def find_ulq_opt() -> str:
    """Returns the path of ulq-opt: $ULQ_OPT, the build folder, or the one on PATH."""
    built = ROOT / "build" / "bin" / "ulq-opt"
    found = os.environ.get("ULQ_OPT") or (str(built) if built.exists() else shutil.which("ulq-opt"))
    if not found:
        raise FileNotFoundError("ulq-opt: neither in build/bin nor on PATH; set ULQ_OPT")
    return found


def compile_kernels(text: str, isa: str, directory: Path) -> Path:
    """Compiles a module with a nested module @kernels to an object file and returns its path.

    Raises RuntimeError with the output of ulq-opt where a pass fails.
    """
    emit = f"--ulq-emit-objects=directory={directory} triple={ISAS[isa].triple} assembly=true"
    command = [find_ulq_opt(), *KERNEL_PASSES, emit, "-o", os.devnull]
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")
    return directory / f"kernels-{isa}.o"


@dataclass
class Call:
    """One call: buffers of uint8 in argument order, the byte offset passed with each; the last is the result."""

    function: str
    buffers: list[np.ndarray]
    offsets: list[int]


def load_kernels(objects: Path, functions: list[str]) -> ctypes.CDLL:
    """Loads an object file into this process. Its functions are hidden symbols, which `functions` makes visible."""
    library = objects.with_suffix(".so")
    visible = [f"--set-symbol-visibility={name}=default" for name in functions]
    subprocess.run([LLVM / "llvm-objcopy", *visible, objects, library.with_suffix(".visible.o")], check=True)
    subprocess.run([LLVM / "ld.lld", "-shared", library.with_suffix(".visible.o"), "-o", library], check=True)
    return ctypes.CDLL(str(library))


def run_native(objects: Path, calls: list[Call]) -> list[np.ndarray]:
    """Runs calls in this process; returns the last buffer of each, uint8."""
    loaded = load_kernels(objects, sorted({call.function for call in calls}))
    results = []
    for call in calls:
        buffers = [buffer.copy() for buffer in call.buffers]
        arguments = []
        for buffer, offset in zip(buffers, call.offsets, strict=True):
            arguments += [ctypes.c_void_p(buffer.ctypes.data), ctypes.c_int64(offset)]
        loaded[call.function](*arguments, ctypes.c_int64(0))
        results.append(buffers[-1])
    return results


def run_qemu(objects: Path, calls: list[Call], cpu: str = "cortex-a57") -> list[np.ndarray]:
    """Runs calls in one qemu-aarch64 process; returns the last buffer of each, uint8."""
    directory = objects.parent
    names = list(dict.fromkeys(call.function for call in calls))
    table = "".join(f"void {name}(void);\n" for name in names)
    table += f"void (*const kernel_table[])(void) = {{{', '.join(names)}}};\n"
    (directory / "kernel_table.c").write_text(table)
    program = directory / "kernel_driver"
    clang = [LLVM / "clang", "--target=aarch64-none-elf", "-ffreestanding", "-nostdlib", "-O1", "-fuse-ld=lld"]
    sources = [ROOT / "runtime" / "kernel_driver.c", directory / "kernel_table.c"]
    compiled = [directory / f"{source.stem}.driver.o" for source in sources]
    for source, output in zip(sources, compiled, strict=True):
        subprocess.run([*clang, "-c", source, "-o", output], check=True)
    subprocess.run([LLVM / "ld.lld", "-static", *compiled, objects, "-o", program], check=True)
    done = subprocess.run(
        ["qemu-aarch64", "-cpu", cpu, program],
        input=b"".join(encode_call(call, names.index(call.function)) for call in calls),
        capture_output=True,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{program}: exit {done.returncode}\n{done.stderr.decode()}")
    output = np.frombuffer(done.stdout, np.uint8)
    sizes = np.cumsum([0] + [call.buffers[-1].size for call in calls])
    return [output[start:end] for start, end in zip(sizes, sizes[1:], strict=False)]


def encode_call(call: Call, index: int) -> bytes:
    """Returns a call in the input format of runtime/kernel_driver.c."""
    header = struct.pack("<2Q", index, len(call.buffers))
    pairs = zip(call.buffers, call.offsets, strict=True)
    header += b"".join(struct.pack("<2Q", buffer.size, offset) for buffer, offset in pairs)
    return header + b"".join(buffer.tobytes() for buffer in call.buffers)


def run_calls(isa: str, objects: Path, calls: list[Call]) -> list[np.ndarray]:
    """Runs calls where kernels of `isa` run; returns the last buffer of each, uint8."""
    return run_qemu(objects, calls) if ISAS[isa].cpu_flags is None else run_native(objects, calls)


def round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def storage_bits(bits: int) -> int:
    """Returns the width at which codes of `bits` bits are stored."""
    return next(width for width in (1, 2, 4, 8) if width >= bits)


def pack_taps(codes: np.ndarray, width: int) -> np.ndarray:
    """Packs codes [..., taps, channels] to bytes [..., taps, tap bytes], code 0 in the lowest bits."""
    per_byte = 8 // width
    channels = codes.shape[-1]
    padded = np.zeros((*codes.shape[:-1], round_up(channels, per_byte)), np.uint8)
    padded[..., :channels] = codes
    fields = padded.reshape(*codes.shape[:-1], -1, per_byte)
    return np.bitwise_or.reduce(fields << np.arange(0, 8, width, dtype=np.uint8), axis=-1)


def expanded_order(channels: int, width: int) -> np.ndarray:
    """Returns the channel that each byte of an expanded tap holds, -1 for padding (lowering/kernels/Kernel.h)."""
    per_byte = 8 // width
    numbers = np.arange(round_up(channels, per_byte)).reshape(-1, per_byte)
    runs, start = [], 0
    for chunk in (64, 32, 16, 8, 4, 2, 1):
        while len(numbers) - start >= chunk:
            runs.append(numbers[start : start + chunk].T.ravel())
            start += chunk
    order = np.concatenate(runs)
    return np.where(order < channels, order, -1)


def expand_taps(values: np.ndarray, width: int) -> np.ndarray:
    """Orders values [..., taps, channels] as gather_rows with `expand` does, padding 0: [..., taps * tap length]."""
    order = expanded_order(values.shape[-1], width)
    return np.where(order < 0, 0, values[..., order]).reshape(*values.shape[:-2], -1)


def pack_chunks(codes: np.ndarray, width: int) -> np.ndarray:
    """Packs a panel's codes, in reading order, into chunks of 64 bytes (lowering/kernels/CodePanel.h)."""
    per_byte = 8 // width
    padded = np.zeros(round_up(codes.size, 64 * per_byte), np.uint8)
    padded[: codes.size] = codes.ravel()
    fields = padded.reshape(-1, per_byte, 64)
    shifts = np.arange(0, 8, width, dtype=np.uint8)[None, :, None]
    return np.bitwise_or.reduce(fields << shifts, axis=1).ravel()


def pack_dot(expanded: np.ndarray, bits: int) -> np.ndarray:
    """Packs weight codes (bits <= 4) or weights [outputs, depth], depth a multiple of 4, as a panel of "dot"."""
    outputs, depth = expanded.shape
    panel = expanded.reshape(outputs, depth // 4, 4).transpose(1, 0, 2)
    return pack_chunks(np.ascontiguousarray(panel).view(np.uint8), storage_bits(bits))


def pack_depthwise(values: np.ndarray, multiplier: int, width: int) -> np.ndarray:
    """Packs weight codes (width < 8), weights or f32 values [channels * multiplier, taps] as a panel of "depthwise".

    A tap is a run of channels for each of the outputs that a channel has.
    """
    outputs, taps = values.shape
    panel = np.ascontiguousarray(values.reshape(outputs // multiplier, multiplier, taps).transpose(2, 1, 0))
    return panel.view(np.uint8).ravel() if panel.dtype == np.float32 else pack_chunks(panel, width)


def pack_depthwise_dot(values: np.ndarray, multiplier: int, width: int) -> np.ndarray:
    """Packs weight codes (width < 8) or weights [channels * multiplier, lines, columns] as a panel of "depthwise_dot".

    Its order is column, four lines, then output of a channel, then channel, then line.
    """
    outputs, lines, columns = values.shape
    steps = -(-lines // 4)
    padded = np.zeros((outputs, steps * 4, columns), values.dtype)
    padded[:, :lines] = values
    panel = padded.reshape(-1, multiplier, steps, 4, columns).transpose(4, 2, 1, 0, 3)
    return pack_chunks(panel, width)


def pack_lut(codes: np.ndarray, bits: int, vector_bytes: int) -> np.ndarray:
    """Packs weight codes [outputs, depth], depth a multiple of a step, as a panel of "lut" or "nibble"."""
    outputs, depth = codes.shape
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    pairs = np.bitwise_or.reduce(codes.reshape(outputs, -1, 8 // bits) << shifts, axis=-1)
    halves = pairs.T.reshape(pairs.shape[1], outputs // vector_bytes, 2, vector_bytes // 2)
    return np.ascontiguousarray(halves.transpose(0, 1, 3, 2)).ravel()


def pair_rows(rows: np.ndarray) -> np.ndarray:
    """Stores packed 1-bit rows [even number, bytes] two at a time, as gather_rows does with `pairs`."""
    first, second = rows[0::2].astype(np.uint16), rows[1::2].astype(np.uint16)
    low = first % 16 * 16 + second % 16 * 256
    high = first // 16 * 16 + second // 16 * 256
    return np.stack([low, high], axis=1).reshape(rows.shape).view(np.uint8)


def lut_tables(bits: int, width: int) -> np.ndarray:
    """Returns the tables of "lut": for each tuple of activation codes 16 sums over a group of weight codes."""
    group = 4 // bits
    tuples = np.arange(1 << (group * width))[:, None, None]
    indices = np.arange(16)[None, :, None]
    j = np.arange(group)[None, None, :]
    products = ((tuples >> (j * width)) & ((1 << width) - 1)) * ((indices >> (j * bits)) & ((1 << bits) - 1))
    return products.sum(-1).astype(np.uint8).ravel()


def nibble_tables() -> np.ndarray:
    """Returns the tables of "nibble": those of two rows, in the low and in the high nibble."""
    one = lut_tables(1, 1).reshape(16, 16)
    return (one[None, :, :] + 16 * one[:, None, :]).ravel()


def repeat_tables(tables: np.ndarray, vector_bytes: int) -> np.ndarray:
    """Repeats each table of 16 bytes over a vector, as "lut" and "nibble" read them."""
    return np.tile(tables.reshape(-1, 16), vector_bytes // 16).ravel()


def product_tables(bits: int, width: int) -> np.ndarray:
    """Returns the table of "product_lut": products of a weight code, in the upper bits of the index, by a code."""
    table = np.zeros(16, np.uint8)
    weights, codes = np.divmod(np.arange(1 << (bits + width)), 1 << width)
    table[: weights.size] = weights * codes
    return table


def pack_product(codes: np.ndarray, bits: int, width: int, vector_bytes: int) -> np.ndarray:
    """Packs weight codes [outputs, depth], depth a multiple of a step, as a panel of "product_lut"."""
    outputs, products = codes.shape[0], 8 // min(bits, width)
    per_byte = 8 // width
    # Code k of a row is field k % per_byte of byte k // per_byte; a step has products / per_byte vectors of bytes.
    steps = codes.reshape(outputs, -1, products // per_byte, vector_bytes, per_byte).transpose(0, 1, 2, 4, 3)
    fields = steps.reshape(outputs, -1, products * bits // 8, 8 // bits, vector_bytes)
    shifts = np.arange(0, 8, bits, dtype=np.uint8)[:, None]
    return np.bitwise_or.reduce(fields << shifts, axis=3).ravel()


def pack_planes(codes: np.ndarray, width: int, planes: int) -> np.ndarray:
    """Packs codes [rows, depth], depth a multiple of 512, as planes of 64 bytes: [rows, chunks * planes * 64].

    The places within a plane are those that gather_rows gives to codes of `width` bits with `planes`.
    """
    fields = codes.reshape(codes.shape[0], -1, width, 64, 8 // width)  # chunk, vector, byte, field
    shifts = np.arange(width)[:, None, None] + np.arange(0, 8, width)
    bits = [np.bitwise_or.reduce((fields >> p & 1) << shifts, axis=(2, 4)) for p in range(planes)]
    return np.stack(bits, axis=2).astype(np.uint8).reshape(codes.shape[0], -1)
