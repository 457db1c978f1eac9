"""What is timed: whole networks, the convolutions of ResNet-18, matrix products; and the files of each."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import layers
import models
from layers import Layer
from onnx import ModelProto

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parents[1]
DATA = Path(os.environ.get("ULQ_DATA", ROOT.parent / "shared" / "data"))

# Of published low-bit networks: one file that both ulq and ONNX Runtime run. By name: its widths, the file, MACs.
SHARED_FILES = {
    "digits": ("w2a2", ROOT / "examples" / "digits" / "digits_w2a2_qcdq.onnx"),
    "cnv": ("w1a1", DATA / "models" / "cnv" / "cnvW1A1_cifar10.onnx"),
}
NETWORKS = (*SHARED_FILES, *models.NETWORKS)
# Rows, outputs, depth. The first four are the 3x3 convolutions of ResNet-18 as products.
PRODUCTS = (
    (196, 256, 2304),
    (3136, 64, 576),
    (784, 128, 1152),
    (196, 512, 4608),
    (1, 4096, 4096),
    (1, 11008, 4096),
)
CONVOLUTIONS = {
    "7x7/2 224 3-64": Layer(64, 3, 224, 7, 2),
    "3x3 56 64": Layer(64, 64, 56, 3),
    "3x3 28 128": Layer(128, 128, 28, 3),
    "3x3 14 256": Layer(256, 256, 14, 3),
    "3x3 7 512": Layer(512, 512, 7, 3),
    "3x3/2 56 64-128": Layer(128, 64, 56, 3, 2),
    "3x3/2 28 128-256": Layer(256, 128, 28, 3, 2),
    "3x3/2 14 256-512": Layer(512, 256, 14, 3, 2),
    "1x1/2 56 64-128": Layer(128, 64, 56, 1, 2),
    "1x1/2 28 128-256": Layer(256, 128, 28, 1, 2),
    "1x1/2 14 256-512": Layer(512, 256, 14, 1, 2),
    "1x1 56 64": Layer(64, 64, 56, 1),
    "1x1 14 256": Layer(256, 256, 14, 1),
}
CHAIN = "chain of 13 3x3"  # the stride-1 layers of ResNet-18
STAGES = [
    (CONVOLUTIONS[name], count)
    for name, count in (("3x3 56 64", 4), ("3x3 28 128", 3), ("3x3 14 256", 3), ("3x3 7 512", 3))
]
FORMS = ("int8", "fp32")


@dataclass(frozen=True)
class Workload:
    """`build` makes the models of a form: "int8", "fp32", "same" or widths like "w2a2"; none where it has no such form.

    A network is one model, a layer two (`layers`), of which the second has `divisor` layers more.
    """

    suite: str
    name: str
    macs: int
    build: Callable[[str], list[ModelProto | Path]]
    widths: tuple[str, ...] = ()  # the only ones of a fixed file
    divisor: int | None = None

    def files(self, form: str, folder: Path) -> tuple[str, ...]:
        """The models of a form as files, written to `folder` unless they are there."""
        if form == "w8a8" and not self.widths:
            form = "int8"  # the same file for all where the widths are the same
        stem = "".join(c if c.isalnum() else "_" for c in f"{self.suite}_{self.name}")
        cached = sorted(folder.glob(f"{stem}.{form}.[0-9].onnx"))
        if cached:
            return tuple(map(str, cached))
        paths = []
        for index, model in enumerate(self.build(form)):
            if isinstance(model, Path):
                paths.append(model)
                continue
            paths.append(folder / f"{stem}.{form}.{index}.onnx")
            part = paths[-1].with_suffix(f".{os.getpid()}.part")
            part.write_bytes(model.SerializeToString())
            part.replace(paths[-1])
        return tuple(map(str, paths))


def cache() -> Path:
    """A folder for models that is another one as soon as their builders change."""
    sources = ("layers", "models", "networks", "tails", "builder", "forms", "workloads")
    digest = hashlib.sha256(b"".join((BENCH / f"{name}.py").read_bytes() for name in sources)).hexdigest()[:12]
    folder = ROOT / "build" / "bench" / "models" / digest
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def layers_of(suite: str, parts: Iterable[str]) -> list[Workload]:
    """The layers of op or conv whose name contains one of the parts; all without parts."""
    wanted = tuple(parts)
    found = products() if suite == "op" else convolutions()
    return [workload for workload in found if not wanted or any(part in workload.name for part in wanted)]


def network(name: str, size: int | None = None, width: float = 1.0) -> Workload:
    """A network up to its logits; `size` and `width` make it smaller."""
    if name in SHARED_FILES:
        bits, path = SHARED_FILES[name]
        forms = ("same", bits)
        return Workload("e2e", name, 0, lambda form: [path] if form in forms and path.is_file() else [], (bits,))

    def build(form: str) -> list[ModelProto]:
        if form == "same":
            return []
        bits, form = ("w8a8", form) if form in FORMS else (form, "qonnx")
        return [models.build(name, bits, form=form, tail=False, size=size, width=width)]

    small = (f" {size}" if size else "") + (f" x{width:g}" if width != 1 else "")
    return Workload("e2e", f"{name}{small}", 0, build)


def products() -> list[Workload]:
    named = {}
    for rows, outputs, depth in PRODUCTS:
        kind = "GEMV" if rows == 1 else "GEMM"
        named[f"{kind} {rows}x{outputs}x{depth}"] = Layer(outputs, depth, rows)
    return [_single("op", name, layer) for name, layer in named.items()]


def convolutions() -> list[Workload]:
    chain = Workload(
        "conv",
        CHAIN,
        sum(layer.macs * count for layer, count in STAGES),
        lambda form: [] if form == "same" else layers.chained(STAGES, *_written(form)),
        divisor=1,
    )
    return [*(_single("conv", name, layer) for name, layer in CONVOLUTIONS.items()), chain]


def _single(suite: str, name: str, layer: Layer) -> Workload:
    def build(form: str) -> list[ModelProto]:
        return [] if form == "same" else layers.parallel(layer, *_written(form))

    return Workload(suite, name, layer.macs, build, divisor=layers.sides(layer) - 1)


def _written(form: str) -> tuple[tuple[int, int], str]:
    """Widths, and how quantizers are written."""
    return ((8, 8), form) if form in FORMS else (models.parse_bits(form), "qdq")
