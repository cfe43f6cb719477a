"""What `diagnose` measures, measured by others: JAX (Hessian, gradients by depth, updates), scikit-learn, SciPy."""

import numpy as np
import pytest

import nn
from nn.datasets import digits
from nn.lens import diagnose
from nn.lens.evidence import Evidence
from nn.lens.rules_of_data import _distances
from nn.state import untouched

jax = pytest.importorskip("jax", reason="JAX is not installed")
optax = pytest.importorskip("optax", reason="optax is not installed")
pytest.importorskip("sklearn", reason="scikit-learn is not installed")
pytestmark = [pytest.mark.oracle, pytest.mark.usefixtures("float64")]
DIGITS = digits()
X, Y = DIGITS.X[:120].astype(np.float64), DIGITS.y[:120]


def evidence_of(model, X, y, loss=None):
    return Evidence(model, X, y, loss=loss, history=None, optimizer=None, validation=None, birth=None, rng=0)


def network(seed=0):
    return nn.MLP(64, [6, 5, 10], np.tanh, rng=seed, dtype=np.float64)


def arrays_of(model):
    return [(layer.weight.data, layer.bias.data) for layer in model.layers]


def forward(layers, x, added=(0.0, 0.0, 0.0)):
    """The same network in JAX; `added` is added to the layers' outputs."""
    for i, ((w, b), more) in enumerate(zip(layers, added, strict=True)):
        x = x @ w.T + b
        x = (x if i == len(layers) - 1 else jax.numpy.tanh(x)) + more
    return x


def cross_entropy(logits):
    return optax.softmax_cross_entropy_with_integer_labels(logits, Y).mean()


def test_the_largest_eigenvalue_is_that_of_jaxs_hessian():
    for seed in range(3):
        model = network(seed)
        flat, shaped = jax.flatten_util.ravel_pytree(arrays_of(model))
        H = jax.hessian(lambda w, shaped=shaped: cross_entropy(forward(shaped(w), X)))(flat)
        evidence = evidence_of(model, X, Y)
        with untouched(model, None):
            found = evidence.sharpness
        assert found == pytest.approx(np.linalg.eigvalsh(H)[-1], rel=0.01)  # it stops when it moves by 0.001


def test_the_gradients_by_depth_are_jaxs():
    model = network()
    layers = arrays_of(model)
    zeros = [np.zeros((len(X), size)) for size in (6, 5, 10)]
    by_output = jax.grad(lambda added: cross_entropy(forward(layers, X, added)))(zeros)
    levels = diagnose(model, X, Y).levels
    ratio = np.linalg.norm(by_output[0]) / np.linalg.norm(by_output[-1])
    by_weight = jax.grad(lambda layers: cross_entropy(forward(layers, X)))(layers)
    loss = float(cross_entropy(forward(layers, X)))
    pulls = [np.linalg.norm(g) * np.linalg.norm(w) / loss for g, w in zip(by_weight, layers, strict=True) for g, w in
             zip(g, w, strict=True)]  # fmt: skip
    where, number, over = levels["exploding or vanishing gradients"]
    assert over == pytest.approx(max(ratio / 100, 1 / (100 * ratio), max(pulls) / 1000), rel=1e-6)
    assert number == pytest.approx(ratio if where == "layers.0 over layers.2" else max(pulls), rel=1e-6)


def test_the_next_step_is_optaxs():
    model = network()
    layers = arrays_of(model)
    gradient = jax.grad(lambda layers: cross_entropy(forward(layers, X)))(layers)
    rule = optax.adam(0.01)
    updates, _ = rule.update(gradient, rule.init(layers), layers)
    ratios = [float(np.linalg.norm(u[0]) / np.linalg.norm(w[0])) for u, w in zip(updates, layers, strict=True)]
    where, number, _ = diagnose(model, X, Y, optimizer=nn.Adam(model, learning_rate=0.01)).levels["update ratio"]
    assert number == pytest.approx(max(ratios), rel=1e-6)
    assert where == f"layers.{int(np.argmax(ratios))}.weight"


def test_a_constant_prediction_has_the_loss_of_scikit_learns_dummies():
    from sklearn.dummy import DummyClassifier, DummyRegressor
    from sklearn.metrics import log_loss, mean_squared_error

    evidence = evidence_of(network(), X, Y)
    dummy = DummyClassifier(strategy="uniform").fit(X, Y)
    with untouched(evidence.model, None):
        assert evidence.constant == pytest.approx(log_loss(Y, dummy.predict_proba(X)), rel=1e-12)
    y = X[:, 20:22] * [1.0, 5.0] + [0.0, 100.0]
    evidence = evidence_of(nn.MLP(64, [2], rng=0, dtype=np.float64), X, y)
    with untouched(evidence.model, None):
        expected = mean_squared_error(y, DummyRegressor().fit(X, y).predict(X))
        assert evidence.constant == pytest.approx(expected, rel=1e-12)


def test_the_least_loss_at_birth_is_scipys_entropy():
    from scipy.stats import entropy

    model = network()
    y = np.minimum(Y, 3)  # classes of unequal size
    least = 0.2 * entropy(np.bincount(y))
    above, below = (diagnose(model, X, y, birth=float(least * factor)) for factor in (1.01, 0.99))
    assert above.findings == ()
    assert [finding.rule for finding in below.findings] == ["loss at birth"]


def test_nearest_rows_are_scikit_learns():
    from sklearn.neighbors import NearestNeighbors

    rows = DIGITS.X[200:600].astype(np.float64)
    expected = NearestNeighbors(n_neighbors=1).fit(X).kneighbors(rows)[0][:, 0]
    np.testing.assert_allclose(_distances(rows, X), expected, rtol=1e-9)


def test_dead_units_are_those_without_a_gradient_in_jax():
    model = nn.MLP(64, [12, 10], rng=0, dtype=np.float64)
    model.layers[0].bias.data = np.where(np.arange(12) % 4 == 0, 0.0, -30.0)  # nine of twelve are off
    (w, b), (v, _) = arrays_of(model)

    def hidden(more):
        return jax.numpy.sum(jax.nn.relu(X @ w.T + b + more) @ np.abs(v.T))

    slopes = np.abs(jax.grad(hidden)(np.zeros((len(X), 12)))).max(axis=0)
    where, number, _ = diagnose(model, X, Y).levels["dead units"]
    assert number == np.mean(slopes == 0.0) >= 0.75
    assert where == "layers.0, relu of 12"
