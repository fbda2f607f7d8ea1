"""peers.py: what other libraries make of the pool of rows. Run by scripts/accuracy.

usage: peers.py POOL RESULTS
Reads the arrays `accuracy pool` wrote, writes one folder per library that is installed here, for `accuracy judge`, and
prints a line "peer NAME TITLE" for each. A form that a library does not offer is left out.
"""

import importlib.metadata
import pathlib
import sys

import numpy as np

JACOBIAN_MOST = 17
DTYPES = {"f32": np.float32, "f64": np.float64}


def version(package):
    return importlib.metadata.version(package)


def scipy_forms():
    from scipy import special

    return f"SciPy {version('scipy')}", {
        "softmax": lambda z, g, q: special.softmax(z, axis=-1),
        "log-softmax": lambda z, g, q: special.log_softmax(z, axis=-1),
        "logsumexp": lambda z, g, q: special.logsumexp(z, axis=-1),
    }


def derivatives(softmax, log_softmax, vjp, jvp, jacobian):
    """The eight derivative forms from a library's three transformations."""

    def one_hot(z, q):
        e = np.zeros_like(z)
        e[np.arange(len(q)), q] = 1
        return e

    return {
        "gradient": lambda z, g, q: vjp(softmax, z, one_hot(z, q)),
        "jacobian": lambda z, g, q: jacobian(softmax, z),
        "vjp": lambda z, g, q: vjp(softmax, z, g),
        "jvp": lambda z, g, q: jvp(softmax, z, g),
        "log-gradient": lambda z, g, q: vjp(log_softmax, z, one_hot(z, q)),
        "log-jacobian": lambda z, g, q: jacobian(log_softmax, z),
        "log-vjp": lambda z, g, q: vjp(log_softmax, z, g),
        "log-jvp": lambda z, g, q: jvp(log_softmax, z, g),
    }


def torch_forms():
    import torch

    torch.set_num_threads(1)

    def softmax(x):
        return torch.softmax(x, -1)

    def log_softmax(x):
        return torch.log_softmax(x, -1)

    def vjp(f, z, g):
        x = torch.from_numpy(z.copy()).requires_grad_()
        return torch.autograd.grad(f(x), x, torch.from_numpy(g.copy()))[0].numpy()

    def jvp(f, z, t):
        return torch.func.jvp(f, (torch.from_numpy(z),), (torch.from_numpy(t),))[1].numpy()

    def jacobian(f, z):
        return torch.func.vmap(torch.func.jacrev(f))(torch.from_numpy(z)).numpy()

    return f"PyTorch {version('torch')}", {
        "softmax": lambda z, g, q: softmax(torch.from_numpy(z)).numpy(),
        "log-softmax": lambda z, g, q: log_softmax(torch.from_numpy(z)).numpy(),
        "logsumexp": lambda z, g, q: torch.logsumexp(torch.from_numpy(z), -1).numpy(),
        **derivatives(softmax, log_softmax, vjp, jvp, jacobian),
    }


def jax_forms():
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_platforms", "cpu")

    def vjp(f, z, g):
        return np.asarray(jax.jit(lambda x, c: jax.vjp(f, x)[1](c)[0])(z, g))

    def jvp(f, z, t):
        return np.asarray(jax.jit(lambda x, c: jax.jvp(f, (x,), (c,))[1])(z, t))

    def jacobian(f, z):
        return np.asarray(jax.jit(jax.vmap(jax.jacrev(f)))(z))

    return f"JAX {version('jax')}", {
        "softmax": lambda z, g, q: np.asarray(jax.jit(jax.nn.softmax)(z)),
        "log-softmax": lambda z, g, q: np.asarray(jax.jit(jax.nn.log_softmax)(z)),
        "logsumexp": lambda z, g, q: np.asarray(jax.jit(lambda x: jax.nn.logsumexp(x, axis=-1))(z)),
        **derivatives(jax.nn.softmax, jax.nn.log_softmax, vjp, jvp, jacobian),
    }


def autograd_forms():
    """autograd differentiates formulas: here the shifted ones, which it has no better form of."""
    import autograd
    import autograd.numpy as anp
    from autograd.scipy.special import logsumexp

    def softmax(x):
        e = anp.exp(x - anp.max(x, axis=-1, keepdims=True))
        return e / anp.sum(e, axis=-1, keepdims=True)

    def log_softmax(x):
        return x - logsumexp(x, axis=-1, keepdims=True)

    def vjp(f, z, g):
        return autograd.make_vjp(f)(z)[0](g)

    def jvp(f, z, t):
        # forward mode lacks rules for some of these; the derivative of the VJP in its cotangent is the JVP
        zero = np.zeros_like(z)
        return autograd.make_vjp(lambda c: autograd.make_vjp(f)(z)[0](c))(zero)[0](t)

    def jacobian(f, z):
        return np.stack([autograd.jacobian(f)(row) for row in z])

    return f"autograd {version('autograd')}", {
        "softmax": lambda z, g, q: softmax(z),
        "log-softmax": lambda z, g, q: log_softmax(z),
        "logsumexp": lambda z, g, q: logsumexp(z, axis=-1),
        **derivatives(softmax, log_softmax, vjp, jvp, jacobian),
    }


def onnxruntime_forms():
    import onnxruntime
    from onnx import TensorProto, helper

    types = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.float64): TensorProto.DOUBLE}

    def run(operator, z, **attributes):
        kind = types[z.dtype]
        node = helper.make_node(operator, ["x"], ["y"], **attributes)
        x = helper.make_tensor_value_info("x", kind, ["m", "n"])
        y = helper.make_tensor_value_info("y", kind, None)
        graph = helper.make_graph([node], operator, [x], [y])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
        model.ir_version = 8
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        return session.run(None, {"x": z})[0]

    return f"ONNX Runtime {version('onnxruntime')}", {
        "softmax": lambda z, g, q: run("Softmax", z, axis=-1),
        "log-softmax": lambda z, g, q: run("LogSoftmax", z, axis=-1),
        "logsumexp": lambda z, g, q: run("ReduceLogSumExp", z, axes=[1], keepdims=0),
    }


PEERS = {
    "scipy": scipy_forms,
    "torch": torch_forms,
    "jax": jax_forms,
    "autograd": autograd_forms,
    "onnxruntime": onnxruntime_forms,
}


def solve(pool, folder, forms):
    refused = set()
    for path in sorted(pool.glob("*-z")):
        kind, n = path.name.split("-")[:2]
        z = np.fromfile(path, DTYPES[kind]).reshape(-1, int(n))
        g = np.fromfile(pool / f"{kind}-{n}-g", DTYPES[kind]).reshape(z.shape)
        q = np.fromfile(pool / f"{kind}-{n}-q", np.int64)
        for name, evaluate in forms.items():
            if name.endswith("jacobian") and z.shape[1] > JACOBIAN_MOST:
                continue
            try:
                result = np.asarray(evaluate(z, g, q))
            except Exception as error:
                refused.add(f"{name} {kind}: {type(error).__name__}")
                continue
            # autograd answers some float32 questions in float64: one more rounding, and no worse for it
            np.ascontiguousarray(result, DTYPES[kind]).tofile(folder / f"{kind}-{n}-{name}")
    return refused


def main():
    pool, results = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    np.seterr(all="ignore")
    for name, make in PEERS.items():
        try:
            title, forms = make()
        except ImportError as error:
            print(f"peers.py: {name} is not installed ({error})", file=sys.stderr)
            continue
        folder = results / name
        folder.mkdir(parents=True, exist_ok=True)
        refused = solve(pool, folder, forms)
        print(f"peer {name} {title}", flush=True)
        for line in sorted(refused):
            print(f"peers.py: {title} cannot {line}", file=sys.stderr)


main()
