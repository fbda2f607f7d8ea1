"""peers.py: the contenders of figures.py behind one interface: softjac's command, the article's formulas, and what is installed
of autograd, PyTorch, JAX and SciPy, each called as its users call it.

A contender has a name, a version and any of: softmax(z), log_softmax(z), jacobian(z) -> (m, n, n), vjp(z, g),
cross_entropy(z, labels) -> gradient of the summed loss. Arrays (m, n) of float32 or float64; the result has their dtype.
"""

import os
import pathlib
import subprocess
import tempfile

import numpy as np


class Softjac:
    """The command, with the baseline kernels: the same bits on every x86-64."""

    name = "softjac"

    def __init__(self, command):
        self.command = command
        self.environment = {**os.environ, "SOFTJAC_ISA": "scalar"}
        self.version = subprocess.check_output([command, "--version"], text=True).split()[-1]

    def call(self, *words, **arrays):
        with tempfile.TemporaryDirectory() as folder:
            files = {}
            for name, array in arrays.items():
                files[name] = str(pathlib.Path(folder) / f"{name}.npy")
                np.save(files[name], array)
            out = str(pathlib.Path(folder) / "out.npy")
            subprocess.run([self.command, *words, *files.values(), "-o", out], check=True, env=self.environment)
            return np.load(out)

    def softmax(self, z):
        return self.call("softmax", z=z)

    def log_softmax(self, z):
        return self.call("log-softmax", z=z)

    def jacobian(self, z):
        return self.call("jacobian", z=z)

    def vjp(self, z, g):
        return self.call("vjp", z=z, g=g)

    def cross_entropy(self, z, labels):
        """The loss is -log s_t: minus row t of the Jacobian of log-softmax."""
        return -self.call("jacobian", "--log", z=z)[np.arange(len(z)), labels]


class Article:
    """The article's formulas on the shifted softmax it ends with; cross-entropy's by the same rule."""

    name = "article's formulas"
    version = f"NumPy {np.__version__}"

    def softmax(self, z):
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def log_softmax(self, z):
        return np.log(self.softmax(z))

    def jacobian(self, z):
        return np.stack([np.diag(s) - np.outer(s, s) for s in self.softmax(z)])

    def vjp(self, z, g):
        s = self.softmax(z)
        return s * (g - (g * s).sum(axis=1, keepdims=True))

    def cross_entropy(self, z, labels):
        s = self.softmax(z)
        s[np.arange(len(z)), labels] -= 1
        return s


class Autograd:
    """Differentiates the article's first softmax, as the article does."""

    name = "autograd"

    def __init__(self):
        import importlib.metadata

        import autograd
        import autograd.numpy as anp

        self.ad, self.np = autograd, anp
        self.version = importlib.metadata.version("autograd")

    def of_softmax(self, z):
        e = self.np.exp(z)
        return e / self.np.sum(e, axis=-1, keepdims=True)

    def softmax(self, z):
        return self.of_softmax(z)

    def log_softmax(self, z):
        return self.np.log(self.of_softmax(z))

    def jacobian(self, z):
        row = self.ad.jacobian(self.of_softmax)
        return np.stack([row(x) for x in z])

    def vjp(self, z, g):
        return self.ad.make_vjp(self.of_softmax)(z)[0](g)

    def cross_entropy(self, z, labels):
        rows = np.arange(len(z))
        return self.ad.grad(lambda x: -self.np.sum(self.np.log(self.of_softmax(x)[rows, labels])))(z)


class AutogradShifted(Autograd):
    """Differentiates the shifted softmax, its maximum too: what the maximum passes back is minus the sum of the other entries."""

    name = "autograd, shifted"

    def of_softmax(self, z):
        return super().of_softmax(z - self.np.max(z, axis=-1, keepdims=True))


class Torch:
    name = "PyTorch"

    def __init__(self):
        import torch

        self.torch = torch
        self.version = torch.__version__.split("+")[0]

    def softmax(self, z):
        return self.torch.softmax(self.torch.tensor(z), 1).numpy()

    def log_softmax(self, z):
        return self.torch.log_softmax(self.torch.tensor(z), 1).numpy()

    def vjp(self, z, g):
        leaf = self.torch.tensor(z, requires_grad=True)
        self.torch.softmax(leaf, 1).backward(self.torch.tensor(g))
        return leaf.grad.numpy()

    def jacobian(self, z):
        one_hot = np.eye(z.shape[1], dtype=z.dtype)
        return np.stack([self.vjp(z, np.broadcast_to(e, z.shape).copy()) for e in one_hot], axis=1)

    def cross_entropy(self, z, labels):
        leaf = self.torch.tensor(z, requires_grad=True)
        self.torch.nn.functional.cross_entropy(leaf, self.torch.tensor(labels), reduction="sum").backward()
        return leaf.grad.numpy()


class Jax:
    name = "JAX"

    def __init__(self):
        import jax

        jax.config.update("jax_platforms", "cpu")
        jax.config.update("jax_enable_x64", True)
        self.jax = jax
        self.version = jax.__version__

    def softmax(self, z):
        return np.asarray(self.jax.nn.softmax(z))

    def log_softmax(self, z):
        return np.asarray(self.jax.nn.log_softmax(z))

    def jacobian(self, z):
        return np.asarray(self.jax.vmap(self.jax.jacrev(self.jax.nn.softmax))(z))

    def vjp(self, z, g):
        return np.asarray(self.jax.vjp(self.jax.nn.softmax, z)[1](g)[0])

    def cross_entropy(self, z, labels):
        rows = np.arange(len(z))
        return np.asarray(self.jax.grad(lambda x: -self.jax.nn.log_softmax(x)[rows, labels].sum())(z))


class SciPy:
    """Values only."""

    name = "SciPy"

    def __init__(self):
        import scipy
        import scipy.special

        self.special = scipy.special
        self.version = scipy.__version__

    def softmax(self, z):
        return self.special.softmax(z, axis=1)

    def log_softmax(self, z):
        return self.special.log_softmax(z, axis=1)


LIBRARIES = [Autograd, AutogradShifted, Torch, Jax, SciPy]


def contenders(command):
    """What can be compared here, softjac first; and the names of what is not installed."""
    found, missing = [Softjac(command), Article()], []
    for library in LIBRARIES:
        try:
            found.append(library())
        except ImportError:
            missing.append(library.name)
    return found, missing
