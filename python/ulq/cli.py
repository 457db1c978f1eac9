"""The `ulq` command: argument parsing, files and messages; the work is done by the package's functions."""

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress, TaskID

from ulq import bench, machine, session, targets, tune
from ulq.compile import compile_stages
from ulq.errors import UlqError
from ulq.files import require_folder

TARGET_NAMES = ", ".join((*targets.ALIASES, *targets.TARGETS))
TITLES = {
    "import": "reading the ONNX model",
    "opt": "generating kernels",
    "iree": "linking the program with IREE",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, or 1 after a one-line message on standard error."""
    options = parser().parse_args(arguments)
    try:
        options.run(options)
    except UlqError as error:
        print(f"ulq: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `ulq explain ... | head`
        sys.stderr.close()
        return 1
    except KeyboardInterrupt:
        print("ulq: interrupted", file=sys.stderr)
        return 130
    return 0


# --- arguments ---------------------------------------------------------------


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    top = argparse.ArgumentParser(prog="ulq", description="Compiles quantized ONNX models to packed 1-8-bit CPU code.")
    top.add_argument("--version", action="version", version=f"ulq {version('ulq')}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_compile(commands)
    _add_run(commands)
    _add_explain(commands)
    _add_bench(commands)
    _add_tune(commands)
    return top


def _add_compile(commands) -> None:
    command = commands.add_parser(
        "compile",
        help="compile an ONNX model to a .vmfb",
        description="Compiles an ONNX model to a .vmfb that `ulq run` and IREE's own iree-run-module run.",
    )
    command.add_argument("model", metavar="MODEL.onnx", help="the model: QDQ or QONNX quantizers, or none")
    command.add_argument("-o", "--output", metavar="FILE", help="the program (default: MODEL.vmfb)")
    _add_compile_options(command)
    command.add_argument("--dump-stages", metavar="DIR", help="write the MLIR text of each stage to this folder")
    command.set_defaults(run=run_compile)


def _add_run(commands) -> None:
    command = commands.add_parser(
        "run",
        help="run a compiled program on .npy files",
        description="Runs a program. A program of another architecture runs under qemu where that is installed.",
    )
    command.add_argument("program", metavar="MODEL.vmfb", help="a program that `ulq compile` wrote")
    command.add_argument(
        "-i",
        "--input",
        metavar="[NAME=]FILE.npy",
        action="append",
        default=[],
        help="an input array; the name may be left out where the program has one input; may be repeated",
    )
    command.add_argument(
        "--output",
        metavar="[NAME=]FILE.npy",
        action="append",
        default=[],
        help="write an output array; the name may be left out where the program has one output; "
        "without this option the outputs are printed",
    )
    command.add_argument("--threads", type=int, default=1, metavar="N", help="threads to run on (default: 1)")
    command.set_defaults(run=run_run)


def _add_explain(commands) -> None:
    command = commands.add_parser(
        "explain",
        help="say what became of each layer",
        description="Prints the report of a program, or of a model after compiling it: per layer its bits, kernel, "
        "tile, weight bytes, proven accumulator range, next best kernel; then every dispatch in the program's order.",
    )
    command.add_argument("file", metavar="MODEL.onnx|MODEL.vmfb", help="a model or a program")
    _add_compile_options(command)
    command.set_defaults(run=run_explain)


def _add_bench(commands) -> None:
    command = commands.add_parser(
        "bench",
        help="time a program and its layers on this machine",
        description="Times a program, or a model after compiling it: whole runs, and each dispatch with its layer, "
        "kernel, share of the time and multiply-accumulates a second (those of the direct algorithm). Inputs are "
        "random floats and zero integers.",
    )
    command.add_argument("file", metavar="MODEL.onnx|MODEL.vmfb", help="a model or a program")
    _add_compile_options(command)
    command.add_argument(
        "--threads", type=_counts, default=(1,), metavar="N[,N...]", help="numbers of threads to time (default: 1)"
    )
    command.add_argument("--seconds", type=float, default=2.0, metavar="S", help="for each of them (default: 2)")
    command.add_argument("--json", metavar="FILE", help="write machine, versions and times to this file")
    command.set_defaults(run=run_bench)


def _add_tune(commands) -> None:
    command = commands.add_parser(
        "tune",
        help="measure the kernels of a model's layers on this machine",
        description="Measures every kernel that can compute a layer, for each layer of a model, and writes the times "
        "to a file for `ulq compile --tuning`. The file is written after each program that was measured, so the "
        "command may be stopped at any moment; called again, it continues.",
    )
    command.add_argument("model", metavar="MODEL.onnx", help="the model")
    command.add_argument("-o", "--output", metavar="FILE", default="tuning.json", help="default: tuning.json")
    _add_compile_options(command, tuning=False)
    command.add_argument("--threads", type=int, default=1, metavar="N", help="threads to measure on (default: 1)")
    command.set_defaults(run=run_tune)


def _counts(text: str) -> tuple[int, ...]:
    """`1,2` as numbers; argparse turns the ValueError of anything else into its usage message."""
    return tuple(int(count) for count in text.split(","))


def _add_compile_options(command: argparse.ArgumentParser, tuning: bool = True) -> None:
    command.add_argument(
        "--target",
        action="append",
        metavar="T",
        help=f"what to compile for: {TARGET_NAMES} (default: host); may be repeated within one architecture",
    )
    command.add_argument(
        "--shape",
        action="append",
        default=[],
        metavar="NAME=1x3x32x32",
        help="shape of an input with open dimensions; may be repeated",
    )
    if tuning:
        command.add_argument("--tuning", metavar="FILE", help="choose kernels by the times in this file of `ulq tune`")


# --- commands ----------------------------------------------------------------


def run_compile(options: argparse.Namespace) -> None:
    """`ulq compile`: writes the program."""
    output = Path(options.output) if options.output else Path(options.model).with_suffix(".vmfb")
    require_folder(output)
    program = _compile(options, options.model, keep_stages=options.dump_stages is not None)
    if options.dump_stages is not None:
        _dump(program.stages, Path(options.dump_stages))
    program.save(output)
    print(f"{output}: {len(program):,} bytes for {', '.join(program.targets)}")


def run_run(options: argparse.Namespace) -> None:
    """`ulq run`: writes or prints the outputs."""
    program = session.load(options.program)
    program.threads = options.threads
    named = _by_name(options.input, program.inputs, "input")
    files = _by_name(options.output, program.outputs, "output")
    arrays = {name: _read(file) for name, file in named.items()}
    with _progress("running"):
        outputs = program.run(arrays)
    if not files:
        for name, array in outputs.items():
            print(f"{name}: {array.dtype.name}{list(array.shape)}\n{array}")
    for name, file in files.items():
        _write(file, outputs[name])


def run_explain(options: argparse.Namespace) -> None:
    """`ulq explain`: prints the report."""
    program = _load_or_compile(options)
    print(f"{program.report()}\n\n{program.dispatch_report()}")


def run_bench(options: argparse.Namespace) -> None:
    """`ulq bench`: prints times, writes them as JSON."""
    if options.json:
        require_folder(Path(options.json))
    program = _load_or_compile(options)
    with _progress("measuring"):
        timings = program.bench(options.threads, options.seconds)
    print("\n\n".join(bench.table(timing) for timing in timings))
    if options.json:
        rows = [timing.to_row() for timing in timings]
        about = {"machine": machine.machine(), "versions": machine.versions(), "file": options.file}
        _write_text(options.json, json.dumps({**about, "targets": program.targets, "rows": rows}, indent=1) + "\n")


def run_tune(options: argparse.Namespace) -> None:
    """`ulq tune`: measures candidates, with a bar of progress on a terminal."""
    shapes = dict(_shape(text) for text in options.shape)
    target = options.target or "host"
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[str, TaskID] = {}

        def begin(progress: tune.Progress) -> None:
            if progress.target not in tasks:
                tasks[progress.target] = bar.add_task(f"measuring kernels on {progress.target}")
            bar.update(tasks[progress.target], completed=progress.done, total=progress.total)

        try:
            found = tune.tune(
                options.model, target, output=options.output, threads=options.threads, shapes=shapes, begin=begin
            )
        except KeyboardInterrupt:
            raise UlqError(f"interrupted: call the same command again to continue {options.output}") from None
    counts = ", ".join(f"{len(layers)} layers on {isa}" for isa, layers in sorted(found.isas.items()))
    print(f"{options.output}: times of {counts}")


def _load_or_compile(options: argparse.Namespace) -> session.Program:
    if Path(options.file).suffix == ".vmfb":
        return session.load(options.file)
    return _compile(options, options.file, keep_stages=False)


def _compile(options: argparse.Namespace, model: str, keep_stages: bool) -> session.Program:
    shapes = dict(_shape(text) for text in options.shape)
    with _progress("compiling") as show:
        return compile_stages(
            model,
            options.target or "host",
            shapes or None,
            options.tuning,
            keep_stages,
            lambda stage: show(TITLES[stage]),
        )


# --- files and arguments -----------------------------------------------------


def _shape(text: str) -> tuple[str, tuple[int, ...]]:
    """`NAME=1x3x32x32` as a pair."""
    name, _, extents = text.rpartition("=")
    if not name or not all(extent.isdecimal() for extent in extents.split("x")):
        raise UlqError(f"--shape: expected NAME=1x3x32x32, got {text!r}")
    return name, tuple(int(extent) for extent in extents.split("x"))


def _by_name(arguments: Sequence[str], tensors: Sequence[session.Tensor], kind: str) -> dict[str, str]:
    """Files by tensor name, from `NAME=FILE` or, for the only tensor, `FILE`."""
    names = [tensor.name for tensor in tensors]
    files: dict[str, str] = {}
    for argument in arguments:
        # A tensor's name may hold a '=' itself, and so may a file's.
        name = next((name for name in names if argument.startswith(f"{name}=")), None)
        misnamed = kind == "input" and "=" in argument and not Path(argument).exists()
        if name is None and (len(names) > 1 or misnamed):
            raise UlqError(f"--{kind} {argument}: expected NAME=FILE with a name of {', '.join(map(repr, names))}")
        name, file = (names[0], argument) if name is None else (name, argument[len(name) + 1 :])
        if name in files:
            raise UlqError(f"--{kind}: {name!r} is given twice")
        files[name] = file
    return files


def _read(file: str) -> np.ndarray:
    try:
        array = np.load(file, allow_pickle=False)
    except OSError as error:
        raise UlqError(f"cannot read {file}: {error.strerror or error}") from None
    except (ValueError, EOFError):
        raise UlqError(f"{file}: not a .npy file, or a damaged one") from None
    if not isinstance(array, np.ndarray):
        raise UlqError(f"{file}: expected one array in a .npy file, got an archive")
    return array


def _write(file: str, array: np.ndarray) -> None:
    try:
        with open(file, "wb") as stream:  # np.save alone appends .npy to the name
            np.save(stream, array)
    except OSError as error:
        raise UlqError(f"cannot write {file}: {error.strerror or error}") from None


def _write_text(file: str, text: str) -> None:
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UlqError(f"cannot write {file}: {error.strerror or error}") from None


def _dump(stages: dict[str, str], folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, (name, text) in enumerate(stages.items(), 1):
            (folder / f"{number}-{name}.mlir").write_text(text, encoding="utf-8")
    except OSError as error:
        raise UlqError(f"cannot write to {folder}: {error.strerror or error}") from None


@contextmanager
def _progress(title: str):
    """A spinner on standard error with the time so far, on a terminal only; yields a function that changes its text."""
    console = Console(stderr=True)
    with console.status(f"{title} ...") as status:
        yield lambda text: status.update(f"{text} ...")
