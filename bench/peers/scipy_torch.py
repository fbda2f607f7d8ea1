"""scipy_torch.py: the worker behind peers/python.c: times SciPy and PyTorch on the harness's own input.

One line in, one line out:
    (start)                                                    scipy=VERSION torch=VERSION, "-" where not installed
    open MODULE OP DTYPE ROWS N STRIDE BYTES FILE              1, or 0: no such operation
    run MODULE CALLS                                           nanoseconds of CALLS calls; the result is in the file
    close MODULE                                               1
"""

import gc
import mmap
import sys
import time

try:
    import numpy as np
    import scipy
    import scipy.special
except ImportError:
    scipy = None
try:
    import numpy as np
    import torch

    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
except ImportError:
    torch = None


class Arrays:
    """The workload's arrays, in the file the harness filled: z, s and g a stride apart, then out."""

    def __init__(self, dtype, rows, n, stride, size, path):
        with open(path, "r+b") as file:
            memory = mmap.mmap(file.fileno(), size)
        count = rows * n
        self.z, self.s, self.g, self.out = (
            np.frombuffer(memory, dtype=dtype, count=count, offset=i * stride).reshape(rows, n) for i in range(4))


def scipy_call(op, arrays):
    """SciPy has the forward function alone, and allocates its result."""
    if op != "softmax":
        return None
    return lambda: scipy.special.softmax(arrays.z, axis=1)


def torch_call(op, arrays):
    """The operators that torch.softmax and its backward pass end in, writing into an existing result."""
    if op == "jacobian":
        return None
    z, s, g, out = (torch.from_numpy(a) for a in (arrays.z, arrays.s, arrays.g, arrays.out))
    backward = torch.ops.aten._softmax_backward_data.out
    if op == "softmax":
        return lambda: torch.softmax(z, -1, out=out)
    if op == "vjp-of-softmax":
        return lambda: backward(g, s, -1, z.dtype, grad_input=out)
    scratch = torch.empty_like(z)

    def forward_and_backward():
        torch.softmax(z, -1, out=scratch)
        return backward(g, scratch, -1, z.dtype, grad_input=out)

    return forward_and_backward


MAKERS = {"scipy": scipy_call, "torch": torch_call}


class Job:
    def __init__(self, module, op, dtype, rows, n, stride, size, path):
        self.arrays = Arrays(np.dtype(dtype), int(rows), int(n), int(stride), int(size), path)
        self.call = MAKERS[module](op, self.arrays)

    def run(self, calls):
        call, result = self.call, None
        start = time.perf_counter_ns()
        for _ in range(calls):
            result = call()
        elapsed = time.perf_counter_ns() - start
        if isinstance(result, np.ndarray):
            self.arrays.out[...] = result
        return elapsed


def main():
    gc.disable()
    print(f"scipy={scipy.__version__ if scipy else '-'} torch={torch.__version__ if torch else '-'}", flush=True)
    jobs = {}
    for line in sys.stdin:
        command, module, *rest = line.split()
        if command == "open":
            job = Job(module, *rest)
            if job.call is not None:
                jobs[module] = job
            answer = int(job.call is not None)
        elif command == "run":
            answer = jobs[module].run(int(rest[0]))
        else:
            del jobs[module]
            answer = 1
        print(answer, flush=True)


main()
