"""Docstrings: each has an example that runs, and says what its parameters are."""

import doctest
import inspect

import pytest

import softjac
from softjac import ufuncs

FUNCTIONS = softjac.__all__
WITHOUT_COMMON_PARAMETERS = ("info", "mape", "max_relative_error")


def run(name, text):
    test = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
    assert test.examples
    assert doctest.DocTestRunner(verbose=False).run(test).failed == 0


@pytest.mark.parametrize("name", FUNCTIONS)
def test_examples_run(name):
    run(name, inspect.getdoc(getattr(softjac, name)))


def test_examples_of_the_ufuncs_run():
    run("ufuncs", ufuncs.__doc__)


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name not in WITHOUT_COMMON_PARAMETERS])
def test_common_parameters_are_keywords_of_all(name):
    parameters = inspect.signature(getattr(softjac, name)).parameters
    for common in ("out", "dtype", "mode", "nonfinite", "threads"):
        assert parameters[common].kind is inspect.Parameter.KEYWORD_ONLY
        assert f"{common} : " in softjac.__doc__


def test_info_tells_of_the_build():
    info = softjac.info()
    assert info["kernel_set"] in info["kernel_sets"]
    assert info["threads"] >= 1
    assert info["version"] == softjac.__version__
