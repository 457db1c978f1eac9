"""What became of each layer: the records behind `Program.layers`, and the table of `Program.report()`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields


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


COLUMNS = ("layer", "operator", "bits", "kernel", "isa", "tile", "weights", "accumulator", "next best")


def table(layers: Sequence[Layer], notes: Sequence[str] = ()) -> str:
    """The layers as an aligned text table, a line of totals, and the notes one per line."""
    rows = [COLUMNS, *(_cells(layer) for layer in layers)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join([*lines, "", _totals(layers), *(f"note: {note}" for note in notes)])


def _cells(layer: Layer) -> tuple[str, ...]:
    return (
        layer.name,
        layer.op,
        f"w{layer.weight_bits}a{layer.activation_bits}" if layer.weight_bits else f"a{layer.activation_bits}",
        "float, by IREE" if layer.is_float and layer.isa in ("", "iree") else layer.kernel,
        layer.isa,
        layer.tile,
        f"{layer.weight_bytes:,} B" if layer.weight_bytes else "",
        _bound(layer),
        f"{layer.runner_up} {layer.margin:.2f}x" if layer.runner_up else "",
    )


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
