"""Tuning files: measured times of kernels for the layers of models, on one machine.

JSON; lowering/Measurements.h says what `ulq-opt` reads of it. `isas` holds for each instruction set and each layer's
key the times of its candidates; everything else says where and with what they were measured. A candidate is an object,
so that one kernel can have several, and more can be said of each.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from ulq.errors import UlqError
from ulq.files import write_whole
from ulq.machine import machine as this_machine
from ulq.machine import versions as installed

FORMAT = 1


@dataclass
class Tuning:
    """The contents of a tuning file."""

    threads: int
    isas: dict[str, dict[str, list[dict]]] = field(default_factory=dict)
    machine: dict = field(default_factory=this_machine)
    versions: dict = field(default_factory=installed)

    def kernels(self, isa: str, key: str) -> set[str]:
        """The kernels that were measured for a layer."""
        return {row["kernel"] for row in self.isas.get(isa, {}).get(key, [])}

    def add(self, isa: str, key: str, kernel: str, tile: str, ns: int) -> None:
        """Records a time; of two for one candidate the smaller stays."""
        rows = self.isas.setdefault(isa, {}).setdefault(key, [])
        same = [row for row in rows if (row["kernel"], row["tile"]) == (kernel, tile)]
        if same:
            same[0]["ns"] = min(same[0]["ns"], ns)
        else:
            rows.append({"kernel": kernel, "tile": tile, "ns": ns})
        rows.sort(key=lambda row: (row["ns"], row["kernel"]))

    def save(self, path: Path) -> None:
        """Writes the file; it appears complete or stays as it was, whenever the process ends."""
        write_whole(path, self._text().encode())

    def _text(self) -> str:
        """One line for each layer."""
        lines = ["{", f' "format": {FORMAT},']
        for key in ("machine", "versions", "threads"):
            lines.append(f" {json.dumps(key)}: {json.dumps(getattr(self, key))},")
        blocks = []
        for isa, layers in sorted(self.isas.items()):
            rows = [f"  {json.dumps(key)}: {_compact(rows)}" for key, rows in sorted(layers.items())]
            blocks.append(f" {json.dumps(isa)}: {{\n" + ",\n".join(rows) + "\n }")
        return "\n".join([*lines, ' "isas": {' + ",\n".join(blocks).lstrip() + "}", "}"]) + "\n"


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def load(path: str | os.PathLike) -> Tuning:
    """The tuning file at `path`; raises UlqError where it cannot be read, is none, or is of another version of ulq."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UlqError(f"cannot read {os.fspath(path)}: {error.strerror or error}") from None
    except ValueError as error:
        raise UlqError(f"{os.fspath(path)}: not a tuning file: {error}") from None
    if not isinstance(content, Mapping) or "format" not in content:
        raise UlqError(f"{os.fspath(path)}: not a tuning file: no format")
    if content["format"] != FORMAT:
        raise UlqError(f"{os.fspath(path)}: expected format {FORMAT} of tuning files, got {content['format']!r}")
    try:
        found = Tuning(content["threads"], content["isas"], content["machine"], content["versions"])
        made_by = found.versions["ulq"]
        for layers in found.isas.values():
            for rows in layers.values():
                for row in rows:
                    _check(row)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UlqError(f"{os.fspath(path)}: a damaged tuning file: {type(error).__name__}: {error}") from None
    if made_by != version("ulq"):
        raise UlqError(f"{os.fspath(path)}: measured with ulq {made_by}, this is {version('ulq')}: run ulq tune again")
    return found


def _check(row: Mapping) -> None:
    if not isinstance(row["kernel"], str) or not isinstance(row["tile"], str):
        raise ValueError(f"expected names of a kernel and a tile, got {row['kernel']!r} and {row['tile']!r}")
    if isinstance(row["ns"], bool) or not isinstance(row["ns"], int | float) or row["ns"] <= 0:
        raise ValueError(f"expected a positive number of nanoseconds, got {row['ns']!r}")


def for_isa(path: str | os.PathLike, isa: str) -> str:
    """The text of the file at `path`, which has times on `isa`; raises UlqError otherwise."""
    found = load(path)
    if isa not in found.isas:
        others = ", ".join(sorted(found.isas)) or "no instruction set"
        raise UlqError(f"{os.fspath(path)}: has times on {others}, none on {isa}: run ulq tune for that target")
    return found._text()
