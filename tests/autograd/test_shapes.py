"""Hypothesis draws shapes, axes, dtypes and index expressions: results are NumPy's, gradients fit and are right.

Right means here: J·t pushed forward, and g·J pulled back, meet in the same number, g·(J·t) = (g·J)·t, and J·t is what a
small step along t changes.
"""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from autograd import Value, jvp, ops, vjp
from autograd.primitives import registry

ops.load()
DTYPES = [np.float64, np.float32]
BINARY = ["add", "subtract", "multiply", "divide", "maximum", "minimum", "hypot", "arctan2", "logaddexp"]
REDUCTIONS = ["sum", "mean", "prod", "var", "std", "max", "min", "nansum", "nanmean", "ptp", "median", "logsumexp"]
ALONG = ["cumsum", "cumprod", "sort", "flip", "softmax", "log_softmax", "diff"]


def numbers(shape, seed, dtype=np.float64):
    return (
        (np.random.default_rng(seed).permutation(np.arange(1.0, 1.0 + np.prod(shape, dtype=int))) / 7.0)
        .reshape(shape)
        .astype(dtype)
    )


def agree(f, *xs):
    """Check f at xs as the module says; in float64."""
    rng = np.random.default_rng(0)
    ts = tuple(rng.normal(size=np.shape(x))[()] for x in xs)
    value, tangent = jvp(f, xs, ts)
    assert np.shape(tangent) == np.shape(value)
    g = rng.normal(size=np.shape(value))[()]
    _, pull = vjp(f, *xs)
    pulled = sum(np.sum(c * t) for c, t in zip(pull(g), ts, strict=True))
    scale = 1.0 + np.sum(np.abs(g * tangent))
    assert abs(np.sum(g * tangent) - pulled) <= 1e-11 * scale
    step = 1e-6
    ahead, behind = (f(*(x + s * step * t for x, t in zip(xs, ts, strict=True))) for s in (1.0, -1.0))
    np.testing.assert_allclose((ahead - behind) / (2 * step), tangent, rtol=1e-5, atol=1e-6 * scale)


shapes = arrays.array_shapes(min_dims=0, max_dims=4, min_side=1, max_side=3)


@given(st.data(), st.sampled_from(BINARY))
def test_binary_ops_broadcast(data, name):
    found = data.draw(arrays.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3))
    x, y = (numbers(shape, seed) + 0.013 * seed for seed, shape in enumerate(found.input_shapes))
    f = registry[name]
    np.testing.assert_array_equal(f(Value(x), y).data, getattr(np, name)(x, y))
    agree(f, x, y)


@given(st.data(), st.sampled_from(BINARY), st.sampled_from(DTYPES), st.sampled_from(DTYPES))
def test_a_gradient_has_the_dtype_of_its_operand(data, name, first, second):
    found = data.draw(arrays.mutually_broadcastable_shapes(num_shapes=2, min_dims=1, max_dims=3, max_side=3))
    x, y = (
        numbers(shape, i, dtype)
        for i, (shape, dtype) in enumerate(zip(found.input_shapes, (first, second), strict=True))
    )
    a, b = Value(x), Value(y)
    out = registry[name](a, b)
    assert out.dtype == getattr(np, name)(x, y).dtype
    np.sum(out).backward(record=True)
    assert (a.grad.dtype, b.grad.dtype) == (first, second)
    assert (a.grad.shape, b.grad.shape) == (x.shape, y.shape)


@given(st.data(), st.sampled_from(REDUCTIONS), shapes, st.booleans())
def test_reductions_along_any_axes(data, name, shape, keepdims):
    one = name in ("ptp",)
    axis = None
    if shape and data.draw(st.booleans()):
        axes = data.draw(arrays.valid_tuple_axes(len(shape), min_size=1))
        axis = axes[0] if one or len(axes) == 1 else axes
    op, x = registry[name], numbers(shape, 1)
    f = lambda x: op(x, axis=axis, keepdims=keepdims)
    if op.numpy:
        np.testing.assert_array_equal(f(Value(x)).data, op.numpy[0](x, axis=axis, keepdims=keepdims))
    if name in ("var", "std"):
        assume(np.all(np.asarray(f(x)) > 0))
    agree(f, x)


@given(st.data(), st.sampled_from(ALONG), arrays.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=3))
def test_functions_along_an_axis(data, name, shape):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    op, x = registry[name], numbers(shape, 2)
    f = lambda x: op(x, axis=axis)
    if op.numpy:
        np.testing.assert_array_equal(f(Value(x)).data, op.numpy[0](x, axis=axis))
    agree(f, x)


@given(st.data(), arrays.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4))
def test_index_expressions(data, shape):
    kinds = st.one_of(
        arrays.basic_indices(shape, allow_newaxis=True),
        arrays.integer_array_indices(shape),
        arrays.arrays(np.bool_, shape),
    )
    index = data.draw(kinds)
    x = numbers(shape, 3)
    expected = x[index]
    np.testing.assert_array_equal(np.asarray(Value(x)[index].data), expected)
    agree(lambda x: x[index] if isinstance(x, Value) else np.asarray(x[index])[()], x)


@given(st.data(), arrays.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4))
def test_index_assignments(data, shape):
    kinds = st.one_of(
        arrays.basic_indices(shape, allow_newaxis=False),
        arrays.integer_array_indices(shape),
        arrays.arrays(np.bool_, shape),
    )
    index = data.draw(kinds)
    x = numbers(shape, 4)
    target = np.shape(x[index])
    found = data.draw(arrays.broadcastable_shapes(target, min_dims=0, max_dims=len(target), max_side=4))
    assume(np.broadcast_shapes(found, target) == target)
    v = numbers(found, 5)

    def f(x, v):
        y = x * 1.0
        y[index] = v
        return y

    np.testing.assert_array_equal(f(Value(x), v).data, f(x, v))
    agree(f, x, v)


@given(st.data(), st.sampled_from(DTYPES))
def test_matmul_of_any_shapes(data, dtype):
    found = data.draw(arrays.mutually_broadcastable_shapes(signature=np.matmul.signature, max_dims=2, max_side=3))
    x, y = (numbers(shape, i) for i, shape in enumerate(found.input_shapes))
    np.testing.assert_array_equal((Value(x) @ y).data, x @ y)
    agree(np.matmul, x, y)
    a = Value(x.astype(dtype))
    np.sum(a @ y.astype(dtype)).backward()
    assert a.grad.dtype == dtype


@pytest.mark.parametrize(
    "name", sorted({op.name for op in registry.values() if op.kind == "elementwise" and op.differentiable})
)
def test_elementwise_ops_take_any_number_of_axes(name):
    op = registry[name]
    row = op.samples[0]
    if not all(isinstance(x, str) for x in row.operands):
        return
    for shape in ("", "1", "2 1 2 1"):
        xs = row._replace(operands=(shape,) * len(row.operands)).arrays(np.random.default_rng(0))
        values = [Value(x) for x in xs]
        out = op(*values, **row.options)
        out = out[-1] if isinstance(out, tuple) else out
        np.sum(np.real(out)).backward()
        for v, x in zip(values, xs, strict=True):
            assert np.shape(v.grad) == np.shape(x) or not v.has_grad
