"""Runs a program of another architecture: IREE's own iree-run-module for that architecture, under qemu-user."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ulq.errors import UlqError
from ulq.targets import Family, Target


class Emulated:
    """Calls `@main` of a program for `target` in a process of its own; arrays travel as .npy files.

    Raises UlqError when the emulator, its C library or the IREE runtime for that architecture is missing.
    """

    def __init__(self, target: Target, image: bytes, outputs: Sequence):
        self._image = image
        self._outputs = outputs
        self._command = command(target)

    def __call__(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        with tempfile.TemporaryDirectory(prefix="ulq-") as directory:
            return self._run(arrays, Path(directory))

    def _run(self, arrays: Sequence[np.ndarray], directory: Path) -> list[np.ndarray]:
        (directory / "model.vmfb").write_bytes(self._image)
        for index, array in enumerate(arrays):
            np.save(directory / f"input{index}.npy", array)
        files = [directory / f"output{index}.npy" for index in range(len(self._outputs))]
        arguments = [f"--input=@{directory}/input{index}.npy" for index in range(len(arrays))]
        arguments += [f"--output=@{file}" for file in files]
        done = subprocess.run(
            [*self._command, "--device=local-sync", f"--module={directory}/model.vmfb", "--function=main", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            reason = next((line for line in done.stderr.splitlines() if line.strip()), f"status {done.returncode}")
            raise UlqError(f"{self._command[0]} could not run the program: {reason}")
        return [_read(file, output) for file, output in zip(files, self._outputs, strict=True)]


def _read(file: Path, output) -> np.ndarray:
    """IREE's integers carry no sign: the ONNX dtype decides."""
    array = np.load(file).view(output.dtype)
    return array if None in output.shape else array.reshape(output.shape)


def command(target: Target) -> list[str]:
    """The command that starts iree-run-module of the target's architecture on this machine.

    Raises UlqError naming what is missing.
    """
    family = target.family
    if family.emulator is None:
        raise UlqError(f"this machine cannot run a program for {target.name}{_reason(target)}")
    emulator = shutil.which(family.emulator)
    if emulator is None:
        raise UlqError(f"running a program for {target.name} here needs {family.emulator}: install qemu-user")
    if not Path(family.sysroot).is_dir():
        raise UlqError(f"running a program for {target.name} here needs {family.sysroot}: install libc6-arm64-cross")
    runtime = runtime_path(family)
    if not runtime.is_file():
        raise UlqError(f"running a program for {target.name} here needs {runtime}: run scripts/setup.sh to fetch it")
    return [emulator, "-L", family.sysroot, str(runtime)]


def runtime_path(family: Family) -> Path:
    """Where the set-up puts iree-run-module of that architecture."""
    return Path(sys.prefix, "share", "ulq", family.name, "iree", "_runtime_libs", "iree-run-module")


def _reason(target: Target) -> str:
    missing = target.missing_flags()
    return f": its CPU lacks {', '.join(missing)}" if missing else ""
