"""Threads of compiled programs: the same bits for every number of threads, also when several callers share a function."""

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info

import nn
from autograd import Value, compile
from autograd.compiler import pool
from autograd.errors import ArgumentError
from autograd.ops import conv2d, max_pool2d, relu

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(50, 6, 28, 28)).astype(np.float32), RNG.integers(0, 10, 50)


def network(**options):
    """A training step of a convolutional network, large enough for threads: (step, parameters)."""
    rng = np.random.default_rng(1)
    shapes = [(16, 6, 3, 3), (8, 16, 3, 3), (8 * 49, 512), (512, 10)]
    parameters = [Value((rng.normal(size=s) * 0.05).astype(np.float32)) for s in shapes]
    optimizer = nn.SGD(parameters, 0.1)

    def step(x, y):
        w1, w2, w3, w4 = parameters
        h = max_pool2d(relu(conv2d(x, w1, padding=1)), 2)
        h = max_pool2d(relu(conv2d(h, w2, padding=1)), 2)
        loss = nn.cross_entropy(relu(h.reshape(len(x), -1) @ w3) @ w4, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.data

    return compile(step, **options), parameters


def test_every_number_of_threads_gives_the_same_bits():
    found = []
    for threads in (1, 2, None):
        step, parameters = network(threads=threads)
        losses = [step(X, Y) for _ in range(4)]
        found.append([*losses, *(p.data for p in parameters)])
        assert "together(" in step.source
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            assert np.array_equal(a, b)


def test_the_setting_of_the_package():
    before = pool.get_threads()
    try:
        pool.set_threads(1)
        assert pool.get_threads() == 1
        with pytest.raises(ArgumentError, match="threads=0: expected a whole number from 1 to 2"):
            pool.set_threads(0)
        with pytest.raises(ArgumentError, match="threads='2'"):
            compile(abs, threads="2")
    finally:
        pool.set_threads(before)


def test_blas_has_one_thread_inside_and_its_own_number_after():
    def counts():
        return [row["num_threads"] for row in threadpool_info() if row["user_api"] == "blas"]

    before, seen = counts(), []
    run = pool.limited(lambda: pool.together(lambda i: seen.append((i, counts())), [(i,) for i in range(6)]), 2, 1)
    run()
    assert sorted(i for i, _ in seen) == list(range(6))
    assert all(set(found) <= {1} for _, found in seen)
    assert counts() == before


def test_an_error_in_a_part_is_raised_and_blas_is_set_back():
    before = threadpool_info()
    with pytest.raises(ZeroDivisionError):
        pool.limited(lambda: pool.together(lambda i: 1 / i, [(1,), (0,), (2,)]), 2, 1)()
    assert threadpool_info() == before


def test_callers_in_several_threads():
    step = compile(lambda x, w: np.tanh(x @ w) @ w.T, threads=2)
    w = RNG.normal(size=(300, 300)).astype(np.float32)
    inputs = [RNG.normal(size=(400, 300)).astype(np.float32) for _ in range(6)]
    expected, found = [step(x, w) for x in inputs], {}

    def call(i):
        for _ in range(5):
            found[i] = step(inputs[i], w)

    threads = [threading.Thread(target=call, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(found[i], expected[i]) or np.allclose(found[i], expected[i], rtol=1e-4) for i in range(6))
