"""`ulq tune`: measures the kernels that are exact for each layer of a model on this machine.

The model is compiled several times, each time with another candidate for every layer, and its dispatches are profiled:
all layers are measured with as many programs as the longest list of candidates has entries. What was measured is
written after each program, so a run may end at any moment and be continued.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx

from ulq import bench, importer, iree, opt, profiler, report, session, targets, tuning
from ulq.compile import metadata
from ulq.errors import UlqError
from ulq.files import require_folder

REPEATS = 3  # profiles of one program; the least time of all counts
PROFILE_NS = 100e6  # time for the runs of one profile
RUNS = (5, 500)  # fewest and most


@dataclass(frozen=True)
class Progress:
    """How far the measurements of one target are, in candidates of layers."""

    target: str
    done: int
    total: int


def tune(
    model: str | os.PathLike | bytes | onnx.ModelProto,
    target: str | Sequence[str] = "host",
    *,
    output: str | os.PathLike,
    threads: int = 1,
    shapes: Mapping[str, Sequence[int]] | None = None,
    begin: Callable[[Progress], None] = lambda progress: None,
) -> tuning.Tuning:
    """Measures the candidates of each distinct layer of a model and writes them to `output`.

    A file that exists is continued: only candidates without a time are measured. `begin` is called before each program.
    Raises UlqError where this machine does not execute a target, and where the file is of other machines or threads.
    """
    session.checked_threads(threads)
    chosen = targets.resolve(target)
    for one in chosen:
        one.require_native()
    output = Path(output)
    require_folder(output)
    found = _continued(output, threads) if output.exists() else tuning.Tuning(threads)
    imported = importer.import_model(model, shapes)
    for one in chosen:
        for progress in _Tuner(imported, one, found).run(output):
            begin(progress)
    return found


def _continued(output: Path, threads: int) -> tuning.Tuning:
    found = tuning.load(output)
    fresh = tuning.Tuning(threads)
    for name in ("machine", "threads", "versions"):
        there, here = getattr(found, name), getattr(fresh, name)
        if there != here:
            raise UlqError(f"{output}: measured with {name} {_words(there)}, this is {_words(here)}")
    return found


def _words(value: object) -> str:
    return ", ".join(f"{key} {entry}" for key, entry in value.items()) if isinstance(value, Mapping) else str(value)


class _Tuner:
    """One model on one target. `candidates` lists the kernels of each layer by its key, best predicted first."""

    def __init__(self, imported: importer.ImportedModel, target: targets.Target, found: tuning.Tuning):
        self.imported, self.target, self.found = imported, target, found
        self.candidates: dict[str, list[str]] = {}
        self.refused: set[tuple[str, str]] = set()  # offered, but not taken when wanted

    def run(self, output: Path) -> Iterator[Progress]:
        """Measures until no candidate is left; yields before each program."""
        with tempfile.TemporaryDirectory(prefix="ulq-") as directory:
            file = Path(directory) / "model.vmfb"
            program, layers = self._compile({}, file, Path(directory))
            self.candidates = {layer["key"]: layer["candidates"] for layer in layers if "candidates" in layer}
            self.found.isas.setdefault(self.target.isa, {})
            total = sum(map(len, self.candidates.values()))
            while wanted := self._wanted():
                yield Progress(self.target.name, total - self._missing(), total)
                chosen = {layer["key"]: layer["candidates"][0] for layer in layers if "candidates" in layer}
                if any(chosen[key] != kernel for key, kernel in wanted.items()):
                    program, layers = self._compile(wanted, file, Path(directory))
                self._measure(program, layers, wanted, file)
                self.found.save(output)
            self.found.save(output)
            yield Progress(self.target.name, total, total)

    def _left(self, key: str) -> list[str]:
        measured = self.found.kernels(self.target.isa, key)
        return [name for name in self.candidates[key] if name not in measured and (key, name) not in self.refused]

    def _missing(self) -> int:
        return sum(len(self._left(key)) for key in self.candidates)

    def _wanted(self) -> dict[str, str]:
        """A kernel for each layer that has one left to measure."""
        return {key: left[0] for key in self.candidates if (left := self._left(key))}

    def _compile(self, wanted: Mapping[str, str], file: Path, directory: Path) -> tuple[session.Program, list[dict]]:
        """The program with the wanted kernels, in `file`, and the rows of its layers."""
        choice = tuning.Tuning(self.found.threads, {self.target.isa: {}})
        for key, kernel in wanted.items():  # the only time of a layer decides
            choice.add(self.target.isa, key, kernel, "", 1)
        choices = directory / "choices.json"
        choice.save(choices)
        text = opt.compile_module(
            self.imported.text, self.target, self.target, str(directory), self.imported.operators, choices
        )
        module = iree.build([text], self.imported.segments, [self.target])
        data = iree.link(module, metadata(self.imported, module, [self.target]))
        program = session.from_bytes(data)
        program.save(file)
        return program, module.layers

    def _measure(self, program: session.Program, layers: Sequence[dict], wanted: Mapping[str, str], file: Path) -> None:
        """Records the time of each layer of a program, with the kernel that it has."""
        inputs = bench.inputs_for(program.inputs)
        times = profiler.profile(file, inputs, self.found.threads, RUNS[0])
        runs = int(min(max(PROFILE_NS / sum(map(min, times.values())), RUNS[0]), RUNS[1]))
        for _ in range(REPEATS):
            again = profiler.profile(file, inputs, self.found.threads, runs)
            times = {name: times[name] + again.get(name, []) for name in times}
        least = {report.kernel_of(name): min(ns) for name, ns in times.items()}
        taken = {}
        for layer in layers:
            if "candidates" in layer and layer["function"] in least:
                kernel = taken[layer["key"]] = layer["candidates"][0]
                self.found.add(self.target.isa, layer["key"], kernel, layer["tile"], max(least[layer["function"]], 1))
        self.refused |= {(key, kernel) for key, kernel in wanted.items() if taken.get(key) != kernel}
