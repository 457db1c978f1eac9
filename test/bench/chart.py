"""The whole networks of a run as a bar chart: one panel for each network, one bar for each engine and width.

The SVG has a transparent ground, and its texts and lines take the colour of the page: dark on light, light on dark.
"""

from __future__ import annotations

from pathlib import Path

from tables import best_int8, number, title

TEXT = "#010203"  # drawn by matplotlib, then replaced by the colour of the page
STYLE = (
    "<style>svg{color:#1f2328}@media(prefers-color-scheme:dark){svg{color:#e6edf3}}"
    "text{font-family:system-ui,sans-serif}</style>"
)
# Both grounds leave these readable.
OURS, INT8, FLOAT = "#2f81f7", "#8b949e", "#b8a06a"
BAR, MARGIN, WIDTH = 0.24, 0.75, 8.0  # inches
CUT = 4  # times the median of a panel


class NoChart(Exception):
    """The results hold nothing to draw, or matplotlib is missing."""


def write(results: dict, path: Path) -> None:
    """Draws the rows of the run that has least threads and the first restriction."""
    networks = [row for row in results["rows"] if row["suite"] == "e2e"]
    if not networks:
        raise NoChart("the results have no whole networks")
    threads, limit = min(row["threads"] for row in networks), networks[0]["limit"]
    networks = [row for row in networks if (row["threads"], row["limit"]) == (threads, limit)]
    panels = [
        (name, [row for row in networks if row["workload"] == name])
        for name in dict.fromkeys(row["workload"] for row in networks)
    ]
    path.write_text(_svg(panels, results, f"{threads} thread{'s' if threads > 1 else ''}, {limit}"))


def _svg(panels: list[tuple[str, list[dict]]], results: dict, where: str) -> str:
    try:
        import matplotlib
    except ModuleNotFoundError:
        raise NoChart("matplotlib is not installed; `make bench` prepares an environment that has it") from None
    import io

    matplotlib.use("svg")
    # Text stays text; the same results give the same bytes.
    colours = {f"{part}.color": TEXT for part in ("text", "xtick", "ytick")} | {"axes.labelcolor": TEXT}
    settings = {"svg.fonttype": "none", "svg.hashsalt": "ulq", "font.size": 9} | colours
    with matplotlib.rc_context(settings):
        from matplotlib.figure import Figure

        heights = [len(rows) * BAR for _, rows in panels]
        figure = Figure(figsize=(WIDTH, sum(heights) + MARGIN * len(panels)), layout="constrained")
        axes = figure.subplots(len(panels), 1, height_ratios=heights, squeeze=False)[:, 0]
        for ax, (name, rows) in zip(axes, panels, strict=True):
            _panel(ax, name, rows, results, where)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue().replace(TEXT, "currentColor")
    head, body = text.split("<defs>", 1)
    return f"{head}{STYLE}<defs>{body}"


def _panel(ax, name: str, rows: list[dict], results: dict, where: str) -> None:
    """Bars by time, fastest on top, each with its time and its ratio to the fastest int8 peer."""
    rows = sorted(rows, key=lambda row: row["ms"], reverse=True)
    best = best_int8(rows, results)
    # A peer many times slower than the others would leave nothing of their bars: its own is cut.
    slowest, middle = rows[0]["ms"], rows[len(rows) // 2]["ms"]
    end = slowest if slowest < CUT * middle else 2 * middle
    names = [title(row["engine"], row["bits"], results) for row in rows]
    bars = ax.barh(names, [min(row["ms"], end) for row in rows], color=[_colour(row, results) for row in rows])
    for bar, row in zip(bars, rows, strict=True):
        ratio = f", {row['ms'] / best['ms']:.2f}x" if best else ""
        cut = " (bar cut)" if row["ms"] > end else ""
        label = f"{number(row['ms'])} ms{ratio}{cut}"
        ax.annotate(label, (bar.get_width(), bar.get_y() + bar.get_height() / 2), (4, 0), textcoords="offset points",
                    va="center")  # fmt: skip
    ax.set_xlim(0, 1.35 * end)
    ax.set_title(f"{name}: ms ({where}); x: time over the fastest int8 peer's", loc="left", fontsize=9)
    ax.xaxis.set_visible(False)
    ax.tick_params(axis="y", length=0)
    for side in ("top", "right", "bottom"):
        ax.spines[side].set_visible(False)
    ax.spines["left"].set_color(TEXT)


def _colour(row: dict, results: dict) -> str:
    if row["engine"] == "ulq":
        return OURS
    return INT8 if results["engines"][row["engine"]]["form"] == "int8" else FLOAT
