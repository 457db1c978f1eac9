"""Grids of codes, and the codes behind float constants."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

# An extent of None is known at run time only.
Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Grid:
    """(code - zero) * scale: one value, or one per index of `axis`."""

    scale: tuple[float, ...] = (1.0,)
    zero: tuple[float, ...] = (0.0,)
    axis: int = 0

    @property
    def per_axis(self) -> bool:
        return max(len(self.scale), len(self.zero)) > 1


@dataclass(frozen=True)
class Codes:
    """The integers behind a float constant: constant = (values - zero) * scale."""

    values: np.ndarray
    element: str
    grid: Grid


def transposed(codes: Codes | None, perm: Sequence[int]) -> Codes | None:
    if codes is None:
        return None
    axis = list(perm).index(codes.grid.axis) if codes.grid.per_axis else 0
    return Codes(codes.values.transpose(perm), codes.element, replace(codes.grid, axis=axis))


def reshaped(codes: Codes | None, old: Shape, new: Shape) -> Codes | None:
    """None where the axis of the scales does not survive as a dimension."""
    if codes is None:
        return None
    grid = codes.grid
    if grid.per_axis:
        before, extent = math.prod(old[: grid.axis]), old[grid.axis]
        axes = [i for i, size in enumerate(new) if size == extent and math.prod(new[:i]) == before]
        if not axes:
            return None
        grid = replace(grid, axis=axes[0])
    return Codes(codes.values.reshape(new), codes.element, grid)
