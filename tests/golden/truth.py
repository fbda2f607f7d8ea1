"""truth.py: the formulas of the golden arrays evaluated with mpmath, for make_golden.py to measure its producers.

Inputs are taken as the exact numbers their floats are. 260 digits: the widest input spans e^200, so that the plain
formulas lose at most 2 * 87 digits to cancellation (1 - s, then a difference of its products) and keep well over 60.
"""

import mpmath
import numpy as np

mpmath.mp.dps = 260


def softmax_row(z):
    e = [mpmath.exp(x) for x in z]
    total = mpmath.fsum(e)
    return [x / total for x in e]


def jacobian_row(z, log):
    s = softmax_row(z)
    n = len(z)
    if log:
        return [[(q == r) - s[r] for r in range(n)] for q in range(n)]
    return [[s[q] * ((q == r) - s[r]) for r in range(n)] for q in range(n)]


def product_row(matrix, vector):
    return [mpmath.fsum(a * b for a, b in zip(line, vector)) for line in matrix]


def row(form, z, g, q):
    """The result of one row, as a list, or a list of lists for a Jacobian."""
    if form == "softmax":
        return softmax_row(z)
    if form in ("log-softmax", "logsumexp"):
        total = mpmath.log(mpmath.fsum(mpmath.exp(x) for x in z))
        return total if form == "logsumexp" else [x - total for x in z]
    matrix = jacobian_row(z, form.startswith("log-"))
    if form.endswith("jacobian"):
        return matrix
    if form.endswith("gradient"):
        return matrix[q]
    if form == "sum-of-squares":
        return product_row(matrix, [2 * s for s in softmax_row(z)])
    if form.endswith("vjp"):
        matrix = list(zip(*matrix))
    return product_row(matrix, g)


def exact(form, z, g, axis, q, layout):
    """The result for a whole array, in the shape the library gives it, as an object array of mpmath numbers."""
    rows = np.moveaxis(z, axis, -1)
    cotangents = np.moveaxis(g, axis, -1)
    results = [row(form, [mpmath.mpf(float(x)) for x in rows[i]], [mpmath.mpf(float(x)) for x in cotangents[i]], q)
               for i in np.ndindex(rows.shape[:-1])]
    if form == "logsumexp":
        return np.array(results, dtype=object).reshape(rows.shape[:-1])
    if not form.endswith("jacobian"):
        return np.moveaxis(np.array(results, dtype=object).reshape(rows.shape), -1, axis)
    if layout == "blocks":
        return np.array(results, dtype=object)
    m, n = rows.shape
    dense = np.full((m, n, m, n), mpmath.mpf(0), dtype=object)
    for i, block in enumerate(results):
        dense[i, :, i, :] = np.array(block, dtype=object)
    return dense
