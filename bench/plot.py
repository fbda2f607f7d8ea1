"""plot.py: draws build/bench/results.json as one SVG per operation and dtype. Called by scripts/bench; needs matplotlib.

plot.py RESULTS.json FOLDER
"""

import json
import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def draw(operation, dtype, rows, path):
    shapes = list(dict.fromkeys((r["rows"], r["n"]) for r in rows))
    contenders = list(dict.fromkeys(r["by"] for r in rows))
    figure, axes = plt.subplots(figsize=(9, 4.5), constrained_layout=True)
    width = 0.8 / len(contenders)
    for i, name in enumerate(contenders):
        mine = {(r["rows"], r["n"]): r for r in rows if r["by"] == name}
        places = [k for k, shape in enumerate(shapes) if shape in mine]
        figures = [mine[shapes[k]]["ns_per_entry"] for k in places]
        axes.bar([k + (i - (len(contenders) - 1) / 2) * width for k in places], figures, width,
                 label=f"{name} {mine[shapes[places[0]]]['version']}")
    axes.set_yscale("log")
    axes.set_xticks(range(len(shapes)), [f"{m} x {n}" for m, n in shapes], rotation=15)
    axes.set_ylabel("ns per entry of the result, median")
    axes.set_title(f"{operation}, {dtype}, one thread")
    axes.grid(axis="y", alpha=0.3)
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    figure.savefig(path)
    plt.close(figure)


def main():
    results = json.loads(pathlib.Path(sys.argv[1]).read_text())
    folder = pathlib.Path(sys.argv[2])
    for operation, dtype in dict.fromkeys((r["operation"], r["dtype"]) for r in results):
        rows = [r for r in results if (r["operation"], r["dtype"]) == (operation, dtype)]
        path = folder / f"{operation}-{dtype}.svg"
        draw(operation, dtype, rows, path)
        print(path)


main()
