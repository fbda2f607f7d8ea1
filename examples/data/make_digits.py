"""make_digits.py: makes digits_logits.npy, digits_labels.npy and digits_images.npy, the real input of `make demo` and the README.

Logits of the 1797 handwritten digits that scikit-learn carries, by a multinomial logistic regression fitted to them.
Run it with Debian's Python (python3-sklearn): /usr/bin/python3 make_digits.py [FOLDER]
"""

import os
import pathlib
import platform
import sys

# One BLAS thread and a fixed kernel: the order of its sums is part of the result.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["OPENBLAS_CORETYPE"] = "Haswell"

import numpy as np
import scipy
import sklearn
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    digits = load_digits()
    # Raw pixels 0..16 and the default C, as in most uses of this data set; lbfgs draws no random number.
    pixels = digits.data
    model = LogisticRegression(solver="lbfgs", C=1.0, tol=1e-10, max_iter=5000)
    model.fit(pixels, digits.target)
    logits = np.ascontiguousarray(model.decision_function(pixels), dtype="<f8")
    labels = digits.target.astype("<i8")
    np.save(folder / "digits_logits.npy", logits)
    np.save(folder / "digits_labels.npy", labels)
    np.save(folder / "digits_images.npy", pixels.astype(np.uint8))

    top = np.sort(logits, axis=1)
    gap = top[:, -1] - top[:, -2]
    print(f"python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}, "
          f"scikit-learn {sklearn.__version__}")
    print(f"logits {logits.shape} {logits.dtype}, range {logits.min():.4f} .. {logits.max():.4f}")
    print(f"labels {labels.shape} {labels.dtype}, accuracy {(logits.argmax(axis=1) == labels).mean():.4f}")
    print(f"gap between the two largest logits of a row {gap.min():.4f} .. {gap.max():.4f}")


main()
