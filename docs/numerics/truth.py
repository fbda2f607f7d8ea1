"""truth.py: softmax and its derivatives of one row in decimal arithmetic, and errors counted against them.

The textbook formulas, carried so far that what they cancel is not missed: independent of the forms of the library and of its
MPFR oracle. Standard library only. Used by figures.py.
"""

import decimal
import math
from decimal import Decimal


def row(z, g=None, label=None):
    """Every quantity of one row, exact inputs z and g, as Decimals of at least 30 good digits."""
    depth = 2 * math.ceil((max(z) - min(z)) / math.log(10))
    with decimal.localcontext(decimal.Context(prec=40 + depth)):
        z = [Decimal(float(x)) for x in z]
        weights = [(x - max(z)).exp() for x in z]
        total = sum(weights)
        s = [w / total for w in weights]
        truth = {"softmax": s, "log_softmax": [x - max(z) - total.ln() for x in z]}
        truth["jacobian"] = [[a * ((i == j) - b) for j, b in enumerate(s)] for i, a in enumerate(s)]
        if g is not None:
            g = [Decimal(float(x)) for x in g]
            mean = sum(a * b for a, b in zip(g, s))
            truth["vjp"] = [a * (b - mean) for a, b in zip(s, g)]
        if label is not None:
            truth["cross_entropy"] = [a - (k == label) for k, a in enumerate(s)]
        return truth


def softmax(z):
    """One row's softmax alone, for long rows: no cancellation, so 40 digits do."""
    with decimal.localcontext(decimal.Context(prec=40)):
        top = Decimal(float(max(z)))
        weights = [(Decimal(float(x)) - top).exp() for x in z]
        total = sum(weights)
        return [w / total for w in weights]


def relative(got, truth):
    """|got - truth| / |truth|; infinite where got is not finite."""
    got = float(got)
    if not math.isfinite(got):
        return math.inf
    if truth == 0:
        return 0.0 if got == 0 else math.inf
    return float(abs(Decimal(got) - truth) / abs(truth))


# digits of the significand, exponent of the smallest subnormal
FORMATS = {"float32": (24, -149), "float64": (53, -1074)}


def ulp(truth, dtype):
    """The spacing of dtype at truth, never less than its smallest subnormal."""
    digits, smallest = FORMATS[dtype]
    with decimal.localcontext(decimal.Context(prec=40)):
        exponent = math.floor((abs(truth).ln() / Decimal(2).ln())) if truth else smallest
        exponent += Decimal(2) ** (exponent + 1) <= abs(truth)
        return Decimal(2) ** max(exponent - digits + 1, smallest)


def ulps(got, truth, dtype):
    got = float(got)
    return float(abs(Decimal(got) - truth) / ulp(truth, dtype)) if math.isfinite(got) else math.inf
