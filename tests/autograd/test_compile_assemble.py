"""Arrays put together of parts: the parts are made at their places, whatever they are and whoever else reads them."""

import numpy as np
import pytest
from test_compile_passes import Writer, names, numbers, variable

import autograd.numpy as anp
from autograd import compile, grad
from autograd.compiler import assemble, machine

X = numbers(4, 6, 8)
BACKENDS = ["numpy", *(["llvm"] if machine.available() else [])]


def heads(x):
    """The heads of attention beside one another again."""
    return np.reshape(np.swapaxes(np.matmul(x, np.swapaxes(x, 1, 2)), 0, 1), (6, 24))


CASES = {
    "heads": heads,
    "heads, turned twice": lambda x: np.reshape(np.transpose(np.swapaxes(x @ x.mT, 1, 2), (2, 0, 1)), (6, 24)),
    "heads in a row": lambda x: np.concatenate([heads(x), heads(2.0 * x), heads(x + 1.0)], axis=1),
    "heads in a row, which cannot be seen in pieces": lambda x: np.concatenate(
        [np.reshape(np.transpose(c * x, (2, 0, 1)), (3, 64)) for c in (1.0, 2.0)], axis=1),
    "sums": lambda x: np.concatenate([x + 1.0, np.tanh(x), x * x], axis=-1),
    "sums over rows": lambda x: np.concatenate([np.tanh(x).sum(-1), np.exp(x).max(-1)], axis=1),
    "products": lambda x: np.concatenate([x[0] @ x[1].T, x[1] @ x[2].T], axis=1),
    "products in one piece": lambda x: np.concatenate([x[0] @ x[1].T, x[1] @ x[2].T]),
    "products of products": lambda x: np.concatenate(
        [np.concatenate([x[0] @ x[1].T, x[1] @ x[2].T]), np.tanh(x[0] @ x[1].T * 2.0).repeat(2, 0)], axis=1),
    "a part that others read": lambda x: (lambda y: np.concatenate([y, 1.0 - y], axis=2) * np.sum(y * y))(np.tanh(x)),
    "a part twice": lambda x: (lambda y: np.concatenate([y, y, x], axis=1))(np.exp(x)),
    "a part that is a result": lambda x: (lambda y: (y, np.concatenate([y, x], axis=1)))(np.exp(x)),
    "a whole that is a result": lambda x: (lambda y: (y, np.sum(y)))(np.stack([x + 1.0, x - 1.0], axis=1)),
    "a constant part": lambda x: np.concatenate([np.ones((4, 1, 8), x.dtype), np.exp(x)], axis=1),
    "stacked": lambda x: np.stack([x.sum(0), np.tanh(x[1]), x[2] * x[3]], axis=1),
    "stacked at the end": lambda x: np.stack([x[0] + 1.0, np.tanh(x[1])], axis=-1),
    "stacked numbers": lambda x: np.stack([np.sum(x), np.sum(x * x)]) * 2.0,
    "nothing in a part": lambda x: np.concatenate([x[:0] * 2.0, x + 1.0]),
    "truths": lambda x: np.concatenate([x > 0.0, x < 1.0], axis=1),
    "of two precisions": lambda x: np.concatenate([x * 2.0, np.float64(3.0) * np.ones((4, 1, 8))], axis=1),
    "windows, turned": lambda x: np.reshape(np.transpose(np.tanh(x)[:, ::2], (1, 0, 2)), (-1,)),
    "an input, turned": lambda x: np.reshape(x.T, (-1, 4)),
    "a view when turned": lambda x: np.reshape(np.swapaxes(x[:1] * 2.0, 0, 1), (6, 8)),
    "large": lambda x: np.concatenate([np.tanh(np.tile(x, (60, 20, 1)) * 2.0 + 1.0), np.exp(np.tile(x, (60, 20, 1)))], 2),
}  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", CASES)
def test_parts_are_right_at_every_call(case, backend):
    compiled = compile(CASES[case], backend=backend)
    for scale in (1.0, -0.5, 2.0):
        expected, found = CASES[case](X * np.float32(scale)), compiled(X * np.float32(scale))
        for a, b in zip(*(x if isinstance(x, tuple) else (x,) for x in (expected, found)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-4)
            assert np.shape(a) == np.shape(b) and a.dtype == b.dtype


@pytest.mark.parametrize("case", ["heads", "heads, turned twice", "heads in a row", "sums", "stacked at the end"])
def test_parts_are_not_copied(case):
    compiled = compile(CASES[case], backend="numpy")
    compiled(X)
    assert not copies(compiled)


def copies(compiled):
    """The statements that copy, or make an array anew."""
    lines = [line.strip() for line in compiled.source.splitlines()]
    return [
        line for line in lines if line.startswith("copyto") or any(f" {f}_" in line for f in ("reshape", "concatenate"))
    ]


def test_a_batch_of_attention_copies_nothing_forward_and_back():
    def loss(qkv):
        q, k, v = (anp.swapaxes(anp.reshape(x, (2, 6, 2, 4)), 1, 2) for x in np.split(np.tanh(qkv), 3, axis=-1))
        mixed = np.matmul(np.tanh(np.matmul(q, np.swapaxes(k, 2, 3))), v)
        return np.sum(np.sin(np.reshape(np.swapaxes(mixed, 1, 2), (2, 6, 8))))

    compiled, x = compile(grad(loss), backend="numpy"), numbers(2, 6, 24)
    for scale in (1.0, 0.5):
        np.testing.assert_allclose(compiled(x * scale), grad(loss)(x * scale), rtol=2e-5, atol=1e-6)
    assert not copies(compiled)


def test_what_becomes_of_the_steps():
    x, y = variable(2, 3), variable(2, 3)
    w = Writer(x, y)
    turned = w(np.transpose, w(np.transpose, x, shape=(3, 2)), shape=(2, 3))
    flat = w(np.reshape, w(np.transpose, x, shape=(3, 2)), (6,), shape=(6,))
    both = w(np.stack, x, y, shape=(2, 2, 3), axis=1)
    same = w(np.reshape, turned, (6,), shape=(6,))  # turned twice is not turned
    program = w.program(flat, both, same)
    after = assemble.assembled(program)
    assert names(after)[3:] == ["arranged", "joined", "reshape"]
