"""Every op of the table that JAX has too: values, first and second derivatives agree to 1e-10, complex operands included.

The first samples of each op run always, all of them with `-m slow`. What JAX has under no name of its own, or computes
otherwise, is listed with the reason; at kinks ours is the minimum-norm subgradient and JAX's is not, so the samples keep
away from kinks and the points of the table say what holds there.
"""

import sys
from pathlib import Path

import numpy as np
import pytest

from autograd import Value, ops, scipy
from autograd.primitives import registry

jax = pytest.importorskip("jax", reason="JAX is not installed")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "autograd"))
import op_table as table  # noqa: E402

pytestmark = pytest.mark.oracle
assert scipy.linalg and scipy.special  # their ops are in the table once they are imported
ops.load()
QUICKLY = {"xla_backend_optimization_level": 0}  # most of the time here is compiling
TOLERANCE = 1e-10
ALWAYS = 2  # samples of an op that run without -m slow
OTHERWISE = {  # op → why JAX is no oracle for it
    "gelu": "JAX's is the tanh approximation unless told otherwise",
    "partition": "the order within the two parts is anybody's",
    "special.spence": "JAX's derivative is NaN at some arguments; test_special compares with mpmath",
    "special.hyp2f1": "JAX's value is off by up to 1e57 for z < −1; test_special compares with mpmath",
}


@pytest.fixture(autouse=True, scope="module")
def float64():
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


def counterpart(op):
    """JAX's function for an op: by the name and module of NumPy's, or in jax.nn; None if there is none."""
    import jax.scipy.special

    if not op.numpy:
        return getattr(jax.nn, op.name, None) or getattr(jax.scipy.special, op.name, None)
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
