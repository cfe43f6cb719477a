"""compile(exact=True): a first call gives the program's bits, so a run that is cut in two ends like one that is not."""

import numpy as np
import pytest

import nn
from autograd import compile
from autograd.ops.random import dropout

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(7, 32, 5)).astype(np.float32), RNG.normal(size=(7, 32, 1)).astype(np.float32)


class Training:
    """A model with dropout and its optimiser; steps from one compiled function or, cut, from a new one at every step."""

    def __init__(self, **options):
        self.model = nn.MLP(5, [64, 64, 1], np.tanh, rng=0)
        self.optimizer = nn.Adam(self.model, 0.01)
        self.rng = np.random.default_rng(1)
        self.options = options
        self.run = self.program()
        for parameter in self.model.parameters():
            parameter.grad = 0.0 * parameter.data

    def program(self):
        model, optimizer, rng = self.model, self.optimizer, self.rng

        def step(x, y):
            loss = nn.mse(model(dropout(x, 0.3, rng=rng)), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        return compile(step, **self.options)

    def state(self, cut):
        losses = []
        for x, y in zip(X, Y, strict=True):
            losses.append(float(self.run(x, y).data))
            if cut:
                self.run = self.program()
        weights = [value.tobytes() for value in self.model.state_dict().values()]
        return losses, weights, self.optimizer.steps, self.rng.bit_generator.state


@pytest.mark.parametrize("backend", ["numpy", None])
def test_a_training_cut_at_every_step_ends_with_the_same_bits(backend):
    whole = Training(exact=True, backend=backend).state(cut=False)
    assert Training(exact=True, backend=backend).state(cut=True) == whole
    assert whole[2] == 7


def test_without_it_the_first_call_gives_the_functions_bits():
    eager, first = Training(), Training()
    eager.run = eager.run.f
    assert eager.run(X[0], Y[0]).data == first.run(X[0], Y[0]).data
    assert eager.rng.bit_generator.state == first.rng.bit_generator.state


def test_a_first_run_that_changes_dtypes_is_the_function_itself():
    class Box:
        total = np.zeros(2, np.float32)

    box = Box()
    box.total = np.zeros(2, np.float32)

    @compile(exact=True)
    def add(x):
        box.total = box.total + x
        return box.total

    results = [add(np.ones(2)).tolist() for _ in range(3)]
    assert results == [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]] and box.total.dtype == np.float64


@pytest.mark.parametrize("exact", [False, True])
def test_a_gradient_that_is_forgotten_stays_forgotten(exact):
    used, unused = nn.Parameter(np.ones(3, np.float32)), nn.Parameter(np.ones(3, np.float32))

    @compile(exact=exact)
    def slopes(x):
        used.zero_grad()
        unused.zero_grad()
        np.sum(used * x).backward()

    for _ in range(4):
        unused.grad = np.ones(3, np.float32)  # of another loss
        slopes(np.ones(3, np.float32))
        assert used.grad.tolist() == [1.0] * 3
        assert not unused.has_grad and unused.grad == 0.0
