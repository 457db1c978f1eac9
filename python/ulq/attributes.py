"""Python values as attributes of MLIR operations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from iree.compiler import ir


@dataclass(frozen=True)
class Rounding:
    """A rounding mode of the dialect, e.g. "half_even"."""

    mode: str


@dataclass(frozen=True)
class Flag:
    """A BoolAttr; a bare True is a UnitAttr."""

    value: bool


def attribute(item) -> ir.Attribute:
    """Python values by type: tuples of floats or of integers become arrays."""
    if isinstance(item, ir.Attribute):
        return item
    if isinstance(item, Rounding):
        return ir.Attribute.parse(f"#ulq.rounding<{item.mode}>")
    if isinstance(item, str):
        return ir.StringAttr.get(item)
    if isinstance(item, float):
        return ir.FloatAttr.get(ir.F64Type.get(), item)
    if isinstance(item, Flag):
        return ir.BoolAttr.get(item.value)
    if item is True:
        return ir.UnitAttr.get()
    if isinstance(item, tuple) and item and isinstance(item[0], float):
        return ir.DenseF64ArrayAttr.get(list(item))
    if isinstance(item, tuple):
        return ir.DenseI64ArrayAttr.get([int(number) for number in item])
    return ir.IntegerAttr.get(ir.IntegerType.get_signless(64), int(item))


def names(names: Sequence[str]) -> ir.Attribute:
    return ir.ArrayAttr.get([ir.DictAttr.get({"ulq.name": ir.StringAttr.get(name)}) for name in names])
