"""Writing files: complete or not at all, and in folders that are there."""

import mmap
import os
from pathlib import Path

from ulq.errors import UlqError


def write_whole(path: Path, data: bytes | mmap.mmap) -> None:
    """Writes the file; it appears complete or stays as it was, whenever the process ends.

    Raises UlqError when it cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(part, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UlqError(f"cannot write {path}: {error.strerror or error}") from None


def require_folder(output: Path) -> None:
    """Called before long work, so that its result finds a place."""
    if not output.parent.is_dir():
        raise UlqError(f"cannot write {output}: no folder {output.parent}")
