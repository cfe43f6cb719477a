"""A sum of products of small matrices is one product."""

from functools import reduce

import numpy as np
import pytest
from test_compile_assemble import BACKENDS, copies
from test_compile_passes import Writer, check, names, numbers, variable

from autograd import compile, grad
from autograd.compiler import passes, summed
from autograd.primitives import registry

ROWS = (3, 1, 2, 5, 3)


def written(term, rows=ROWS, columns=(4, 6), order="chain"):
    """A program that adds up term(writer, x, y) of x (rows, 4) and y (rows, 6)."""
    inputs = [variable(n, m) for n in rows for m in columns]
    w = Writer(*inputs)
    terms = [term(w, *inputs[2 * i : 2 * i + 2]) for i in range(len(rows))]
    shape = terms[0].shape
    if order == "chain":
        total = reduce(lambda a, b: w(np.add, a, b, shape=shape), terms)
    else:
        half = [w(np.add, a, b, shape=shape) for a, b in zip(terms[0:4:2], terms[1:4:2], strict=True)]
        total = w(np.add, w(np.add, *half, shape=shape), terms[4], shape=shape)
    return w, terms, total, [numbers(*x.shape) for x in inputs]


def turned(w, x, y):
    return w(np.dot, w(registry["transpose"], x, shape=x.shape[::-1]), y, shape=(4, 6))


def straight(w, x, y):
    return w(np.dot, w(np.reshape, x, (4, x.shape[0]), shape=(4, x.shape[0])), y, shape=(4, 6))


def of_rows(w, x, y):
    return w(np.sum, y, shape=(6,), axis=0)


def of_rows_kept(w, x, y):
    return w(np.sum, y, shape=(1, 6), axis=(0,), keepdims=True)


@pytest.mark.parametrize("order", ["chain", "tree"])
@pytest.mark.parametrize("term", [turned, straight, of_rows, of_rows_kept])
def test_a_sum_of_many_is_one(term, order):
    w, _, total, arrays = written(term, order=order)
    program = w.program(total)
    after = passes.dead(summed.summed(program))
    assert names(after).count("dot") + names(after).count("sum") == 1 and "add" not in names(after)
    check(program, after, *arrays, rtol=1e-5, atol=1e-6)


def test_what_cannot_be_one_is_added():
    w, terms, total, arrays = written(turned)
    other = w(np.tanh, terms[0], shape=(4, 6))  # another reader of the first term
    program = w.program(w(np.add, total, other, shape=(4, 6)), terms[2])
    assert names(summed.summed(program)) == names(program)  # three are alone: too few
    w, terms, total, arrays = written(turned, rows=(*ROWS, 4, 1))
    other = w(np.tanh, terms[0], shape=(4, 6))
    program = w.program(w(np.add, total, other, shape=(4, 6)))
    after = passes.dead(summed.summed(program))
    assert names(after).count("dot") == 2 and names(after).count("add") == 2
    check(program, after, *arrays, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", ["few", "large", "a sum that is read", "another axis"])
def test_what_stays(case):
    rows = {"few": (2, 2, 2), "large": (5000,) * 5}.get(case, ROWS)
    term = (lambda w, x, y: w(np.sum, x, shape=(len(ROWS),), axis=1)) if case == "another axis" else turned
    w, _, total, _ = written(term, rows=(5,) * 5 if case == "another axis" else rows)
    inner = [step.operands[0] for step in w.steps if step.op is np.add][1:] if case == "a sum that is read" else []
    program = w.program(total, *inner)
    assert names(summed.summed(program)) == names(program)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_recurrent_gradient_copies_only_what_it_is_given(backend):
    def loss(weight, recurrent, bias, xs):
        h, total = np.zeros((3, 5), xs.dtype), 0.0
        for x in xs:
            h = np.tanh(x @ weight + h @ recurrent + bias)
            total = total + np.sum(h * h)
        return total

    slopes = grad(loss, (0, 1, 2))
    compiled = compile(slopes, backend=backend)
    for scale in (1.0, 0.5, -1.0):
        given = numbers(4, 5) * scale, numbers(5, 5) * 0.3, numbers(5), numbers(7, 3, 4)
        for a, b in zip(slopes(*given), compiled(*given), strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-5)
    if backend == "numpy":
        assert sum(" add(" in line for line in compiled.source.splitlines()) < 30
        assert len(copies(compiled)) == 8  # seven steps of the sequence, and what h begins with
