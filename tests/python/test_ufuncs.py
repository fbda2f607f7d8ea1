"""The generalised ufuncs: the same bits as the functions, and the way by which arrays of other libraries are served."""

import warnings

import numpy as np
import pytest
from arrays import REAL, layouts, logits, same_bits
from hypothesis import given
from hypothesis import strategies as st

import softjac
from softjac import ufuncs

PRODUCTS = ("softmax_vjp", "softmax_jvp", "log_softmax_vjp", "log_softmax_jvp")


@given(data=st.data(), dtype=st.sampled_from(REAL))
def test_gufuncs_give_the_bits_of_the_functions(data, dtype):
    x = data.draw(logits(dtype))
    g = data.draw(logits(dtype, shape=x.shape))
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    for name, layout in layouts(x):
        assert same_bits(ufuncs.softmax(layout, axis=axis), softjac.softmax(x, axis)), name
        assert same_bits(ufuncs.log_softmax(layout, axis=axis), softjac.log_softmax(x, axis)), name
        assert same_bits(ufuncs.logsumexp(layout, axis=axis), softjac.logsumexp(x, axis)), name
        assert same_bits(ufuncs.softmax_jacobian(layout), softjac.jacobian(x)), name
        assert same_bits(ufuncs.log_softmax_jacobian(layout), softjac.jacobian(x, log=True)), name
        for product in PRODUCTS:
            assert same_bits(getattr(ufuncs, product)(layout, g), getattr(softjac, product)(x, g)), name


def test_a_class_for_every_row_or_for_all():
    x = np.random.default_rng(1).normal(size=(4, 3))
    k = np.array([0, 1, 2, 1])
    for name, log in (("softmax_gradient", False), ("log_softmax_gradient", True)):
        gufunc = getattr(ufuncs, name)
        assert same_bits(gufunc(x, 2), softjac.gradient(x, 2, log=log))
        assert same_bits(gufunc(x, k), softjac.gradient(x, k, log=log))
    with pytest.warns(RuntimeWarning, match="invalid"):
        got = ufuncs.softmax_gradient(x, [0, 3, -1, 1])
    assert np.isnan(got).any(-1).tolist() == [False, True, True, False]


def test_infinities_and_nan_are_no_news():
    x = np.array([[np.inf, 0], [-np.inf, -np.inf], [np.nan, 0], [800, -800]])
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        for name in ("softmax", "log_softmax", "logsumexp", "softmax_jacobian"):
            getattr(ufuncs, name)(x)


def test_half_precision_has_a_loop():
    x = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float16)
    for name in ("softmax", "log_softmax", "logsumexp"):
        assert same_bits(getattr(ufuncs, name)(x), getattr(softjac, name)(x))
    assert same_bits(ufuncs.softmax_jacobian(x), softjac.jacobian(x))
    assert same_bits(ufuncs.softmax_vjp(x, x), softjac.softmax_vjp(x, x))
    with pytest.warns(RuntimeWarning, match="invalid"):
        got = ufuncs.softmax_gradient(x, [0, 3, 1, 2])
    assert got.dtype == np.float16 and np.isnan(got).any(-1).tolist() == [False, True, False, False]


class Recorder:
    """An array of another library: it sees the ufunc and the keywords."""

    def __array_function__(self, function, types, args, kwargs):
        return NotImplemented

    def __array_ufunc__(self, ufunc, method, *inputs, **keywords):
        return ufunc, inputs, keywords


def test_other_arrays_are_asked_by_the_protocol():
    theirs = Recorder()
    assert softjac.softmax(theirs) == (ufuncs.softmax, (theirs,), {"axis": -1})
    assert softjac.logsumexp(theirs, 0) == (ufuncs.logsumexp, (theirs,), {"axis": 0})
    ones = np.ones(3)
    assert softjac.softmax_vjp(ones, theirs)[0] is ufuncs.softmax_vjp
    assert softjac.gradient(theirs, 1, log=True)[0] is ufuncs.log_softmax_gradient
    with pytest.raises(TypeError, match="options need NumPy arrays"):
        softjac.softmax(theirs, mode="exact")


def test_dask_arrays_stay_so():
    array = pytest.importorskip("dask.array")
    x = np.random.default_rng(1).normal(size=(6, 4))
    lazy = softjac.softmax(array.from_array(x, chunks=(2, 4)))
    assert isinstance(lazy, array.Array)
    assert same_bits(lazy.compute(), softjac.softmax(x))
    mapped = array.from_array(x, chunks=(2, 4)).map_blocks(softjac.softmax, mode="exact", dtype=float)
    assert same_bits(mapped.compute(), softjac.softmax(x, mode="exact"))


def test_rows_over_the_processes_of_a_dask_cluster():
    array, distributed = pytest.importorskip("dask.array"), pytest.importorskip("distributed")
    x = np.random.default_rng(1).normal(size=(12, 5))
    how = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**how) as cluster, distributed.Client(cluster):
        lazy = array.from_array(x, chunks=(4, 5))
        assert same_bits(softjac.softmax(lazy).compute(), softjac.softmax(x))
        assert same_bits(lazy.map_blocks(softjac.softmax, mode="exact").compute(), softjac.softmax(x, mode="exact"))
        blocks = array.apply_gufunc(softjac.jacobian, "(n)->(n,n)", lazy, output_dtypes=float)
        assert same_bits(blocks.compute(), softjac.jacobian(x))


def test_xarray_keeps_its_names():
    xarray = pytest.importorskip("xarray")
    x = xarray.DataArray(np.random.default_rng(1).normal(size=(4, 6)), dims=("class", "row"))
    got = xarray.apply_ufunc(softjac.softmax, x, input_core_dims=[["class"]], output_core_dims=[["class"]])
    assert got.dims == ("row", "class")
    assert same_bits(got.values, softjac.softmax(x.values.T))


def test_pandas_frames_are_arrays():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame([[0.0, 1.0], [2.0, 5.0]])
    assert same_bits(softjac.softmax(frame), softjac.softmax(frame.to_numpy()))
