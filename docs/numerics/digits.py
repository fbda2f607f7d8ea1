"""digits.py: makes the figures of docs/numerics.md, or checks that they still hold. Called by scripts/digits; usage there.

The tables stand in the document between `<!-- digits NAME -->` and `<!-- end of digits -->`; the plot's numbers in gap.csv, beside the
gap.svg that plot.py draws of them.
"""

import argparse
import csv
import io
import math
import pathlib
import statistics
import sys

import figures
import peers
import plot

HERE = pathlib.Path(__file__).parent
DOCUMENT = HERE.parent / "numerics.md"
DATA, PLOT = HERE / "gap.csv", HERE / "gap.svg"

# A figure is a worst case over a few thousand entries. On another processor, or with another version, the last bits of exp and the
# order of sums differ, and with them the worst case; its size does not. softjac's own figures move only with a fused multiply-add.
FACTOR = 3
OWN_FACTOR = 2


def factor(contender):
    return OWN_FACTOR if contender.startswith("softjac") else FACTOR


def markdown(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def section(name, document):
    """Span of a table between its markers."""
    start = document.index(f"<!-- digits {name} -->\n") + len(f"<!-- digits {name} -->\n")
    return start, document.index("<!-- end of digits -->", start)


def comma_separated(curves):
    """A line for each dtype and gap, a column for each quantity and contender, three digits."""
    contenders = list(dict.fromkeys((q, c) for (_, q), errors in curves.items() for c in errors))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["dtype", "gap", *(f"{q}/{c}" for q, c in contenders)])
    for dtype in figures.DTYPES:
        edges = figures.gap_edges(dtype)
        for i, gap in enumerate((edges[1:] + edges[:-1]) / 2):
            cells = (curves[dtype, q].get(c) for q, c in contenders)
            writer.writerow([dtype, f"{gap:.4g}", *("" if x is None else f"{x[i]:.2e}" for x in cells)])
    return out.getvalue()


def number(cell):
    """A figure; None where the cell is a name or stands for nothing."""
    try:
        return float(cell)
    except ValueError:
        return math.inf if cell == "not finite" else None


def agree(old, new, most):
    if old == new:
        return True
    return 0 < abs(old) < math.inf and old * new > 0 and 1 / most <= new / old <= most


def name_of(row, names):
    """Contender of a row, without its version, and what else tells the row apart."""
    matches = [n for n in names if row[0] == n or row[0].startswith((n + ", ", n + " "))]
    return max(matches, key=len, default=row[0]), *(c for c in row[1:] if number(c) is None and c != "-")


def check_table(name, made, document):
    """Complaints; a contender that is not installed is not compared."""
    start, end = section(name, document)
    lines = [[c.strip() for c in line.strip("|").split("|")] for line in document[start:end].splitlines()[2:]]
    names = ["softjac", "article's formulas", *(library.name for library in peers.LIBRARIES)]
    old = {name_of(line, names): line for line in lines}
    for row in made:
        known = old.get(name_of(row, names))
        if known is None:
            yield f"{name}: no row {' '.join(name_of(row, names))}"
            continue
        for before, now in zip(known, row):
            if number(now) is not None and (number(before) is None or not agree(number(before), number(now), factor(row[0]))):
                yield f"{name}: {row[0]}: {before} in the document, {now} now"


def check_gap(curves):
    """Of each curve, the typical ratio to the committed one, and of softjac's the contract."""
    committed = plot.read(DATA)
    if plot.draw(committed) != PLOT.read_text():
        yield "gap: gap.svg is not what plot.py draws of gap.csv"
    for (dtype, quantity), made in curves.items():
        for contender, errors in made.items():
            old = committed[dtype, quantity][1][contender]
            pairs = [(a, b) for a, b in zip(old, errors) if 0 < a < math.inf and 0 < b < math.inf]
            off = statistics.median(abs(math.log(b / a)) for a, b in pairs)
            if off > math.log(factor(contender)):
                yield f"gap: {dtype} {quantity} {contender}: off by a factor of {math.exp(off):.3g}"
        # 2 ulp are up to 4u; a VJP may use 4u of a condition that here is the result's own size
        if any(error > 4.01 * limit for error, limit in zip(made["softjac"], made["limit"])):
            yield f"gap: {dtype} {quantity}: softjac is beyond its contract"


def main():
    parser = argparse.ArgumentParser(prog="scripts/digits")
    parser.add_argument("command", help="the softjac command, build/softjac")
    parser.add_argument("figures", nargs="*", metavar="figure", help=f"of {', '.join([*figures.TABLES, 'gap'])}; all by default")
    parser.add_argument("--check", action="store_true", help="compare with the document; exit 1 if a figure moved")
    parser.add_argument("--write", action="store_true", help="replace the figures of the document")
    wanted = parser.parse_intermixed_args()
    names = wanted.figures or [*figures.TABLES, "gap"]
    if unknown := set(names) - {*figures.TABLES, "gap"}:
        parser.error(f"no figure {', '.join(sorted(unknown))}")
    contenders, missing = peers.contenders(wanted.command)
    for name in missing:
        print(f"digits: {name} is not installed for {sys.executable}: its figures are left out", file=sys.stderr)
    if wanted.write and missing:
        sys.exit("digits: nothing was written: the document shows every contender")
    complaints = []
    for name in names:
        if name == "gap":
            curves = figures.gap_curves(contenders)
            made = comma_separated(curves)
            if wanted.write:
                DATA.write_text(made)
                PLOT.write_text(plot.draw(plot.read(DATA)))
            complaints += check_gap(curves) if wanted.check else []
        else:
            header, rows = figures.TABLES[name](contenders)
            made, document = markdown(header, rows), DOCUMENT.read_text() if wanted.write or wanted.check else ""
            if wanted.write:
                start, end = section(name, document)
                DOCUMENT.write_text(document[:start] + made + document[end:])
            complaints += check_table(name, rows, document) if wanted.check else []
        if not wanted.check:
            print(f"{name}\n{made}")
    print("\n".join(complaints), end="\n" if complaints else "")
    if wanted.check and not complaints:
        print(f"docs/numerics.md holds what is measured here: {', '.join(names)}")
    sys.exit(1 if complaints else 0)


main()
