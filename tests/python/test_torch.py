"""The PyTorch adapter: by PyTorch's own checkers, its own functions, and truth where those lose their digits."""

import doctest
import itertools

import numpy as np
import pytest
import truth

torch = pytest.importorskip("torch", "2.6")  # earlier ones lack what the adapter asks of custom operators

import softjac.torch as ours  # noqa: E402

F = torch.nn.functional
make = torch.Generator().manual_seed(1)
X = torch.randn(3, 4, 2, dtype=torch.float64, generator=make)
G = torch.randn(3, 4, 2, dtype=torch.float64, generator=make)
TARGET = torch.tensor([[0, 3], [-100, 1], [2, 2]])
WEIGHT = torch.tensor([0.5, 1.0, 2.0, 0.25], dtype=torch.float64)
DIMS = (0, 1, -1)
FORWARD = ("softmax", "log_softmax", "logsumexp")
SOFT = torch.rand(3, 4, 2, dtype=torch.float64, generator=make)
LOSSES = list(itertools.product((TARGET, SOFT), (None, WEIGHT), ("none", "sum", "mean"), (0.0, 0.2)))


def leaf(x):
    return x.detach().clone().requires_grad_()


def loss_of(function, how):
    target, weight, reduction, smoothing = how
    return lambda x: function(x, target, weight=weight, reduction=reduction, label_smoothing=smoothing)


def check_twice(function, *inputs):
    """Both derivatives, in both modes, one by one and in batches."""
    both = {"check_forward_ad": True, "check_batched_grad": True, "check_batched_forward_grad": True}
    assert torch.autograd.gradcheck(function, inputs, **both)
    assert torch.autograd.gradgradcheck(function, inputs, check_fwd_over_rev=True, check_batched_grad=True)


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("name", FORWARD)
def test_forward_functions_pass_the_checkers(name, dim):
    def function(x):
        return getattr(ours, name)(x, dim)

    check_twice(function, leaf(X))


@pytest.mark.parametrize("name", ["softmax_vjp", "log_softmax_jvp", "log_softmax_vjp"])
def test_products_pass_the_checkers_in_both_arguments(name):
    def operator(x, g):
        return getattr(torch.ops.softjac, name)(x, g, 1)

    assert torch.autograd.gradcheck(operator, (leaf(X), leaf(G)))
    assert torch.autograd.gradgradcheck(operator, (leaf(X), leaf(G)))
    check_twice(lambda x, g: getattr(ours, "_" + name)(x, g, 1), leaf(X), leaf(G))


@pytest.mark.parametrize("how", LOSSES)
def test_losses_pass_the_checkers(how):
    check_twice(loss_of(ours.cross_entropy, how), leaf(X))


def test_second_derivatives_are_0_where_every_row_is_ignored():
    x = leaf(X)
    slope = torch.autograd.grad(ours.cross_entropy(x, torch.full((3, 2), -100)), x, create_graph=True)[0]
    assert not slope.any() and not torch.autograd.grad(slope.sum(), x)[0].any()


def operator_arguments():
    for name in ("softmax", "log_softmax"):
        yield name, (leaf(X), 1)
    yield "logsumexp", (leaf(X), 1, False)
    yield "logsumexp", (leaf(X), 1, True)
    for name in ("softmax_vjp", "log_softmax_jvp", "log_softmax_vjp"):
        yield name, (leaf(X), leaf(G), 1)
        yield name, (leaf(X).transpose(0, 2), leaf(G).transpose(0, 2), 1)
    for target, weight, reduction, smoothing in LOSSES:
        how = (1, -100, reduction, smoothing)
        yield "cross_entropy", (leaf(X), target, weight, *how)
        upstream = leaf(torch.ones(TARGET.shape if reduction == "none" else (), dtype=torch.float64))
        yield "cross_entropy_grad", (leaf(X), target, weight, upstream, *how)


@pytest.mark.parametrize("name, arguments", list(operator_arguments()))
def test_operators_pass_opcheck(name, arguments):
    torch.library.opcheck(getattr(torch.ops.softjac, name).default, arguments)


@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize("name", FORWARD)
def test_vmap_is_a_loop(name, at):
    function = getattr(ours, name)
    got = torch.vmap(lambda x: function(x, -1), in_dims=at)(X)
    assert torch.equal(got, torch.stack([function(x, -1) for x in X.unbind(at)]))


def test_vmap_of_losses_is_a_loop():
    x, target = X.transpose(1, 2), torch.tensor([[0, 3], [1, 1], [2, 2]])
    got = torch.vmap(ours.cross_entropy)(x, target)
    assert torch.equal(got, torch.stack([ours.cross_entropy(a, b) for a, b in zip(x, target)]))


def scalar(function):
    return lambda x: function(x).square().sum()


TRANSFORMS = {
    "jacrev": torch.func.jacrev,
    "jacfwd": torch.func.jacfwd,
    "grad": lambda f: torch.func.grad(scalar(f)),
    "grad of grad": lambda f: torch.func.grad(lambda x: scalar(torch.func.grad(scalar(f)))(x)),
    "hessian": lambda f: torch.func.hessian(scalar(f)),
    "jvp": lambda f: lambda x: torch.func.jvp(f, (x,), (G,))[1],
    "vmap of grad": lambda f: torch.vmap(torch.func.grad(scalar(f))),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("name", FORWARD)
def test_functional_transforms(name, transform):
    made = TRANSFORMS[transform]
    got, want = (made(lambda x: getattr(module, name)(x, -1))(X) for module in (ours, torch))
    # Sums of at most 24 terms, of a few units where derivatives are first, of a few hundred where second or third.
    np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=0, atol=2.0**14 * 2.0**-53)


@pytest.mark.parametrize("how", LOSSES)
def test_functional_transforms_of_losses(how):
    for made in (torch.func.jacrev, torch.func.jacfwd, lambda f: torch.func.hessian(lambda x: f(x).sum())):
        got, want = (made(loss_of(f, how))(X) for f in (ours.cross_entropy, F.cross_entropy))
        np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=0, atol=64 * 2.0**-53)


def test_derivatives_of_confident_rows_keep_their_digits():
    row, label = torch.tensor([40.0, 0.0, 1.0], dtype=torch.float64), torch.tensor(0)
    jacobian, hessian = torch.autograd.functional.jacobian, torch.autograd.functional.hessian
    want = truth.softmax_jacobian(row.numpy())
    # Products are within 4u of their terms, here one to three; 4u are at most 4 ulp of a term.
    assert truth.ulps(jacobian(lambda x: ours.softmax(x, 0), row).numpy(), want) <= 8
    assert truth.ulps(hessian(lambda x: ours.logsumexp(x, 0), row).numpy(), want) <= 8
    assert truth.ulps(hessian(lambda x: ours.cross_entropy(x, label), row).numpy(), want) <= 8
    assert truth.ulps(jacobian(lambda x: torch.softmax(x, 0), row).numpy(), want) > 2**40
    assert truth.ulps(ours.cross_entropy(row, label).numpy(), [-truth.log_softmax(row.numpy())[0]]) <= 2
    slope = jacobian(lambda x: ours.cross_entropy(x, label), row)
    assert truth.ulps(slope.numpy(), truth.softmax(row.numpy()) - truth.identity(3)[0]) <= 2


def test_compiled_functions_are_the_same():
    torch._dynamo.reset()

    def function(x):
        return ours.softmax(x, 1).square().sum() + ours.cross_entropy(x, TARGET) + ours.logsumexp(x, 0).sum()

    eager, compiled = leaf(X), leaf(X)
    value = function(eager)
    value.backward()
    same = torch.compile(function, backend="aot_eager", fullgraph=True)(compiled)
    same.backward()
    assert torch.equal(value, same) and torch.equal(eager.grad, compiled.grad)


@pytest.mark.parametrize("name", FORWARD)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_strides_do_not_matter(name, dtype):
    x = X.to(dtype)
    views = [x.transpose(0, 2), x[::2, 1:, :], x[:1].expand(5, 4, 2), x[:, :, 1:]]
    for view in views:
        got = getattr(ours, name)(view, 1)
        assert torch.equal(got, getattr(ours, name)(view.contiguous(), 1))


def test_tensors_are_read_where_they_lie():
    x = leaf(X).transpose(0, 2)
    assert ours._values(x).ctypes.data == x.data_ptr()
    assert ours._values(x).strides == tuple(8 * stride for stride in x.stride())


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("name", FORWARD)
def test_functions_agree_with_pytorch(name, dim):
    # Of logits of a few units PyTorch is within some ulp of the largest term, and ours within 2.
    got, want = getattr(ours, name)(X, dim), getattr(torch, name)(X, dim)
    assert truth.ulps(got.numpy(), want.numpy()) <= 8
    # Terms are below 16, and sums of four of them are rounded a few times.
    mine, theirs = leaf(X), leaf(X)
    (getattr(ours, name)(mine, dim) ** 2).sum().backward()
    (getattr(torch, name)(theirs, dim) ** 2).sum().backward()
    np.testing.assert_allclose(mine.grad.numpy(), theirs.grad.numpy(), rtol=0, atol=64 * 2.0**-53)


@pytest.mark.parametrize("how", LOSSES)
def test_losses_agree_with_pytorch(how):
    mine, theirs = leaf(X), leaf(X)
    got, want = loss_of(ours.cross_entropy, how)(mine), loss_of(F.cross_entropy, how)(theirs)
    # Sums of at most 24 terms of a few units, each rounded a few times by PyTorch.
    np.testing.assert_allclose(got.detach().numpy(), want.detach().numpy(), rtol=0, atol=256 * 2.0**-53)
    got.sum().backward()
    want.sum().backward()
    np.testing.assert_allclose(mine.grad.numpy(), theirs.grad.numpy(), rtol=0, atol=64 * 2.0**-53)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_halves_are_rounded_once(dtype):
    x = X.to(dtype).requires_grad_()
    assert torch.equal(ours.softmax(x, 1), ours.softmax(x.float(), 1).to(dtype))
    loss = ours.cross_entropy(x, TARGET)
    loss.backward()
    assert loss.dtype == x.grad.dtype == dtype


def test_tensors_of_no_dimensions():
    x = torch.tensor(3.0, requires_grad=True)
    assert ours.softmax(x, 0) == 1 and ours.log_softmax(x, -1) == 0 and ours.logsumexp(x, 0) == 3


@pytest.mark.parametrize("name", FORWARD)
def test_meta_tensors_have_shapes(name):
    assert getattr(ours, name)(X.to("meta"), 1).shape == getattr(torch, name)(X, 1).shape


def test_errors_say_what_is_expected():
    with pytest.raises(TypeError, match="int64; expected float16"):
        ours.softmax(torch.tensor([1, 2]), 0)
    with pytest.raises(TypeError, match="complex64; expected float16"):
        ours.softmax(torch.zeros(2, dtype=torch.complex64), 0)
    with pytest.raises(IndexError, match="expected -3 to 2"):
        ours.softmax(X, 3)
    with pytest.raises(TypeError, match="expected labels"):
        ours.cross_entropy(X, X > 0)
    with pytest.raises(ValueError, match="requires a gradient"):
        ours.cross_entropy(X, leaf(SOFT))
    with pytest.raises(ValueError, match="target"):
        ours.cross_entropy(X, SOFT[:, :3])
    with pytest.raises(IndexError):
        ours.cross_entropy(X, TARGET + 4, ignore_index=-96)
    with pytest.raises(ValueError, match="computes on the CPU"):
        ours._widened("input", Elsewhere())


class Elsewhere:
    """What a tensor on a GPU says of itself."""

    device = torch.device("cuda:0")


def test_the_example_runs():
    result = doctest.testmod(ours)
    assert result.attempted > 0 and result.failed == 0
