"""compare_masks.py: masked, causal, scaled and biased softmax and its gradients by the softjac command against the PyTorch
that is installed, in every reading of make_masks.py, on new input, in both dtypes.

compare_masks.py SOFTJAC. Called by scripts/test-frameworks. Exit 1 if anything disagrees.
"""

import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch

import make_masks

U = {"f4": 2.0**-24, "f8": 2.0**-53}
FILES = ("mask", "lengths", "bias")


def by_command(softjac, folder, reading, form):
    words = [softjac, form.removeprefix("log-") if form.endswith("vjp") else form, folder / "z.npy"]
    if form.endswith("vjp"):
        words += [folder / "g.npy", *(["--log"] if form.startswith("log-") else [])]
    for part in reading:
        words += [f"--{part}", folder / f"{part}.npy"] if part in FILES else []
    words += ["--causal"] if "causal" in reading else []
    words += ["--temperature", repr(1 / make_masks.SCALE)] if "scale" in reading else []
    subprocess.run([str(word) for word in [*words, "-o", folder / "out.npy"]], check=True)
    got = np.load(folder / "out.npy")
    return np.broadcast_to(got[..., None], make_masks.SHAPE) if form == "logsumexp" else got


def excess(got, want, form, inputs, u):
    """The largest difference over PyTorch's own tolerance, that of test_masks.c for the range of these logits."""
    units = 2 * (np.ptp(inputs["z"]) + make_masks.SHAPE[-1] + 3)
    cotangents = np.abs(inputs["g"]).sum(axis=-1, keepdims=True)
    size = {"softmax": want, "vjp": cotangents, "log-vjp": cotangents}.get(form, 1)
    with np.errstate(invalid="ignore"):  # -inf less itself
        off = np.where(got == want, 0, np.abs(got.astype("f8") - want))
    return np.nan_to_num(off / np.maximum(units * u * size, np.finfo("f4").tiny), nan=np.inf).max()


def main():
    failures, worst = 0, 0
    inputs = make_masks.draw(np.random.RandomState())
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for dtype, u in U.items():
            for key, array in inputs.items():
                np.save(folder / f"{key}.npy", array.astype(dtype) if array.dtype == "f4" else array)
            for reading in make_masks.READINGS:
                for form, want in make_masks.evaluate(inputs, reading, dtype).items():
                    got = by_command(sys.argv[1], folder, reading, form)
                    off = excess(got, want, form, inputs, u)
                    worst = max(worst, off)
                    if not off <= 1:
                        failures += 1
                        print(f"FAIL {form} {dtype} {'+'.join(reading)}: {off:.3g} of the tolerance")
    print(f"masks, scale and bias, PyTorch {torch.__version__}: {failures} failures, {worst:.3g} of the tolerance")
    return failures > 0


sys.exit(main())
