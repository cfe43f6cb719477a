"""The columns of the op table: what must hold for every op and each of its samples.

Each column is a function that fails with an AssertionError; test_ops.py runs them over the whole registry, and plants
wrong rules to see that they do fail.
"""

import zlib
from collections import Counter

import numpy as np

from autograd import Value
from autograd.backward import order, propagate

STEP = 1e-5
CHECKED = Counter()  # what was compared → how many numbers
ROUNDING = {"power": 3e-16}  # x³ is x · x · x: rounded twice, and in float32 hundreds of times faster than np.power


def generator(name):
    """A random generator that depends on the test's own name only."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def call(op, operands, options, function=None):
    """The op as a user calls it: NumPy's function, if there is one, or the one given."""
    function = function or (op.numpy[0] if op.numpy else op)
    options = dict(options)
    if op.name == "einsum":
        return function(options.pop("subscripts"), *operands, **options)
    if op.name == "getitem":
        return operands[0][options["index"]]
    if op.name == "astype":
        return function(*operands, options.pop("dtype"), **options)
    return function(list(operands), **options) if op.variadic else function(*operands, **options)


def is_differentiable(x):
    return isinstance(x, np.ndarray) and x.dtype.kind in "fc"


def wrap(operands):
    return [Value(x) if is_differentiable(x) else x for x in operands]


def parts(out):
    """Results as a list, whether the op has one or several."""
    return list(out) if isinstance(out, (list, tuple)) else [out]


def plain(x):
    return x.data if isinstance(x, Value) else x


def gradient(x, like):
    """x.grad as an array; zeros where no backward pass came."""
    return np.asarray(plain(x.grad)) if x.has_grad else np.zeros_like(like)


def close(found, expected, what, rtol=1e-6, scale=1.0):
    CHECKED[what.partition(": ")[2].partition(",")[0].partition(" for")[0]] += np.size(found)
    assert np.shape(found) == np.shape(expected), f"{what}: shape {np.shape(found)}, expected {np.shape(expected)}"
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-8 * max(1.0, scale), err_msg=what)


def differences(function, arrays, k, direction=1.0):
    """d function / d arrays[k] by central differences: an array (size of the result, size of arrays[k])."""
    columns = []
    for i in range(arrays[k].size):
        ends = []
        for step in (STEP * direction, -STEP * direction):
            moved = arrays[k].copy()
            moved.flat[i] += step
            ends.append(function([*arrays[:k], moved, *arrays[k + 1 :]]))
        columns.append((ends[0] - ends[1]) / (2.0 * STEP))
    return np.stack(columns, axis=-1) if columns else np.zeros((np.size(function(arrays)), 0))


def slopes(function, arrays, k):
    """Gradient of a real number: ∂/∂x of a real array, ∂/∂x − i ∂/∂y of a complex one."""
    real = differences(function, arrays, k)[0]
    full = real - 1j * differences(function, arrays, k, 1j)[0] if is_complex(arrays[k]) else real
    return full.reshape(np.shape(arrays[k]))


def symmetrised(x):
    """Of an array of matrices the symmetric part: what the gradient is with respect to a symmetric matrix."""
    return (x + np.swapaxes(x, -1, -2)) / 2.0


def is_complex(x):
    return np.asarray(plain(x)).dtype.kind == "c"


def dot(a, b):
    """Re Σ a · b, of arrays and Values alike."""
    total = np.sum(a * b)
    return np.real(total) if is_complex(total) else total


def flat(outs):
    return np.concatenate([np.ravel(plain(out)) for out in outs])


def forward(op, operands, options):
    """On Values the op gives bit for bit what NumPy gives on arrays."""
    expected = parts(call(op, operands, options))
    found = parts(call(op, wrap(operands), options))
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert isinstance(a, Value) == (op.differentiable and any(map(is_differentiable, operands)))
        a = plain(a)
        assert np.shape(a) == np.shape(b)
        assert np.asarray(a).dtype == np.asarray(b).dtype
        rtol, atol = (1e-13, 1e-15) if op.kind == "composed" else (ROUNDING.get(op.name, 0.0), 0.0)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol, err_msg=f"{op.name} forward")


def vjp(op, operands, options, rtol=1e-6, symmetric=False):
    """The rules give the full Jacobian that differences give, and a gradient that is an array of its own.

    symmetric   the first operand is a symmetric matrix, and so is its gradient
    """

    def evaluate(xs):
        return flat(parts(call(op, xs, options)))

    operands = list(operands)
    rows = {k: [] for k, x in enumerate(operands) if is_differentiable(x)}
    values = wrap(operands)
    outs = parts(call(op, values, options))

    def pull(out, seed):
        for k in rows:
            values[k].zero_grad()
        out.backward(seed)
        for k in rows:
            grad = gradient(values[k], operands[k])
            assert grad.shape == operands[k].shape
            assert not np.shares_memory(grad, seed)
            assert grad.flags.writeable
            yield k, grad.ravel()

    for out in outs:
        seeds = np.eye(out.size).reshape((out.size, *out.shape)) if out.size else np.zeros((1, *out.shape))
        for seed in seeds:
            found = dict(pull(out, seed))
            if is_complex(out) and not any(is_complex(operands[k]) for k in rows):  # Re(g J) for g = 1 and for g = i
                found = {k: found[k] - 1j * turned for k, turned in pull(out, 1j * seed)}
            for k in rows:
                if out.size:
                    rows[k].append(found[k])
                else:
                    assert not found[k].any()
    for k, found in rows.items():
        expected = differences(evaluate, operands, k)
        found = np.stack(found) if found else np.zeros((0, operands[k].size))
        if is_complex(operands[k]):
            expected = np.real(expected) - 1j * np.real(differences(evaluate, operands, k, 1j))
        if symmetric and k == 0:
            expected = symmetrised(expected.reshape((-1, *operands[k].shape))).reshape(expected.shape)
        scale = np.max(np.abs(evaluate(operands)), initial=0.0)
        close(found, expected, f"{op.name}: Jacobian for operand {k}", rtol, scale)


def weighted_gradients(op, operands, options, weights, *, record=False):
    """Gradients of Re Σ weights · out with respect to the differentiable operands, and the leaves, when recording."""
    values = wrap(operands)
    seeds = [Value(w) for w in weights] if record else weights
    outs = parts(call(op, values, options))
    if len(outs) == 1:
        outs[0].backward(seeds[0], record=record)
    else:
        sum(dot(out, w) for out, w in zip(outs, seeds, strict=True)).backward(record=record)
    leaves = [x for x in values if isinstance(x, Value)]
    return [x.grad for x in leaves], leaves, seeds


def noise(rng, out):
    """Random numbers of the shape of out, complex if it is."""
    real = rng.normal(size=np.shape(out))
    return real + 1j * rng.normal(size=np.shape(out)) if is_complex(out) else real


def second(op, operands, options, rng, rtol=1e-6, symmetric=False):
    """The recorded first gradient has the gradient that differences of the plain first gradient give.

    Followed are Re Σ u · gradients, for random u, with respect to all operands and the cotangent.
    """
    operands = list(operands)
    weights = [noise(rng, out) for out in parts(call(op, operands, options))]
    places = [k for k, x in enumerate(operands) if is_differentiable(x)]
    u = [noise(rng, operands[k]) for k in places]
    inputs = [operands[k] for k in places] + weights

    def evaluate(xs):
        moved = list(operands)
        for k, x in zip(places, xs[: len(places)], strict=True):
            moved[k] = x
        grads, _, _ = weighted_gradients(op, moved, options, xs[len(places) :])
        return np.asarray([sum(float(dot(a, b)) for a, b in zip(u, grads, strict=True))])

    grads, leaves, seeds = weighted_gradients(op, operands, options, weights, record=True)
    total = sum(dot(a, b) for a, b in zip(u, grads, strict=True))
    for x in (*leaves, *seeds):
        x.zero_grad()
    total.backward()
    for k, x in enumerate((*leaves, *seeds)):
        expected = slopes(evaluate, inputs, k)
        if symmetric and k == 0:
            expected = symmetrised(expected)
        what = f"{op.name}: second derivative, input {k}"
        close(gradient(x, inputs[k]), expected, what, rtol, abs(evaluate(inputs)[0]))


def float32(op, operands, options):
    """float32 in: NumPy's dtype out, and float32 in every gradient, the second order's too; complex64 likewise."""

    def half(x):
        return x.astype(np.complex64 if is_complex(x) else np.float32)

    operands = [half(x) if is_differentiable(x) else x for x in operands]
    outs = parts(call(op, wrap(operands), options))
    if op.numpy:
        assert [out.dtype for out in outs] == [np.asarray(out).dtype for out in parts(call(op, operands, options))]
    else:
        assert [out.dtype for out in outs] == [np.float32] * len(outs)
    weights = [np.ones(out.shape, out.dtype)[()] for out in outs]
    grads, leaves, seeds = weighted_gradients(op, operands, options, weights, record=True)
    assert [g.dtype for g in grads] == [x.dtype for x in leaves]
    for x in (*leaves, *seeds):
        x.zero_grad()
    sum(dot(g, g) for g in grads).backward()
    assert all(x.grad.dtype == x.dtype for x in (*leaves, *seeds) if x.has_grad)


def leading(op, operands, options, rng):
    """Three cotangents pulled back at once, along an extra leading axis, give what they give one by one."""
    values = wrap(operands)
    leaves = {x for x in values if isinstance(x, Value)}
    for out in parts(call(op, values, options)):
        nodes = order([out])
        g = np.stack([noise(rng, out) for _ in range(3)])
        together = propagate(nodes, {out: g}, lead=(3,))
        alone = [propagate(nodes, {out: row[()]}) for row in g]
        for x in leaves.intersection(together):
            close(together[x], np.stack([row[x] for row in alone]), f"{op.name}: three at once", 1e-12)


def strided(x):
    """The same array, read-only and with gaps between its elements."""
    if not is_differentiable(x):
        return x
    gaps = np.full((*x.shape, 2), np.nan, x.dtype)[..., 0]
    gaps[...] = x
    gaps.flags.writeable = False
    return gaps


def layouts(op, operands, options, rng):
    """Read-only and non-contiguous operands and seeds give the same."""
    spread = [strided(x) for x in operands]
    outs = parts(call(op, wrap(operands), options))
    weights = [noise(rng, out) for out in outs]
    expected, _, _ = weighted_gradients(op, operands, options, weights)
    found, _, _ = weighted_gradients(op, spread, options, [strided(np.asarray(w)) for w in weights])
    for a, b in zip(parts(call(op, wrap(spread), options)), outs, strict=True):
        np.testing.assert_allclose(a.data, b.data, rtol=1e-13, atol=1e-14)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-14)


def floats(op, operands, options):
    """Python floats in: Python floats out, and in the gradients, when the result is a scalar."""
    values = [Value(float(x)) if is_differentiable(x) else x for x in operands]
    arrays = [np.asarray(x) if is_differentiable(x) else x for x in operands]
    for out, expected in zip(parts(call(op, values, options)), parts(call(op, arrays, options)), strict=True):
        assert np.shape(plain(out)) == np.shape(expected)
        np.testing.assert_allclose(plain(out), expected, rtol=1e-14)
        if np.shape(expected) == () and op.differentiable:
            assert type(out.data) is float
            out.backward()
            assert all(type(x.grad) is float for x in values if isinstance(x, Value))


def complex_vjp(op, operands, options, rng):
    """Complex operands: the gradient of Re Σ w · out is ∂/∂x − i ∂/∂y."""
    operands = [x + 1j * rng.permutation(x.ravel()).reshape(x.shape) if is_differentiable(x) else x for x in operands]
    values = wrap(operands)
    out = call(op, values, options)
    w = rng.normal(size=out.shape) + 1j * rng.normal(size=out.shape)
    np.sum(np.real(w * out)).backward()

    def evaluate(xs):
        return np.asarray([np.sum(np.real(w * call(op, xs, options)))])

    for k, x in enumerate(operands):
        if is_differentiable(x):
            real, imaginary = (differences(evaluate, operands, k, direction)[0] for direction in (1.0, 1j))
            expected = (real - 1j * imaginary).reshape(x.shape)
            close(values[k].grad, expected, f"{op.name}: complex gradient for operand {k}")


def point(op, row):
    """The row's exact result and gradient of its sum."""
    values = [x if g is None else Value(x) for x, g in zip(row.operands, row.gradients, strict=True)]
    outs = parts(call(op, values, row.options))
    if row.out is not None:
        for found, expected in zip(outs, row.out if len(outs) > 1 else [row.out], strict=True):
            np.testing.assert_array_equal(found.data, expected)
    sums = [np.sum(x) if x.ndim else x for x in outs]
    sum(sums[1:], sums[0]).backward()
    for x, expected in zip(values, row.gradients, strict=True):
        if expected is not None:
            assert np.shape(x.grad) == np.shape(expected)
            np.testing.assert_allclose(x.grad, expected, rtol=3e-16, atol=0.0)
