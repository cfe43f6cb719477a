"""Machine code for loops: the same results as NumPy's, kept on disk, and never needed."""

import subprocess
import sys
import warnings

import numpy as np
import pytest

from autograd import Value, compile, grad, hessian, ops
from autograd.compiler import machine, replay
from autograd.errors import ArgumentError
from autograd.ops import relu, softmax

pytest.importorskip("llvmlite")
RNG = np.random.default_rng(0)


def same(f, *args, rtol=2e-6, loops=None):
    """compile(f) gives f's results from one loop or more, at several calls."""
    compiled = compile(f, backend="llvm")
    for _ in range(3):
        expected, found = f(*args), compiled(*args)
        for a, b in zip(*(x if isinstance(x, tuple) else (x,) for x in (expected, found)), strict=True):
            assert np.shape(a) == np.shape(b)
            assert getattr(a, "dtype", None) == getattr(b, "dtype", None)
            np.testing.assert_allclose(b, a, rtol=rtol, atol=rtol)
    if loops is not None:
        assert compiled.explain().count("in one loop") == loops
    return compiled


def numbers(*shape, dtype=np.float32):
    return RNG.normal(size=shape).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("f", "low", "high"), [(np.exp, -120, 95), (np.exp, -760, 720), (np.log, 1e-45, 10),
                                                (np.log, 0, 1e30), (np.tanh, -12, 12), (np.tanh, -1e-3, 1e-3)])  # fmt: skip
def test_our_functions_are_within_units_in_the_last_place(f, low, high, dtype):
    x = np.concatenate([np.linspace(low, high, 20_001), RNG.uniform(low, high, 10_000), np.geomspace(1e-40, 1, 1000)])
    x = x[(x >= low) & (x <= high)].astype(dtype)
    with np.errstate(all="ignore"):
        expected = f(x.astype(np.longdouble))
        compiled = compile(lambda x: f(np.maximum(x, x)), backend="llvm")
        compiled(x)
        found = compiled(x)
        assert "in one loop" in compiled.explain()
        unit = np.spacing(np.abs(expected.astype(dtype)))
        finite = np.isfinite(expected.astype(dtype))
        assert np.all(np.isfinite(found) == finite)
        error = np.abs(found.astype(np.longdouble) - expected)[finite] / unit[finite]
    assert error.max() < 5.0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_infinity_and_nan_pass(dtype):
    x = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, -1.0, 1e-42, 3.0], dtype)
    for f in (np.exp, np.log, np.tanh, np.sqrt, np.abs, np.sign, relu, np.negative, np.square):
        compiled = compile(lambda x, f=f: f(np.maximum(x, x)), backend="llvm")
        with np.errstate(all="ignore"):
            compiled(x)
            found = compiled(x)
            np.testing.assert_allclose(found, f(x), rtol=1e-5)
        assert "in one loop" in compiled.explain()
    for f in (np.maximum, np.minimum):
        compiled = compile(lambda x, y, f=f: f(x, y) * 1.5, backend="llvm")
        with np.errstate(all="ignore"):
            compiled(x, x[::-1])
            np.testing.assert_array_equal(compiled(x, x[::-1]), f(x, x[::-1]) * np.asarray(1.5, dtype))


@pytest.mark.parametrize("bits", [0x7FF80000000007A2, 0x7FFFFFFFFFFFFFFF, 0xFFF8000000000001])
def test_nan_stays_whatever_it_carries(bits):
    """R's "not available" is a NaN of other bits."""
    for x in (np.full(8, bits, np.uint64).view(np.float64), np.full(8, bits >> 32 | 3, np.uint32).view(np.float32)):
        compiled = compile(lambda x: (np.exp(x * 1.5), np.tanh(x * 1.5), np.log(x * 1.5)), backend="llvm")
        compiled(x)
        assert all(np.isnan(out).all() for out in compiled(x))
        assert "in one loop" in compiled.explain()


def test_roots_of_infinities_are_powers_as_numpy_has_them():
    x = np.array([-np.inf, np.inf, -0.0, 4.0])
    compiled = compile(lambda x: np.power(x, 0.5) + x * 0.0 * 0.0 + 1.0, backend="llvm")
    with np.errstate(all="ignore"):
        expected = np.power(x, 0.5) + x * 0.0 * 0.0 + 1.0
        np.testing.assert_array_equal([compiled(x), compiled(x)], [expected, expected])


def test_rows():
    """Softmax and layer norm are one loop each, their gradients too."""
    x, g, b = numbers(6, 5, 33), numbers(33), numbers(33)

    def norm(x):
        c = x - np.mean(x, axis=-1, keepdims=True)
        return c / np.sqrt(np.mean(c * c, axis=-1, keepdims=True) + 1e-5) * g + b

    same(lambda x: softmax(x), x, loops=1)
    same(norm, x, loops=1)
    same(lambda x: np.exp(x) / np.sum(np.exp(x), axis=(1, 2), keepdims=True), x, loops=1)
    same(grad(lambda x: np.sum(norm(x) ** 2)), x, rtol=2e-5)
    same(grad(lambda x: np.sum(softmax(x) * g)), x, rtol=2e-5)
    same(lambda x: np.max(x * 2.0, axis=-1) + np.min(x * 2.0, axis=-1), x)


def test_sums_on_the_way():
    x = numbers(40, 30)
    same(lambda x: (np.sum(np.tanh(x) * x), np.sum(np.tanh(x), axis=0), np.sum(np.tanh(x), axis=1)), x, rtol=1e-5)
    same(lambda x: (np.exp(x * 0.5), np.sum(np.exp(x * 0.5), axis=0, keepdims=True)), x, rtol=1e-5)
    y = numbers(8, 3, 5, 6)
    same(lambda y: np.sum(y * y + y, axis=(0, 2, 3)), y, rtol=1e-5)
    same(lambda y: np.sum(y * y + y, axis=1), y, rtol=1e-5)


def test_operands_of_every_form():
    x, row, column = numbers(12, 7), numbers(7), numbers(12, 1)
    same(lambda x, row, column: (x + row) * column - 1.0, x, row, column, loops=1)
    same(lambda x, row: (x.T + 1.0) * x.T * row[0], x, row)
    same(lambda x: x[::2, ::-1] * 2.0 + x[1::2], x)
    same(lambda x: np.where(x > 0.2, x, x * 0.1) * (x < 1.0), x, loops=1)
    same(lambda x: (x > 0.0) * x, x, loops=1)
    same(lambda x, rate: x - rate * x, x, 0.25)
    same(lambda x: x * np.float64(2.0) + np.ones(7), x)
    same(lambda x: np.transpose(x.reshape(3, 4, 7), (1, 0, 2)) * 2.0 + 1.0, x)
    same(lambda x: x**2 + x**3 - x**-1 + np.sqrt(abs(x)), x, rtol=1e-5, loops=1)
    same(lambda x: x * x + 1.0, numbers(1, 1))
    same(lambda x: x * x + 1.0, numbers(0, 3))
    same(lambda x: hessian(lambda x: np.sum(np.tanh(x) ** 2))(x), numbers(5, dtype=np.float64), rtol=1e-12)


def test_subclasses_of_arrays_with_gaps(tmp_path):
    class Mine(np.ndarray):
        pass

    compiled = compile(lambda x: np.tanh(x) * 2.0 + x, backend="llvm")
    whole = numbers(6, 10)
    whole.tofile(tmp_path / "numbers")
    for x in (whole, whole.view(Mine), np.memmap(tmp_path / "numbers", np.float32, "r", shape=(6, 10))):
        part = x[::2, ::3]
        for _ in range(2):
            np.testing.assert_allclose(compiled(part), np.tanh(np.array(part)) * 2.0 + np.array(part), rtol=1e-6)


def test_what_is_written_over_was_read_before():
    """The new state lies where the old did, unless something still needs that."""

    class Pair:
        a, b = None, None

    def step(pair, x):
        pair.a, pair.b = pair.b * 0.5 + x, pair.a * 2.0 - np.sum(pair.b, axis=0)
        return np.sum(pair.a * pair.b + x)

    left, right = Pair(), Pair()
    for pair in (left, right):
        pair.a, pair.b = np.ones((4, 3)), np.full((4, 3), 2.0)
    compiled = compile(lambda x: step(right, x), backend="llvm")
    for _ in range(5):
        x = numbers(4, 3, dtype=np.float64)
        np.testing.assert_allclose(compiled(x), step(left, x), rtol=1e-12)
    np.testing.assert_allclose(right.a, left.a, rtol=1e-12)
    np.testing.assert_allclose(right.b, left.b, rtol=1e-12)


def test_what_follows_each_other_is_one_call():
    """Loops that differ in their arrays only are one function; numbers that a call makes end it where one is needed."""

    def f(x, w):
        for _ in range(4):
            x = np.tanh(x @ w + 1.0)
        total = np.sum(x * x)
        return x * total + np.tanh(x), total

    compiled = compile(f, backend="llvm")
    x, w = numbers(20, 20, dtype=np.float64), numbers(20, 20, dtype=np.float64)
    machine.function.cache_clear()
    for _ in range(3):
        for found, expected in zip(compiled(x, w), f(x, w), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-5)
    lines = [
        line.strip() for line in compiled.source.splitlines() if line.strip().startswith(("calls", "loop", "prod"))
    ]
    assert len(lines) == 2 and lines[0].startswith("calls(") and "product_" in lines[0] and lines[1].startswith("loop_")
    assert machine.function.cache_info().currsize <= 4  # a product, tanh, tanh with the sum, and the last


def test_the_listing_tells_what_a_loop_computes():
    def f(x):
        h = np.tanh(x * 2.0 + 1.0)
        return h * h

    compiled = compile(f, backend="llvm")
    compiled(numbers(5, 4))
    assert "#     h = tanh(" in compiled.source
    assert "in one loop: multiply → add → tanh" in compiled.explain()


def test_object_code_is_kept_and_damage_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(machine, "folder", lambda: tmp_path / "glassgrad")
    x = numbers(9, 9)
    same(lambda x: np.tanh(x) * 3.0 - x, x)
    (file,) = (tmp_path / "glassgrad").glob("*")
    whole = file.read_bytes()
    for damaged in (b"", whole[:100], whole[:-1], bytes([whole[0] ^ 1]) + whole[1:]):
        file.write_bytes(damaged)
        machine.function.cache_clear()
        same(lambda x: np.tanh(x) * 3.0 - x, x)
        assert file.read_bytes() == whole


def test_a_folder_that_cannot_be_written_does_not_matter(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(machine, "folder", lambda: tmp_path / "file" / "glassgrad")
    same(lambda x: np.tanh(x) * 5.0 - x, numbers(3, 3))


def test_the_oldest_files_go(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "folder", lambda: tmp_path)
    monkeypatch.setattr(machine, "KEPT", 4)
    monkeypatch.setattr(machine, "LOOKED", 1)
    for k in range(9):
        same(lambda x, k=k: np.tanh(x) * (k + 0.5) - x, numbers(3, 3))
    assert len(list(tmp_path.iterdir())) <= 4


def test_without_llvmlite_numpy_runs_the_program(monkeypatch):
    monkeypatch.setitem(sys.modules, "llvmlite.binding", None)
    monkeypatch.setattr(replay, "WARNED", set())
    x = numbers(4, 4)
    assert "in one loop" not in same_default(x).explain()
    compiled = compile(lambda x: np.tanh(x) * 3.0, backend="llvm")
    with pytest.warns(UserWarning, match="needs llvmlite"):
        compiled(x)
    again = compile(lambda x: np.tanh(x) * 3.0, backend="llvm")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            np.testing.assert_allclose(again(x), np.tanh(x) * 3.0, rtol=1e-6)


def same_default(x):
    compiled = compile(lambda x: np.tanh(x) * 3.0)
    compiled(x)
    np.testing.assert_allclose(compiled(x), np.tanh(x) * 3.0, rtol=1e-6)
    return compiled


def test_when_llvm_fails_numpy_runs_the_program(monkeypatch):
    def broken(*_):
        raise RuntimeError("no such processor")

    monkeypatch.setattr(machine, "functions", broken)
    monkeypatch.setattr(replay, "WARNED", set())
    weight = Value(np.ones((4, 4)))

    def step(x):
        loss = np.sum(np.tanh(x * weight) ** 2)
        weight.zero_grad()
        loss.backward()
        weight.data = weight.data - 0.1 * weight.grad
        return loss.data

    x = numbers(4, 4, dtype=np.float64)
    compiled = compile(step)
    losses = [compiled(x), compiled(x)]  # the second has a gradient to begin with, the first had none
    with pytest.warns(UserWarning, match="NumPy runs the program instead: no such processor") as told:
        losses.append(compiled(x))
    losses.append(compiled(x))
    assert losses == sorted(losses, reverse=True) and len(set(losses)) == 4
    assert len(told) == 1 and told[0].filename == __file__


def test_a_new_process_finds_the_code():
    """A second process with the same program starts without compiling."""
    code = (
        "import time, numpy as np, autograd\n"
        "f = autograd.compile(lambda x: np.tanh(x) * 3.0 - np.exp(x), backend='llvm')\n"
        "x = np.ones((16, 16), np.float32)\n"
        "start = time.perf_counter(); f(x); f(x); print(time.perf_counter() - start)\n"
    )
    times = [float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
             for _ in range(3)]  # fmt: skip
    assert min(times[1:]) < 0.3


def test_a_wrong_backend():
    with pytest.raises(ArgumentError, match="expected 'numpy', 'llvm' or None"):
        compile(np.tanh, backend="numba")


@pytest.mark.parametrize(("shape", "size"), [
    ((2, 3, 8, 12), 2), ((2, 1, 6, 9), (2, 3)), ((3, 2, 12), 4), ((1, 2, 4, 2, 2), 2), ((2, 3, 7, 8), 2), ((2, 2, 8, 8), 4),
])  # fmt: skip
def test_pools_side_by_side_are_loops_over_views(shape, size):
    """Ties and NaN included; what is no pool of this kind (7 rows by 2, windows of 16) stays one op."""
    x = np.maximum(numbers(*shape), 0.0)
    x.flat[3] = np.nan
    weights = numbers(*ops.max_pool.forward(x, size).shape)
    pooled = lambda x: (grad(lambda x: np.sum(ops.max_pool(x * 2.0, size) * weights))(x), ops.max_pool(x * 1.0, size))
    with np.errstate(all="ignore"):
        compiled = same(pooled, x, rtol=1e-6)
    names = {step.name for step in compiled.last.found.program.steps}
    plain = shape[2] != 7 and (size != 4 or len(shape) == 3)
    assert names.isdisjoint({"max_pool", "max_pool_input"}) == plain
    cubed = grad(lambda x: np.sum(ops.max_pool(x, size) ** 3))
    same(grad(lambda x: np.sum(cubed(x) ** 2)), x[:1] + 1.0, rtol=1e-5)
