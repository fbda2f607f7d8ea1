"""arrays.py: what Hypothesis draws for these tests, and one array in many layouts."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

REAL = (np.float32, np.float64)


def logits(dtype, shape=hnp.array_shapes(min_dims=1, max_dims=3, max_side=5), bound=100):
    """Finite, and so near each other that nothing underflows in part."""
    elements = st.floats(-bound, bound, width=np.dtype(dtype).itemsize * 8, allow_subnormal=False)
    return hnp.arrays(dtype, shape, elements=elements)


def layouts(array):
    """Names and arrays of the same elements, that lie in other ways."""
    spread = np.empty(tuple(2 * size for size in array.shape), array.dtype)
    every_other = spread[(slice(None, None, 2),) * array.ndim]
    every_other[...] = array
    yield "every other", every_other
    yield "Fortran order", np.asfortranarray(array)
    everywhere = (slice(None, None, -1),) * array.ndim
    yield "backwards", array[everywhere].copy()[everywhere]
    shifted = np.empty(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    shifted[...] = array
    yield "misaligned", shifted
    yield "other byte order", array.astype(array.dtype.newbyteorder())
    yield "list", array.tolist() if array.dtype == np.float64 else array
    record = np.zeros(array.shape, [("pad", "u1"), ("value", array.dtype)])
    record["value"] = array
    yield "field of records", record["value"]


def same_bits(a, b):
    """Equal with signs of zeros, NaN for NaN, in one dtype."""
    a, b = np.asarray(a), np.asarray(b)
    return (
        a.dtype == b.dtype
        and a.shape == b.shape
        and np.array_equal(a, b, equal_nan=True)
        and np.array_equal(np.signbit(a[~np.isnan(a)]), np.signbit(b[~np.isnan(b)]))
    )
