"""The rows of a run as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

HOST = "host"
AGREE = 0.99  # correlation below which two engines on one file do not compute the same
PEAK_ISA = {"x86-64-v3": "avx2", "skylake-avx512": "avx512bw", "x86-64-v4": "avx512vnni"}
SUITES = {"e2e": "Whole networks, one image", "conv": "Convolutions of ResNet-18", "op": "Matrix products"}
LIMITED = {
    "ulq": "compiled for the target",
    "openvino": "ONEDNN_MAX_CPU_ISA",
    "torch-onednn": "ONEDNN_MAX_CPU_ISA",
    "iree": "compiled for such a CPU",
}
# Engines with kernels for a part of the CPU only.
ALWAYS = {"ulq": "no AMX", "torch-qnnpack": "its x86 kernels are SSE2", "iree": "no AMX"}


def markdown(results: dict) -> str:
    lines = header(results)
    for suite, title in SUITES.items():
        rows = [row for row in results["rows"] if row["suite"] == suite]
        for (limit, threads), part in _grouped(rows, "limit", "threads"):
            on = "all instruction sets" if limit == HOST else f"kept to {limit} where an engine can be"
            lines += ["", f"## {title}, {threads} thread{'s' if threads > 1 else ''}, {on}", ""]
            lines += networks(part, results) if suite == "e2e" else layers(part, results)
    return "\n".join([*lines, *_disagreements(results)])


def header(results: dict) -> list[str]:
    machine, versions = results["machine"], results["versions"]
    peaks = ", ".join(f"{isa} {rate}" for isa, rate in machine["peak_gmacs"].items())
    lines = [
        "# Benchmarks",
        "",
        f"- Machine: {machine['cpu']}, {machine['cores']} cores, {', '.join(machine['instruction_sets'])}; "
        f"load at the start {machine['load']}",
        f"- Peak of 8-bit multiply-adds, GMAC/s of one thread: {peaks or 'not measured'}",
        f"- Versions: {', '.join(f'{name} {found}' for name, found in versions.items())}",
        "- Times are medians of turns, and in brackets their 10th and 90th percentiles.",
    ]
    if results["missing"]:
        lines.append(f"- Not installed: {', '.join(results['missing'])}")
    limits = list(dict.fromkeys(row["limit"] for row in results["rows"]))
    lines += ["", f"| engine | {' | '.join(limits)} |", "|---|" + "---|" * len(limits)]
    for name, engine in results["engines"].items():
        lines.append(f"| {engine['title']} | {' | '.join(_allowed(name, limit, results) for limit in limits)} |")
    return lines


def _allowed(name: str, limit: str, results: dict) -> str:
    """The instruction sets that an engine may use in a run."""
    always = next((text for prefix, text in ALWAYS.items() if name.startswith(prefix)), "")
    if limit == HOST:
        return "all of the CPU" + (f"; {always}" if always else "")
    mine = [row["isa"] for row in results["rows"] if row["limit"] == limit and row["engine"].split(":")[0] == name]
    if not mine:
        return ""
    if mine[0] == HOST:
        more = " and AMX" if any(name.startswith("AMX") for name in results["machine"]["instruction_sets"]) else ""
        return f"**all of the CPU{more}**: cannot be restricted"
    return limit + (f"; {always}" if always and name == "torch-qnnpack" else "")


def networks(rows: list[dict], results: dict) -> list[str]:
    """A line for each engine and width, a column for each network; ratios to the best int8 peer, below 1 is faster."""
    names = list(dict.fromkeys(row["workload"] for row in rows))
    lines = [f"| ms | {' | '.join(names)} |", "|---|" + "---|" * len(names)]
    best = {name: best_int8([row for row in rows if row["workload"] == name], results) for name in names}
    cells = {(row["engine"], row["bits"], row["workload"]): row for row in rows}
    for engine, bits in sorted(dict.fromkeys((e, b) for e, b, _ in cells), key=lambda key: key[0] != "ulq"):
        line = [title(engine, bits, results)]
        for name in names:
            row = cells.get((engine, bits, name))
            line.append(_cell(row, best[name]) if row else "")
        lines.append(f"| {' | '.join(line)} |")
    if any(best.values()):
        lines += ["", "x: time over that of the fastest int8 peer of the network without a star; below 1 is faster."]
    return lines


def _cell(row: dict, best: dict | None) -> str:
    ratio = f", {row['ms'] / best['ms']:.2f}x" if best else ""
    star = " *" if row["isa"] != row["limit"] else ""
    return f"{number(row['ms'])} ({number(row['lo'])}-{number(row['hi'])}){ratio}{star}"


def layers(rows: list[dict], results: dict) -> list[str]:
    """A line for each width and kernel. "own int8" is ulq's dot kernel at w8a8: above 1 is faster than it."""
    lines = [
        "| layer | bits | engine | kernel | ms | GMAC/s | of the peak | own int8 | best int8 peer |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for (_,), part in _grouped(rows, "workload"):
        own = next((row for row in part if (row["engine"], row["bits"]) == ("ulq:dot", "w8a8")), None)
        best = best_int8(part, results)
        seen = set()
        for row in sorted(part, key=lambda row: (row["bits"], row["engine"])):
            # The runner-up may be one of the families asked for.
            key = (row["bits"], row["engine"] if not row["kernel"] else (row["engine"] == "ulq", row["kernel"]))
            if key in seen:
                continue
            seen.add(key)
            engine = title(row["engine"].split(":")[0], "", results) + (" *" if row["isa"] != row["limit"] else "")
            kernel = row["kernel"] + (" (chosen)" if row["engine"] == "ulq" else "")
            times = f"{number(row['ms'])} ({number(row['lo'])}-{number(row['hi'])})"
            ratios = [f"{base['ms'] / row['ms']:.2f}x" if base and row["ms"] > 0 else "" for base in (own, best)]
            cells = [row["workload"], row["bits"], engine, kernel, times, *_rates(row, results), *ratios]
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def _rates(row: dict, results: dict) -> tuple[str, str]:
    """GMAC/s, and the share of the peak of 8-bit multiply-adds on the instruction sets that the engine is kept to."""
    if row["ms"] <= 0:
        return "", ""
    rate = row["macs"] / row["ms"] / 1e6
    peaks = results["machine"]["peak_gmacs"]
    peak = peaks.get(PEAK_ISA.get(row["isa"], ""), max(peaks.values(), default=0)) * row["threads"]
    return f"{rate:.0f}", f"{100 * rate / peak:.0f} %" if peak else ""


def best_int8(rows: Iterable[dict], results: dict) -> dict | None:
    """The fastest row of a peer on the int8 form, of those that are kept to the instruction sets of the run."""
    peers = [row for row in rows if results["engines"][row["engine"].split(":")[0]]["form"] == "int8"]
    peers = [row for row in peers if row["isa"] == row["limit"]]
    return min(peers, key=lambda row: row["ms"], default=None)


def title(engine: str, bits: str, results: dict) -> str:
    name = results["engines"][engine]["title"]
    return f"{name} {bits}" if engine == "ulq" and bits else name


def _disagreements(results: dict) -> Iterator[str]:
    """Engines whose outputs are not those of the first engine on the same file; and what the stars mean."""
    if any(row["isa"] != row["limit"] for row in results["rows"]):
        yield from ("", "\\* not restricted: see the table of engines.")
    compared = [row for row in results["rows"] if row["agreement"] is not None]
    if compared:
        least = min(row["agreement"] for row in compared)
        yield from ("", f"Outputs of engines on the same file correlate by {least:.4f} or more.")
    for row in compared:
        if row["agreement"] < AGREE:
            yield f"- {row['workload']}: {row['engine']} by {row['agreement']:.4f} only"


def number(ms: float) -> str:
    return f"{ms:.3g}" if abs(ms) < 100 else f"{ms:.0f}"


def _grouped(rows: list[dict], *names: str) -> Iterator[tuple[tuple, list[dict]]]:
    """Rows with equal values of the columns, in the order of their first row."""

    def key(row: dict) -> tuple:
        return tuple(row[name] for name in names)

    order = {value: index for index, value in enumerate(dict.fromkeys(map(key, rows)))}
    for value, part in groupby(sorted(rows, key=lambda row: order[key(row)]), key):
        yield value, list(part)
