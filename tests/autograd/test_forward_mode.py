"""jvp gives J·t for ops of every kind, in one pass forwards, and agrees with the Jacobian that reverse mode gives."""

import zlib

import numpy as np
import op_table
import pytest

from autograd import Value, jacobian, jvp, ops, stop_gradient, vjp
from autograd.errors import ArgumentError, NotDifferentiableError
from autograd.primitives import registry

LABELS = np.array([0, 2])

PROGRAMS = {
    "elementwise": lambda x: np.tanh(x) * np.exp(-x) / (1.0 + x * x),
    "elementwise, one operand broadcast": lambda x: x * np.sum(x) + x[0] - 2.0 / x[:, :1],
    "elementwise, a number with an array": lambda x: np.abs(x[0, 0]) ** np.abs(x) + np.arctan2(x, 2.0),
    "kinked": lambda x: (
        np.maximum(x, 0.1) + np.clip(x, -0.5, 0.5) + ops.relu(x) + np.abs(x) + np.where(x > 0, x * x, -x)
    ),
    "linear": lambda x: np.cumsum(np.mean(x, axis=0)) + np.sum(x),
    "linear with index": lambda x: np.take(x, [0, 2, 2], axis=1)[:, ::-1] + x[:, [1, 1, 0]],
    "view": lambda x: np.moveaxis(np.reshape(x.T, (3, 2, 1)), 0, 1) + np.broadcast_to(x[:, :1, None], (2, 3, 1)),
    "bilinear": lambda x: np.outer(x[0], x[1]) @ np.dot(x.T, x),
    "bilinear, batched": lambda x: np.matmul(np.stack([x, 2.0 * x]), np.tensordot(x, x, axes=(0, 0))),
    "general": lambda x: ops.softmax(x) + np.linalg.norm(x, axis=1, keepdims=True) + np.prod(x, axis=0),
    "general, ties apart": lambda x: np.max(x, axis=0) - np.min(x, axis=1, keepdims=True) + np.std(x, axis=0),
    "several operands of a general op": lambda x: ops.linear(x, np.sin(x), x[:, 0]),
    "hidden result": lambda x: ops.softmax_cross_entropy(x * x, LABELS),
    "einsum": lambda x: np.einsum("ij,kj,il->kl", x, np.exp(x), x),
    "variadic, linear": lambda x: np.concatenate([x, x * x, np.array([[np.inf, 0.0, 1.0]])]),
    "stack": lambda x: np.stack([x[0], x[1], np.ones(3)], axis=1),
    "several results": lambda x: [part * part for part in np.split(x, [1], axis=1)],
    "one result of several": lambda x: np.array_split(np.exp(x), 2, axis=1)[1],
    "pad and repeat": lambda x: np.pad(x, ((1, 0), (0, 2)), mode="edge")[:, :3] + np.repeat(x, [2, 1], axis=0),
    "an operand without derivative": lambda x: (
        np.where(x, x * x, x) + ops.softmax_cross_entropy(x, np.argmax(x, axis=1))
    ),
    "what stops": lambda x: x * stop_gradient(x) + np.floor(x),
    "deep": lambda x: np.linalg.norm(np.tanh(np.log(1.0 + np.exp(x @ x.T)) @ x)),
}


@pytest.fixture
def x(request):
    rng = np.random.default_rng(zlib.crc32(request.node.name.encode()))
    return rng.uniform(-1.5, 1.5, (2, 3))


def times(J, t):
    """J·t, where t has the last axes of J."""
    return np.tensordot(J, t, axes=np.ndim(t))


def leaves(out):
    return list(out) if isinstance(out, (list, tuple)) else [out]


@pytest.mark.parametrize("f", PROGRAMS.values(), ids=PROGRAMS)
def test_jvp_is_the_jacobian_times_the_tangent(f, x):
    t = np.cos(np.arange(6.0)).reshape(2, 3)
    value, tangent = jvp(f, (x,), (t,))
    expected = jacobian(f)(x)
    for out, along, J in zip(leaves(value), leaves(tangent), leaves(expected), strict=True):
        assert np.shape(along) == np.shape(out)
        np.testing.assert_allclose(along, times(J, t), rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("f", PROGRAMS.values(), ids=PROGRAMS)
def test_jvp_can_be_differentiated_again(f, x):
    s, t = np.ones((2, 3)), np.cos(np.arange(6.0)).reshape(2, 3)
    along = lambda x: [np.sum(part) for part in leaves(jvp(f, (x,), (t,))[1])]
    forward = leaves(jvp(along, (x,), (s,))[1])
    backward = [np.sum(g * s) for g in leaves(jacobian(along)(x))]
    np.testing.assert_allclose(forward, backward, rtol=1e-10, atol=1e-12)


# every op of the table, whatever its kind

ROWS = [
    pytest.param(op, row, id=f"{op.name}-{i}")
    for op in registry.values()
    if op.differentiable and op.__module__.startswith("autograd.")
    for i, row in enumerate(op.samples)
]


@pytest.mark.parametrize(("op", "row"), ROWS)
def test_every_op_pushes_what_it_pulls(op, row):
    """⟨g, J·t⟩ = ⟨Jᵀ·g, t⟩ for random g and t, at every sample of the op table."""
    rng = np.random.default_rng(zlib.crc32(op.name.encode()))
    operands = list(row.arrays(rng))
    places = [
        i
        for i, x in enumerate(operands)
        if isinstance(x, np.ndarray)
        and x.dtype.kind in "fc"
        and op.operands[min(i, len(op.operands) - 1)] not in op.constants
    ]

    def f(*moving):
        full = list(operands)
        for i, x in zip(places, moving, strict=True):
            full[i] = x
        return op_table.call(op, full, row.options)

    moving = tuple(operands[i] for i in places)
    tangents = tuple(op_table.noise(rng, x) for x in moving)
    out, along = jvp(f, moving, tangents)
    g = [op_table.noise(rng, part) for part in leaves(out)]
    pushed = sum(op_table.dot(a, b) for a, b in zip(g, leaves(along), strict=True))
    seed = getattr(type(out), "_make", type(out))(g) if isinstance(out, (list, tuple)) else g[0]
    pulled = vjp(f, *moving)[1](seed)
    back = sum(op_table.dot(a, b) for a, b in zip(pulled, tangents, strict=True))
    scale = 1.0 + sum(np.sum(abs(a * b)) for a, b in zip(pulled, tangents, strict=True))
    assert abs(pushed - back) <= 1e-11 * scale


# form


def test_jvp_of_scalars_is_python_floats():
    value, tangent = jvp(lambda x, y: x * y + np.sin(x), (2.0, 3.0), (1.0, 0.5))
    assert (type(value), type(tangent)) == (float, float)
    assert tangent == pytest.approx(3.0 + np.cos(2.0) + 1.0, rel=1e-15)


def test_jvp_of_float32_is_float32():
    x = np.ones((2, 2), np.float32)
    for f in (np.tanh, lambda x: x @ x, ops.softmax, lambda x: np.concatenate([x, x]), lambda x: x * 2.0):
        value, tangent = jvp(f, (x,), (np.ones((2, 2)),))
        assert (value.dtype, tangent.dtype) == (np.float32, np.float32)


def test_jvp_of_what_does_not_depend_is_zero():
    assert jvp(lambda x: 3.0, (1.0,), (1.0,)) == (3.0, 0.0)
    value, tangent = jvp(lambda x: np.array([np.inf, 1.0]), (1.0,), (1.0,))
    assert (value.tolist(), tangent.tolist()) == ([np.inf, 1.0], [0.0, 0.0])


def test_jvp_takes_values_and_gives_recorded_ones():
    x, t = Value(3.0), Value(2.0)
    value, tangent = jvp(lambda x: x**3, (x,), (t,))
    assert (value.data, tangent.data) == (27.0, 54.0)
    tangent.backward()
    assert (x.grad, t.grad) == (36.0, 27.0)


def test_jvp_refuses_tangents_that_do_not_fit():
    with pytest.raises(ArgumentError, match="jvp: tangents must have the structure of primals"):
        jvp(lambda x: x, (1.0,), (1.0, 2.0))
    with pytest.raises(ArgumentError, match=r"jvp: a tangent has shape \(3,\), its primal \(2,\)"):
        jvp(lambda x: x, (np.ones(2),), (np.ones(3),))


def test_jvp_names_an_operand_without_a_rule(planted):
    for kind in ("general", "elementwise"):

        @planted(kind=kind)
        def halved(x, /):
            return 0.5 * x

        with pytest.raises(NotDifferentiableError, match="halved has no derivative rule for its operand 'x'"):
            jvp(halved, (1.0,), (1.0,))


def test_jvp_adds_the_tangents_of_an_op_with_several_operands_and_results(planted):
    @planted(results=tuple)
    def to_polar(x, y, /):
        return np.hypot(x, y), np.arctan2(y, x)

    @to_polar.vjp_all
    def rule(g, out, x, y, needed):
        length, angle = (0.0 * x if part is None else part for part in g)
        radius = np.hypot(x, y)
        return (length * x - angle * y / radius) / radius, (length * y + angle * x / radius) / radius

    value, tangent = jvp(to_polar, (3.0, 4.0), (1.0, 2.0))
    assert value == (5.0, np.arctan2(4.0, 3.0))
    assert tangent == pytest.approx((3 / 5 + 8 / 5, -4 / 25 + 6 / 25), rel=1e-14)
