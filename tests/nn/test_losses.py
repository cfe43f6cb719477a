"""Losses: values by hand and by other libraries, gradients of both orders, stability, and shapes that are refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import special, stats

import autograd
import nn
from autograd import Value
from autograd.errors import ArgumentError, ShapeError

PAIRED = {  # name → (loss, target drawn for a prediction)
    "mse": (nn.mse, lambda rng, shape: rng.normal(size=shape)),
    "mae": (nn.mae, lambda rng, shape: rng.normal(size=shape)),
    "huber": (lambda p, t, **k: nn.huber(p, t, delta=0.7, **k), lambda rng, shape: rng.normal(size=shape)),
    "hinge": (nn.hinge, lambda rng, shape: rng.choice([-1.0, 1.0], shape)),
    "binary_cross_entropy": (nn.binary_cross_entropy, lambda rng, shape: rng.uniform(size=shape)),
}
paired = pytest.mark.parametrize(("loss", "draw"), PAIRED.values(), ids=PAIRED)


# values


def test_values_by_hand():
    p, t = np.array([1.0, 2.0, -3.0]), np.array([1.0, 0.0, 1.0])
    assert nn.mse(p, t) == pytest.approx((0 + 4 + 16) / 3)
    assert nn.mae(p, t) == pytest.approx((0 + 2 + 4) / 3)
    assert nn.huber(p, t) == pytest.approx((0 + 1.5 + 3.5) / 3)
    assert nn.huber(p, t, delta=3.0) == pytest.approx((0 + 2.0 + 3.0 * (4 - 1.5)) / 3)
    assert nn.hinge(p, np.array([1, -1, -1])) == pytest.approx((0 + 3 + 0) / 3)
    assert nn.binary_cross_entropy(np.zeros(2), np.array([0.0, 1.0])) == pytest.approx(np.log(2.0))
    assert nn.binary_cross_entropy(np.array([np.log(3.0)]), np.array([1.0])) == pytest.approx(np.log(4 / 3))
    assert nn.cross_entropy(np.log([[1.0, 2.0, 1.0]]), [1]) == pytest.approx(np.log(2.0))
    assert nn.cross_entropy(np.zeros((5, 7)), np.arange(5)) == pytest.approx(np.log(7.0))


def test_cross_entropy_is_the_log_likelihood_of_scipy():
    rng = np.random.default_rng(0)
    logits, classes = rng.normal(size=(6, 5, 4)) * 3.0, rng.integers(0, 4, (6, 5))
    expected = -np.take_along_axis(special.log_softmax(logits, axis=-1), classes[..., None], axis=-1)[..., 0]
    np.testing.assert_allclose(nn.cross_entropy(logits, classes, reduction="none"), expected, rtol=1e-13)
    assert nn.cross_entropy(logits, classes) == pytest.approx(expected.mean(), rel=1e-14)
    shares = special.softmax(rng.normal(size=logits.shape), axis=-1)
    distance = stats.entropy(shares, special.softmax(logits, axis=-1), axis=-1) + stats.entropy(shares, axis=-1)
    np.testing.assert_allclose(nn.cross_entropy(logits, shares, reduction="none"), distance, rtol=1e-12)


def test_huber_is_scipys():
    d = np.linspace(-4.0, 4.0, 41)
    for delta in (0.3, 1.0, 10.0):
        found = nn.huber(d + 1.0, np.ones(41), delta=delta, reduction="none")
        np.testing.assert_allclose(found, special.huber(delta, d), rtol=1e-12, atol=1e-15)


def test_binary_cross_entropy_is_cross_entropy_of_two_classes():
    rng = np.random.default_rng(0)
    z, t = rng.normal(size=20), rng.uniform(size=20)
    both, shares = np.stack([np.zeros(20), z], axis=1), np.stack([1 - t, t], axis=1)
    np.testing.assert_allclose(
        nn.binary_cross_entropy(z, t, reduction="none"), nn.cross_entropy(both, shares, reduction="none"), rtol=1e-12
    )


@pytest.mark.oracle
def test_losses_equal_scikit_learns():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    p, t, sign = rng.normal(size=(30, 3)), rng.normal(size=(30, 3)), rng.choice([-1, 1], 30)
    assert nn.mse(p, t) == pytest.approx(metrics.mean_squared_error(t, p), rel=1e-13)
    assert nn.mae(p, t) == pytest.approx(metrics.mean_absolute_error(t, p), rel=1e-13)
    assert nn.hinge(p[:, 0], sign) == pytest.approx(metrics.hinge_loss(sign, p[:, 0]), rel=1e-13)
    classes = rng.permutation(np.arange(30) % 3)
    assert nn.cross_entropy(p, classes) == pytest.approx(
        metrics.log_loss(classes, special.softmax(p, axis=1)), rel=1e-12
    )
    assert nn.accuracy(p, classes) == metrics.accuracy_score(classes, p.argmax(1))
    labels = classes > 0
    assert nn.binary_cross_entropy(p[:, 0], labels) == pytest.approx(
        metrics.log_loss(labels, special.expit(p[:, 0])), rel=1e-12
    )


@pytest.mark.oracle
def test_losses_equal_optaxs():
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")
    rng = np.random.default_rng(0)
    p, t, sign = rng.normal(size=(30, 3)), rng.normal(size=(30, 3)), rng.choice([-1.0, 1.0], (30, 3))
    shares, classes = special.softmax(t, axis=1), rng.integers(0, 3, 30)
    none = {"reduction": "none"}
    with jax.enable_x64(True):
        for mine, theirs in [
            (nn.mse(p, t, **none), optax.squared_error(p, t)),
            (nn.huber(p, t, delta=0.5, **none), optax.huber_loss(p, t, delta=0.5)),
            (nn.hinge(p, sign, **none), optax.hinge_loss(p, sign)),
            (nn.binary_cross_entropy(p, shares, **none), optax.sigmoid_binary_cross_entropy(p, shares)),
            (nn.cross_entropy(p, classes, **none), optax.softmax_cross_entropy_with_integer_labels(p, classes)),
            (nn.cross_entropy(p, shares, **none), optax.softmax_cross_entropy(p, shares)),
        ]:
            np.testing.assert_allclose(mine, np.asarray(theirs), rtol=1e-12, atol=1e-15)


# gradients


@paired
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_first_and_second_derivatives_equal_differences(loss, draw, reduction):
    rng = np.random.default_rng(1)
    p = rng.normal(size=(3, 2)) * 1.5
    autograd.check_gradients(
        lambda p: loss(p, draw(np.random.default_rng(2), p.shape), reduction=reduction), p, order=2
    )


@pytest.mark.parametrize("loss", [nn.mse, nn.mae, nn.huber, nn.binary_cross_entropy])
def test_a_target_that_is_a_value_gets_its_gradient(loss):
    rng = np.random.default_rng(0)
    autograd.check_gradients(loss, rng.normal(size=4), rng.uniform(0.1, 0.9, 4), order=2)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("target", ["classes", "shares"])
def test_derivatives_of_cross_entropy(target, reduction):
    rng = np.random.default_rng(1)
    t = rng.integers(0, 4, (2, 3)) if target == "classes" else rng.dirichlet(np.ones(4), (2, 3))
    autograd.check_gradients(lambda z: nn.cross_entropy(z, t, reduction=reduction), rng.normal(size=(2, 3, 4)), order=2)


def test_the_gradient_of_cross_entropy_is_softmax_minus_target():
    rng = np.random.default_rng(0)
    z, classes = Value(rng.normal(size=(5, 3))), rng.integers(0, 3, 5)
    nn.cross_entropy(z, classes).backward()
    np.testing.assert_allclose(z.grad, (special.softmax(z.data, axis=1) - np.eye(3)[classes]) / 5, atol=1e-16)


def test_slopes_at_the_kinks():
    zero, one = np.zeros(1), np.ones(1)
    assert autograd.grad(nn.mae)(zero, zero).tolist() == [0.0]
    assert autograd.grad(nn.hinge)(one, one).tolist() == [0.0]
    assert autograd.grad(nn.huber)(np.array([2.0]), one).tolist() == [1.0]
    assert autograd.hessian(nn.huber)(zero, zero).tolist() == [[1.0]]  # smooth there, though |d| is not


# reductions, dtypes, scalars


@paired
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=lambda dtype: dtype.__name__)
def test_reductions_and_one_dtype_throughout(loss, draw, dtype):
    rng = np.random.default_rng(0)
    p, t = rng.normal(size=(4, 3)).astype(dtype), draw(rng, (4, 3))  # a float64 target does not widen a float32 loss
    parts = loss(p, t, reduction="none")
    assert parts.shape == (4, 3) and parts.dtype == dtype
    rtol = 1e-6 if dtype == np.float32 else 1e-14
    assert loss(p, t, reduction="sum") == pytest.approx(float(parts.sum()), rel=rtol)
    assert loss(p, t) == loss(p, t, reduction="mean") == pytest.approx(float(parts.mean()), rel=rtol)
    v = Value(p)
    out = loss(v, t)
    out.backward()
    assert out.dtype == v.grad.dtype == dtype and out.data == loss(p, t)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("target", [[0, 2, 1, 1], np.full((4, 3), 1 / 3)], ids=["classes", "shares"])
def test_cross_entropy_keeps_float32(target, reduction):
    v = Value(np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32))
    out = nn.cross_entropy(v, target, reduction=reduction)
    out.backward(None if reduction != "none" else np.ones(4))
    assert out.dtype == v.grad.dtype == np.float32
    assert out.shape == ((4,) if reduction == "none" else ())


@paired
def test_single_numbers_stay_python_floats(loss, draw):
    v = Value(0.3)
    out = loss(v, 1.0)
    out.backward()
    assert type(out.data) is float and type(v.grad) is float and v.grad != 0.0


def test_lists_and_whole_numbers_are_taken_as_they_are():
    assert nn.mse([1.0, 2.0], [1, 4]) == 2.0
    assert nn.mse(np.array([1, 2]), [1.5, 2.5]) == 0.25  # the target is not rounded to the prediction's dtype
    assert nn.hinge(Value([1.0, -2.0]), [1, 1]).data == 1.5
    assert nn.cross_entropy([[0.0, 0.0]], [[0.5, 0.5]]) == pytest.approx(np.log(2.0))
    assert nn.cross_entropy(Value([[0.0, 3.0]] * 2), [True, False]) == nn.cross_entropy(Value([[0.0, 3.0]] * 2), [1, 0])


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("kind", [np.int64, np.uint8])
def test_cross_entropy_of_whole_logits_is_that_of_the_same_floats(kind, reduction):
    z = np.array([[1, 200, 3], [4, 0, 4]], kind)
    for target, options in [([1, 2], {"label_smoothing": 0.1}), ([0, 2], {"weight": [0.5, 0.2, 0.1]}), ([1, 1], {}),
                            ([[0.2, 0.3, 0.5]] * 2, {})]:  # fmt: skip
        found = nn.cross_entropy(z, target, reduction=reduction, **options)
        np.testing.assert_allclose(found, nn.cross_entropy(z * 1.0, target, reduction=reduction, **options), rtol=1e-14)


# stability


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=lambda dtype: dtype.__name__)
def test_a_thousand_either_way_is_finite_and_exact(dtype):
    z = Value(np.array([[1e3, -1e3], [-1e3, 1e3]], dtype))
    for target, value in [
        ([0, 1], 0.0),
        ([1, 0], 2e3),
        ([[0.5, 0.5], [0.5, 0.5]], 1e3),
        ([[1.0, 0.0], [0.0, 1.0]], 0.0),
    ]:
        z.zero_grad()
        out = nn.cross_entropy(z, target)
        out.backward()
        assert out.data == value and np.isfinite(z.grad).all()
    for target, value, slope in [([[1, 0], [0, 1]], 0.0, 0.0), ([[0, 1], [1, 0]], 1e3, 0.25)]:
        z.zero_grad()
        out = nn.binary_cross_entropy(z, target)
        out.backward()
        assert out.data == value and abs(z.grad).tolist() == [[slope] * 2] * 2
    assert nn.huber(z, np.zeros((2, 2))).data == 999.5 and nn.hinge(z, [[1, -1], [-1, 1]]).data == 0.0


@given(arrays(np.float64, (3, 4), elements=st.floats(-1e3, 1e3)), st.lists(st.integers(0, 3), min_size=3, max_size=3))
def test_cross_entropy_is_not_negative_shifts_away_and_has_gradients_that_sum_to_zero(logits, classes):
    z = Value(logits)
    out = nn.cross_entropy(z, classes)
    out.backward()
    assert out.data >= 0.0
    assert nn.cross_entropy(logits + 7.0, classes) == pytest.approx(out.data, rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(z.grad.sum(axis=1), 0.0, atol=1e-12)
    np.testing.assert_allclose(nn.cross_entropy(logits, np.eye(4)[classes]), out.data, rtol=1e-12, atol=1e-12)


@given(arrays(np.float64, 5, elements=st.floats(-1e3, 1e3)), arrays(np.float64, 5, elements=st.floats(0.0, 1.0)))
def test_binary_cross_entropy_is_at_least_the_entropy_of_its_target(z, t):
    least = special.entr(t) + special.entr(1.0 - t)
    assert (nn.binary_cross_entropy(z, t, reduction="none") >= least - 1e-9).all()


# refusals


@paired
@pytest.mark.parametrize(
    ("prediction", "target"), [((3, 1), (3,)), ((3,), (3, 1)), ((3,), ()), ((2, 3), (3,))], ids=str
)
def test_different_shapes_are_refused_with_both(loss, draw, prediction, target):
    text = f"prediction has shape {prediction}, target {target}; they must be equal"
    for wrap in (Value, np.asarray):
        with pytest.raises(ShapeError) as caught:
            loss(wrap(np.zeros(prediction)), np.ones(target))
        assert text in str(caught.value)
    with pytest.raises(ShapeError, match="must be equal"):
        loss(np.zeros(prediction), Value(np.ones(target)))


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda: nn.cross_entropy(np.zeros((4, 3)), [0, 1]),
            ShapeError,
            r"logits \(4, 3\) need targets of shape \(4,\), got \(2,\)",
        ),
        (lambda: nn.cross_entropy(np.zeros((4, 3)), np.zeros((4, 1), int)), ShapeError, r"got \(4, 1\)"),
        (
            lambda: nn.cross_entropy(np.zeros((4, 3)), np.eye(4, 3, dtype=int)),
            ShapeError,
            r"shape \(4,\), got \(4, 3\)",
        ),
        (lambda: nn.cross_entropy(np.zeros((4, 3)), np.zeros(4)), ShapeError, "class numbers must be integers"),
        (lambda: nn.cross_entropy(Value(1.0), 0), ShapeError, r"logits have shape \(…, classes\), got a single number"),
        (lambda: nn.cross_entropy(np.zeros((2, 3)), [0, 3]), ArgumentError, r"targets are 0 … 2 .*, got 0 … 3"),
        (lambda: nn.cross_entropy(np.zeros((2, 3)), [0, -1]), ArgumentError, r"targets are 0 … 2 .*, got -1 … 0"),
        (lambda: nn.hinge(np.zeros(2), [0, 1]), ArgumentError, "hinge: targets are −1 and \\+1"),
        (lambda: nn.binary_cross_entropy(np.zeros(2), [0, 2]), ArgumentError, "targets are probabilities"),
        (lambda: nn.binary_cross_entropy(np.zeros(2), [-0.1, 1]), ArgumentError, "targets are probabilities"),
        (lambda: nn.huber(np.zeros(2), np.zeros(2), delta=0.0), ArgumentError, r"delta must be positive, got 0\.0"),
        (
            lambda: nn.mse(np.zeros(2), np.zeros(2), reduction="avg"),
            ArgumentError,
            "reduction='avg': it is mean, sum or none",
        ),
        (lambda: nn.cross_entropy(np.zeros((1, 2)), [0], reduction=""), ArgumentError, "reduction='': it is mean"),
        (lambda: nn.accuracy(np.eye(3), np.zeros((3, 1))), ShapeError, r"need targets of shape \(3,\), got \(3, 1\)"),
    ],
)
def test_wrong_targets_and_options_are_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_accuracy_is_the_share_of_rows_whose_largest_logit_is_at_the_target():
    logits = np.array([[1.0, 2.0], [3.0, 0.0], [0.0, 5.0], [1.0, 0.0]])
    assert nn.accuracy(logits, [1, 0, 0, 0]) == nn.accuracy(Value(logits), np.array([1, 0, 0, 0])) == 0.75
    assert type(nn.accuracy(logits, [1, 1, 0, 1])) is float
