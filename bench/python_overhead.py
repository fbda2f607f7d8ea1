"""python_overhead.py: what a call on five numbers costs in Python: softjac's functions, np.exp, a gufunc, and SciPy's.

Each time is the least of many short runs, the calls taking turns, so that a busy machine disturbs all alike. Needs the
package on the path: `PYTHONPATH=build/python python3 bench/python_overhead.py`.
"""

import timeit

import numpy as np
import scipy.special
import softjac
from softjac import ufuncs

CALLS = 200
TURNS = 50

x = np.random.default_rng(1).normal(size=(1, 5))
y = np.empty_like(x)
names = {"np": np, "scipy": scipy, "softjac": softjac, "ufuncs": ufuncs, "x": x, "y": y}
calls = (
    "np.exp(x)",
    "softjac.softmax(x)",
    "softjac.softmax(x, out=y)",
    "softjac.softmax_vjp(x, x)",
    "softjac.logsumexp(x)",
    "ufuncs.softmax(x)",
    "scipy.special.softmax(x, axis=-1)",
)
timers = {call: timeit.Timer(call, globals=names) for call in calls}
best = dict.fromkeys(calls, float("inf"))
for _ in range(TURNS):
    for call, timer in timers.items():
        best[call] = min(best[call], timer.timeit(CALLS) / CALLS)
for call, seconds in best.items():
    print(f"{call:36} {seconds * 1e6:6.2f} us")
