"""Losses with weights, smoothing, rows that do not count; kl_div, nll, gaussian_nll: by hand, SciPy, ONNX, optax."""

import numpy as np
import pytest
from scipy import special, stats

import autograd
import nn
from autograd import Value
from autograd.errors import ArgumentError, ShapeError

WEIGHT = np.array([0.5, 2.0, 1.0, 0.25])
OPTIONS = {
    "weight": {"weight": WEIGHT},
    "ignored": {"ignore_index": 2},
    "ignored -100": {"ignore_index": -100},
    "smooth": {"label_smoothing": 0.3},
    "all": {"weight": WEIGHT, "ignore_index": 1, "label_smoothing": 0.3},
}
options = pytest.mark.parametrize("row", OPTIONS.values(), ids=OPTIONS)
reductions = pytest.mark.parametrize("reduction", ["mean", "sum", "none"])


def problem(ignored=None):
    rng = np.random.default_rng(0)
    logits, classes = rng.normal(size=(3, 5, 4)) * 2.0, rng.integers(0, 4, (3, 5))
    if ignored == -100:
        classes[1, 2:] = -100
    return logits, classes


def by_loop(logits, classes, weight=None, ignore_index=None, label_smoothing=0.0, reduction="mean"):
    """PyTorch's page on CrossEntropyLoss, row by row."""
    weight = np.ones(logits.shape[-1]) if weight is None else weight
    losses, counts = [], []
    for z, c in zip(logits.reshape(-1, logits.shape[-1]), classes.reshape(-1), strict=True):
        if c == ignore_index:
            losses.append(0.0)
            continue
        shares = (1.0 - label_smoothing) * np.eye(len(z))[c] + label_smoothing / len(z)
        losses.append(-np.sum(weight * shares * special.log_softmax(z)))
        counts.append(weight[c])
    if reduction == "none":
        return np.reshape(losses, classes.shape)
    return np.sum(losses) / (np.sum(counts) if reduction == "mean" else 1.0)


@options
@reductions
def test_cross_entropy_by_loop(row, reduction):
    logits, classes = problem(row.get("ignore_index"))
    found = nn.cross_entropy(logits, classes, **row, reduction=reduction)
    np.testing.assert_allclose(found, by_loop(logits, classes, **row, reduction=reduction), rtol=1e-13)


@options
@reductions
def test_derivatives_of_cross_entropy(row, reduction):
    logits, classes = problem(row.get("ignore_index"))
    autograd.check_gradients(
        lambda z: nn.cross_entropy(z, classes[1:, 1:3], **row, reduction=reduction), logits[1:, 1:3, :], order=2
    )


@options
def test_class_numbers_are_their_own_probabilities(row):
    if "ignore_index" in row:
        row = {**row}
        del row["ignore_index"]
    logits, classes = problem()
    shares = np.eye(4)[classes]
    for reduction in ("sum", "none"):
        one, other = (nn.cross_entropy(logits, t, **row, reduction=reduction) for t in (classes, shares))
        np.testing.assert_allclose(one, other, rtol=1e-12)
    rows = nn.cross_entropy(logits, shares, **row, reduction="none")  # of probabilities the mean is a plain one
    assert nn.cross_entropy(logits, shares, **row) == pytest.approx(rows.mean(), rel=1e-14)


@pytest.mark.oracle
@pytest.mark.parametrize(
    "row", [{}, {"weight": WEIGHT}, {"ignore_index": 2}, {"weight": WEIGHT, "ignore_index": -100}], ids=str
)
@reductions
def test_cross_entropy_and_nll_equal_onnxs_reference(row, reduction):
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    reference = pytest.importorskip("onnx.reference")
    logits, classes = problem(row.get("ignore_index"))
    log_p = special.log_softmax(logits, axis=-1)
    for op, mine, x in (
        ("SoftmaxCrossEntropyLoss", nn.cross_entropy, logits),
        ("NegativeLogLikelihoodLoss", nn.nll, log_p),
    ):
        names = ["x", "t", "w"][: 2 + ("weight" in row)]
        attributes = {
            "reduction": reduction,
            **({"ignore_index": row["ignore_index"]} if "ignore_index" in row else {}),
        }
        node = onnx.helper.make_node(op, names, ["loss"], **attributes)
        values = [onnx.helper.make_tensor_value_info(name, 0, None) for name in (*names, "loss")]
        graph = onnx.helper.make_graph([node], "g", values[:-1], values[-1:])
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)])
        given = {"x": np.moveaxis(x, -1, 1), "t": classes, "w": WEIGHT}
        theirs = reference.ReferenceEvaluator(model).run(None, {name: given[name] for name in names})[0]
        np.testing.assert_allclose(mine(x, classes, **row, reduction=reduction), theirs, rtol=1e-6)  # it gives float32


@pytest.mark.oracle
def test_smoothing_is_optaxs():
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")
    logits, classes = problem()
    with jax.enable_x64(True):
        shares = optax.smooth_labels(np.eye(4)[classes], 0.3)
        theirs = np.asarray(optax.softmax_cross_entropy(logits, shares))
    for target in (classes, np.eye(4)[classes]):
        mine = nn.cross_entropy(logits, target, label_smoothing=0.3, reduction="none")
        np.testing.assert_allclose(mine, theirs, rtol=1e-12)


@pytest.mark.oracle
def test_weights_are_scikit_learns_sample_weights():
    metrics = pytest.importorskip("sklearn.metrics")
    logits, classes = (x.reshape(15, -1) for x in problem())
    classes = classes[:, 0]
    theirs = metrics.log_loss(classes, special.softmax(logits, axis=1), sample_weight=WEIGHT[classes], labels=range(4))
    assert nn.cross_entropy(logits, classes, weight=WEIGHT) == pytest.approx(theirs, rel=1e-12)


def test_what_is_ignored_has_no_gradient_and_a_batch_of_it_no_loss():
    logits, classes = problem(-100)
    z = Value(logits)
    nn.cross_entropy(z, classes, ignore_index=-100).backward()
    assert ((np.abs(z.grad).max(axis=-1) == 0.0) == (classes == -100)).all()
    z.zero_grad()
    nothing = nn.cross_entropy(z, np.full((3, 5), -100), ignore_index=-100)
    nothing.backward()
    assert nothing.data == 0.0 and not z.grad.any()
    assert nn.nll(logits, np.full((3, 5), 2), weight=np.array([1, 1, 0, 1])) == 0.0


def test_nll_of_log_softmax_is_cross_entropy():
    logits, classes = problem()
    for row in ({}, {"weight": WEIGHT}, {"weight": WEIGHT, "ignore_index": 3}):
        for reduction in ("mean", "sum", "none"):
            both = (
                nn.nll(special.log_softmax(logits, axis=-1), classes, **row, reduction=reduction),
                nn.cross_entropy(logits, classes, **row, reduction=reduction),
            )
            np.testing.assert_allclose(*both, rtol=1e-13)
    autograd.check_gradients(lambda p: nn.nll(p, classes[0], weight=WEIGHT), logits[0], order=2)


# kl_div


def distributions():
    rng = np.random.default_rng(1)
    return rng.dirichlet(np.ones(4), (3, 2)), rng.dirichlet(np.ones(4), (3, 2))


def test_kl_div_is_scipys():
    q, p = distributions()
    each = stats.entropy(p, q, axis=-1)
    np.testing.assert_allclose(nn.kl_div(np.log(q), p, reduction="none"), each, rtol=1e-12)
    np.testing.assert_allclose(nn.kl_div(np.log(q), np.log(p), log_target=True, reduction="none"), each, rtol=1e-12)
    assert nn.kl_div(np.log(q), p) == pytest.approx(each.mean(), rel=1e-13)
    assert nn.kl_div(np.log(q), p, reduction="sum") == pytest.approx(each.sum(), rel=1e-13)
    assert nn.kl_div(np.log(p), p) == pytest.approx(0.0, abs=1e-15)
    assert nn.kl_div(np.log([[0.25, 0.75]]), [[0.0, 1.0]]) == pytest.approx(-np.log(0.75))


def test_kl_div_is_cross_entropy_less_the_entropy_of_the_target():
    q, p = distributions()
    assert nn.kl_div(np.log(q), p) == pytest.approx(nn.cross_entropy(np.log(q), p) - special.entr(p).sum(-1).mean())


@reductions
def test_derivatives_of_kl_div(reduction):
    q, p = (x[0, :, :3] for x in distributions())
    far = p + 0.3  # differences stay above 0
    autograd.check_gradients(lambda q, p: nn.kl_div(q, p, reduction=reduction), np.log(q), far, order=2)
    autograd.check_gradients(
        lambda q, p: nn.kl_div(q, p, log_target=True, reduction=reduction), np.log(q), np.log(p), order=2
    )


# gaussian_nll


@pytest.mark.parametrize("shape", [(4, 3), (4, 1), ()], ids=str)
def test_gaussian_nll_is_scipys(shape):
    rng = np.random.default_rng(0)
    mean, x, variance = rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), rng.uniform(0.2, 3.0, shape)
    expected = -stats.norm.logpdf(x, mean, np.sqrt(np.broadcast_to(variance, (4, 3))))
    np.testing.assert_allclose(nn.gaussian_nll(mean, x, variance, full=True, reduction="none"), expected, rtol=1e-13)
    less = expected - 0.5 * np.log(2.0 * np.pi)
    np.testing.assert_allclose(nn.gaussian_nll(mean, x, variance, reduction="none"), less, rtol=1e-12, atol=1e-15)
    assert nn.gaussian_nll(mean, x, variance) == pytest.approx(less.mean(), rel=1e-13)
    autograd.check_gradients(lambda m, v: nn.gaussian_nll(m, x, v, full=True), mean, np.asarray(variance), order=2)


def test_a_variance_below_eps_counts_as_eps_and_can_grow():
    v = Value(np.array([0.0, 1e-9, 2.0]))
    loss = nn.gaussian_nll(np.ones(3), np.zeros(3), v, eps=0.1, reduction="none")
    np.testing.assert_allclose(loss.data, 0.5 * (np.log([0.1, 0.1, 2.0]) + 1.0 / np.array([0.1, 0.1, 2.0])))
    loss.sum().backward()
    slope = 0.5 * (1.0 / np.array([0.1, 2.0]) - 1.0 / np.array([0.1, 2.0]) ** 2)
    np.testing.assert_allclose(v.grad, slope[[0, 0, 1]])


# binary_cross_entropy


@pytest.mark.parametrize("factor", [3.0, np.array([0.5, 2.0, 4.0])], ids=str)
@reductions
def test_pos_weight_counts_positive_targets_more(factor, reduction):
    rng = np.random.default_rng(0)
    z, t = rng.normal(size=(4, 3)) * 3.0, rng.uniform(size=(4, 3))
    rows = -(factor * t * special.log_expit(z) + (1.0 - t) * special.log_expit(-z))
    expected = {"mean": np.mean, "sum": np.sum, "none": np.asarray}[reduction](rows)
    np.testing.assert_allclose(
        nn.binary_cross_entropy(z, t, pos_weight=factor, reduction=reduction), expected, rtol=1e-12
    )
    autograd.check_gradients(
        lambda z: nn.binary_cross_entropy(z, t, pos_weight=factor, reduction=reduction), z, order=2
    )
    extreme = nn.binary_cross_entropy(np.array([[-1e3, 1e3, 0.0]]), np.array([[1.0, 1.0, 1.0]]), pos_weight=factor)
    assert np.isfinite(extreme)


# one dtype, errors


@pytest.mark.parametrize(
    "loss",
    [
        *(lambda z, row=row: nn.cross_entropy(z, [0, 2, 1], **row) for row in OPTIONS.values()),
        lambda z: nn.cross_entropy(z, np.eye(4)[:3], weight=WEIGHT, label_smoothing=0.1),
        lambda z: nn.nll(z, np.array([0, 2, 1]), weight=WEIGHT, ignore_index=0),
        lambda z: nn.kl_div(z, np.eye(4)[:3]),
        lambda z: nn.gaussian_nll(z, np.zeros((3, 4)), np.ones((3, 1)), full=True),
        lambda z: nn.gaussian_nll(z, np.zeros((3, 4)), Value(np.ones((3, 4), np.float32))),
        lambda z: nn.binary_cross_entropy(z, np.zeros((3, 4)), pos_weight=WEIGHT),
    ],
)
def test_float32_stays(loss):
    z = Value(np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32))
    out = loss(z)
    out.backward()
    assert out.dtype == z.grad.dtype == np.float32 and out.shape == () and z.grad.any()


Z, ONES = np.zeros((2, 3)), np.ones((2, 3))


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: nn.cross_entropy(Z, [0, 1], weight=[1, 2]), ShapeError, r"weight has shape \(2,\), expected \(3,\)"),
        (lambda: nn.cross_entropy(Z, [0, 1], weight=2.0), ShapeError, r"weight has shape \(\), expected \(3,\)"),
        (lambda: nn.cross_entropy(Z, [0, 1], weight=[1, 2, -1]), ArgumentError, "weight: a factor is negative"),
        (lambda: nn.cross_entropy(Z, [0, 1], label_smoothing=1.5), ArgumentError, r"must lie in \[0, 1\], got 1\.5"),
        (lambda: nn.cross_entropy(Z, ONES / 3, ignore_index=0), ArgumentError, "ignore_index is for class numbers"),
        (lambda: nn.cross_entropy(Z, [0, -100]), ArgumentError, r"targets are 0 … 2 .*, got -100 … 0"),
        (lambda: nn.cross_entropy(Z, [-100, 7], ignore_index=-100), ArgumentError, r"targets are 0 … 2 .*, got 7 … 7"),
        (lambda: nn.nll(Z, [0, 3]), ArgumentError, r"nll: targets are 0 … 2 .*, got 0 … 3"),
        (lambda: nn.nll(Z, [0, 1, 2]), ShapeError, r"nll: logits \(2, 3\) need targets of shape \(2,\), got \(3,\)"),
        (lambda: nn.nll(Z, ONES), ShapeError, "nll: log_probabilities have shape"),
        (lambda: nn.kl_div(Z, -ONES), ArgumentError, "kl_div: a target is negative; give probabilities, or logarithms"),
        (lambda: nn.kl_div(Z, np.ones(3)), ShapeError, "kl_div: prediction has shape"),
        (lambda: nn.kl_div(0.0, 1.0), ShapeError, r"kl_div: distributions have shape \(…, classes\)"),
        (lambda: nn.gaussian_nll(Z, ONES, -ONES), ArgumentError, "a variance is negative; use np.exp or softplus"),
        (lambda: nn.gaussian_nll(Z, ONES, np.ones(3)), ShapeError, r"variance has shape \(3,\), prediction \(2, 3\)"),
        (lambda: nn.gaussian_nll(Z, ONES, ONES, eps=0.0), ArgumentError, r"eps must be positive, got 0\.0"),
        (lambda: nn.binary_cross_entropy(Z, ONES, pos_weight=[1, 2]), ShapeError, r"pos_weight has shape \(2,\)"),
        (lambda: nn.binary_cross_entropy(Z, ONES, pos_weight=-1.0), ArgumentError, "pos_weight: a factor is negative"),
    ],
)
def test_wrong_options_are_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()
