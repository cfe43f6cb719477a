"""Cheap steps are done again in the backward pass where their results would be kept for it."""

import numpy as np
import pytest
from test_compile_passes import Writer, check, names, numbers, variable

from autograd import compile, grad
from autograd.compiler import again, passes

SHAPE = (256, 512)


def gelu(w, x):
    """0.5 x (1 + tanh(x³)): what its forward pass keeps, (0.5 x, x², tanh, 1 + tanh)."""
    half, square = (w(np.multiply, a, x, shape=SHAPE) for a in (0.5, x))
    t = w(np.tanh, w(np.multiply, square, x, shape=SHAPE), shape=SHAPE)
    one = w(np.add, 1.0, t, shape=SHAPE)
    return half, square, t, one, w(np.multiply, half, one, shape=SHAPE)


def backward(w, op, *operands, **options):
    out = w(op, *operands, **options)
    w.steps[-1].phase = "backward"
    return out


def crossing(program):
    """How many arrays one phase makes and the other reads."""
    made = {x: step for step in program.steps for x in step.results}
    return len({x for step in program.steps for x in step.reads() if x in made and made[x].phase != step.phase})


def test_what_is_cheap_is_not_kept():
    y, g = variable(*SHAPE), variable(*SHAPE)
    w = Writer(y, g)
    half, square, t, one, out = gelu(w, w(np.exp, y, shape=SHAPE))
    a = backward(w, np.multiply, half, backward(w, np.subtract, 1.0, square, shape=SHAPE), shape=SHAPE)
    b = backward(w, np.multiply, t, backward(w, np.multiply, one, g, shape=SHAPE), shape=SHAPE)
    program = w.program(out, backward(w, np.add, a, b, shape=SHAPE))
    after = again.recomputed(program)
    assert (crossing(program), crossing(after)) == (4, 2)  # t, and what half and square are made of
    assert [step.name for step in after.steps if step.phase == "backward"].count("multiply") == 5
    check(program, after, numbers(*SHAPE) / 4.0, numbers(*SHAPE))


@pytest.mark.parametrize("change", ["small", "dear", "an output", "for a product", "alone"])
def test_what_stays(change):
    shape = (4, 4) if change == "small" else SHAPE
    y, g = variable(*shape), variable(*shape)
    w = Writer(y, g)
    x = y if change != "alone" else w(np.exp, y, shape=shape)
    kept = w(np.tanh if change == "dear" else np.negative, x, shape=shape)
    if change == "for a product":
        last = backward(w, np.dot, kept, backward(w, np.transpose, g, shape=shape[::-1]), shape=(shape[0],) * 2)
    else:
        last = backward(w, np.multiply, kept, g, shape=shape)
    program = w.program(w(np.sin, kept, shape=shape), last, *([kept] if change == "an output" else []))
    assert crossing(again.recomputed(program)) == 1


def test_what_is_made_of_what_is_done_again():
    y, g = variable(*SHAPE), variable(*SHAPE)
    w = Writer(y, g)
    first = w(np.add, y, 1.0, shape=SHAPE)
    second = w(np.multiply, first, 3.0, shape=SHAPE)
    a = backward(w, np.multiply, first, g, shape=SHAPE)
    program = w.program(w(np.exp, second, shape=SHAPE), backward(w, np.multiply, second, a, shape=SHAPE))
    after = passes.common(again.recomputed(program))
    check(program, after, numbers(*SHAPE), numbers(*SHAPE))
    assert names(after) == names(program)  # side by side, it is the step that there was
    assert crossing(again.recomputed(program)) == 0


def test_a_gelu_and_a_norm_keep_less_and_give_the_same():
    def loss(x, scale):
        middle = x - np.mean(x, axis=-1, keepdims=True)
        normal = middle / np.sqrt(np.mean(middle * middle, axis=-1, keepdims=True) + 1e-5) * scale
        return np.sum(0.5 * normal * (1.0 + np.tanh(0.8 * (normal + 0.04 * normal**3))))

    x, scale = numbers(1000, 200), numbers(200)
    compiled = compile(grad(loss, (0, 1)), backend="numpy")
    for factor in (1.0, 0.5, -1.0):
        for a, b in zip(grad(loss, (0, 1))(x * factor, scale), compiled(x * factor, scale), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-5 * np.abs(a).max())
    told = next(line for line in compiled.explain().splitlines() if line.startswith("buffers"))
    assert int(told.split()[2].replace(",", "")) < 4.5 * x.nbytes
