"""make_losses.py: makes the golden arrays of cross-entropy by PyTorch: every combination of target, reduction, label
smoothing and class weights, value and gradient, float64.

Run it with Debian's Python (python3-torch): /usr/bin/python3 make_losses.py [FOLDER]
Cases in the order of `cases()`, which test_losses.c repeats.
"""

import itertools
import pathlib
import sys

import numpy as np
import torch

SHAPE = (6, 5, 4)  # the class axis is axis 1
IGNORE = 3
SMOOTHING = 0.1
TARGETS = ("labels", "ignoring", "probabilities")
REDUCTIONS = ("none", "sum", "mean")


def draw():
    rng = np.random.RandomState(20261127)
    return {
        "z": 4 * rng.standard_normal(SHAPE),
        "labels": rng.randint(0, SHAPE[1], (SHAPE[0], SHAPE[2])),
        "probabilities": rng.uniform(0, 1, SHAPE),
        "weights": rng.uniform(0.25, 3, SHAPE[1]),
        "upstream": rng.standard_normal((SHAPE[0], SHAPE[2])),
    }


def cases():
    return itertools.product(TARGETS, REDUCTIONS, (0, SMOOTHING), (False, True))


def evaluate(inputs, target, reduction, smoothing, weighted):
    z = torch.tensor(inputs["z"], requires_grad=True)
    y = torch.tensor(inputs["probabilities" if target == "probabilities" else "labels"])
    loss = torch.nn.functional.cross_entropy(
        z,
        y,
        weight=torch.tensor(inputs["weights"]) if weighted else None,
        ignore_index=IGNORE if target == "ignoring" else -100,
        reduction=reduction,
        label_smoothing=smoothing,
    )
    upstream = torch.tensor(inputs["upstream"])
    loss.backward(upstream if reduction == "none" else upstream[0, 0])
    value = np.full((SHAPE[0], SHAPE[2]), np.nan)
    value[...] = loss.detach().numpy()  # a reduced one in every place
    return value, z.grad.numpy()


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    inputs = draw()
    results = [evaluate(inputs, *case) for case in cases()]
    for name, array in inputs.items():
        np.save(folder / f"losses.{name}.npy", array)
    np.save(folder / "losses.loss.npy", np.stack([value for value, _ in results]))
    np.save(folder / "losses.grad.npy", np.stack([grad for _, grad in results]))
    print(f"{len(results)} cases by PyTorch {torch.__version__}, numpy {np.__version__}")


if __name__ == "__main__":
    main()
