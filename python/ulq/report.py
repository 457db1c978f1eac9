"""What became of each layer: the records behind `Program.layers`, and the table of `Program.report()`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace

FLOAT = "float, by IREE"


@dataclass(frozen=True)
class Layer:
    """One layer of a program, as it was compiled."""

    name: str  # of the ONNX node
    op: str  # ONNX operator
    kernel: str  # algorithm; starts with "float" where the layer is computed in floats
    weight_bits: int = 32  # 32 for float weights, 0 where the layer has none
    activation_bits: int = 32  # 32 for float activations
    isa: str = ""  # instruction set of the kernel
    tile: str = ""  # output pixels x output channels
    weight_bytes: int = 0  # in the program, at the packed width
    accumulator_bound: int | None = None  # largest absolute value that an accumulator can reach; None for floats
    accumulator_min: int | None = None
    accumulator_max: int | None = None
    workgroups: int = 1  # independent parts of the dispatch
    runner_up: str = ""  # the next best kernel
    margin: float = 1.0  # its predicted time over the chosen one's
    measured: bool = False  # the choice and the margin come from a tuning file
    macs: int = 0  # multiply-accumulates of the direct algorithm
    function: str = ""  # of the kernel; the dispatch has the same name with a suffix
    ms: float | None = None  # median time, where measured

    @classmethod
    def from_row(cls, row: Mapping) -> "Layer":
        """The record of a row of the `ulq.layers` attribute, or of `to_row`; unknown keys are ignored."""
        known = {field.name: row[field.name] for field in fields(cls) if field.name in row}
        low, high = row.get("accumulator_min"), row.get("accumulator_max")
        bound = None if low is None or high is None else max(abs(low), abs(high))
        return cls(**{"accumulator_bound": bound, **known})

    def to_row(self) -> dict:
        """The record as plain data."""
        return asdict(self)

    @property
    def is_float(self) -> bool:
        """Whether this layer is computed in floats, by a kernel of ulq or by IREE."""
        return self.kernel.startswith("float")


@dataclass(frozen=True)
class Dispatch:
    """One dispatch of a program: a layer of ulq, or what IREE made of float operations."""

    name: str  # of its function
    workgroups: int | None = None  # None where only a run tells
    node: str = ""  # ONNX node of the layer, empty for what IREE made
    kernel: str = FLOAT
    macs: int = 0


def kernel_of(dispatch: str) -> str:
    """The kernel function that a dispatch's own function wraps, by their names."""
    return dispatch.removesuffix("_dispatch")


def dispatches(layers: Sequence[Layer], rows: Sequence[Mapping]) -> list[Dispatch]:
    """The dispatches of a program's metadata, each with its layer."""
    by_function = {layer.function: layer for layer in layers if layer.function}
    found = []
    for row in rows:
        dispatch = Dispatch(row["name"], row.get("workgroups"))
        layer = by_function.get(kernel_of(dispatch.name))
        if layer:
            dispatch = replace(dispatch, node=layer.name, kernel=layer.kernel, macs=layer.macs)
        found.append(dispatch)
    return found


COLUMNS = ("layer", "operator", "bits", "kernel", "isa", "tile", "weights", "accumulator", "next best", "ms")


def table(layers: Sequence[Layer], notes: Sequence[str] = ()) -> str:
    """The layers as an aligned text table, a line of totals, and the notes one per line."""
    rows = [COLUMNS, *(_cells(layer) for layer in layers)]
    if all(layer.ms is None for layer in layers):
        rows = [row[:-1] for row in rows]
    return "\n".join([aligned(rows), "", _totals(layers), *(f"note: {note}" for note in notes)])


def dispatch_table(listed: Sequence[Dispatch]) -> str:
    """The dispatches in the order of the program, as an aligned text table."""
    rows = [("dispatch", "layer", "kernel", "workgroups")]
    for entry in listed:
        rows.append((entry.name, entry.node, entry.kernel, "" if entry.workgroups is None else str(entry.workgroups)))
    return aligned(rows)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells, the first being the head, in columns as wide as their widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def _cells(layer: Layer) -> tuple[str, ...]:
    return (
        layer.name,
        layer.op,
        f"w{layer.weight_bits}a{layer.activation_bits}" if layer.weight_bits else f"a{layer.activation_bits}",
        FLOAT if layer.is_float and layer.isa in ("", "iree") else layer.kernel,
        layer.isa,
        layer.tile,
        f"{layer.weight_bytes:,} B" if layer.weight_bytes else "",
        _bound(layer),
        _next_best(layer),
        "" if layer.ms is None else f"{layer.ms:.4f}",
    )


def _next_best(layer: Layer) -> str:
    """The runner-up with its time over the chosen one's."""
    words = [layer.runner_up, f"{layer.margin:.2f}x"] if layer.runner_up else []
    return " ".join([*words, "measured"] if layer.measured else words)


def _bound(layer: Layer) -> str:
    """The proof that 32 bits hold every accumulator: its range, or its largest absolute value."""
    if layer.accumulator_bound is None:
        return ""
    if layer.accumulator_min is None:
        return f"|acc| <= {layer.accumulator_bound}"
    return f"{layer.accumulator_min}..{layer.accumulator_max}"


def _totals(layers: Sequence[Layer]) -> str:
    floats = sum(layer.is_float for layer in layers)
    size = sum(layer.weight_bytes for layer in layers)
    return f"{len(layers)} layers, {len(layers) - floats} on packed codes, {floats} in float; {size:,} bytes of weights"
