"""frameworks.py: today's SciPy and autograd against the committed golden arrays and against the softjac command.

frameworks.py REMADE SOFTJAC: REMADE is a folder that make_golden.py filled from the committed inputs, SOFTJAC the command.
Called by scripts/test-frameworks. Exit 1 if anything disagrees.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import autograd
import autograd.numpy as anp
import numpy as np
import scipy.special

GOLDEN = pathlib.Path(__file__).parent
DIGITS = GOLDEN.parents[1] / "examples" / "data" / "digits_logits.npy"
U = 2.0**-53
failures = 0


def report(name, excess):
    """excess: largest difference over tolerance."""
    global failures
    good = excess <= 1
    failures += not good
    print(f"{'ok  ' if good else 'FAIL'} {name}: {excess:.3g} of the tolerance")


def excess(difference, tolerance):
    """A difference of 0 needs no tolerance; a NaN fails."""
    ratio = np.where(difference == 0, 0, difference / np.maximum(tolerance, np.finfo(float).tiny))
    return float(np.nan_to_num(ratio, nan=np.inf).max())


def compare_remade(remade):
    """Both sides may be off by the recorded error, and another processor's exp and order of sums by up to four times it."""
    for entry in json.loads((GOLDEN / "golden.json").read_text()):
        old = np.load(GOLDEN / entry["file"]).astype(float)
        new = np.load(remade / entry["file"]).astype(float)
        if old.shape != new.shape:
            report(f"remade {entry['file']}: shape {new.shape}, not {old.shape}", np.inf)
            continue
        size = np.maximum(abs(old), abs(new))
        tolerance = 2 * 4 * np.minimum(entry["own_max_abs_error"], entry["own_max_relative_error"] * size)
        report(f"remade {entry['file']}", excess(abs(new - old), tolerance))


def softmax(z):
    e = anp.exp(z)
    return e / anp.sum(e, axis=-1, keepdims=True)


def log_softmax(z):
    return z - anp.log(anp.sum(anp.exp(z), axis=-1, keepdims=True))


def live_cases(z, g):
    """(arguments of the command, the frameworks' result); Z and G in the arguments stand for the files."""
    yield ["softmax", "Z"], scipy.special.softmax(z, axis=1)
    yield ["log-softmax", "Z"], scipy.special.log_softmax(z, axis=1)
    yield ["logsumexp", "Z"], scipy.special.logsumexp(z, axis=1)
    for flags, function in (([], softmax), (["--log"], log_softmax)):
        yield ["gradient", "--class", "3", *flags, "Z"], autograd.grad(lambda x: anp.sum(function(x)[:, 3]))(z)
        yield ["vjp", *flags, "Z", "G"], autograd.make_vjp(function)(z)[0](g)
        yield ["jvp", *flags, "Z", "G"], autograd.make_jvp(function)(z)(g)[1]
        yield ["jacobian", *flags, "Z"], np.stack([autograd.jacobian(function)(row) for row in z])


def compare_live(command):
    """The rounding of z - max costs a plain softmax (range of z) * u of each entry, exp and the sum some u more; a product with g
    takes two such factors. Entries of derivatives cancel, so that their error is absolute."""
    z = np.load(DIGITS)
    g = np.random.RandomState(7).standard_normal(z.shape)
    bound = 2 * (np.ptp(z, axis=1).max() + z.shape[1] + 10) * U
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        np.save(folder / "g.npy", g)
        files = {"Z": str(DIGITS), "G": str(folder / "g.npy")}
        for arguments, theirs in live_cases(z, g):
            out = folder / "out.npy"
            words = [command, *(files.get(a, a) for a in arguments), "-o", str(out)]
            if subprocess.run(words).returncode != 0:
                report(" ".join(["softjac", *arguments]) + ": the command failed", np.inf)
                continue
            ours = np.load(out)
            if ours.shape != theirs.shape:
                report(f"softjac {arguments}: shape {ours.shape}, not {theirs.shape}", np.inf)
                continue
            size = {"softmax": theirs, "log-softmax": np.ptp(z), "logsumexp": np.ptp(z)}.get(arguments[0], 1)
            size = size * (abs(g).sum(axis=1, keepdims=True) if "G" in arguments else 1)
            report(" ".join(["softjac", *arguments]), excess(abs(ours - theirs), bound * size))


compare_remade(pathlib.Path(sys.argv[1]))
compare_live(sys.argv[2])
print(f"{failures} disagreements")
sys.exit(1 if failures else 0)
