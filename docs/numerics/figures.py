"""figures.py: measures the figures of docs/numerics.md. Each function takes the contenders of peers.py and gives a table: a header and
rows of text. Called by digits.py; truth from truth.py. Inputs come from NumPy's RandomState, whose stream never changes.
"""

import math
from decimal import Decimal

import numpy as np

import plot
import truth

np.seterr(all="ignore")  # the formulas compared overflow and divide by zero, as some are known to

DTYPES = ("float64", "float32")


def text(x):
    return "not finite" if not math.isfinite(x) else "0" if x == 0 else f"{x:.1e}" if x < 0.1 or x >= 1e4 else f"{x:.3g}"


def label(contender):
    return f"{contender.name} {contender.version}" if contender.name == "softjac" else f"{contender.name}, {contender.version}"


def table(header, contenders, measure):
    """A row for each contender; measure(contender) gives its cells, None where it has no such function."""
    rows = [[label(c), *("-" if x is None else x for x in measure(c))] for c in contenders]
    return header, rows


def worst(got, want):
    return max(truth.relative(x, w) for x, w in zip(np.ravel(got), want))


def flat(nested):
    return [x for row in nested for x in (flat(row) if isinstance(row, list) else [row])]


def full(x):
    return f"{x:.16e}" if x else "0"


def reported(contenders):
    """One row of two logits 40 apart, in float64."""
    z, unit = np.array([[40.0, 0.0]]), np.array([[1.0, 0.0]])
    calls = {
        "jacobian": lambda c: c.jacobian(z)[0, 0, 0],
        "vjp": lambda c: c.vjp(z, unit)[0, 0],
        "cross_entropy": lambda c: c.cross_entropy(z, np.array([0]))[0, 0],
        "log_softmax": lambda c: c.log_softmax(z)[0, 0],
    }
    header = ["", "J_00", "VJP of (1, 0), entry 0", "cross-entropy, label 0, entry 0", "log s_0"]
    header, rows = table(header, contenders, lambda c: [full(call(c)) if hasattr(c, f) else None for f, call in calls.items()])
    exact = truth.row(z[0], unit[0], 0)
    values = exact["jacobian"][0][0], exact["vjp"][0], exact["cross_entropy"][0], exact["log_softmax"][0]
    return header, [["exact", *(full(x) for x in values)], *rows]


QUANTITIES = ("softmax", "log_softmax", "jacobian", "vjp", "cross_entropy")


def article(contenders):
    """The article's kind of input, and what it computes of it: the largest relative error of all entries."""
    stream = np.random.RandomState(0)
    z = stream.randint(-30, 31, (1000, 5)) / 2
    labels = z.argmax(axis=1)
    g = {t: np.array([[2 * float(s) for s in truth.softmax(row)] for row in z]).astype(t) for t in DTYPES}
    exact = {t: [truth.row(row, g[t][i], labels[i]) for i, row in enumerate(z)] for t in DTYPES}

    def measure(c, t):
        arguments = {"vjp": [g[t]], "cross_entropy": [labels]}
        for f in QUANTITIES:
            if hasattr(c, f):
                got = getattr(c, f)(z.astype(t), *arguments.get(f, []))
                yield text(worst(got, flat([row[f] for row in exact[t]])))
            else:
                yield "-"

    header = ["", "", "softmax", "log-softmax", "Jacobian", "gradient of sum s^2", "cross-entropy gradient"]
    return header, [[label(c), t, *measure(c, t)] for t in DTYPES for c in contenders]


def double_softmax(z):
    """Of float32 rows in float64: right to far below an ulp of float32."""
    weights = np.exp(z.astype(float) - z.astype(float).max(axis=1, keepdims=True))
    return weights / np.array([[math.fsum(row)] for row in weights])


def softmax_ulps(contender, z):
    got = contender.softmax(z)
    if z.dtype == np.float64:
        return max(truth.ulps(x, s, "float64") for i, row in enumerate(z) for x, s in zip(got[i], truth.softmax(row)))
    want = double_softmax(z)
    spacing = np.maximum(np.exp2(np.floor(np.log2(np.maximum(want, 2.0**-149))) - 23), 2.0**-149)
    return float((abs(got - want) / spacing).max())


def spread(contenders):
    """Softmax itself, in ulps: logits far apart, and long rows."""
    stream = np.random.RandomState(1)
    families = {
        "uniform(-80, 0), n = 100, float32": stream.uniform(-80, 0, (100, 100)).astype("float32"),
        "uniform(-700, 0), n = 100, float64": stream.uniform(-700, 0, (20, 100)),
        "normal, n = 1024, float32": stream.standard_normal((100, 1024)).astype("float32"),
        "normal, n = 1024, float64": stream.standard_normal((4, 1024)),
        "normal, n = 2^20, float32": stream.standard_normal((1, 2**20)).astype("float32"),
    }
    header = ["ulp", *families]
    return table(header, contenders, lambda c: [f"{softmax_ulps(c, z):.3g}" for z in families.values()])


# The plot: what it shows, of the argmax.
DEEPEST = {"float64": 745, "float32": 103.5}
STEPS = 60
ROWS_A_STEP = 8


def gap_edges(dtype):
    """Steps that widen with the gap: most happens at its start."""
    return DEEPEST[dtype] * (np.arange(STEPS + 1) / STEPS) ** 2


def gap_rows(dtype):
    """Rows of three: the largest near 0, the next a gap below it, the last up to 3 below that. g_m is below the other g, so that
    nothing cancels in the sum D of the VJP."""
    stream = np.random.RandomState(2)
    edges = np.repeat(gap_edges(dtype), ROWS_A_STEP)
    gaps = stream.uniform(edges[:-ROWS_A_STEP], edges[ROWS_A_STEP:])
    top, third = stream.standard_normal(gaps.size), stream.uniform(0, 3, gaps.size)
    z = np.stack([top, top - gaps, top - gaps - third], axis=1).astype(dtype)
    g = abs(stream.standard_normal(z.shape)) * [-1, 1, 1]
    return z, g.astype(dtype)


def argmax_entry(contender, quantity, z, g):
    if quantity == "jacobian":
        return contender.jacobian(z)[:, 0, 0]
    if quantity == "vjp":
        return contender.vjp(z, g)[:, 0]
    if quantity == "cross_entropy":
        return contender.cross_entropy(z, np.zeros(len(z), dtype=int))[:, 0]
    return contender.log_softmax(z)[:, 0]


def gap_curves(contenders):
    """{(dtype, quantity): {contender: largest relative error of each step}}; "limit" is what rounding the truth once costs."""
    curves = {}
    for dtype in DTYPES:
        z, g = gap_rows(dtype)
        exact = [truth.row(row, g[i], 0) for i, row in enumerate(z)]
        for quantity in plot.PANELS:
            want = [e["jacobian"][0][0] if quantity == "jacobian" else e[quantity][0] for e in exact]
            curve = curves[dtype, quantity] = {}
            digits, smallest = truth.FORMATS[dtype]
            limit = [max(2.0**-digits, float(Decimal(2) ** (smallest - 1) / abs(w))) for w in want]
            curve["limit"] = np.reshape(limit, (-1, ROWS_A_STEP)).max(axis=1)
            for c in contenders:
                if not hasattr(c, quantity):
                    continue
                errors = [truth.relative(x, w) for x, w in zip(argmax_entry(c, quantity, z, g), want)]
                curve[c.name] = np.reshape(errors, (-1, ROWS_A_STEP)).max(axis=1)
    return curves


TABLES = {"reported": reported, "article": article, "spread": spread}
