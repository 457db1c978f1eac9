"""Compile the w2a2 digits network for this machine, classify the test images, and time it next to ONNX Runtime."""

import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from data import load_split
from numpy.typing import NDArray
from onnx import numpy_helper
from rich.console import Console
from rich.table import Table

import ulq

MODEL = Path(__file__).parent / "digits_w2a2_qcdq.onnx"
ROUNDS = 60  # blocks of calls, the two engines in turn
CALLS = 20  # calls in a block


def main() -> None:
    console = Console(highlight=False)
    start = time.perf_counter()
    with console.status("compiling for this machine"):
        program = ulq.compile(MODEL, target="host")
    console.print(f"[bold]{MODEL.name}[/] compiled for [bold]{program.targets[-1]}[/]", end=" ")
    console.print(f"in {time.perf_counter() - start:.1f} s\n")
    console.print(program.report(), "", markup=False, soft_wrap=True, sep="\n")

    peer = onnxruntime_session(MODEL)
    split = load_split()
    ours = np.concatenate([program.run(x[None])["logits"] for x in split.x_test])
    theirs = peer.run(None, {"image": split.x_test})[0]
    console.print(accuracy_table(ours, theirs, split.y_test))
    console.print(f"largest difference of a logit: {np.abs(ours - theirs).max():.1e} of {np.abs(theirs).max():.1f}\n")
    console.print(size_table(program), "")

    image = split.x_test[:1]
    busy = busy_share()
    with console.status("timing, the engines in turn"):
        times = interleaved([lambda: program.run(image), lambda: peer.run(None, {"image": image})])
    console.print(latency_table(times))
    if busy > 0.2:
        # A long call is preempted more often than a short one, so the ratio would flatter the faster engine.
        console.print(f"[red]other programs took {busy:.0%} of the processors: do not trust the ratio")
    console.print(f"[dim]{cpu_model()}; Python {platform.python_version()}, iree {version('iree-base-runtime')}[/]")


def accuracy_table(ours: NDArray, theirs: NDArray, labels: NDArray) -> Table:
    table = Table("", "correct", "accuracy", title=f"{len(labels)} test images", title_justify="left")
    for name, logits in (("ulq", ours), (f"ONNX Runtime {onnxruntime.__version__}", theirs)):
        right = int(np.sum(logits.argmax(1) == labels))
        table.add_row(name, str(right), f"{right / len(labels):.2%}")
    return table


def size_table(program: ulq.Program) -> Table:
    """Weights at their packed width against the same number of float32 values."""
    packed, full = sum(layer.weight_bytes for layer in program.layers), 4 * weight_count(MODEL)
    table = Table("", "bytes", "of fp32", title="size", title_justify="left")
    table.add_row("weights as float32", f"{full:,}", "")
    table.add_row("weights in the program", f"{packed:,}", f"1/{full / packed:.1f}")
    table.add_row("ONNX file (codes in int8)", f"{MODEL.stat().st_size:,}", "")
    table.add_row("whole program, code and weights", f"{len(program):,}", "")
    return table


def latency_table(times: list[NDArray]) -> Table:
    table = Table("", "median", "10 %", "90 %", "ratio", title="one image, one thread, µs", title_justify="left")
    medians = [np.median(samples) for samples in times]
    for name, samples, median in zip(("ulq", "ONNX Runtime, same file"), times, medians, strict=True):
        low, high = np.percentile(samples, (10, 90))
        table.add_row(name, f"{median:.1f}", f"{low:.1f}", f"{high:.1f}", f"{medians[1] / median:.2f}x")
    return table


def busy_share(seconds: float = 0.3) -> float:
    """Share of all processors' time that is in use while this program sleeps (Linux, proc(5))."""

    def idle_and_total() -> tuple[int, int]:
        ticks = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
        return ticks[3] + ticks[4], sum(ticks[:8])

    idle, total = idle_and_total()
    time.sleep(seconds)
    idle_later, total_later = idle_and_total()
    return 1 - (idle_later - idle) / max(1, total_later - total)


def weight_count(path: Path) -> int:
    """Elements of the weights of all convolutions and products, read through Clip and DequantizeLinear."""
    graph = onnx.load(path).graph
    sizes = {tensor.name: numpy_helper.to_array(tensor).size for tensor in graph.initializer}
    sources = {output: node.input[0] for node in graph.node for output in node.output if node.input}

    def size_of(name: str) -> int:
        while name not in sizes:
            name = sources[name]
        return sizes[name]

    return sum(size_of(node.input[1]) for node in graph.node if node.op_type in ("Conv", "Gemm", "MatMul"))


def onnxruntime_session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def interleaved(engines: list[Callable[[], object]]) -> list[NDArray]:
    """Microseconds of every call: short blocks in turn, so that both engines see the same state of the machine."""
    times: list[list[float]] = [[] for _ in engines]
    for _ in range(ROUNDS):
        for engine, samples in zip(engines, times, strict=True):
            engine()  # brings code and weights back into the caches
            for _ in range(CALLS):
                start = time.perf_counter_ns()
                engine()
                samples.append((time.perf_counter_ns() - start) / 1e3)
    return [np.array(samples) for samples in times]


def cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


if __name__ == "__main__":
    main()
