"""package.py: what the Python package costs: a call on five numbers, and large arrays beside the C library and peers.

Calls take turns, so that a busy machine disturbs all alike; a time is the least of many short runs for small calls,
and the median of the turns for large ones, whose results are allocated by everyone anew. Peers that are not installed
are left out. `python bench/package.py [LIBRARY] [--write]` with the package on the path; LIBRARY is libsoftjac.so,
called by ctypes; --write puts the tables into docs/python.md.
"""

import ctypes
import importlib
import os
import pathlib
import platform
import statistics
import sys
import time
import timeit

os.environ["OMP_NUM_THREADS"] = "1"  # before those are imported who read it then
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"

import numpy as np  # noqa: E402
from document import put  # noqa: E402

import softjac  # noqa: E402
from softjac import ufuncs  # noqa: E402

DOCUMENT = pathlib.Path(__file__).parent.parent / "docs" / "python.md"
CALLS, TURNS = 200, 50
SHAPES = ((1000, 5), (100000, 10), (4096, 1024), (32, 128256))
LARGE_TURNS = 31


def module(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


special, torch, jax, numba = map(module, ("scipy.special", "torch", "jax", "numba"))


# ---------------------------------------------------------------- small calls


def small_calls():
    """Microseconds of each."""
    x = np.random.default_rng(1).normal(size=(1, 5))
    names = {"np": np, "softjac": softjac, "ufuncs": ufuncs, "special": special, "x": x, "y": np.empty_like(x)}
    calls = [
        "np.exp(x)",
        "softjac.softmax(x)",
        "softjac.softmax(x, out=y)",
        "softjac.softmax_vjp(x, x)",
        "softjac.logsumexp(x)",
        "ufuncs.softmax(x)",
    ]
    if special:
        calls.append("special.softmax(x, axis=-1)")
    timers = {call: timeit.Timer(call, globals=names) for call in calls}
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(TURNS):
        for call, timer in timers.items():
            best[call] = min(best[call], timer.timeit(CALLS) / CALLS * 1e6)
    return best


# ---------------------------------------------------------------- large arrays


class View(ctypes.Structure):
    """sj_view of softjac.h."""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("dtype", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("axis", ctypes.c_int),
        ("shape", ctypes.c_size_t * 12),
        ("strides", ctypes.c_ssize_t * 12),
    ]


def in_c(path):
    """sj_softmax by ctypes, into a new array."""
    call = ctypes.CDLL(path).sj_softmax
    call.argtypes, call.restype = (View, View, ctypes.c_void_p), ctypes.c_int

    def view(array):
        made = View(array.ctypes.data, {"f4": 1, "f8": 2}[array.dtype.str[1:]], array.ndim, -1)
        made.shape[: array.ndim] = array.shape
        made.strides[: array.ndim] = [stride // array.itemsize for stride in array.strides]
        return made

    def softmax(x):
        out = np.empty_like(x)
        status = call(view(x), view(out), None)
        assert status == 0, status
        return out

    return softmax


def in_numba():
    @numba.njit
    def softmax(x):
        out = np.empty_like(x)
        for i in range(x.shape[0]):
            weights = np.exp(x[i] - x[i].max())
            out[i] = weights / weights.sum()
        return out

    return softmax


def contenders(library):
    """Name and function of an array; first the package, then the library that it holds."""
    yield "softjac", softjac.softmax
    if library:
        yield "C", in_c(library)
    if special:
        yield "SciPy", lambda x: special.softmax(x, axis=-1)
    if torch:
        yield "PyTorch", lambda x: torch.softmax(torch.from_numpy(x), -1)
    if jax:
        jax.config.update("jax_enable_x64", True)
        compiled = jax.jit(jax.nn.softmax)
        yield "JAX", lambda x: compiled(x).block_until_ready()
    if numba:
        yield "Numba", in_numba()


def timed(call, x):
    """Seconds of a call, of as many as make two million entries."""
    times = max(1, 2_000_000 // x.size)
    start = time.perf_counter()
    for _ in range(times):
        call(x)
    return (time.perf_counter() - start) / times


def large_calls(library):
    """For every shape and dtype, the name of each contender and its nanoseconds an entry."""
    running = dict(contenders(library))
    for dtype in (np.float32, np.float64):
        for shape in SHAPES:
            x = np.random.default_rng(1).normal(size=shape).astype(dtype)
            times = {name: [] for name in running}
            for call in running.values():
                call(x)  # compiles
            for _ in range(LARGE_TURNS):
                for name, call in running.items():
                    times[name].append(timed(call, x) / x.size * 1e9)
            yield np.dtype(dtype).name, shape, {name: statistics.median(t) for name, t in times.items()}


# ---------------------------------------------------------------- tables


def small_table():
    header = f"Python {platform.python_version()}, NumPy {np.__version__}"
    rows = [f"| `{call}` | {us:.2f} us |" for call, us in small_calls().items()]
    return "\n".join([f"| | {header} |", "|---|---|", *rows]) + "\n"


def large_table(library):
    lines = []
    for dtype, (rows, n), times in large_calls(library):
        if not lines:
            lines += ["| | " + " | ".join(times) + " |", "|---" * (len(times) + 1) + "|"]
        lines.append(f"| {dtype} {rows} x {n} | " + " | ".join(f"{t:.2f}" for t in times.values()) + " |")
    return "\n".join(lines) + "\n"


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--write"]
    tables = {"small calls": small_table(), "large calls": large_table(arguments[0] if arguments else None)}
    for name, table in tables.items():
        print(table)
        if "--write" in sys.argv:
            put(DOCUMENT, name, table)


if __name__ == "__main__":
    main()
