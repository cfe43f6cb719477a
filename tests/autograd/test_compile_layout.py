"""Images with their channels last: the pass that turns them, and the functions of machine code for their convolutions."""

import functools

import numpy as np
import pytest
import test_compile_passes
from test_compile_passes import Writer, names, numbers, variable

import nn
from autograd import compile, grad, ops
from autograd.compiler import layout, windows
from autograd.compiler.program import evaluate
from autograd.ops import channels_last
from autograd.ops.window import geometry
from autograd.primitives import registry

ops.load()
check = functools.partial(test_compile_passes.check, rtol=1e-5, atol=1e-5)
LAST = {"plain": layout.plain_channels_last, "any": layout.channels_last}


def leaves(result):
    return result if isinstance(result, tuple) else (result,)


def lasts(program):
    return [name for name in names(program) if name.endswith("_last")]


def turned(program):
    return [step for step in program.steps if step.name == "transpose"]


@pytest.mark.parametrize("change", LAST.values(), ids=LAST)
def test_what_lies_between_convolutions_is_turned_with_them(change):
    """conv, relu, pool, conv: one view of the input, one of the result."""
    x, w, v = variable(2, 3, 8, 6), variable(4, 3, 3, 3), variable(5, 4, 1, 1)
    write = Writer(x, w, v)
    y = write(registry["conv"], x, w, shape=(2, 4, 8, 6), padding=1)
    y = write(np.maximum, y, 0.0, shape=(2, 4, 8, 6))
    y = write(registry["max_pool"], y, shape=(2, 4, 4, 3), kernel_size=2)
    program = write.program(write(registry["conv"], y, v, shape=(2, 5, 4, 3)))
    after = change(program)
    assert lasts(after) == ["conv_last", "max_pool_last", "conv_last"] and len(turned(after)) == 2
    check(program, after, numbers(2, 3, 8, 6), numbers(4, 3, 3, 3), numbers(5, 4, 1, 1))


def test_slices_sums_and_numbers_for_each_channel():
    x, w, b = variable(2, 3, 8, 6), variable(4, 3, 3, 3), variable(4, 1, 1)
    write = Writer(x, w, b)
    y = write(registry["conv"], x, w, shape=(2, 4, 6, 4))
    mean = write(np.mean, y, shape=(1, 4, 1, 1), axis=(0, 2, 3), keepdims=True)
    y = write(np.subtract, y, mean, shape=(2, 4, 6, 4))
    y = write(np.multiply, y, b, shape=(2, 4, 6, 4))
    part = write(registry["getitem"], y, shape=(2, 4, 3, 4), index=(Ellipsis, slice(None, None, 2), slice(None)))
    by_channel = write(np.sum, y, shape=(4,), axis=(0, 2, 3))
    by_image = write(np.max, y, shape=(2, 4), axis=(2, 3))
    by_pixel = write(np.sum, y, shape=(4, 6, 4), axis=0)  # its axes come in another order
    program = write.program(part, by_channel, by_image, by_pixel)
    after = layout.channels_last(program)
    assert len(turned(after)) == 4  # of x and b, of the slice as a result, and for the sum over the batch
    check(program, after, numbers(2, 3, 8, 6), numbers(4, 3, 3, 3), numbers(4, 1, 1))
    assert layout.plain_channels_last(program) is program  # NumPy would spread 4 numbers at a time


def test_groups_and_other_steps_get_views():
    x, w, d = variable(2, 4, 5), variable(4, 4, 3), variable(4, 1, 3)
    write = Writer(x, w, d)
    y = write(registry["conv"], x, w, shape=(2, 4, 3))
    z = write(registry["conv"], y, d, shape=(2, 4, 1), groups=4)
    flat = write(np.reshape, y, (2, 12), shape=(2, 12))
    program = write.program(z, flat, y)
    after = layout.channels_last(program)
    assert names(after).count("conv") == 1 and len(turned(after)) == 2
    check(program, after, numbers(2, 4, 5), numbers(4, 4, 3), numbers(4, 1, 3))


def test_a_program_without_convolutions_stays():
    x = variable(2, 3, 4, 4)
    write = Writer(x)
    program = write.program(write(registry["max_pool"], x, shape=(2, 3, 2, 2), kernel_size=2))
    assert layout.channels_last(program) is program


@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 1}, {"dilation": 2, "padding": (2, 0)}], ids=str)
def test_convolutions_of_arrays_that_lie_channels_last(channels, options):
    """Read and written as they lie, they are the same convolutions."""
    x, w, b = numbers(3, channels, 9, 8), numbers(6, channels, 3, 2), numbers(6)
    lying = lambda array: np.moveaxis(np.ascontiguousarray(np.moveaxis(array, 1, -1)), -1, 1)
    y = registry["conv"].forward(x, w, b, **options)
    out = lying(np.empty_like(y))
    registry["conv"].into(out, lying(x), w, b, **options)
    np.testing.assert_allclose(out, y, rtol=1e-5, atol=1e-5)
    assert channels_last.lies_last(out)
    for given in (y, lying(y)):
        found = registry["conv_weight"].forward(lying(x), given, kernel=(3, 2), **options)
        np.testing.assert_allclose(
            found, registry["conv_weight"].forward(x, y, kernel=(3, 2), **options), rtol=1e-4, atol=1e-4
        )
        back = lying(np.empty_like(x))
        registry["conv_input"].into(back, given, w, lengths=(9, 8), **options)
        np.testing.assert_allclose(
            back, registry["conv_input"].forward(y, w, lengths=(9, 8), **options), rtol=1e-4, atol=1e-4
        )


# (lengths, channels, made, kernel, options)
SHAPES = [
    ((14, 14), 16, 32, (3, 3), {"padding": 1}), ((14, 13), 1, 16, (3, 3), {"padding": 1}), ((9, 20), 3, 20, (5, 5), {}),
    ((12, 15), 8, 5, (3, 2), {"stride": (2, 1), "padding": (1, 0)}), ((40,), 6, 10, (4,), {"dilation": 3, "padding": 4}),
    ((5, 6, 14), 4, 33, (2, 1, 3), {"padding": (0, 1, 1)}), ((7, 12), 10, 48, (1, 1), {}),
    ((16,), 2, 3, (5,), {"stride": 3}), ((8, 8), 12, 7, (3, 3), {"padding": "same"}),
    ((6, 30), 7, 70, (3, 3), {"padding": 2}), ((11, 10), 5, 80, (2, 2), {"dilation": (1, 2)}),
]  # fmt: skip


@pytest.fixture(params=[(64, 28), (32, 12), (16, 24)], ids=["AVX-512", "AVX", "128 bits"])
def registers(request, monkeypatch):
    machine = pytest.importorskip("autograd.compiler.machine")
    if not machine.available():
        pytest.skip("needs llvmlite")
    monkeypatch.setattr(machine, "registers", lambda: request.param)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_functions_of_machine_code_equal_the_ops(shape, dtype, registers):
    """conv, conv_weight and conv_input for any shape, also for registers of other processors."""
    from autograd.compiler import direct

    lengths, channels, made, kernel, options = shape
    x, w, b = (numbers(*form).astype(dtype) for form in ((3, channels, *lengths), (made, channels, *kernel), (made,)))
    tolerance = {"rtol": 1e-4, "atol": 2e-4} if dtype == np.float32 else {"rtol": 1e-12, "atol": 1e-12}
    last = lambda array: np.ascontiguousarray(np.moveaxis(array, 1, -1))
    outs = geometry(lengths, kernel, *(options.get(x, y) for x, y in direct.DEFAULTS.items()))[3]
    y = numbers(3, made, *outs).astype(dtype)

    def made_by(name, operands, result, **options):
        like = [variable(*array.shape, dtype=array.dtype) for array in operands]
        out = variable(*result, dtype=np.dtype(dtype))
        step = layout.Step(layout.last(name), tuple(like), options, (out,))
        found = direct.SHAPES[name](step)
        if found is None:
            return None
        made = direct.Direct(layout.last(name), found)
        if made.into:  # an array with gaps
            into = np.full((*result[:-1], 2 * result[-1]), np.nan, dtype)
            made.into(into[..., ::2], *operands)
            np.testing.assert_array_equal(into[..., ::2], made.compute(*operands))
            assert np.isnan(into[..., 1::2]).all()
        return made.compute(*operands)

    for bias in ((), (b,)):
        found = made_by("conv", (last(x), w, *bias), (3, *outs, made), **options)
        np.testing.assert_allclose(found, last(registry["conv"].forward(x, w, *bias, **options)), **tolerance)
    found = made_by("conv_weight", (last(x), last(y)), w.shape, kernel=kernel, **options)
    np.testing.assert_allclose(found, registry["conv_weight"].forward(x, y, kernel=kernel, **options), **tolerance)
    found = made_by("conv_input", (last(y), w), (3, *lengths, channels), lengths=lengths, **options)
    if found is not None:
        np.testing.assert_allclose(
            found, last(registry["conv_input"].forward(y, w, lengths=lengths, **options)), **tolerance
        )
    assert (found is None) == (
        "stride" in options or options.get("padding") == (0, 1, 1)
    )  # farther than the kernel reaches


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
@pytest.mark.parametrize(("count", "spatial", "options"), [
    (5, (12, 14), {"padding": 1}), (1, (30,), {"stride": 2}), (2, (6, 7, 14), {"padding": "same"}), (64, (16, 16), {}),
])  # fmt: skip
def test_networks_of_convolutions(backend, count, spatial, options):
    """Ties, a residual, a norm's sums, and second order, of compiled networks."""
    x, conv, pool = numbers(count, 3, *spatial), ops.conv, ops.max_pool
    w, v, scale = (
        numbers(8, 3, *[3] * len(spatial)),
        numbers(8, 8, *[1] * len(spatial)),
        numbers(8, *[1] * len(spatial)),
    )

    def loss(w, v, scale):
        y = np.maximum(conv(x, w, **options), 0.0)
        y = y + conv(y, v)
        y = (y - np.mean(y, axis=(0, *range(2, y.ndim)), keepdims=True)) * scale
        return np.mean(pool(y, 2) ** 2)

    gradient = grad(loss, (0, 1, 2))
    twice = grad(lambda w: np.sum(gradient(w, v, scale)[0] ** 2))
    for f, arguments in ((gradient, (w, v, scale)), (twice, (w,))):
        compiled = compile(f, backend=backend)
        for _ in range(3):
            pairs = zip(leaves(compiled(*arguments)), leaves(f(*arguments)), strict=True)
            for a, b in pairs:
                np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-4 * np.abs(b).max())


def test_results_have_their_shape_and_order():
    """What leaves the program is as eager has it: an array with the channels second, that nothing else holds."""
    x, w = numbers(4, 8, 6, 6), numbers(8, 8, 3, 3)
    images = compile(lambda x: np.tanh(ops.conv(x, w, padding=1)))
    for _ in range(3):
        first = images(x)
    again = images(x + 1.0)
    assert first.shape == (4, 8, 6, 6) and not np.shares_memory(first, again)
    np.testing.assert_allclose(first, np.tanh(ops.conv(x, w, padding=1)), rtol=1e-5, atol=1e-5)


def test_explain_counts_the_products():
    x = numbers(8, 4, 10, 10)
    model = nn.Conv2d(4, 8, 3, padding=1, bias=False)
    compiled = compile(lambda x: model(x), backend="numpy")
    for _ in range(3):
        compiled(x)
    assert f"flops      {2 * 8 * 100 * 8 * 36:,} a run" in compiled.explain()


def gradient_of_pool(*, extra=None, shown=False):
    """relu, pool, and the way back through both: program(v, y) → the pool, what v gets, and what else is asked for."""
    v, y, options = variable(2, 2, 6, 4), variable(2, 2, 3, 2), {"kernel_size": (2, 2), "stride": (2, 2)}
    write = Writer(v, y)
    m = write(registry["relu"], v, shape=v.shape)
    p = write(registry["max_pool"], m, shape=y.shape, **options)
    back = write(registry["max_pool_input"], y, m, p, shape=v.shape, **options)
    mask = write(np.greater, m, 0.0, shape=v.shape, dtype=np.dtype(bool))
    d = write(np.multiply, back, mask, shape=v.shape)
    others = [write(extra, m, shape=m.shape)] if extra else [mask] if shown else []
    return write.program(p, d, *others)


def test_a_relu_comes_after_the_pool_that_alone_needs_it():
    program = gradient_of_pool()
    after = windows.pooled_first(program)
    assert names(after) == ["max_pool", "relu", "greater", "multiply", "max_pool_input"]
    v = np.round(numbers(2, 2, 6, 4) * 2.0)  # ties, and windows without a positive number
    v[0, 0] = -1.0
    v[1, 0, 0, 0] = np.inf
    for a, b in zip(
        evaluate(program, (v, numbers(2, 2, 3, 2))), evaluate(after, (v, numbers(2, 2, 3, 2))), strict=True
    ):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("change", [{"extra": np.tanh}, {"shown": True}], ids=str)
def test_a_relu_that_others_need_stays(change):
    program = gradient_of_pool(**change)
    assert windows.pooled_first(program) is program


def test_a_pool_forward_only_comes_first_too():
    v = variable(2, 2, 6)
    write = Writer(v)
    m = write(registry["relu"], v, shape=v.shape)
    program = write.program(write(registry["max_pool"], m, shape=(2, 2, 2), kernel_size=3, stride=2, padding=0))
    after = windows.pooled_first(program)
    assert names(after) == ["max_pool", "relu"]
    check(program, after, numbers(2, 2, 6))


def test_images_of_two_ranks_beside_each_other():
    """A bias, or anything with more axes, means each of them by its own axes."""
    wide, flat = numbers(3, 3, 3, 3), numbers(3, 3, 3)

    def f(x, z, b, k):
        image = ops.conv(x, wide, padding=1)
        return np.tanh(image + b), np.tanh(ops.conv(z, flat, padding=1) + b), np.tanh(image + k)

    given = numbers(2, 3, 8, 5), numbers(2, 3, 5), numbers(5), numbers(4, 1, 1, 1, 1)
    for backend in ("numpy", "llvm"):
        compiled = compile(f, backend=backend)
        for _ in range(2):
            for found, expected in zip(compiled(*given), f(*given), strict=True):
                np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
