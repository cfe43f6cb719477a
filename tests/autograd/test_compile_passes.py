"""Each pass alone, on programs of a few steps: what it makes of them, and that the program still computes the same."""

import numpy as np
import pytest

from autograd import compile
from autograd.compiler import backend, fuse, loops, lower, memory, merge, passes
from autograd.compiler.program import Program, Step, Variable, evaluate

F = np.dtype(np.float32)


def variable(*shape, name="", dtype=F):
    return Variable(shape, dtype, name)


class Writer:
    """Writes a program step by step."""

    def __init__(self, *inputs):
        self.inputs, self.steps = inputs, []

    def __call__(self, op, *operands, shape, dtype=F, **options):
        out = Variable(shape, dtype)
        self.steps.append(Step(op, operands, options, (out,)))
        return out

    def program(self, *outputs, state=None):
        return Program(self.inputs, self.steps, outputs, state)


def names(program):
    return [step.name for step in program.steps]


def check(before, after, *arrays, rtol=2e-6, atol=0.0):
    for a, b in zip(evaluate(before, arrays), evaluate(after, arrays), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)
        assert np.shape(a) == np.shape(b) and a.dtype == b.dtype


def numbers(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(F)


def test_dead_keeps_draws():
    x = variable(3)
    w = Writer(x)
    w(np.exp, x, shape=(3,))
    y = w(np.sin, x, shape=(3,))
    w.steps[0].pure = False
    w(np.cos, x, shape=(3,))
    program = w.program(y)
    assert names(passes.dead(program)) == ["exp", "sin"]


def test_common_knows_minus_zero():
    x = variable(3)
    w = Writer(x)
    a, b, c = (w(np.add, x, zero, shape=(3,)) for zero in (0.0, 0.0, -0.0))
    program = w.program(w(np.add, a, b, shape=(3,)), c)
    after = passes.common(program)
    assert len(after.steps) == 3 and after.steps[2].operands[0] is after.steps[2].operands[1]
    check(program, after, numbers(3))


def test_simple():
    x = variable(3)
    w = Writer(x)
    y = w(np.multiply, x, 1.0, shape=(3,))
    y = w(np.add, 0, y, shape=(3,))
    y = w(np.add, y, y, shape=(3,))
    y = w(np.multiply, np.full(3, 0.5, F), y, shape=(3,))
    program = w.program(y)
    after = passes.simple(program)
    assert [(step.name, step.operands[0]) for step in after.steps] == [("multiply", 2.0), ("multiply", 0.5)]
    after = passes.scalars(after)
    assert [(step.name, step.operands) for step in passes.dead(after).steps] == [("multiply", (1.0, x))]
    check(program, after, numbers(3))


def test_a_filled_array_that_widens_stays():
    x = variable(1, 3)
    w = Writer(x)
    program = w.program(w(np.multiply, x, np.full((2, 3), 0.5, F), shape=(2, 3)))
    check(program, passes.simple(program), numbers(1, 3))
    assert passes.simple(program).steps[0].operands[1].shape == (2, 3)


@pytest.mark.parametrize("op", [np.sum, np.mean])
@pytest.mark.parametrize("axis", [None, 0, 1, 2, -1, (0, 1), (1, 2), (0, 2), (0, 1, 2)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_sums_as_products(op, axis, keepdims):
    array = numbers(5, 4, 3)
    x = variable(5, 4, 3)
    w = Writer(x)
    program = w.program(w(op, x, shape=op(array, axis, keepdims=keepdims).shape, axis=axis, keepdims=keepdims))
    after = lower.lowered(passes.simple(program))
    assert ("dot" in names(after)) == (axis not in (1, (0, 2)))
    check(program, after, array)


def test_sum_of_squares_is_one_product():
    x = variable(5, 4)
    w = Writer(x)
    program = w.program(w(np.sum, w(np.multiply, x, x, shape=(5, 4)), shape=()))
    after = passes.dead(lower.lowered(program))
    assert names(after) == ["reshape", "reshape", "dot"]
    check(program, after, numbers(5, 4))


@pytest.mark.parametrize("shape", [(32, 5), (4, 8, 5), (3, 5)])
def test_row_maximum(shape):
    x = variable(*shape)
    w = Writer(x)
    program = w.program(w(np.max, x, shape=(*shape[:-1], 1), axis=-1, keepdims=True))
    after = lower.lowered(program)
    assert ("transpose" in names(after)) == (shape != (3, 5))
    check(program, after, numbers(*shape))


def update(shapes, decay=()):
    """v ← 0.9 v + g + decay·p, p ← p - 0.1 v for parameters of these shapes, g = x · 3 by another op for each."""
    ps, vs = (
        [variable(*s, name=f"p.{i}.data") for i, s in enumerate(shapes)],
        [variable(*s, name=f"o.{i}.velocity") for i, s in enumerate(shapes)],
    )
    gs = [variable(*s) for s in shapes]
    w = Writer(*gs, *ps, *vs)
    outputs, state = [], {}
    for i, (p, v, g) in enumerate(zip(ps, vs, gs, strict=True)):
        d = w(np.cumsum, g, shape=g.shape, axis=0)
        if i in decay:
            d = w(np.add, d, w(np.multiply, 0.01, p, shape=p.shape), shape=p.shape)
        new_v = w(np.add, w(np.multiply, 0.9, v, shape=v.shape), d, shape=v.shape)
        new_p = w(np.subtract, p, w(np.multiply, 0.1, new_v, shape=v.shape), shape=v.shape)
        state |= {p: len(outputs), v: len(outputs) + 1}
        outputs += [new_p, new_v]
    return w.program(*outputs, state=state)


@pytest.mark.parametrize("decay", [(), (1,), (0, 1, 2)])
def test_updates_of_many_parameters_are_one(decay):
    shapes = [(4, 3), (3,), (2, 3, 2)]
    program = update(shapes, decay)
    after = passes.dead(merge.merged(program))
    count = {name: names(after).count(name) for name in ("multiply", "add", "subtract", "cumsum")}
    apart = decay == (1,)  # another decay is another group
    assert count["cumsum"] == 3 and count["subtract"] == 1 + apart
    assert apart or (count["multiply"] == 2 + (len(decay) > 0) and count["add"] == 1 + (len(decay) > 0))
    assert names(after).count("pack") == 3
    check(program, after, *[numbers(*s) for s in shapes * 3])


def test_a_sum_over_all_parameters_is_one():
    program = update([(4, 3), (3,)])
    ps = [x for x in program.inputs if x.name.startswith("p.")]
    w = Writer()
    w.steps = list(program.steps)
    total = 0.0
    for p in ps:
        total = w(np.add, total, w(np.sum, w(np.multiply, p, p, shape=p.shape), shape=()), shape=())
    program = Program(program.inputs, w.steps, [*program.outputs, total], program.state)
    after = passes.dead(merge.merged(program))
    assert names(after).count("sum") == 1
    check(program, after, *[numbers(*s) for s in [(4, 3), (3,)] * 3])


def test_what_depends_on_each_other_is_not_merged():
    """The second parameter's update reads the first one's new content."""
    p, q = variable(3, name="p.data"), variable(3, name="q.data")
    w = Writer(p, q)
    new_p = w(np.multiply, p, 2.0, shape=(3,))
    new_q = w(np.multiply, w(np.cumsum, new_p, shape=(3,)), 2.0, shape=(3,))
    program = w.program(new_p, new_q, state={p: 0, q: 1})
    after = merge.merged(program)
    assert names(after).count("multiply") == 2
    check(program, after, numbers(3), numbers(3))


def chain(shape):
    """tanh(2x + row)·column, its sum over some axes, and a step of another shape that reads what is inside."""
    x, row, column = variable(*shape), variable(shape[-1]), variable(*shape[:-1], 1)
    w = Writer(x, row, column)
    y = w(np.tanh, w(np.add, w(np.multiply, 2.0, x, shape=shape), row, shape=shape), shape=shape)
    z = w(np.multiply, y, column, shape=shape)
    arrays = [numbers(*shape), numbers(shape[-1]), numbers(*shape[:-1], 1)]
    return w, y, z, arrays


@pytest.mark.parametrize("shape", [(40_000, 2), (101, 999), (16, 4, 64, 32), (3, 40_000)])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 1)])
def test_chains_of_long_arrays_are_loops(shape, axis):
    w, _, z, arrays = chain(shape)
    options = {"axis": axis, "keepdims": axis == -1}
    form = np.sum(np.empty(shape), **options).shape
    total = w(np.sum, z, shape=form, **options)
    outputs = [z, total]
    if axis == -1:
        outputs.append(w(np.subtract, z, total, shape=shape))
    program = w.program(*outputs)
    after = loops.looped(program)
    assert names(after) == ["loop"]
    check(program, after, *arrays)
    check_numpy(program, after, arrays)


def check_numpy(program, after, arrays):
    """The NumPy program of it gives what plain evaluation gives, twice."""
    listing = backend.build(after, {}, len(after.outputs))
    for scale in (1.0, 0.5):
        given = [x * np.float32(scale) for x in arrays]
        for a, b in zip(evaluate(program, given), listing.run(*given), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=2e-4 * np.abs(a).max())


@pytest.mark.parametrize("view", [np.transpose, lambda x: x[:, ::2], lambda x: x[::-1], lambda x: x[::2, 1::2]])
def test_a_loop_over_an_array_with_gaps_goes_by_rows(view):
    f = lambda x: np.sum(np.tanh(view(2.0 * x) * 3.0 + 1.0))
    compiled = compile(f, backend="numpy")
    for scale in (1.0, 2.0, 0.5):  # each call has other numbers in the same memory
        x = scale * numbers(800, 600)
        np.testing.assert_allclose(compiled(x), f(x), rtol=1e-5)
    assert "_block" in compiled.source


def test_a_loop_keeps_its_scratch_in_the_cache():
    w, _, z, arrays = chain((2_000, 1_000))
    program = w.program(w(np.sum, z, shape=()))
    listing = backend.build(loops.looped(program), {}, 1)
    assert listing.nbytes < 1 << 20 < arrays[0].nbytes


def test_a_chain_that_nothing_reads_does_not_keep_others_from_beginning():
    mean, x, y = variable(3), variable(50, 3), variable(50, 3)
    w = Writer(mean, x, y)
    new = w(np.multiply, w(np.subtract, mean, 1.0, shape=(3,)), 0.9, shape=(3,))
    chains = [w(np.tanh, w(np.multiply, v, v, shape=(50, 3)), shape=(50, 3)) for v in (x, y)]
    program = w.program(new, w(np.dot, chains[0], w(np.transpose, chains[1], shape=(3, 50)), shape=(50, 50)))
    after = fuse.fused(program)
    assert names(after) == ["fused", "fused", "transpose", "dot"]
    check(program, after, numbers(3), numbers(50, 3), numbers(50, 3)[::-1])


def test_a_loop_ends_where_its_total_is_needed():
    w, y, _, arrays = chain((400, 500))
    total = w(np.sum, y, shape=(), dtype=F)
    program = w.program(w(np.tanh, w(np.multiply, y, total, shape=(400, 500)), shape=(400, 500)))
    after = loops.looped(program)
    assert names(after) == ["loop", "loop"]
    check(program, after, *arrays)
    check_numpy(program, after, arrays)


def test_state_is_overwritten_where_it_lies_only_after_its_last_reader():
    """p ← tanh(2p), q ← p·q with the old p."""
    shape = (400, 500)
    p, q = variable(*shape, name="p.data"), variable(*shape, name="q.data")
    w = Writer(p, q)
    new_p = w(np.tanh, w(np.multiply, 2.0, p, shape=shape), shape=shape)
    new_q = w(np.multiply, p, q, shape=shape)
    program = w.program(new_p, new_q, state={p: 0, q: 1})
    values = {0: numbers(*shape), 1: numbers(*shape)[::-1]}
    expected = evaluate(program, values.values())
    listing = backend.build(loops.looped(program), values)
    outs = listing.run()
    for number, a in enumerate(expected):
        b = listing.state[listing.homes[number]] if number in listing.homes else outs[number]
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_seeds_pushed_through_an_elementwise_map_are_a_product_of_rows():
    d, y = variable(4), variable(4, 3)
    w = Writer(d, y)
    program = w.program(w(np.dot, w(np.multiply, np.eye(4, dtype=F), d, shape=(4, 4)), y, shape=(4, 3)))
    after = passes.dead(passes.simple(program))
    assert names(after) == ["reshape", "multiply"]
    check(program, after, numbers(4), numbers(4, 3))


def test_a_shared_factor_is_taken_out():
    t, s, r = variable(4), variable(4), variable(4)
    w = Writer(t, s, r)
    left = w(np.multiply, t, w(np.multiply, s, r, shape=(4,)), shape=(4,))
    right = w(np.multiply, w(np.multiply, s, t, shape=(4,)), 1.5, shape=(4,))
    program = w.program(w(np.add, left, right, shape=(4,)))
    after = passes.dead(passes.factored(program))
    assert names(after) == ["multiply", "multiply", "add", "multiply"]  # one product less
    check(program, after, numbers(4), numbers(4)[::-1].copy(), numbers(4) * 2)


def test_a_factor_that_is_all_of_a_term_stays():
    x, y = variable(4), variable(4)
    w = Writer(x, y)
    program = w.program(w(np.add, x, w(np.multiply, x, y, shape=(4,)), shape=(4,)))
    assert names(passes.factored(program)) == ["multiply", "add"]


def test_arrays_of_programs_begin_at_a_line_of_the_cache_and_are_one_object_in_place():
    """NumPy looks for overlaps of two arrays that are not one object."""
    for shape, dtype in (((3, 5), np.float32), (7, np.float64), ((2, 0), bool), ((), np.int64), (2, object)):
        array = memory.zeros(shape, dtype)
        assert array.dtype == dtype and array.flags.writeable and not array.any()
        assert array.shape == np.zeros(shape).shape and (
            not array.size or dtype is object or array.ctypes.data % 64 == 0
        )
    flat = memory.zeros(8, np.uint8)
    assert flat[2:].base is flat and not memory.follow([flat]) and memory.follow([flat[:3], flat[3:]])
    compiled = compile(lambda x: np.exp(np.tanh(x + 1.0) * 2.0) - 1.0, backend="numpy")
    compiled(numbers(4, 5))
    compiled(numbers(4, 5))
    arrays = [x for x in compiled.last.listing.names.values() if isinstance(x, np.ndarray) and x.shape == (4, 5)]
    assert len(arrays) > 2 and len({id(x) for x in arrays}) == len({x.ctypes.data for x in arrays}) < 4


def test_memory_that_loops_use_in_turn_counts_once():
    def total(a):
        return np.sum(np.tanh(a * 2.0 + 1.0) * np.exp(-a))

    totals = compile(lambda a, b, c: (total(a), total(b), total(c)), backend="numpy")
    totals(*(np.ones(count, np.float32) for count in (600_000, 1_200_000, 800_000)))
    work = [line.split() for line in totals.source.splitlines() if line.startswith("# work")]
    told = next(line.split() for line in totals.explain().splitlines() if line.startswith("buffers"))
    assert len(work) == int(told[1].rstrip(","))
    assert sum(int(words[4].replace(",", "")) for words in work) == int(told[2].replace(",", ""))


def test_minus_moves_outward():
    x, y, g = variable(4, 3), variable(4, 3), variable(4, 3)
    w = Writer(x, y, g)
    minus = [w(np.negative, x, shape=(4, 3)) for _ in range(6)]
    quotient = w(np.divide, w(np.multiply, minus[0], y, shape=(4, 3)), g, shape=(4, 3))
    total = w(np.sum, quotient, shape=(4, 1), axis=1, keepdims=True)
    sums = [w(np.add, y, minus[1], shape=(4, 3)), w(np.add, minus[2], y, shape=(4, 3)),
            w(np.subtract, y, minus[3], shape=(4, 3)), w(np.subtract, minus[4], y, shape=(4, 3)),
            w(np.subtract, w(np.multiply, 2.0, total, shape=(4, 1)), minus[5], shape=(4, 3))]  # fmt: skip
    program = w.program(total, *sums)
    after = passes.dead(passes.scalars(passes.signs(program)))
    assert names(after).count("negative") == 2  # the last, of the sum, and the one that nothing takes on
    check(program, after, numbers(4, 3), numbers(4, 3)[::-1], numbers(4, 3) + 3.0, rtol=2e-5)


def test_a_minus_that_others_need_stays():
    x, y = variable(4), variable(4)
    w = Writer(x, y)
    minus = w(np.negative, x, shape=(4,))
    program = w.program(w(np.add, y, minus, shape=(4,)), minus)
    assert names(passes.signs(program)) == ["negative", "add"]


def test_a_row_is_not_spread_where_it_meets_an_array():
    x, row, column = variable(4, 3), variable(3), variable(4, 1)
    w = Writer(x, row, column)
    wide, high = (w(np.broadcast_to, y, (4, 3), shape=(4, 3)) for y in (row, column))
    program = w.program(w(np.multiply, x, wide, shape=(4, 3)), w(np.add, wide, high, shape=(4, 3)),
                        w(np.add, wide, wide, shape=(4, 3)))  # fmt: skip
    after = passes.dead(passes.simple(program))
    assert names(after) == ["broadcast_to", "multiply", "add", "add"]
    assert after.steps[1].operands == (x, row) and after.steps[2].operands[1] is column
    check(program, after, numbers(4, 3), numbers(3), numbers(4, 1))


@pytest.mark.parametrize("kept", [False, True])
def test_the_two_gradients_of_a_square_are_one(kept):
    d, a, b = variable(4, 3), variable(4, 1), variable(4, 3)
    w = Writer(d, a, b)
    x = w(np.multiply, a, b, shape=(4, 3))
    total = w(np.add, w(np.add, d, x, shape=(4, 3)), x, shape=(4, 3))
    program = w.program(total, *([x] if kept else []))
    after = passes.dead(passes.factored(program))
    assert names(after) == ["multiply", "add", "add"] if kept else ["multiply", "multiply", "add"]
    assert kept or after.steps[0].results[0].shape == (4, 1)
    check(program, after, numbers(4, 3), numbers(4, 1), numbers(4, 3)[::-1])
