"""Tapes of scalar graphs: levels, sums of many terms, what is recognised, and micrograd's program as a whole."""

import math

import numpy as np
import pytest

import nn
from autograd import Value, compile
from autograd.compiler import backend, tape
from autograd.compiler.program import Program, Step, Variable, evaluate
from autograd.ops import relu

OPS = [
    np.add,
    np.add,
    np.add,
    np.multiply,
    np.multiply,
    np.subtract,
    np.tanh,
    relu,
    np.negative,
    np.maximum,
    np.greater,
]


def graph(seed, inputs=7, width=400, depth=8):
    """A program of numbers: each step's operands are inputs, constants and earlier steps, chosen at random."""
    rng = np.random.default_rng(seed)
    given = [Variable((), None, f"x{i}") for i in range(inputs)]
    known, masks, steps = list(given), [], []
    for _ in range(depth):
        layer = []
        for _ in range(width):
            op = OPS[rng.integers(len(OPS))]
            arity = getattr(op, "nin", 1)
            operands = [known[i] for i in rng.integers(max(0, len(known) - 2 * width), len(known), arity)]
            if rng.random() < 0.2:
                operands[-1] = float(rng.normal())
            if masks and op is np.multiply and rng.random() < 0.5:
                operands[0] = masks[rng.integers(len(masks))]
            out = Variable((), np.dtype(bool) if op is np.greater else None)
            (masks if op is np.greater else layer).append(out)
            steps.append(Step(op, tuple(operands), {}, (out,)))
        known += layer
    return Program(given, steps, [known[i] for i in rng.integers(0, len(known), 9)])


@pytest.mark.parametrize("seed", range(20))
def test_a_tape_computes_what_its_steps_do(seed):
    program = graph(seed)
    after = tape.taped(program)
    assert [step.name for step in after.steps] == ["tape"]
    run = backend.build(after, {}, 9).run
    for scale in (1.0, -0.5):
        numbers = (np.random.default_rng(1).normal(size=7) * scale).tolist()
        expected = evaluate(program, numbers)
        np.testing.assert_allclose(evaluate(after, numbers), expected, rtol=1e-12)
        np.testing.assert_allclose(run(*numbers), expected, rtol=1e-12, atol=1e-12)


def test_additions_into_additions_are_one_sum():
    xs = [Variable((), None, f"x{i}") for i in range(500)]
    steps, total = [], xs[0]
    for x in xs[1:]:
        out = Variable((), None)
        steps.append(Step(np.add, (total, x), {}, (out,)))
        total = out
    (step,) = tape.taped(Program(xs, steps, [total])).steps
    (group,), _, _ = tape.layout(step.op)
    assert (group.name, group.terms, group.level) == ("sum", 500, 1)
    assert group.operands == [slice(0, 500)]


def test_a_deep_chain_stays_lines_of_python():
    def f(x):
        y = x
        for _ in range(300):
            y = y * 1.001 + 0.01
        return y

    compiled = compile(f)
    expected = f(0.5)
    assert compiled(0.5) == expected == compiled(0.5)
    assert "tape" not in compiled.source


def test_numbers_that_arrays_need_are_handed_over():
    """Numbers → array → numbers: two tapes with a step on arrays between, and a mask that an array step reads."""

    def f(numbers, array):
        first = [np.tanh(x * i) for i in range(30) for x in numbers]
        scaled = array * sum(first)
        peak = np.max(scaled)
        second = [relu(peak * i - x) for i in range(30) for x in numbers]
        return sum(second), scaled, np.where(first[3] > 0.1, scaled, 0.0)

    compiled = compile(f)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        args = rng.normal(size=20).tolist(), rng.normal(size=4)
        for a, b in zip(compiled(*args), f(*args), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)


def micrograd(seed):
    """One step of training of micrograd's MLP on points that are the function's arguments."""
    rng = np.random.default_rng(seed)
    model = nn.scalar.MLP(2, [4, 4, 1])
    for p in model.parameters():
        p.data = float(rng.uniform(-1, 1))
    xs, ys = rng.normal(size=(40, 2)).tolist(), rng.choice([-1.0, 1.0], 40).tolist()

    def step(xs, ys):
        scores = [model(list(map(Value, x))) for x in xs]
        loss = sum((1 + -y * score).relu() for y, score in zip(ys, scores, strict=True)) * (1.0 / len(xs))
        loss = loss + 1e-4 * sum(p * p for p in model.parameters())
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= 0.1 * p.grad
        return loss

    return model, step, xs, ys


def test_micrograd_trains_alike():
    model, step, xs, ys = micrograd(0)
    other, _, _, _ = micrograd(0)
    eager = micrograd(0)[1]
    compiled = compile(step)
    for _ in range(6):
        ys = ys[::-1]
        assert math.isclose(compiled(xs, ys).data, eager(xs, ys).data, rel_tol=1e-12)
    assert "level 1" in compiled.source
    assert [type(p.data) for p in model.parameters()] == [float] * len(list(other.parameters()))


def test_a_tape_of_known_structure_is_not_laid_out_again():
    first, second = graph(1), graph(1)
    tape.taped(first)
    count = len(tape.LAYOUTS)
    (step,) = tape.taped(second).steps
    step.op.constants = [2.0 * x for x in step.op.constants]
    assert len(tape.LAYOUTS) == count
    run = backend.build(second.but(steps=[step]), {}, 9).run
    numbers = np.random.default_rng(1).normal(size=7).tolist()
    np.testing.assert_allclose(run(*numbers), evaluate(second.but(steps=[step]), numbers), rtol=1e-12, atol=1e-12)
