"""Every op of the table that JAX has too: values, first and second derivatives agree to 1e-10, complex operands included.

The first samples of each op run always, all of them with `-m slow`. What JAX has under no name of its own, or computes
otherwise, is listed with the reason; at kinks ours is the minimum-norm subgradient and JAX's is not, so the samples keep
away from kinks and the points of the table say what holds there.
"""

import sys
from pathlib import Path

import numpy as np
import pytest

from autograd import Value, grad, ops, scipy
from autograd.primitives import registry

jax = pytest.importorskip("jax", reason="JAX is not installed")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "autograd"))
import op_table as table  # noqa: E402

pytestmark = [pytest.mark.oracle, pytest.mark.usefixtures("float64")]
assert scipy.linalg and scipy.special  # their ops are in the table once they are imported
ops.load()
QUICKLY = {"xla_backend_optimization_level": 0}  # most of the time here is compiling
TOLERANCE = 1e-10
ALWAYS = 2  # samples of an op that run without -m slow
SPELLED = {  # where JAX has another name, other defaults, or no axis −1
    "cummax": lambda x, axis=0: jax.lax.cummax(x, axis % x.ndim),
    "cummin": lambda x, axis=0: jax.lax.cummin(x, axis % x.ndim),
    "special.softmax": lambda x, axis=None: jax.nn.softmax(x, axis),
    "special.log_softmax": lambda x, axis=None: jax.nn.log_softmax(x, axis),
    "bincount": lambda x, weights, minlength=0: jax.numpy.bincount(
        x, weights, length=max(minlength, 1 + int(np.max(x, initial=-1)))
    ),
}
OTHERWISE = {  # op → why JAX is no oracle for it
    "gelu": "JAX's is the tanh approximation unless told otherwise",
    "partition": "the order within the two parts is anybody's",
    "sqrtm": "JAX has no derivative of the Schur form it computes it by",
    "solve_sylvester": "JAX has no derivative of the Schur form it computes it by",
    "special.exp1": "JAX cannot compile its second derivative; test_special compares with mpmath",
    "special.expn": "JAX cannot compile its second derivative; test_special compares with mpmath",
    "special.spence": "JAX's derivative is NaN at some arguments; test_special compares with mpmath",
    "special.hyp2f1": "JAX's value is off by up to 1e57 for z < −1; test_special compares with mpmath",
}


def counterpart(op):
    """JAX's function for an op: by its name, or the name and module of NumPy's; None if there is none."""
    import jax.scipy.linalg
    import jax.scipy.special

    if op.name in SPELLED:
        return SPELLED[op.name]
    if not op.numpy:
        homes = [jax.scipy.linalg] if op.__module__.endswith("linalg") else [jax.nn, jax.scipy.special]
        name = op.name.removeprefix("special.")
        return next((getattr(home, name) for home in homes if hasattr(home, name)), None)
    function = op.numpy[0]
    if isinstance(function, tuple):
        return None
    module = getattr(function, "__module__", None) or ""
    name = getattr(function, "__name__", "")
    home = {"numpy.linalg": jax.numpy.linalg, "numpy.fft": jax.numpy.fft, "numpy": jax.numpy}.get(module)
    if home is None and isinstance(function, np.ufunc):
        home = jax.numpy if getattr(np, name, None) is function else jax.scipy.special
    return getattr(home, name, None)


def cases():
    for op in registry.values():
        if (
            op.differentiable
            and op.__module__.startswith("autograd.")
            and op.name not in OTHERWISE
            and counterpart(op) is not None
        ):
            for i, row in enumerate(op.samples):
                marks = [] if i < ALWAYS else [pytest.mark.slow]
                for kind in ("real", "complex") if row.complex else ("real",):
                    yield pytest.param(op, row, kind, id=f"{op.name}-{i}-{kind}", marks=marks)


def real(total, lib):
    return lib.real(total) if np.iscomplexobj(table.plain(total)) or "complex" in str(total.dtype) else total


def ours(op, operands, options, weights, u):
    """(results, gradients of Re Σ w · out, gradients of Re Σ u · those)."""
    grads, leaves, _ = table.weighted_gradients(op, operands, options, weights, record=True)
    total = sum(table.dot(a, b) for a, b in zip(u, grads, strict=True))
    for leaf in leaves:
        leaf.zero_grad()
    if isinstance(total, Value) and total.op not in ("", "constant"):
        total.backward()
    outs = table.parts(table.call(op, operands, options))
    second = [table.gradient(leaf, leaf.data) for leaf in leaves]
    return outs, [table.plain(g) for g in grads], second


def theirs(op, operands, options, weights, u):
    function = counterpart(op)
    places = [k for k, x in enumerate(operands) if table.is_differentiable(x)]

    def outs(xs):
        given = list(operands)
        for k, x in zip(places, xs, strict=True):
            given[k] = x
        return table.parts(table.call(op, given, options, function))

    def loss(xs):
        return sum(jax.numpy.real(jax.numpy.sum(w * out)) for w, out in zip(weights, outs(xs), strict=True))

    def slope(xs):
        grads = jax.grad(loss)(xs)
        return sum(jax.numpy.real(jax.numpy.sum(a * b)) for a, b in zip(u, grads, strict=True))

    operands = [np.asarray(x) if isinstance(x, list) else x for x in operands]
    options = {name: np.asarray(x) if isinstance(x, list) else x for name, x in options.items()}
    run = jax.jit(lambda xs: (outs(xs), jax.grad(loss)(xs), jax.grad(slope)(xs)), compiler_options=QUICKLY)
    return run([jax.numpy.asarray(operands[k]) for k in places])


@pytest.mark.parametrize(("op", "row", "kind"), list(cases()))
def test_an_op_and_its_derivatives_equal_jaxs(op, row, kind):
    rng = table.generator(op.name)
    operands = list(row.arrays(rng))
    if kind == "complex":
        operands = [
            x + 1j * rng.permutation(x.ravel()).reshape(x.shape) if table.is_differentiable(x) else x for x in operands
        ]
    weights = [table.noise(rng, out) for out in table.parts(table.call(op, operands, row.options))]
    u = [table.noise(rng, x) for x in operands if table.is_differentiable(x)]
    found = ours(op, operands, row.options, weights, u)
    try:
        expected = theirs(op, operands, row.options, weights, u)
    except (TypeError, NotImplementedError) as mistake:
        pytest.xfail(f"JAX has no such call: {str(mistake)[:80]}")
    for what, mine, other in zip(("value", "gradient", "second derivative"), found, expected, strict=True):
        for a, b in zip(mine, other, strict=True):
            scale = max(1.0, float(np.max(np.abs(b), initial=0.0)))
            np.testing.assert_allclose(a, b, rtol=TOLERANCE, atol=TOLERANCE * scale, err_msg=f"{op.name}: {what}")


SQUARE = np.array([[5.0, 1.0, 0.5], [0.3, 3.0, -0.2], [-0.7, 0.4, 2.0]])
SIDE = np.array([[1.0, -0.5], [0.2, 2.0], [-1.5, 0.7]])
OF_OPS = {  # functions of autograd.scipy.linalg that are made of ops
    "solve": lambda np, lib, a, b: lib.solve(a, b),
    "cholesky": lambda np, lib, a, b: lib.cholesky(a @ a.T, lower=True) @ b,
    "cho_solve": lambda np, lib, a, b: lib.cho_solve((np.linalg.cholesky(a @ a.T), True), b),
    "cho_factor": lambda np, lib, a, b: lib.cho_solve(lib.cho_factor(a @ a.T), b),
    "block_diag": lambda np, lib, a, b: lib.block_diag(a, b, a[:1]),
    "toeplitz": lambda np, lib, a, b: lib.toeplitz(a[0], b[:, 0]),
}


@pytest.mark.parametrize("f", OF_OPS.values(), ids=OF_OPS)
def test_scipys_linear_algebra_equals_jaxs(f):
    import jax.scipy.linalg

    def total(np, lib, a, b):
        out = f(np, lib, a, b)
        return np.sum(out * np.cos(np.arange(1.0, 1.0 + np.size(out))).reshape(np.shape(out)))

    def twice(np, lib, gradient):
        return lambda a, b: sum(np.sum(part**2) for part in gradient(lambda a, b: total(np, lib, a, b), (0, 1))(a, b))

    mine, other = twice(np, scipy.linalg, grad), twice(jax.numpy, jax.scipy.linalg, jax.grad)
    for g, expected in zip(grad(mine, (0, 1))(SQUARE, SIDE), jax.grad(other, (0, 1))(SQUARE, SIDE), strict=True):
        np.testing.assert_allclose(g, expected, rtol=1e-9, atol=1e-9)
