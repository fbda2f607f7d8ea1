"""truth.py: the article's plain formulas in NumPy's extended precision, for comparing shapes and values of results.

Logits here lie within a few units of each other, so 1 - s cancels at most some bits of the 11 that long double has more
than double: the truth is good to far less than one unit of the last place of a double.
"""

import numpy as np

EPS = np.finfo(np.float64).eps
EPS32 = np.finfo(np.float32).eps


def logits(*shape, dtype=np.float64, seed=1):
    return np.random.default_rng(seed).uniform(-3, 3, shape).astype(dtype)


def softmax(z, axis=-1, keep=True):
    """Over the entries of `keep`, which broadcasts to z; 0 at the others, and in a row of none."""
    x = np.where(keep, z.astype(np.longdouble), -np.inf)
    top = x.max(axis=axis, keepdims=True)
    e = np.exp(x - np.where(np.isfinite(top), top, 0))
    total = e.sum(axis=axis, keepdims=True)
    return e / np.where(total == 0, 1, total)


def blocks(z, axis=-1, log=False, keep=True):
    """Shape of z without the class axis, then (n, n)."""
    s = np.moveaxis(softmax(z, axis, keep), axis, -1)
    identity = np.eye(s.shape[-1], dtype=np.longdouble)
    if log:
        kept = np.moveaxis(np.broadcast_to(keep, z.shape), axis, -1)
        return (identity - s[..., None, :]) * (kept[..., :, None] & kept[..., None, :])
    return s[..., :, None] * (identity - s[..., None, :])


def dense(z, axis=-1, log=False):
    """The shape of z twice, filled entry by entry."""
    axis = axis % z.ndim
    b = blocks(z, axis, log)
    out = np.zeros(z.shape + z.shape, np.longdouble)
    for row in np.ndindex(b.shape[:-2]):
        for q in range(z.shape[axis]):
            for r in range(z.shape[axis]):
                left = row[:axis] + (q,) + row[axis:]
                right = row[:axis] + (r,) + row[axis:]
                out[left + right] = b[row + (q, r)]
    return out


def close(got, want, eps=EPS):
    """The 2 ulp an entry that `softjac verify` requires; an ulp is at most eps times the entry. The tests of accuracy look
    harder; these tell whether the right number is in the right place."""
    assert got.shape == want.shape, (got.shape, want.shape)
    error = np.abs(got - want)
    assert (error <= 2 * eps * np.abs(want)).all(), (error / np.abs(want)).max()


def product_close(got, z, g, axis=-1, log=False, transposed=False, eps=EPS, keep=True):
    """The contract of products: 4 u * sum of |J_ik| |g_k - g_m|, u = eps / 2; the log VJP is sums of |J_ki g_k|."""
    assert got.shape == z.shape
    j = blocks(z, axis, log, keep)
    if transposed:
        j = np.swapaxes(j, -1, -2)
    rows = np.moveaxis(np.where(keep, g, 0), axis, -1).astype(np.longdouble)
    top = np.moveaxis(softmax(z, axis, keep), axis, -1).argmax(axis=-1)[..., None]
    shift = 0 if log and transposed else np.take_along_axis(rows, top, axis=-1)
    want = np.moveaxis((j @ rows[..., None])[..., 0], -1, axis)
    scale = np.moveaxis((np.abs(j) @ np.abs(rows - shift)[..., None])[..., 0], -1, axis)
    assert (np.abs(got - want) <= 2 * eps * scale).all()
