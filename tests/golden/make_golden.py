"""make_golden.py: makes the golden arrays, inputs and results by SciPy and autograd, and measures each against mpmath.

Needs PyPI's autograd, numpy, scipy and mpmath: make_golden.py OUT [--inputs FOLDER]
--inputs takes the input arrays from FOLDER instead of drawing them, so that results of other versions are comparable.
"""

import argparse
import json
import pathlib
import platform
from importlib.metadata import version

import autograd
import autograd.numpy as anp
import mpmath
import numpy as np
import scipy.special

import truth

SEED = 20230801


def draw_inputs():
    """The input arrays: name -> array. RandomState's streams are frozen by NumPy's policy."""
    rng = np.random.RandomState(SEED)
    inputs = {
        "half": rng.randint(-30, 31, (40, 5)) / 2,  # the article's input
        "normal": rng.standard_normal((17, 11)),
        "wide": 30 * rng.standard_normal((5, 300)),  # rows that span e^200
        "cube": 3 * rng.standard_normal((3, 7, 4)),
    }
    inputs["normal32"] = inputs["normal"].astype(np.float32)
    for name, z in list(inputs.items()):
        inputs[name + ".g"] = rng.standard_normal(z.shape).astype(z.dtype)
    return inputs


AXIS = 1  # the class axis of every input

# name of the input: selected output of the gradients, Jacobian layout (None: no Jacobian of this input)
CASES = {
    "half": (3, "dense"),
    "normal": (10, "blocks"),
    "normal32": (0, "blocks"),
    "wide": (7, None),
    "cube": (2, None),
}


def plain_softmax(axis):
    """The article's formula, for autograd."""

    def softmax(z):
        e = anp.exp(z)
        return e / anp.sum(e, axis=axis, keepdims=True)

    return softmax


def plain_log_softmax(axis):
    return lambda z: z - anp.log(anp.sum(anp.exp(z), axis=axis, keepdims=True))


def selected_gradient(function, z, q):
    """Gradient of output q of every row: the rows are independent, so the gradient of their sum holds all of them."""
    return autograd.grad(lambda x: anp.sum(function(x)[:, q]))(z)


def blocks(function, z):
    return np.stack([autograd.jacobian(function)(row) for row in z])


def results(z, g, q, layout):
    """Yields (form, producer, array) of one input."""
    yield "softmax", "scipy", scipy.special.softmax(z, axis=AXIS)
    yield "log-softmax", "scipy", scipy.special.log_softmax(z, axis=AXIS)
    yield "logsumexp", "scipy", scipy.special.logsumexp(z, axis=AXIS)
    softmax, log_softmax = plain_softmax(AXIS), plain_log_softmax(AXIS)
    for prefix, function in (("", softmax), ("log-", log_softmax)):
        yield prefix + "gradient", "autograd", selected_gradient(function, z, q)
        yield prefix + "vjp", "autograd", autograd.make_vjp(function)(z)[0](g)
        yield prefix + "jvp", "autograd", autograd.make_jvp(function)(z)(g)[1]
    yield "sum-of-squares", "autograd", autograd.grad(lambda x: anp.sum(softmax(x) ** 2))(z)
    if layout == "dense":
        yield "jacobian", "autograd", autograd.jacobian(softmax)(z)
    elif layout == "blocks":
        yield "jacobian", "autograd", blocks(plain_softmax(0), z)
    if layout:
        yield "log-jacobian", "autograd", blocks(plain_log_softmax(0), z)


def measure(got, exact):
    """Largest relative and absolute error of `got`; exact is an object array of mpmath numbers."""
    relative = absolute = mpmath.mpf(0)
    for value, true in zip(got.ravel().tolist(), exact.ravel()):
        difference = abs(mpmath.mpf(value) - true)
        absolute = max(absolute, difference)
        if true != 0:
            relative = max(relative, difference / abs(true))
        elif difference != 0:
            relative = mpmath.inf
    return float(relative), float(absolute)


def write_versions(out):
    lines = [f"python {platform.python_version()}"]
    lines += [f"{name} {version(name)}" for name in ("autograd", "numpy", "scipy", "mpmath")]
    (out / "VERSIONS.txt").write_text("\n".join(lines) + "\n")
    print(", ".join(lines))


def write_index(out, index):
    (out / "golden.json").write_text(json.dumps(index, indent=1) + "\n")
    columns = ("file", "form", "layout", "input", "cotangent", "axis", "class", "producer", "own_max_relative_error",
               "own_max_abs_error")
    with open(out / "golden.tsv", "w") as tsv:
        tsv.write("# " + "\t".join(columns) + "\n")
        for entry in index:
            tsv.write("\t".join(str(entry[c]) for c in columns) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--inputs", type=pathlib.Path)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    write_versions(options.out)

    inputs = draw_inputs()
    if options.inputs:
        inputs = {name: np.load(options.inputs / f"{name}.npy") for name in inputs}
    for name, array in inputs.items():
        np.save(options.out / f"{name}.npy", array)

    index = []
    for name, (q, layout) in CASES.items():
        z, g = inputs[name], inputs[name + ".g"]
        for form, producer, array in results(z, g, q, layout):
            array_layout = "dense" if form == "jacobian" and layout == "dense" else "blocks"
            relative, absolute = measure(array, truth.exact(form, z, g, AXIS, q, array_layout))
            entry = {
                "file": f"{name}.{form}.npy",
                "form": form,
                "layout": array_layout if "jacobian" in form else "-",
                "input": f"{name}.npy",
                "cotangent": f"{name}.g.npy" if form.endswith(("vjp", "jvp")) else "-",
                "axis": AXIS,
                "class": q if form.endswith("gradient") else "-",
                "shape": list(array.shape),
                "dtype": str(array.dtype),
                "producer": producer,
                "own_max_relative_error": relative,
                "own_max_abs_error": absolute,
            }
            np.save(options.out / entry["file"], np.ascontiguousarray(array))
            index.append(entry)
            print(f"{entry['file']:28} {str(array.shape):16} {array.dtype} {producer:8} "
                  f"own error: relative {relative:.2e}, absolute {absolute:.2e}")
    write_index(options.out, index)


main()
