"""Times ulq against its peers in one run: `make bench`, or `python test/bench/run.py --help`.

`e2e`: whole networks, batch 1, up to the logits. `conv`: the convolutions of ResNet-18, one by one, and a chain of its
3x3 layers. `op`: matrix products. Every figure is one row of the JSON file; tables and chart are made of the rows, here
or later with --from. The figures of interest are ratios between rows of one workload: its engines take turns.
"""

import argparse
import json
import platform
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import chart
import machine
import models
import tables
import workloads
from engines import ENGINES, HOST, LLVM_CPUS, NEXT, Job, installed
from rich.console import Console
from timing import Entry, Row, measure
from workloads import NETWORKS, Workload

import ulq
from ulq import targets

SUITES = ("op", "conv", "e2e")
LAYER_ENGINES = ("ulq", "ov-int8", "ort-int8", "litert-int8", "torch-onednn")
BITS = {
    "op": "w1a1,w1a2,w1a8,w2a2,w2a8,w4a4,w4a8,w8a8",
    "conv": "w1a1,w1a2,w2a2,w4a4,w8a8",
    "e2e": "w1a1,w1a2,w2a2,w4a4,w8a8",
}
OWN_INT8 = ("w8a8", "dot")  # what the kernels of ulq are compared with
CONSOLE = Console(stderr=True, highlight=False, soft_wrap=True)


def main() -> None:
    arguments = parse()
    if arguments.source:
        try:
            results = json.loads(arguments.source.read_text())
        except (OSError, ValueError) as error:
            sys.exit(f"error: cannot read {arguments.source}: {error}")
    else:
        results = run(arguments)
    text = tables.markdown(results)
    print(text)
    if arguments.json:
        write_json(arguments.json, results)
    if arguments.markdown:
        arguments.markdown.write_text(text + "\n")
    if arguments.chart:
        try:
            chart.write(results, arguments.chart)
        except chart.NoChart as error:
            note(f"no chart: {error}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    listed = _list_of(SUITES, "suite")
    parser.add_argument("--suite", type=listed, default=[*SUITES], help=f"of {', '.join(SUITES)}; all unless given")
    parser.add_argument(
        "--networks",
        type=_list_of(NETWORKS, "network"),
        default=[*NETWORKS],
        help=f"of e2e: {', '.join(NETWORKS)}; all unless given",
    )
    parser.add_argument("--layers", type=_split, default=[], help="of op and conv: parts of their names, like GEMV")
    parser.add_argument("--bits", type=_widths, help="widths of ulq, like w2a2,w4a4")
    parser.add_argument("--threads", type=_counts, default=[1, 2], help="like 1,2 (the default)")
    limits = _list_of((HOST, *(name for name in LLVM_CPUS)), "instruction set")
    parser.add_argument(
        "--isa",
        type=limits,
        default=[HOST],
        help="keep engines to these: host (the default), x86-64-v3, x86-64-v4, ...",
    )
    parser.add_argument(
        "--engines",
        type=_list_of(tuple(ENGINES), "engine"),
        help=f"{', '.join(ENGINES)}; all unless given, of op and conv {', '.join(LAYER_ENGINES)}",
    )
    parser.add_argument(
        "--families",
        type=_split,
        default=["auto", NEXT, "dot"],
        help="kernels of ulq in op and conv: auto, next (the runner-up), or names (default: auto,next,dot)",
    )
    parser.add_argument("--rounds", type=int, default=9, help="turns of every engine (default: 9)")
    parser.add_argument("--seconds", type=float, default=0.1, help="length of a turn (default: 0.1)")
    parser.add_argument("--size", type=int, help="height and width of the images, for a quick look")
    parser.add_argument("--width", type=float, default=1.0, help="factor on the channels, for a quick look")
    parser.add_argument("--json", type=Path, help="write machine, versions and rows to this file")
    parser.add_argument("--markdown", type=Path, help="write the tables to this file")
    parser.add_argument("--chart", type=Path, help="write a bar chart of e2e to this SVG file")
    parser.add_argument("--from", dest="source", type=Path, help="tables and chart of a JSON file; nothing is timed")
    return parser.parse_args()


def _split(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


def _list_of(known: tuple[str, ...], kind: str) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        for part in _split(text):
            if part not in known:
                raise argparse.ArgumentTypeError(f"unknown {kind} '{part}', expected some of {', '.join(known)}")
        return _split(text)

    return parse


def _widths(text: str) -> list[str]:
    try:
        return [f"w{weights}a{activations}" for weights, activations in map(models.parse_bits, _split(text))]
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _counts(text: str) -> list[int]:
    if not all(part.isdecimal() and int(part) > 0 for part in _split(text)):
        raise argparse.ArgumentTypeError(f"expected numbers of threads, got '{text}'")
    return [int(part) for part in _split(text)]


def run(arguments: argparse.Namespace) -> dict:
    """Times what was asked for; the results as plain data."""
    about = machine.about()
    if machine.is_busy(about["load"]):
        note(f"the machine is busy (load {about['load']}): times, and even ratios, are not to be trusted")
    asked = arguments.engines or list(ENGINES)
    missing = [name for name in asked if not installed(ENGINES[name].package)]
    for name in missing:
        note(f"skipping {name}: {ENGINES[name].package} is not installed")
    limits = [limit for limit in arguments.isa if _runs_here(limit)]
    scratch = tempfile.mkdtemp(prefix="ulq-bench-")
    rows: list[Row] = []
    try:
        for suite in arguments.suite:
            for workload in _workloads(suite, arguments):
                for limit in limits:
                    for threads in arguments.threads:
                        entries = _entries(workload, limit, threads, arguments, missing, scratch)
                        CONSOLE.print(f"{workload.name}: {len(entries)} programs, {threads} threads, {limit}")
                        rows += measure(entries, arguments.rounds, arguments.seconds, note)
                        if arguments.json:  # a long run that is interrupted leaves what it has
                            write_json(arguments.json, results_of(about, rows, missing))
    finally:
        shutil.rmtree(scratch)
    return results_of(about, rows, missing)


def results_of(about: dict, rows: list[Row], missing: list[str]) -> dict:
    used = dict.fromkeys(row.engine.split(":")[0] for row in rows)
    packages = sorted({ENGINES[name].package for name in used} | {"numpy", "onnx"})
    versions = {"ulq": ulq.__version__, "python": platform.python_version()}
    return {
        "machine": about,
        "versions": versions | {package: installed(package) for package in packages if package != "ulq"},
        "engines": {name: {"title": ENGINES[name].title, "form": ENGINES[name].form} for name in used},
        "missing": missing,
        "rows": [row.to_row() for row in rows],
    }


def write_json(path: Path, results: dict) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(results, indent=1) + "\n")
    part.replace(path)


def note(line: str) -> None:
    CONSOLE.print(line, style="yellow", markup=False)


def _runs_here(limit: str) -> bool:
    target = targets.lookup(limit)
    if not target.runs_here():
        note(f"skipping {limit}: this machine lacks {', '.join(target.missing_flags())}")
    return target.runs_here()


def _workloads(suite: str, arguments: argparse.Namespace) -> list[Workload]:
    if suite == "e2e":
        return [workloads.network(name, arguments.size, arguments.width) for name in arguments.networks]
    return workloads.layers_of(suite, arguments.layers)


def _entries(
    workload: Workload, limit: str, threads: int, arguments: argparse.Namespace, missing: list[str], scratch: str
) -> list[Entry]:
    """What takes turns: peers first, since agreement is measured against the first engine on a file."""
    is_network = workload.divisor is None
    asked = arguments.engines or (list(ENGINES) if is_network else list(LAYER_ENGINES))
    names = sorted((name for name in asked if name not in missing), key=lambda name: name == "ulq")
    entries = []
    for name in names:
        for bits, form, family in _variants(name, workload, arguments):
            files = workload.files(form, workloads.cache())
            if not files:
                if name == "ulq" and is_network:
                    note(f"skipping {workload.name} on {name}: its model is absent")
                continue
            label = f"{name}:{family}" if family else name
            job = Job(name, files, threads, limit, workload.divisor, family, scratch)
            entries.append(Entry(job, workload.name, workload.suite, bits, label, workload.macs))
    return entries


def _variants(name: str, workload: Workload, arguments: argparse.Namespace) -> list[tuple[str, str, str]]:
    """Widths, form of the file and family of kernels of an engine on a workload."""
    form = ENGINES[name].form
    if form != "bits":
        bits = {"int8": "w8a8", "fp32": "fp32"}.get(form, workload.widths[0] if workload.widths else "")
        return [(bits, form, "")]
    widths = list(workload.widths) or arguments.bits or _split(BITS[workload.suite])
    if workload.divisor is None:
        return [(bits, bits, "") for bits in widths]
    families = ["" if family == "auto" else family for family in arguments.families]
    variants = [(bits, bits, family) for bits in widths for family in families]
    return list(dict.fromkeys([*variants, (OWN_INT8[0], OWN_INT8[0], OWN_INT8[1])]))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except ulq.UlqError as error:
        sys.exit(f"error: {error}")
