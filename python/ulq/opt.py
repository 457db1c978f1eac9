"""Runs the ulq-opt binary: graph-level MLIR text in, a module for IREE and kernel objects out."""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from ulq.errors import UlqError
from ulq.targets import Target

# Without locations: IREE records a source line for every kernel and leaves it unset, a random number in the file,
# where the location is a name. Its parser gives every operation the line of the text instead.
PRINTING = ("--allow-unregistered-dialect", "--mlir-print-op-generic")
# A diagnostic is `loc("conv1"): error: text` or `<stdin>:3:5: error: text`.
DIAGNOSTIC = re.compile(r"^(?P<where>loc\(.*\)|\S+:\d+): error: (?P<text>.*)$", re.MULTILINE)
NODE = re.compile(r'"((?:[^"\\]|\\.)*)"(?!:\d+:\d+)')  # a name location, not a file one

COSTS = Path(__file__).with_name("costs")  # the cost table of each instruction set that has one


def find() -> str:
    """The path of the ulq-opt binary: beside the interpreter, on PATH, or in the build folder of a checkout.

    Raises UlqError when it is in none of these places.
    """
    build = Path(__file__).resolve().parents[2] / "build" / "bin"
    for folder in (str(Path(sys.executable).parent), None, str(build)):
        found = shutil.which("ulq-opt", path=folder)
        if found:
            return found
    raise UlqError("ulq-opt is not installed: run `make` in the ulq checkout, or put the binary on PATH")


def compile_module(
    text: str,
    target: Target,
    device: Target,
    directory: str,
    operators: Mapping[str, str],
    tuning: Path | None = None,
    family: str = "",
) -> str:
    """Runs the whole `--ulq-compile` pipeline on graph-level text and returns the module for IREE as generic text.

    Kernels are for `target`, in an executable for `device`, the plainest target of the program. Objects are written to
    `directory`; the module refers to them by absolute path. `operators` maps ONNX node names to operators, for
    messages. `tuning` is a tuning file that has times on the target; layers get kernels of `family` wherever it is
    exact. Raises UlqError with the first diagnostic, naming the node it stands on.
    """
    options = f"isa={target.isa} directory={directory} triple={target.family.triple} target={{{device.attribute}}}"
    costs = COSTS / f"{target.isa}.json"
    for name, file in (("costs", costs if costs.is_file() else None), ("tuning", tuning)):
        options += f" {name}={{{file}}}" if file else ""
    if family:
        options += f" family={family}"
    return run([*PRINTING, f"--ulq-compile={options}"], text, operators)


def run(arguments: list[str], text: str, operators: Mapping[str, str]) -> str:
    """Runs ulq-opt on `text` and returns what it prints; raises UlqError with its first diagnostic."""
    done = subprocess.run([find(), *arguments], input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UlqError(explain(done.stderr, done.returncode, operators))
    return done.stdout


def explain(stderr: str, status: int, operators: Mapping[str, str]) -> str:
    """The first diagnostic in `stderr` as one line for the user: node, operator, reason."""
    found = DIAGNOSTIC.search(stderr)
    if not found:
        lines = [line for line in stderr.splitlines() if line.strip()]
        ending = f"signal {-status}" if status < 0 else f"exit status {status}"
        return f"ulq-opt failed with {ending}: {lines[0] if lines else 'no message'}"
    node = NODE.search(found["where"]) if found["where"].startswith("loc(") else None
    if not node:
        return f"ulq-opt: {found['text']}"
    name = re.sub(r"\\(.)", r"\1", node[1])
    operator = f" ({operators[name]})" if name in operators else ""
    return f"node '{name}'{operator}: {found['text']}"
