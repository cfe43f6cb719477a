"""Tapes of scalar graphs: levels, sums of many terms, what is recognised, and micrograd's program as a whole."""

import math

import numpy as np
import pytest

import nn
from autograd import Value, compile, grad, value_and_grad
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


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_a_tape_computes_what_its_steps_do(seed, native):
    if native:
        pytest.importorskip("llvmlite")
    program = graph(seed)
    after = tape.taped(program)
    assert [step.name for step in after.steps] == ["tape"]
    run = backend.build(after, {}, 9, native=native).run
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


def products(count):
    """A program that adds up `count` products of two of its inputs, and one of these products by itself."""
    xs = [Variable((), None, f"x{i}") for i in range(20)]
    steps, total = [], xs[0]
    for i in range(count):
        product, out = Variable((), None), Variable((), None)
        steps += [Step(np.multiply, (xs[i % 20], xs[i * i % 20]), {}, (product,)),
                  Step(np.add, (total, product), {}, (out,))]  # fmt: skip
        total = out
    return Program(xs, steps, [total, steps[-2].results[0]])


def test_products_that_only_a_sum_reads_are_part_of_it():
    program = products(300)
    (step,) = tape.taped(program).steps
    groups, _, _ = tape.layout(step.op)
    assert [(group.name, group.terms) for group in groups] == [("multiply", 0), ("dot", 301)]
    assert groups[0].length == 1
    assert len(groups[1].operands) == 2


@pytest.mark.parametrize("count", [250, 1000])
def test_long_sums_of_products_as_machine_code(count):
    pytest.importorskip("llvmlite")
    program = products(count)
    numbers = np.random.default_rng(0).normal(size=20).tolist()
    built = backend.build(tape.taped(program), {}, 2, native=True)
    np.testing.assert_allclose(built.run(*numbers), evaluate(program, numbers), rtol=1e-12)
    assert "gathered" not in built.source


def deep(x):
    y = x
    for i in range(100):
        y = y * 1.001 + 0.01
        y = y * (y > 0.3) + np.tanh(y) * 0.1 - (y / 3.0) ** 3
        y = y + np.sin(y) if i == 50 else np.maximum(y, -y)
    return y


def test_a_deep_chain_stays_lines_of_python():
    compiled = compile(deep, backend="numpy")
    assert compiled(0.5) == deep(0.5)
    assert math.isclose(compiled(0.5), deep(0.5), rel_tol=1e-12)
    assert "tape" not in compiled.source


@pytest.mark.parametrize("f", [deep, grad(deep), value_and_grad(deep), grad(grad(deep))])
def test_a_deep_chain_as_machine_code(f):
    """All but the sine, which has no instructions, in one function before it and one after."""
    pytest.importorskip("llvmlite")
    compiled = compile(f, backend="llvm")
    for x in (0.5, -0.7, 0.2):
        np.testing.assert_allclose(compiled(x), f(x), rtol=1e-11)
        assert all(isinstance(number, float) for number in np.atleast_1d(compiled(x)))
    assert "on numbers in one function" in compiled.explain()


def test_numbers_outside_of_the_reals_and_infinities_as_machine_code():
    def f(x, y):
        z = x
        for _ in range(30):
            z = z + y * 0.0
        return z / y, np.sqrt(x), np.log(x), z > y, 1.0 / (z - x), z * 1e308 * 10.0

    compiled = compile(f)
    for args in ((-1.0, 2.0), (0.0, 1.0), (math.inf, 1.0), (math.nan, 1.0), (4.0, 0.0)):
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(compiled(*args), [float(x) for x in f(*map(np.float64, args))], rtol=1e-12)


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
    assert "level 1" in compiled.source or "levels_1" in compiled.source
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
