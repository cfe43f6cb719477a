"""Every op of the registry against NumPy and against differences: the columns of op_table.py over every op and sample.

Nobody writes a test to add an op; below the table are only calls whose form it does not have.
"""

import inspect
import re

import numpy as np
import op_table as table
import pytest

from autograd import Value, ops, scipy
from autograd.errors import ArgumentError, RuleError
from autograd.primitives import primitive, registry, sample
from autograd.value import DISPATCH

assert scipy.linalg and scipy.special  # their ops are in the table once they are imported
ops.load()
OPS = [op for op in registry.values() if op.__module__.startswith("autograd.")]
CASES = [pytest.param(op, s, id=f"{op.name}-{i}") for op in OPS for i, s in enumerate(op.samples)]
SMOOTH = [case for case in CASES if case.values[0].differentiable]
PAIRED = [pytest.param(op, row, id=f"{op.name}-{i}") for op in OPS for i, row in enumerate(op.points)]
WRONG = [pytest.param(op, row, id=f"{op.name}-{i}") for op in OPS for i, row in enumerate(op.errors)]


def is_scalar(row):
    return all(np.ndim(x) == 0 and (x == "" or not isinstance(x, str)) for x in row.operands)


OTHER_METHODS = ("item", "reshape", "sort", "partition")  # take other arguments, or work in place and return None
METHODS = [op for op in OPS if callable(vars(Value).get(op.name)) and op.name not in OTHER_METHODS]


@pytest.fixture
def rng(request):
    return table.generator(request.node.name)


def test_every_op_has_samples_and_says_what_it_is():
    assert [op.name for op in OPS if not op.samples] == ["item"]
    assert [op.name for op in OPS if not (op.__doc__ or "").strip()] == []
    assert [op.name for op in OPS if getattr(ops, op.name) is not op] == []


def test_every_differentiable_op_has_exact_points_and_says_where_its_rule_comes_from():
    found = [op for op in OPS if op.differentiable and op.name != "item"]  # item: one of several results, in split
    assert [op.name for op in found if not (op.samples and op.points and op.source)] == []


@pytest.mark.parametrize(("op", "row"), CASES)
def test_forward_equals_numpy_bit_for_bit(op, row, rng):
    table.forward(op, row.arrays(rng), row.options)


@pytest.mark.parametrize(("op", "row"), SMOOTH)
def test_vjp_is_the_full_jacobian(op, row, rng):
    table.vjp(op, row.arrays(rng), row.options, row.tolerance, row.symmetric)


@pytest.mark.parametrize(("op", "row"), SMOOTH)
def test_second_order(op, row, rng):
    table.second(op, row.arrays(rng), row.options, rng, row.tolerance, row.symmetric)


@pytest.mark.parametrize(("op", "row"), [case for case in SMOOTH if "dtype" not in case.values[1].options])
def test_float32_stays_float32(op, row, rng):
    table.float32(op, row.arrays(rng), row.options)


@pytest.mark.parametrize(("op", "row"), SMOOTH)
def test_many_cotangents_at_once(op, row, rng):
    table.leading(op, row.arrays(rng), row.options, rng)


@pytest.mark.parametrize(("op", "row"), SMOOTH)
def test_read_only_and_strided_arrays(op, row, rng):
    table.layouts(op, row.arrays(rng), row.options, rng)


@pytest.mark.parametrize(("op", "row"), [case for case in CASES if is_scalar(case.values[1])])
def test_python_floats(op, row, rng):
    table.floats(op, row.arrays(rng), row.options)


@pytest.mark.parametrize(("op", "row"), [case for case in SMOOTH if case.values[1].complex])
def test_complex(op, row, rng):
    table.complex_vjp(op, row.arrays(rng), row.options, rng)


@pytest.mark.parametrize("op", [op for op in OPS if op.kind == "elementwise"], ids=lambda op: op.name)
def test_elementwise_ops_take_empty_arrays(op, rng):
    for row in op.samples:
        operands = [np.zeros((0, 3)) if isinstance(x, str) else x for x in row.operands]
        if all(np.ndim(x) == 0 or (isinstance(x, np.ndarray) and x.size == 0) for x in operands):
            table.forward(op, operands, row.options)
            if op.differentiable:
                table.vjp(op, operands, row.options)


@pytest.mark.parametrize(("op", "row"), PAIRED)
def test_points(op, row):
    table.point(op, row)


@pytest.mark.parametrize(("op", "row"), WRONG)
def test_errors(op, row, rng):
    operands = table.wrap(sample(*row.operands).arrays(rng))
    with pytest.raises(row.kind, match=re.escape(row.match)):
        table.call(op, operands, row.options)


@pytest.mark.parametrize("op", METHODS, ids=lambda op: op.name)
def test_the_method_is_the_function(op, rng):
    row = op.samples[0]
    operands = row.arrays(rng)
    found = getattr(Value(operands[0]), op.name)(*operands[1:], **row.options)
    np.testing.assert_array_equal(table.plain(found), table.call(op, operands, row.options))


@pytest.mark.parametrize(
    "op",
    [op for op in OPS if op.differentiable and op.name != "item" and op.kind != "composed"],
    ids=lambda op: op.name,
)
def test_a_rule_that_is_off_by_a_thousandth_is_caught(op, monkeypatch):
    def off(rule):
        def wrong(*args, **kwargs):
            c = rule(*args, **kwargs)
            return [x if x is None else x * 1.001 for x in c] if isinstance(c, (list, tuple)) else c * 1.001

        return rule and wrong

    if op.rule_all is not None:
        monkeypatch.setattr(op, "rule_all", off(op.rule_all))
        check_fails(table.vjp, op)
    for i, rule in enumerate(op.rules):
        if rule is not None:
            with monkeypatch.context() as patch:
                patch.setattr(op, "rules", tuple(off(r) if j == i else r for j, r in enumerate(op.rules)))
                check_fails(table.vjp, op)


def check_fails(column, op):
    for row in op.samples:
        try:
            column(op, row.arrays(table.generator(op.name)), row.options, symmetric=row.symmetric)
            if row.complex:
                table.complex_vjp(op, row.arrays(table.generator(op.name)), row.options, table.generator("w"))
        except AssertionError:
            return
    pytest.fail(f"no sample of {op.name} notices")


def planted(kind, **rules):
    """An op y = x³ of the test's own, outside the registry."""

    @primitive(kind=kind, name="planted", samples=[sample("3 4")])
    def cube(x, /):
        return x * x * x

    del registry["planted"], DISPATCH["planted"]
    return cube.vjp(**rules)


def test_planted_mistakes_are_caught(rng):
    x = [sample("3 4").arrays(rng)[0]]
    right = planted("elementwise", x=lambda g, out, x: g * (3.0 * x * x))
    for column in (table.forward, table.vjp, table.float32):
        column(right, x, {})
    table.second(right, x, {}, rng)
    table.layouts(right, x, {}, rng)

    sign = planted("elementwise", x=lambda g, out, x: -g * (3.0 * x * x))
    with pytest.raises(AssertionError, match="Jacobian"):
        table.vjp(sign, x, {})
    detached = planted("elementwise", x=lambda g, out, x: g * (3.0 * table.plain(x) ** 2))
    table.vjp(detached, x, {})
    with pytest.raises(AssertionError, match="second derivative"):
        table.second(detached, x, {}, rng)
    ignores_g = planted("elementwise", x=lambda g, out, x: 3.0 * x * x + 0.0 * table.plain(g))
    with pytest.raises(AssertionError, match="Jacobian"):
        table.vjp(ignores_g, x, {})
    leak = planted("elementwise", x=lambda g, out, x: g * (np.float64(3.0) * x * x))
    with pytest.raises(RuleError, match="float64, expected float32"):
        table.float32(leak, x, {})
    shape = planted("general", x=lambda g, out, x: np.sum(g * (3.0 * x * x), axis=0))
    with pytest.raises(RuleError, match=r"shape \(4,\), expected \(3, 4\)"):
        table.vjp(shape, x, {})


def test_dispatch_knows_every_function_of_an_op():
    aliases = {np.where, np.astype}  # with one argument nonzero; to whole numbers a plain result
    assert [op.name for op in OPS for f in op.numpy if f not in aliases and DISPATCH[f] is not op] == []


# calls whose form the table does not have


def test_reshape_and_transpose_methods_take_lengths_or_a_tuple():
    v = Value(np.arange(6.0).reshape(2, 3))
    assert v.reshape(3, 2).shape == v.reshape((3, 2)).shape == (3, 2)
    assert v.reshape(-1).shape == v.flatten().shape == v.ravel().shape == (6,)
    assert v.transpose().shape == v.transpose(1, 0).shape == v.transpose((1, 0)).shape == v.T.shape == (3, 2)
    assert v.sum(0).shape == (3,)
    assert v.max(axis=1, keepdims=True).shape == (2, 1)


def test_where_with_one_argument_says_where_it_is_not_zero():
    (found,) = np.where(Value([0.0, 2.0, 3.0]))
    assert found.tolist() == [1, 2]


def test_options_that_only_numpy_has_are_refused_by_name():
    v = Value(np.ones(3))
    for call, name in [
        (lambda: np.take(v, [0], out=np.ones(1)), "out"),
        (lambda: np.concatenate([v, v], dtype=np.float32), "dtype"),
        (lambda: np.sort(v, order="x"), "order"),
        (lambda: np.exp(v, where=np.array([True, False, True])), "where"),
    ]:
        with pytest.raises(ArgumentError, match=name):
            call()


def test_einsum_takes_lists_of_axes():
    rng = table.generator("einsum")
    x, y = rng.normal(size=(2, 3)), rng.normal(size=(3, 4))
    out = np.einsum(Value(x), [0, 1], Value(y), [1, 2], [2, 0])
    np.testing.assert_array_equal(out.data, np.einsum(x, [0, 1], y, [1, 2], [2, 0]))
    np.testing.assert_array_equal(np.einsum(Value(x), [..., 1], y, [1, 2]).data, np.einsum(x, [..., 1], y, [1, 2]))


def test_prod_with_zeros_is_right_to_every_order():
    x = Value(np.array([0.0, 0.0, 3.0]))
    np.prod(x).backward(record=True)
    first = x.grad
    assert first.data.tolist() == [0.0, 0.0, 0.0]
    x.zero_grad()
    first[0].backward(record=True)
    second = x.grad
    assert second.data.tolist() == [0.0, 3.0, 0.0]
    x.zero_grad()
    second[1].backward()
    assert x.grad.tolist() == [0.0, 0.0, 1.0]


def test_prod_of_many_is_linear_in_time():
    x = Value(np.full(200_001, 1.0))
    np.prod(x).backward()
    assert x.grad.shape == (200_001,)
    assert (x.grad == 1.0).all()


def test_maximum_of_nan_shows_nan():
    x = Value(np.array([1.0, np.nan]))
    out = np.max(x)
    out.backward()
    assert np.isnan(out.data)
    assert x.grad.tolist() == [0.0, 1.0]


def test_erf_equals_math_erf():
    import math

    x = np.linspace(-28.0, 28.0, 20001)
    erf, erfc = ops.erf(x), ops.erfc(x)
    true, complement = np.array([math.erf(v) for v in x]), np.array([math.erfc(v) for v in x])
    assert np.abs(erf - true).max() <= 1e-15
    normal = complement > 1e-300
    np.testing.assert_allclose(erfc[normal], complement[normal], rtol=1e-14)
    tiny = np.logspace(-300, 0, 301)
    np.testing.assert_allclose(ops.erf(tiny), [math.erf(v) for v in tiny], rtol=1e-15)
    assert ops.erf(np.float32(0.5)).dtype == np.float32


def test_activations_equal_their_formulas():
    import math

    x = table.generator("activations").uniform(-4.0, 4.0, (3, 5))
    phi = np.array([[0.5 * (1.0 + math.erf(v / math.sqrt(2.0))) for v in row] for row in x])
    cubic = math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3)
    e = np.exp(x)
    for found, expected in [
        (ops.relu(x), x * (x > 0)),
        (ops.leaky_relu(x, 0.2), np.where(x > 0, x, 0.2 * x)),
        (ops.elu(x, alpha=0.5), np.where(x > 0, x, 0.5 * (e - 1.0))),
        (ops.gelu(x), x * phi),
        (ops.gelu(x, "tanh"), 0.5 * x * (1.0 + np.tanh(cubic))),
        (ops.sigmoid(x), 1.0 / (1.0 + 1.0 / e)),
        (ops.silu(x), x / (1.0 + 1.0 / e)),
        (ops.softplus(x, beta=2.0), np.log(1.0 + e * e) / 2.0),
        (ops.softmax(x), e / e.sum(-1, keepdims=True)),
        (ops.softmax(x, axis=0), e / e.sum(0)),
        (ops.log_softmax(x), x - np.log(e.sum(-1, keepdims=True))),
        (ops.logsumexp(x), np.log(e.sum())),
        (ops.logsumexp(x, axis=1), np.log(e.sum(1))),
    ]:
        np.testing.assert_allclose(found, expected, rtol=1e-13)
    assert ops.sigmoid(-40.0) == pytest.approx(math.exp(-40.0), rel=1e-14)


OTHERWISE = ("einsum", "astype", "unique_values")  # whose signatures do not say how they are called
SPELLED = [op for op in OPS if op.numpy and inspect.isfunction(op.numpy[0]) and op.name not in OTHERWISE]


@pytest.mark.parametrize("op", SPELLED, ids=lambda op: op.name)
def test_every_parameter_goes_by_numpys_name(op, rng):
    signature = inspect.signature(op.numpy[0])
    row = op.samples[0]
    operands = row.arrays(rng)

    def spelled(operands):
        given = signature.bind(*([[*operands]] if op.variadic else operands), **row.options).arguments
        kinds = {name: p.kind for name, p in signature.parameters.items()}
        first = [given.pop(name) for name in [*given] if kinds[name] == inspect.Parameter.POSITIONAL_ONLY]
        for name in [*given]:
            if kinds[name] == inspect.Parameter.VAR_POSITIONAL:
                first += given.pop(name)
            elif kinds[name] == inspect.Parameter.VAR_KEYWORD:
                given |= given.pop(name)
        return op.numpy[0](*first, **given)

    for a, b in zip(table.parts(spelled(table.wrap(operands))), table.parts(spelled(operands)), strict=True):
        np.testing.assert_allclose(table.plain(a), b, rtol=1e-12)


@pytest.mark.parametrize("f", [
    lambda m: np.max(m, 0, None, True), lambda m: np.sum(m, 0, None, None, True), lambda m: m.cumsum(0, None, None),
    lambda m: np.median(m, 0, None, False, True), lambda m: np.trace(m, 0, 0, 1, None, None),
    lambda m: np.sort(m, -1, None, None), lambda m: np.quantile(m, 0.3, 0, None, False, "linear", True),
    lambda m: np.fft.fft(m, None, -1, None, None), lambda m: np.astype(m, float, device="cpu"),
    lambda m: np.exp(m, dtype=m.dtype, where=True, order="K"), lambda m: np.var(m, 0, float),
    lambda m: np.linalg.trace(m, dtype=None), lambda m: np.linalg.pinv(m, rtol=None),
    lambda m: np.clip(m, 0, 1, None), lambda m: m.clip(-1), lambda m: m.clip(None, 1.5, out=None),
    lambda m: np.add.reduce(m, 1, None, None, True), lambda m: np.add.reduce(m, where=np.array([True, False])),
    lambda m: np.maximum.reduce(m, initial=0.0, where=np.eye(2, dtype=bool)), lambda m: np.multiply.outer(m, m, dtype=None),
    lambda m: np.full_like(m, 3.0, None, "K", True, (2, 3)), lambda m: np.zeros_like(a=m), lambda m: np.average(m, [0, 1]),
])  # fmt: skip
def test_what_says_nothing_new_may_be_given_by_place_or_name(f):
    m = np.array([[1.0, 2.5], [0.5, 4.0]])
    np.testing.assert_allclose(f(Value(m)).data, f(m), rtol=1e-12)


@pytest.mark.parametrize("f", [
    lambda v: np.exp(v, dtype=np.float32), lambda v: np.exp(v, where=np.array([True, False])),
    lambda v: np.sum(v, 0, np.float32), lambda v: np.clip(v, a_min=0.0), lambda v: np.clip(v, 0.0, 1.0, dtype=np.float32),
    lambda v: np.logaddexp.reduce(v, where=np.array([True, False])), lambda v: ops.sum(v, 0, axis=0),
])  # fmt: skip
def test_what_would_change_the_result_is_refused(f):
    with pytest.raises(ArgumentError, match=r"option|come together"):
        f(Value([1.0, 2.0]))


def test_full_like_filled_with_a_value_has_the_shape_asked_for():
    x = Value(2.0)
    out = np.full_like(Value(np.ones(3)), x, shape=(2, 2))
    assert out.shape == (2, 2)
    np.sum(out).backward()
    assert x.grad == 4.0
