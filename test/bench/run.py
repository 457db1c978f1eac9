"""Time ulq against its peers in one run: `make bench`, or `python test/bench/run.py --help`.

Engines run in turn, in short blocks, so that all see the same state of the machine; the figures of interest are the
ratios between the rows of one run. Nothing is asserted. `e2e`: whole networks, batch 1, against ONNX Runtime: digits
and CNV on the same file, the networks of models.py on their int8 form. `op`: one matrix product per bit width and
instruction set, against ONNX Runtime's MatMulInteger.

On a busy machine even the ratios lie: a long call is preempted, a short one fits into a time slice, so that medians
favour the faster engine. The load at the start is part of the output, and a warning where it is not small.
"""

import argparse
import itertools
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import models
import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from rich.console import Console

import ulq
from ulq import targets

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("ULQ_DATA", ROOT.parent / "shared" / "data"))
CONSOLE = Console(stderr=True, highlight=False)

GEMM = (196, 256, 2304)  # rows, outputs, reduction: a 14x14x256 3x3 convolution of ResNet-18
BUSY = 0.25  # load per core above which times are not to be trusted
NETWORK_WIDTHS = ("w1a1", "w1a2", "w2a2", "w4a4")  # of the networks of models.py
PRODUCTS = 5  # of the same input, in one program
WIDTHS = ((1, 1), (2, 2), (4, 4), (8, 8))
QONNX = "qonnx.custom_op.general"
TARGETS = ("x86-64-v3", "x86-64-v4")


@dataclass(frozen=True)
class Row:
    """One engine on one workload; times in milliseconds: median, 10 % and 90 %."""

    workload: str
    bits: str
    engine: str
    threads: int
    isa: str
    ms: float
    lo: float
    hi: float


@dataclass(frozen=True)
class Entry:
    """A workload on an engine: a function without arguments."""

    workload: str
    bits: str
    engine: str
    isa: str
    call: Callable[[], object]


def measure(entries: list[Entry], threads: int, seconds: float) -> list[Row]:
    """Times all entries in turn for about `seconds` each."""
    if not entries:
        return []
    blocks = []
    for entry in entries:
        entry.call()
        start = time.perf_counter()
        entry.call()
        blocks.append(max(1, int(0.02 / (time.perf_counter() - start))))
    samples: list[list[float]] = [[] for _ in entries]
    end = time.perf_counter() + seconds * len(entries)
    while time.perf_counter() < end or len(samples[0]) < 5:
        for entry, count, times in zip(entries, blocks, samples, strict=True):
            entry.call()  # brings code and weights back into the caches
            for _ in range(count):
                start = time.perf_counter_ns()
                entry.call()
                times.append((time.perf_counter_ns() - start) / 1e6)
    rows = []
    for entry, times in zip(entries, samples, strict=True):
        low, median, high = np.percentile(times, (10, 50, 90))
        rows.append(Row(entry.workload, entry.bits, entry.engine, threads, entry.isa, median, low, high))
    return rows


def peer(model: str | bytes, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def compiled(model: str | bytes, target: str, threads: int) -> ulq.Program:
    program = ulq.compile(model, target=target)
    program.threads = threads
    return program


# --- whole networks -------------------------------------------------------------------


@dataclass(frozen=True)
class Network:
    """A network at some widths, each a file or its bytes; `int8` is what the peer runs, None for the same file."""

    name: str
    models: dict[str, str | bytes]
    image: NDArray
    int8: bytes | None = None


def present(name: str) -> Network | None:
    """The network of that name, None where its file is absent."""
    rng = np.random.default_rng(0)
    if name == "digits":
        path = ROOT / "examples" / "digits" / "digits_w2a2_qcdq.onnx"
        return Network(name, {"w2a2": str(path)}, rng.integers(0, 17, (1, 1, 8, 8)).astype(np.float32) / 16)
    if name == "cnv":
        path = DATA / "models" / "cnv" / "cnvW1A1_cifar10.onnx"
        image = rng.integers(-128, 128, (1, 3, 32, 32)).astype(np.float32) / 128
        return Network(name, {"w1a1": str(path)}, image) if path.is_file() else None
    int8 = models.build(name, "w8a8", form="int8", tail=False)
    widths = {bits: models.build(name, bits, form="qonnx", tail=False) for bits in NETWORK_WIDTHS}
    return Network(
        name,
        {bits: model.SerializeToString() for bits, model in widths.items()},
        models.image(int8),
        int8.SerializeToString(),
    )


def end_to_end(names: list[str], threads: int, seconds: float) -> list[Row]:
    """Each network on ulq and on ONNX Runtime."""
    isa = targets.lookup("host").isa
    rows = []
    for name in names:
        CONSOLE.print(f"{name}: compiling")
        network = present(name)
        if not network:
            CONSOLE.print(f"skipping {name}: its model is not in {DATA}")
            continue
        peer_bits, peer_model = next(iter(network.models.items()))
        if network.int8:
            peer_bits, peer_model = "w8a8", network.int8
        session = peer(peer_model, threads)
        feed = {session.get_inputs()[0].name: network.image}
        entries = []
        for bits, model in network.models.items():
            program = compiled(model, "host", threads)
            result = next(iter(program.run(feed).values()))
            if not network.int8:
                check(result, session.run(None, feed)[0], name)
            entries.append(Entry(name, bits, "ulq", isa, lambda program=program, feed=feed: program.run(feed)))
        entries.append(Entry(name, peer_bits, "ort", "", lambda session=session, feed=feed: session.run(None, feed)))
        rows += measure(entries, threads, seconds)
    return rows


def check(actual: NDArray, expected: NDArray, name: str) -> None:
    """A fast wrong answer is worth nothing."""
    if not np.allclose(actual, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max()):
        CONSOLE.print(
            f"[red]{name}: ulq and ONNX Runtime disagree, largest difference {np.abs(actual - expected).max()}"
        )


# --- one matrix product ---------------------------------------------------------------


def gemm_model(weight_bits: int, activation_bits: int, products: int) -> bytes:
    """`products` products of one [rows, reduction] input with random weights, each requantized to the input's width.

    The input holds codes as floats. Outputs are calibrated so that their codes use the whole range.
    """
    rows, outputs, depth = GEMM
    rng = np.random.default_rng(0)
    levels = (1 << activation_bits) - 1
    constants = {"one": 1, "zero": 0, "weight_bits": weight_bits, "activation_bits": activation_bits}
    nodes = [quant("x", "a", "one", "activation_bits", signed=0)]
    for i in range(products):
        low = -(1 << (weight_bits - 1))
        pair = weight_bits == 1
        codes = rng.choice([-1, 1], (depth, outputs)) if pair else rng.integers(low, -low, (depth, outputs))
        sample = rng.integers(0, levels + 1, (64, depth)) @ codes
        first, last = np.percentile(sample, (1, 99))
        constants |= {f"weights{i}": codes, f"offset{i}": -first, f"scale{i}": max((last - first) / levels, 1)}
        nodes += [
            helper.make_node("BipolarQuant", [f"weights{i}", "one"], [f"w{i}"], domain=QONNX)
            if pair
            else quant(f"weights{i}", f"w{i}", "one", "weight_bits", signed=1),
            helper.make_node("MatMul", ["a", f"w{i}"], [f"y{i}"], name=f"product{i}"),
            helper.make_node("Add", [f"y{i}", f"offset{i}"], [f"r{i}"]),
            quant(f"r{i}", f"z{i}", f"scale{i}", "activation_bits", signed=0),
        ]
    graph = helper.make_graph(
        nodes,
        f"gemm_w{weight_bits}a{activation_bits}",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [rows, depth])],
        [helper.make_tensor_value_info(f"z{i}", TensorProto.FLOAT, [rows, outputs]) for i in range(products)],
        [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(QONNX, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def quant(x: str, y: str, scale: str, bits: str, signed: int) -> onnx.NodeProto:
    rounding = {"narrow": 0, "rounding_mode": "ROUND"}
    return helper.make_node("Quant", [x, scale, "zero", bits], [y], name=y, domain=QONNX, signed=signed, **rounding)


def matmul_integer(products: int) -> bytes:
    """`products` products of one u8 input with s8 weights as MatMulInteger."""
    rows, outputs, depth = GEMM
    rng = np.random.default_rng(0)
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["x", f"w{i}"], [f"y{i}"]) for i in range(products)],
        "gemm",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, [rows, depth])],
        [helper.make_tensor_value_info(f"y{i}", TensorProto.INT32, [rows, outputs]) for i in range(products)],
        [
            numpy_helper.from_array(rng.integers(-128, 128, (depth, outputs)).astype(np.int8), f"w{i}")
            for i in range(products)
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def operators(threads: int, seconds: float) -> list[Row]:
    """The matrix product at every width on every instruction set of this machine, MatMulInteger beside them.

    A layer inside a network finds packed codes, a program of one layer has to quantize its float input first. So the
    cost of a product is taken from programs of one and of `PRODUCTS` products of the same input: (t - t1) / (n - 1).
    """
    rows, _, depth = GEMM
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 256, (rows, depth), np.uint8)
    entries: list[Entry] = []
    for products in (1, PRODUCTS):
        session = peer(matmul_integer(products), threads)
        entries.append(Entry(str(products), "w8a8", "ort", "", lambda session=session: session.run(None, {"x": codes})))
    for name in TARGETS:
        target = targets.lookup(name)
        if not target.runs_here():
            CONSOLE.print(f"skipping {name}: this machine lacks {', '.join(target.missing_flags())}")
            continue
        for (weight_bits, activation_bits), products in itertools.product(WIDTHS, (1, PRODUCTS)):
            bits = f"w{weight_bits}a{activation_bits}"
            CONSOLE.print(f"{products} x gemm {bits} for {name}: compiling")
            program = compiled(gemm_model(weight_bits, activation_bits, products), name, threads)
            x = rng.integers(0, 1 << activation_bits, (rows, depth)).astype(np.float32)
            isa = f"{target.isa} {next(layer.kernel for layer in program.layers if layer.weight_bytes)}"
            entries.append(Entry(str(products), bits, "ulq", isa, lambda program=program, x=x: program.run(x)))
    measured = measure(entries, threads, seconds)
    return [marginal(one, many) for one, many in zip(measured[::2], measured[1::2], strict=True)]


def marginal(one: Row, many: Row) -> Row:
    """The row of a single product, without what a program spends on its inputs."""
    ms, lo, hi = ((getattr(many, name) - getattr(one, name)) / (PRODUCTS - 1) for name in ("ms", "lo", "hi"))
    return Row("gemm " + "x".join(map(str, GEMM)), one.bits, one.engine, one.threads, one.isa, ms, lo, hi)


# --- output ---------------------------------------------------------------------------


def warn_if_busy(load: float) -> None:
    if load > BUSY * (os.cpu_count() or 1):
        CONSOLE.print(
            f"[red]warning: the machine is busy (load {load:.1f}); ratios favour the engine with shorter calls"
        )


def machine() -> dict[str, str]:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    return {
        "cpu": model,
        "cores": str(os.cpu_count()),
        "python": platform.python_version(),
        "ulq": ulq.__version__,
        "iree": version("iree-base-runtime"),
        "onnx": onnx.__version__,
        "onnxruntime": onnxruntime.__version__,
        "numpy": np.__version__,
    }


def markdown(rows: list[Row]) -> str:
    """One line per row; the ratio is to ONNX Runtime on the same workload, above 1 is faster."""
    peers = {row.workload: row.ms for row in rows if row.engine == "ort"}
    macs = int(np.prod(GEMM))
    lines = ["| workload | bits | engine | isa | ms | 10-90 % | GMAC/s | vs ort |", "|---|---|---|---|---|---|---|---|"]
    for row in rows:
        rate = f"{macs / row.ms / 1e6:.0f}" if row.workload.startswith("gemm") else ""
        ratio = f"{peers[row.workload] / row.ms:.2f}" if row.workload in peers else ""
        spread = f"{row.lo:.4f}-{row.hi:.4f}"
        lines.append(
            f"| {row.workload} | {row.bits} | {row.engine} | {row.isa} | {row.ms:.4f} | {spread} | {rate} | {ratio} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--suite", choices=("op", "e2e"), action="append", help="both unless given")
    parser.add_argument(
        "--networks",
        default="digits,cnv,resnet18",
        help=f"of e2e, separated by commas: digits, cnv, {', '.join(models.NETWORKS)}",
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2.0, help="time spent on each row")
    parser.add_argument("--json", type=Path, help="write machine, versions and rows to this file")
    arguments = parser.parse_args()
    suites = arguments.suite or ["e2e", "op"]
    load = os.getloadavg()[0]
    warn_if_busy(load)

    rows = []
    try:
        if "e2e" in suites:
            rows += end_to_end(arguments.networks.split(","), arguments.threads, arguments.seconds)
        if "op" in suites:
            rows += operators(arguments.threads, arguments.seconds)
    except ulq.UlqError as error:
        sys.exit(f"error: {error}")
    about = machine() | {"load": f"{load:.2f}"}
    print("; ".join(f"{key} {value}" for key, value in about.items()) + f"; threads {arguments.threads}\n")
    print(markdown(rows))
    warn_if_busy(load)
    if arguments.json:
        arguments.json.write_text(
            json.dumps({"machine": about, "rows": [asdict(row) for row in rows]}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
