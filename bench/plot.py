"""plot.py: draws a run's times against n, one SVG for each operation and dtype that has enough points. Called by
scripts/bench; needs matplotlib.

plot.py RESULTS.json FOLDER
"""

import json
import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import FuncFormatter, NullLocator

CURVE_LOGITS = 1 << 20  # as in plan.c
FEWEST_POINTS = 5
COLOURS = {"oneDNN": "#4e79a7", "oneDNN new": "#1b3f66", "XNNPACK": "#59a14f", "ONNX Runtime": "#b07aa1",
           "PyTorch": "#f28e2b", "PyTorch new": "#a85500", "JAX": "#76b7b2", "SciPy": "#9c755f", "autograd": "#bab0ac",
           "softjac": "#d62728", "softjac exact": "#d62728", "memcpy": "#000000"}
MARKERS = dict(zip(COLOURS, "ovs^DPX*h"))
NAMES = {"vjp": "VJP from logits", "vjp-of-softmax": "VJP from softmax"}


def on_curve(r):
    return (r["rows"] == CURVE_LOGITS // r["n"] and r["axis"] == "last" and r["threads"] == 1
            and r["ns_per_entry"] is not None)


def style(kind, name):
    if kind == "ours":
        return {"linewidth": 2.6, "marker": "o", "markersize": 5, "zorder": 5}
    if kind == "exact":
        return {"linewidth": 1.6, "linestyle": (0, (4, 1.5)), "marker": ".", "zorder": 4}
    if kind == "limit":
        return {"linewidth": 1.4, "linestyle": ":", "zorder": 3}
    return {"linewidth": 1.1, "marker": MARKERS.get(name, "o"), "markersize": 4, "zorder": 2}


def decimal(value, _):
    return f"{value:g}" if value < 1000 else f"{value / 1000:.0f}k"


def draw(operation, dtype, rows, path):
    figure, axes = plt.subplots(figsize=(9, 4.8), constrained_layout=True)
    drawn = ("ours", "exact", "peer")
    names = dict.fromkeys(r["by"] for r in rows if r["kind"] in drawn or r["by"] == "memcpy")
    curves = {name: sorted((r for r in rows if r["by"] == name), key=lambda r: r["n"]) for name in names}
    for name, points in sorted(curves.items(), key=lambda item: -item[1][0]["ns_per_entry"]):
        version = points[0]["version"].split("+")[0]
        label = name.replace(" new", "") if points[0]["kind"] == "peer" else name
        axes.plot([r["n"] for r in points], [r["ns_per_entry"] for r in points], color=COLOURS.get(name),
                  label=f"{label} {version}".strip(), **style(points[0]["kind"], name))
    axes.set_xscale("log")
    axes.set_yscale("log")
    ticks = [2, 5, 16, 33, 100, 257, 1000, 10000, 151936]
    axes.set_xticks([n for n in ticks if n in {r["n"] for r in rows}])
    axes.xaxis.set_minor_locator(NullLocator())
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(decimal))
    axes.set_xlabel("classes in a row, n (about a million logits in all)")
    axes.set_ylabel("ns per element, median")
    axes.set_title(f"{NAMES.get(operation, operation)}, {'float32' if dtype == 'f32' else 'float64'}, one thread: lower is faster")
    axes.grid(which="major", alpha=0.25)
    axes.legend(fontsize=9, loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def main():
    plt.rcParams.update({"font.size": 10, "svg.hashsalt": "softjac", "figure.facecolor": "white"})
    results = [r for r in json.loads(pathlib.Path(sys.argv[1]).read_text())["measurements"] if on_curve(r)]
    folder = pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for operation, dtype in dict.fromkeys((r["operation"], r["dtype"]) for r in results):
        rows = [r for r in results if (r["operation"], r["dtype"]) == (operation, dtype)]
        if len({r["n"] for r in rows}) < FEWEST_POINTS:
            continue
        path = folder / f"{operation}-{dtype}.svg"
        draw(operation, dtype, rows, path)
        print(path)


main()
