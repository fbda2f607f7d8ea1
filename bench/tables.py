"""tables.py: writes a run's tables into docs/performance.md, between its marks. Called by scripts/bench --write.

tables.py RESULTS.json DOCUMENT
"""

import json
import pathlib
import sys

from document import put

MAIN = ("softmax", "vjp-of-softmax", "vjp")
COMPUTE = ("ours", "exact", "peer")  # the kinds that have a result


def case(r):
    return r["operation"], r["dtype"], r["axis"], r["threads"], r["rows"], r["n"]


def shape(r):
    rows, n = r["rows"], r["n"]
    return f"{rows} x {n}" if n < 1 << 20 else f"{rows} x 2^{n.bit_length() - 1}"


def title(r):
    axis = ", first axis" if r["axis"] == "first" else ""
    threads = f", {r['threads']} threads" if r["threads"] > 1 else ""
    return f"{r['operation']} {r['dtype']}, {shape(r)}{axis}{threads}"


def figure(value, digits=3):
    return "-" if value is None else f"{value:.{digits}g}" if abs(value) < 1000 else f"{value:.0f}"


def table(head, rows, left=1):
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * left + "---:|" * (len(head) - left)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def groups(verdicts):
    for key in dict.fromkeys((v["regime"], v["figure"]) for v in verdicts):
        yield key, [v for v in verdicts if (v["regime"], v["figure"]) == key]


def bound(v, key, flag):
    return "-" if v[key] is None else f"{v['bound']} {v[key]:g} {'yes' if v[flag] else '**no**'}"


def below_floor(v, key):
    """Whether the bound asks for less time than the call takes at least by the algorithms there are."""
    return v[f"{key}_time"] is not None and v[f"{key}_time"] < v["floor"]


def misses(of, key, flag):
    """How many miss, and how many of those must."""
    missed = [v for v in of if v[key] is not None and not v[flag]]
    return f"{len(missed)}, {sum(below_floor(v, key) for v in missed)}"


def summary(verdicts):
    rows = []
    for (regime, name), of in groups(verdicts):
        first = of[0]
        worst = (min if first["bound"] == ">=" else max)(of, key=lambda v: v["value"])
        holds = "-" if first["required"] is None else \
            f"{first['bound']} {first['required']:g}: {sum(v['holds'] for v in of)} of {len(of)}"
        reaches = "-" if first["goal"] is None else \
            f"{first['bound']} {first['goal']:g}: {sum(v['reaches'] for v in of)} of {len(of)}"
        rows.append((regime, name, holds, misses(of, "required", "holds"), reaches, misses(of, "goal", "reaches"),
                     figure(worst["value"]), title(worst)))
    yield from table(("regime", "figure", "required", "missed, below the floor", "goal", "missed, below the floor",
                      "worst", "where"), rows, 8)


def floors(verdicts):
    """Every miss of what is required beside the floor, and what the figure would have to be a time of."""
    for (regime, name), of in groups(verdicts):
        missed = [v for v in of if not v["holds"]]
        if not missed:
            continue
        yield f"**{regime}**: {name}"
        yield ""
        yield from table(("workload", "required", "floor", "of", "ours", "verdict"),
                         [(title(v), figure(v["required_time"]), figure(v["floor"]), v["floor_of"], figure(v["ours"]),
                           "below the floor" if below_floor(v, "required") else
                           f"open: {figure(v['ours'] / v['floor'], 2)} floors") for v in missed])


def row_by_row(verdicts):
    for (regime, name), of in groups(verdicts):
        yield f"**{regime}**: {name}"
        yield ""
        yield from table(("workload", "figure", "required", "goal", "against"),
                         [(title(v), figure(v["value"]), bound(v, "required", "holds"), bound(v, "goal", "reaches"),
                           v["against"] or "-") for v in of])


def times(results):
    """One table for each operation, dtype, axis and number of threads: ns per entry, bold where ours is fastest."""
    for key in dict.fromkeys(case(r)[:4] for r in results):
        of = [r for r in results if case(r)[:4] == key and "floor" not in r["kind"]]
        names = list(dict.fromkeys(r["by"] for r in of))
        shapes = list(dict.fromkeys((r["rows"], r["n"]) for r in of))
        operation, dtype, axis, threads = key
        yield f"**{operation}, {dtype}**" + (", first axis" if axis == "first" else "") + \
            (f", {threads} threads" if threads > 1 else "")
        yield ""
        lines = []
        for rows, n in shapes:
            at = {r["by"]: r for r in of if (r["rows"], r["n"]) == (rows, n)}
            peers = [r["ns_per_entry"] for r in at.values() if r["kind"] == "peer" and r["ns_per_entry"]]
            ours = at["softjac"]
            cells = [figure(at[name]["ns_per_entry"]) if name in at else "" for name in names]
            if not peers or ours["ns_per_entry"] <= min(peers):
                cells[names.index("softjac")] = f"**{cells[names.index('softjac')]}**"
            ratio = f"{min(peers) / ours['ns_per_entry']:.2f}" if peers else "-"
            lines.append((shape(ours), *cells, ratio, figure(ours["over_copy"]), figure(ours["worst_error"])))
        yield from table(("shape", *names, "best peer / ours", "ours / copy", "our error"), lines)


def errors(results):
    names = list(dict.fromkeys(r["by"] for r in results if r["kind"] in COMPUTE))
    lines = []
    for key in dict.fromkeys(case(r)[:2] for r in results):
        worst = {}
        for r in results:
            if case(r)[:2] == key and r["worst_error"] is not None:
                worst[r["by"]] = max(worst.get(r["by"], 0), r["worst_error"])
        lines.append((f"{key[0]} {key[1]}", *(figure(worst.get(name)) for name in names)))
    yield from table(("operation", *names), lines)


def versions(results):
    found = {r["by"]: r["version"] for r in results if r["kind"] in COMPUTE}
    return ", ".join(f"{name} {version}".strip() for name, version in found.items())


def generated(run):
    results, verdicts = run["measurements"], run["verdicts"]
    missed = [v for v in verdicts if not v["holds"]]
    yield f"{run.get('processor', 'unknown processor')}; {run['rounds']} rounds, {run['seconds']} s. {versions(results)}."
    yield "`new` is what PyPI has; the other of that name is the system's."
    yield ""
    below = sum(below_floor(v, "required") for v in missed)
    yield f"Required and missed: {len(missed)} of {len(verdicts)}, {below} of them below the floor."
    yield ""
    yield "### Targets"
    yield ""
    yield from summary(verdicts)
    yield "### What is missed, beside its floor"
    yield ""
    yield "ns per entry: what the required figure asks for, the floor, what it is of, and what the call took."
    yield ""
    yield from floors(verdicts)
    yield "### Times"
    yield ""
    yield "ns per entry of the result (logsumexp: per logit), medians."
    yield ""
    yield from times(results)
    yield "### Errors"
    yield ""
    yield "The worst on the sampled entries of all workloads above: ulp; for products u times sum |J| |g - g_m|."
    yield ""
    yield from errors(results)
    yield "### Targets, row by row"
    yield ""
    yield from row_by_row(verdicts)


def main():
    run = json.loads(pathlib.Path(sys.argv[1]).read_text())
    document = pathlib.Path(sys.argv[2])
    text = "\n".join(generated(run))
    put(document, "bench", f"\n{text}\n")
    print(document)


main()
