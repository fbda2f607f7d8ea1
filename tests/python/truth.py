"""truth.py: softmax and its derivatives of one row at 150 digits, by mpmath, from the definitions; and how far off a
result is. What cancels, of logits at most 200 apart, is exp(-200), 87 digits; those left are three times float64's."""

import mpmath
import numpy as np

mpmath.mp.dps = 150
U = {np.dtype(np.float32): 2.0**-24, np.dtype(np.float64): 2.0**-53}


def exact(row):
    return np.array([mpmath.mpf(float(v)) for v in row], dtype=object)


def logsumexp(row):
    z = exact(row)
    return max(z) + mpmath.log(sum(mpmath.exp(v - max(z)) for v in z))


def softmax(row):
    z = exact(row)
    weights = np.array([mpmath.exp(v - max(z)) for v in z], dtype=object)
    return weights / sum(weights)


def log_softmax(row):
    return exact(row) - logsumexp(row)


def identity(n):
    return np.array([[mpmath.mpf(int(q == r)) for r in range(n)] for q in range(n)], dtype=object)


def softmax_jacobian(row):
    s = softmax(row)
    return s[:, None] * (identity(len(s)) - s[None, :])


def log_softmax_jacobian(row):
    s = softmax(row)
    return identity(len(s)) - np.tile(s, (len(s), 1))


def ulps(got, want):
    """The largest error in units of the last place of what is wanted; below the normal numbers that stays."""
    got = np.asarray(got)
    info = np.finfo(got.dtype)
    worst = 0.0
    for g, w in zip(got.ravel(), np.asarray(want, dtype=object).ravel()):
        exponent = max(int(mpmath.frexp(w)[1]) - 1, info.minexp) if w != 0 else info.minexp
        worst = max(worst, float(abs(mpmath.mpf(float(g)) - w) / mpmath.mpf(2) ** (exponent - info.nmant)))
    return worst


def share(got, want, size):
    """The largest error in multiples of u times `size`, an array too. An error where that is 0 is infinite."""
    got = np.asarray(got)
    unit = U[got.dtype]
    worst = 0.0
    for g, w, s in zip(got.ravel(), np.asarray(want).ravel(), np.asarray(size).ravel()):
        error = abs(mpmath.mpf(float(g)) - w)
        worst = max(worst, 0.0 if error == 0 else float(error / (unit * s)) if s else np.inf)
    return worst
