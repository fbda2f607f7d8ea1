"""compare_losses.py: cross-entropy and its gradient by the softjac command against the PyTorch that is installed, in
every combination of make_losses.py, on new input.

compare_losses.py SOFTJAC. Called by scripts/test-frameworks. Exit 1 if anything disagrees.
"""

import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch

import make_losses

TOLERANCE = 1e-14  # as test_losses.c


def by_command(softjac, folder, inputs, target, reduction, smoothing, weighted):
    y = "probabilities" if target == "probabilities" else "labels"
    words = [softjac, "cross-entropy", folder / "z.npy", folder / f"{y}.npy", "--axis", "1", "--reduction", reduction]
    words += ["--label-smoothing", str(smoothing), "--grad", folder / "grad.npy", "-o", folder / "loss.npy"]
    if weighted:
        words += ["--weights", folder / "weights.npy"]
    if target == "ignoring":
        words += ["--ignore-index", str(make_losses.IGNORE)]
    subprocess.run([str(word) for word in words], check=True)
    return np.load(folder / "loss.npy"), np.load(folder / "grad.npy")


def main():
    failures = 0
    inputs = make_losses.draw()
    inputs["z"] = 4 * np.random.standard_normal(make_losses.SHAPE)
    inputs["upstream"] = np.ones_like(inputs["upstream"])
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for key, array in inputs.items():
            np.save(folder / f"{key}.npy", array)
        for case in make_losses.cases():
            want = make_losses.evaluate(inputs, *case)
            got = by_command(sys.argv[1], folder, inputs, *case)
            off = max(np.max(np.abs(g - w) / np.maximum(1, np.abs(w))) for g, w in zip(got, want))
            if not off <= TOLERANCE:
                failures += 1
                print(f"FAIL cross-entropy {case}: off by {off:.3g}")
    print(f"cross-entropy, PyTorch {torch.__version__}: {failures} failures")
    return failures > 0


sys.exit(main())
