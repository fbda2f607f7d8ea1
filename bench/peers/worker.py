"""worker.py: the process behind worker.c: times what Python offers (frameworks.py) on the harness's own input.

usage: worker.py THREADS. One line in, one line out:
    (start)                                                         " name=version ...", "-" where not installed
    open MODULE OP DTYPE ROWS N AXIS STRIDE BYTES FILE              1, or 0: no such operation
    run MODULE CALLS                                                nanoseconds of CALLS calls; the result is in the file
    close MODULE                                                    1
An operation that fails answers 0 to open and -1 to run, and says why on standard error.
"""

import gc
import mmap
import sys
import time

THREADS = int(sys.argv[1])
ANSWERS = sys.stdout
sys.stdout = sys.stderr  # what a framework prints is no answer

import frameworks  # noqa: E402
import numpy as np  # noqa: E402


class Job:
    """One operation of one module on the workload's arrays: z, s and g a stride apart in the file, then out. In the
    place of g are the labels of a loss, or a mask. NumPy has no bfloat16: its arrays are of the bits."""

    def __init__(self, module, op, dtype, rows, n, axis, stride, size, path):
        rows, n, stride = int(rows), int(n), int(stride)
        with open(path, "r+b") as file:
            memory = mmap.mmap(file.fileno(), int(size))
        shape = (rows, n) if axis == "1" else (n, rows)
        results = {"jacobian": (rows, n, n), "logsumexp": (rows,)}.get(op, shape)

        def array(place, shape, kind="int16" if dtype == "bfloat16" else dtype):
            return np.frombuffer(memory, kind, int(np.prod(shape)), place * stride).reshape(shape)

        self.z, self.s, self.g, self.out = array(0, shape), array(1, shape), array(2, shape), array(3, results)
        self.labels, self.mask = array(2, (rows,), "int64"), array(2, shape, "bool")
        self.axis, self.rows, self.n, self.dtype = int(axis), rows, n, dtype
        self.call, self.fetch = frameworks.make(module, op, self, THREADS)

    def run(self, calls):
        """The results that a framework allocates are copied into the file after the clock stops."""
        call, result = self.call, None
        start = time.perf_counter_ns()
        for _ in range(calls):
            result = call()
        elapsed = time.perf_counter_ns() - start
        if self.fetch is not None:
            self.out[...] = self.fetch(result)
        return elapsed


def answer(jobs, command, module, rest):
    if command == "open":
        job = Job(module, *rest)
        if job.call is None:
            return 0
        jobs[module] = job
        return 1
    if command == "run":
        return jobs[module].run(int(rest[0]))
    del jobs[module]
    gc.collect()
    return 1


def main():
    gc.disable()
    print(frameworks.greeting(THREADS), file=ANSWERS, flush=True)
    jobs = {}
    for line in sys.stdin:
        command, module, *rest = line.split()
        try:
            number = answer(jobs, command, module, rest)
        except Exception as error:  # an operation that a version lacks must not end the others
            print(f"{module}: {command} {' '.join(rest[:4])}: {str(error).splitlines()[:1]}", file=sys.stderr)
            number = 0 if command == "open" else -1
        print(number, file=ANSWERS, flush=True)


main()
