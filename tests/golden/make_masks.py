"""make_masks.py: makes the golden arrays of masked and scaled softmax by PyTorch: logits of attention read through a mask,
lengths, a causal mask, a scale and a bias, and all of these; each result in float32 and float64, and its truth by mpmath.

Run it with Debian's Python (python3-torch, python3-mpmath): /usr/bin/python3 make_masks.py [FOLDER]
Readings and results in the order of READINGS and RESULTS, which test_masks.c repeats.
"""

import pathlib
import sys

import mpmath
import numpy as np
import torch

import truth

SHAPE = (2, 6, 9)  # batch, query, key; the class axis is the last
SCALE = 9 / 64  # exact in both dtypes, and no power of two: scale z is rounded
READINGS = (("mask",), ("lengths",), ("causal",), ("scale", "bias"), ("mask", "lengths", "causal", "scale", "bias"))
RESULTS = ("softmax", "log-softmax", "logsumexp", "vjp", "log-vjp")


def draw(rng):
    """Numbers that float32 holds, so that both dtypes have the same truth. Key 0 takes part in every row: PyTorch makes a
    row of no entry NaN, and the library 0."""
    inputs = {
        "z": (8 * rng.standard_normal(SHAPE)).astype("f4"),
        "g": rng.standard_normal(SHAPE).astype("f4"),
        "mask": rng.uniform(size=SHAPE[1:]) < 0.6,
        "lengths": rng.randint(1, SHAPE[2] + 1, SHAPE[:2]),
        "bias": (2 * rng.standard_normal(SHAPE[1:])).astype("f4"),
    }
    inputs["mask"][:, 0] = True
    inputs["bias"][2, 5] = -np.inf
    return inputs


def entries(inputs, reading):
    """Which take part."""
    kept = np.ones(SHAPE, bool)
    if "mask" in reading:
        kept &= inputs["mask"]
    if "lengths" in reading:
        kept &= np.arange(SHAPE[2]) < inputs["lengths"][..., None]
    if "causal" in reading:
        kept &= np.tri(*SHAPE[1:], dtype=bool)
    if "bias" in reading:
        kept &= inputs["bias"] > -np.inf
    return kept


def evaluate(inputs, reading, dtype):
    """PyTorch's results, by name, the two gradients those of z. What flows into a masked entry is cut off before: PyTorch
    sums the cotangents of log-softmax over masked entries too, and to the library these are constants."""
    kept = torch.tensor(entries(inputs, reading))
    z = torch.tensor(inputs["z"].astype(dtype), requires_grad=True)
    g = torch.tensor(inputs["g"].astype(dtype)).masked_fill(~kept, 0)
    x = z * SCALE if "scale" in reading else z
    x = x + torch.tensor(inputs["bias"].astype(dtype)) if "bias" in reading else x
    x = x.masked_fill(~kept, -torch.inf)
    s, log_s = torch.softmax(x, -1), torch.log_softmax(x, -1)
    results = {"softmax": s, "log-softmax": log_s, "logsumexp": torch.logsumexp(x, -1, keepdim=True).expand(SHAPE)}
    (results["vjp"],) = torch.autograd.grad(s, z, g, retain_graph=True)
    (results["log-vjp"],) = torch.autograd.grad(log_s, z, g)
    return {name: result.detach().numpy() for name, result in results.items()}


def condition_row(form, x, g, scale):
    """What the accuracy contract measures an error by, of each entry of one row."""
    exact = truth.row(form, x, g, 0)
    if form == "logsumexp":
        return [max(abs(max(x)), exact - max(x))] * SHAPE[2]
    if not form.endswith("vjp"):
        return [abs(value) for value in exact]
    pivot = 0 if form == "log-vjp" else g[x.index(max(x))]
    sizes = [[abs(entry) for entry in column] for column in zip(*truth.jacobian_row(x, form == "log-vjp"))]
    return [scale * value for value in truth.product_row(sizes, [abs(value - pivot) for value in g])]


def exact_row(form, x, g, scale):
    exact = truth.row(form, x, g, 0)
    if form == "logsumexp":
        return [exact] * SHAPE[2]
    return [scale * value for value in exact] if form.endswith("vjp") else exact


def rounded(numbers):
    """To float64; what is 0 but for the last of mpmath's digits is 0."""
    return [float(x) if abs(x) > 1e-200 else 0.0 for x in numbers]


def exactly(inputs, reading, form):
    """(truth, condition), each rounded to float64: of every row by the entries that take part alone."""
    kept = entries(inputs, reading)
    masked = -np.inf if form == "log-softmax" else 0
    value, condition = np.full(SHAPE, masked, "f8"), np.zeros(SHAPE)
    scale = mpmath.mpf(SCALE if "scale" in reading else 1)
    for row in np.ndindex(SHAPE[:-1]):
        of = kept[row]
        bias = inputs["bias"][row[1]][of] if "bias" in reading else np.zeros(of.sum())
        x = [scale * mpmath.mpf(float(z)) + mpmath.mpf(float(b)) for z, b in zip(inputs["z"][row][of], bias)]
        g = [mpmath.mpf(float(v)) for v in inputs["g"][row][of]]
        at = np.ones_like(of) if form == "logsumexp" else of
        value[row][at] = rounded(exact_row(form, x, g, scale))
        condition[row][at] = rounded(condition_row(form, x, g, scale))
    return value, condition


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    inputs = draw(np.random.RandomState(20261128))
    exact = [[exactly(inputs, reading, form) for form in RESULTS] for reading in READINGS]
    arrays = dict(inputs)
    for name, dtype in (("torch32", "f4"), ("torch64", "f8")):
        results = [evaluate(inputs, reading, dtype) for reading in READINGS]
        arrays[name] = np.stack([[of[form] for form in RESULTS] for of in results])
    arrays["truth"] = np.array([[value for value, _ in of] for of in exact])
    arrays["condition"] = np.array([[condition for _, condition in of] for of in exact])
    for name, array in arrays.items():
        np.save(folder / f"masks.{name}.npy", array)
    print(f"{len(READINGS)} readings, {len(RESULTS)} results by PyTorch {torch.__version__}, mpmath {mpmath.__version__}, "
          f"numpy {np.__version__}")


if __name__ == "__main__":
    main()
