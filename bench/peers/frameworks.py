"""frameworks.py: the operations of SciPy, PyTorch, JAX, ONNX Runtime and autograd as calls without arguments.

make(module, op, job, threads) gives (call, fetch): fetch turns the call's value into an array, None where the call
writes into job.out itself; (None, None) where the module has no such operation. Called by worker.py.
"""

import importlib
import importlib.metadata
import os

MODULES = ("scipy", "torch", "jax", "onnxruntime", "autograd")
found = {}


def greeting(threads):
    """Imports what is installed, limited to so many threads."""
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=" + ("true" if threads > 1 else "false"))
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    for name in MODULES:
        try:
            found[name] = importlib.import_module(name)
        except ImportError:
            continue
    if "torch" in found:
        found["torch"].set_num_threads(threads)
        found["torch"].set_grad_enabled(False)
    if "jax" in found:
        found["jax"].config.update("jax_enable_x64", True)
    return "".join(f" {name}={version(name)}" for name in MODULES)


def version(name):
    """autograd tells its own only to the package manager."""
    if name not in found:
        return "-"
    return getattr(found[name], "__version__", None) or importlib.metadata.version(name)


def scipy_call(op, job, threads):
    """SciPy has the forward functions, and allocates their results."""
    import scipy.special

    function = {"softmax": scipy.special.softmax, "log-softmax": scipy.special.log_softmax,
                "logsumexp": scipy.special.logsumexp}.get(op)
    return (function and (lambda: function(job.z, axis=job.axis))), (lambda result: result)


def torch_call(op, job, threads):
    """The operators that torch's functions and their backward passes end in, writing into an existing result."""
    import torch

    aten, dim = torch.ops.aten, job.axis
    z, s, g, out = (torch.from_numpy(a) for a in (job.z, job.s, job.g, job.out))
    if job.dtype == "bfloat16":
        z, s, g, out = (bits.view(torch.bfloat16) for bits in (z, s, g, out))
    backward = aten._softmax_backward_data.out
    if op == "softmax":
        return (lambda: aten._softmax.out(z, dim, False, out=out)), None
    if op == "log-softmax":
        return (lambda: aten._log_softmax.out(z, dim, False, out=out)), None
    if op == "logsumexp":
        return (lambda: torch.logsumexp(z, dim, out=out)), None
    if op == "vjp-of-softmax":
        return (lambda: backward(g, s, dim, z.dtype, grad_input=out)), None
    if op in ("jvp", "jacobian"):
        return torch_transform(op, torch, z, g, dim)
    if op == "cross-entropy":
        return torch_cross_entropy(torch, job, z, out)
    if op in ("masked-softmax", "causal-softmax"):
        return torch_masked_softmax(op, torch, job, z, out)
    cotangent = g
    if op == "gradient":
        cotangent = torch.zeros_like(z)
        cotangent.select(dim, job.n // 2).fill_(1)
    scratch = torch.empty_like(z)

    def forward_and_backward():
        aten._softmax.out(z, dim, False, out=scratch)
        return backward(cotangent, scratch, dim, z.dtype, grad_input=out)

    return forward_and_backward, None


def torch_transform(op, torch, z, t, dim):
    if not hasattr(torch, "func"):
        return None, None
    if op == "jvp":
        return (lambda: torch.func.jvp(lambda x: torch.softmax(x, dim), (z,), (t,))[1]), (lambda r: r.numpy())
    blocks = torch.func.vmap(torch.func.jacrev(lambda row: torch.softmax(row, 0)), in_dims=1 - dim)
    return (lambda: blocks(z)), (lambda r: r.numpy())


def torch_cross_entropy(torch, job, z, out):
    """cross_entropy forward and backward: two operators each way, between them the log-softmax."""
    if job.axis != 1:
        return None, None
    aten, labels = torch.ops.aten, torch.from_numpy(job.labels)
    logs, cotangent = torch.empty_like(z), torch.empty_like(z)
    loss, total, one = z.new_empty(()), z.new_empty(()), z.new_ones(())

    def forward_and_backward():
        aten._log_softmax.out(z, 1, False, out=logs)
        aten.nll_loss_forward.output(logs, labels, None, 1, -100, output=loss, total_weight=total)
        aten.nll_loss_backward.grad_input(one, logs, labels, None, 1, -100, total, grad_input=cotangent)
        return aten._log_softmax_backward_data.out(cotangent, logs, 1, z.dtype, out=out)

    return forward_and_backward, None


def torch_masked_softmax(op, torch, job, z, out):
    """masked_fill, which allocates, and softmax."""
    hidden = ~torch.from_numpy(job.mask)
    if op == "causal-softmax":
        hidden = torch.ones(z.shape, dtype=torch.bool).triu(1)
    return (lambda: torch.ops.aten._softmax.out(z.masked_fill(hidden, float("-inf")), job.axis, False, out=out)), None


def jax_call(op, job, threads):
    """Compiled functions on arrays of its own; each call waits for its result."""
    import jax
    import jax.numpy as jnp

    axis, z, s, g = job.axis, *(jnp.asarray(a.copy()) for a in (job.z, job.s, job.g))

    def softmax(x):
        return jax.nn.softmax(x, axis=axis)

    def from_softmax(s, g):
        return s * (g - jnp.sum(s * g, axis=axis, keepdims=True))

    def gradient(z):
        return jax.grad(lambda x: jnp.take(softmax(x), job.n // 2, axis=axis).sum())(z)

    functions = {
        "softmax": (softmax, (z,)),
        "log-softmax": (lambda x: jax.nn.log_softmax(x, axis=axis), (z,)),
        "logsumexp": (lambda x: jax.nn.logsumexp(x, axis=axis), (z,)),
        "gradient": (gradient, (z,)),
        "vjp-of-softmax": (from_softmax, (s, g)),
        "vjp": (lambda z, g: jax.vjp(softmax, z)[1](g)[0], (z, g)),
        "jvp": (lambda z, t: jax.jvp(softmax, (z,), (t,))[1], (z, g)),
        "jacobian": (jax.vmap(jax.jacrev(jax.nn.softmax), in_axes=1 - axis), (z,)),
    }
    function, arguments = functions[op]
    compiled = jax.jit(function).lower(*arguments).compile()
    import numpy as np

    return (lambda: compiled(*arguments).block_until_ready()), np.asarray


def onnxruntime_call(op, job, threads):
    """Forward operators, bound to the harness's arrays, so that nothing is copied or allocated."""
    import onnxruntime
    from onnx import TensorProto, helper

    kinds = {"softmax": "Softmax", "log-softmax": "LogSoftmax", "logsumexp": "ReduceLogSumExp"}
    if op not in kinds:
        return None, None
    how = {"axes": [job.axis], "keepdims": 0} if op == "logsumexp" else {"axis": job.axis}
    dtype = TensorProto.FLOAT if job.z.dtype == "float32" else TensorProto.DOUBLE
    graph = helper.make_graph([helper.make_node(kinds[op], ["z"], ["out"], **how)], "bench",
                              [helper.make_tensor_value_info("z", dtype, job.z.shape)],
                              [helper.make_tensor_value_info("out", dtype, job.out.shape)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0" if threads == 1 else "1")
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    binding.bind_input("z", "cpu", 0, job.z.dtype.type, job.z.shape, job.z.ctypes.data)
    binding.bind_output("out", "cpu", 0, job.out.dtype.type, job.out.shape, job.out.ctypes.data)
    return (lambda: session.run_with_iobinding(binding)), None


def autograd_call(op, job, threads):
    """The Jacobian of each row, the only batch it has; a Python call a row, so not of many or long ones."""
    import autograd
    import autograd.numpy as anp
    import numpy as np

    if op != "jacobian" or job.axis != 1 or job.rows > 1000 or job.n > 64:
        return None, None

    def softmax(z):
        weights = anp.exp(z - anp.max(z))
        return weights / anp.sum(weights)

    block = autograd.jacobian(softmax)
    return (lambda: np.stack([block(row) for row in job.z])), (lambda result: result)


CALLS = {"scipy": scipy_call, "torch": torch_call, "jax": jax_call, "onnxruntime": onnxruntime_call,
         "autograd": autograd_call}


TORCH_ALONE = ("cross-entropy", "masked-softmax", "causal-softmax", "float16", "bfloat16")


def make(module, op, job, threads):
    if module != "torch" and (op in TORCH_ALONE or job.dtype in TORCH_ALONE):
        return None, None
    call, fetch = CALLS[module](op, job, threads)
    return (call, fetch) if call else (None, None)
