"""Masked optimisers against optax, Fisher information against JAX, streams against scikit-learn and river."""

import gzip
from pathlib import Path

import numpy as np
import pytest

import nn
from nn import lens

jax = pytest.importorskip("jax", reason="JAX is not installed")
optax = pytest.importorskip("optax", reason="optax is not installed")
sklearn = pytest.importorskip("sklearn", reason="scikit-learn is not installed")
pytestmark = [pytest.mark.oracle, pytest.mark.usefixtures("float64")]

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 4)), RNG.integers(0, 3, size=20)
MASK = RNG.random((6, 4)) < 0.5


def network():
    return nn.MLP(4, [6, 3], np.tanh, rng=0, dtype=np.float64)


def parameters(model):
    return {path: jax.numpy.asarray(parameter.data) for path, parameter in model.named_parameters()}


def log_probabilities(p, x):
    hidden = jax.numpy.tanh(x @ p["layers.0.weight"].T + p["layers.0.bias"])
    return jax.nn.log_softmax(hidden @ p["layers.1.weight"].T + p["layers.1.bias"])


RULES = {
    "sgd": (lambda model: nn.SGD(model, 0.1, momentum=0.9), lambda: optax.sgd(0.1, momentum=0.9)),
    "adam": (lambda model: nn.Adam(model, 0.05), lambda: optax.adam(0.05)),
    "rmsprop": (
        lambda model: nn.RMSprop(model, 0.05, alpha=0.9),
        lambda: optax.rmsprop(0.05, decay=0.9, eps_in_sqrt=False, bias_correction=False),
    ),
}


@pytest.mark.parametrize(("ours", "theirs"), RULES.values(), ids=RULES)
def test_a_masked_training_is_that_of_masked_gradients(ours, theirs):
    model = network()
    lens.freeze(model, "layers.1.*")
    model.layers[0].weight.mask = MASK
    params, optimizer, rule = parameters(model), ours(model), theirs()
    free = {path: np.zeros(p.shape) if path.startswith("layers.1") else np.ones(p.shape) for path, p in params.items()}
    free["layers.0.weight"] = MASK.astype(float)
    state = rule.init(params)
    slope = jax.grad(lambda p: -jax.numpy.mean(log_probabilities(p, X)[np.arange(20), Y]))
    for _ in range(8):
        gradients = {path: g * free[path] for path, g in slope(params).items()}
        updates, state = rule.update(gradients, state, params)
        params = optax.apply_updates(params, updates)
        model.zero_grad()
        nn.cross_entropy(model(X), Y).backward()
        optimizer.step()
    for path, parameter in model.named_parameters():
        np.testing.assert_allclose(parameter.data, params[path], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("fisher", ["expected", "empirical"])
def test_fisher_information_is_that_of_jax(fisher):
    model = network()
    params = parameters(model)
    slopes = jax.vmap(jax.jacrev(log_probabilities), (None, 0))(params, X)  # (example, class, *shape) of each
    if fisher == "expected":
        weight = np.exp(jax.vmap(log_probabilities, (None, 0))(params, X))
    else:
        weight = np.eye(3)[Y]
    found = lens.EWC(model, X, Y, fisher=fisher).fisher
    for path, slope in slopes.items():
        expected = np.einsum("nc,nc...->...", weight, np.square(slope)) / len(X)
        np.testing.assert_allclose(found[path], expected, rtol=1e-10, atol=1e-15)


def test_a_stream_is_scikit_learns_partial_fit():
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import SGDClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.preprocessing import StandardScaler

    data = load_breast_cancer()
    model = nn.Linear(30, 1, dtype=np.float64)
    model.weight.data = np.zeros((1, 30))
    options = {"loss": nn.binary_cross_entropy, "standardize": True}
    answer = lens.partial_fit(model, nn.SGD(model, 0.01), data.data, data.target[:, None].astype(float), **options)
    scaler, peer = (
        StandardScaler(),
        SGDClassifier(loss="log_loss", alpha=0.0, penalty=None, learning_rate="constant", eta0=0.01),
    )
    logits = []
    for row, label in zip(data.data[:, None], data.target[:, None], strict=True):
        logits.append(peer.decision_function(scaler.transform(row))[0] if logits else 0.0)
        peer.partial_fit(scaler.partial_fit(row).transform(row), label, classes=[0, 1])
    np.testing.assert_allclose(answer.outputs[:, 0], logits, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(model.weight.data, peer.coef_, rtol=1e-9)
    assert answer.auc == pytest.approx(roc_auc_score(data.target, logits), rel=1e-12)


def test_the_phishing_stream_is_rivers():
    river = pytest.importorskip("river", reason="river is not installed")
    from river import datasets, linear_model, preprocessing

    with gzip.open(Path(river.__file__).parent / "datasets" / "phishing.csv.gz", "rt") as file:
        table = np.loadtxt(file, delimiter=",", skiprows=1)
    x, y = table[:, :-1], table[:, -1:]
    model = nn.Linear(9, 1, dtype=np.float64)
    model.weight.data = np.zeros((1, 9))
    answer = lens.partial_fit(model, nn.SGD(model, 0.01), x, y, loss=nn.binary_cross_entropy, standardize=True)
    peer = preprocessing.StandardScaler() | linear_model.LogisticRegression()
    expected = []
    for row, label in datasets.Phishing():
        expected.append(peer.predict_proba_one(row)[True])
        peer.learn_one(row, label)
    np.testing.assert_allclose(1.0 / (1.0 + np.exp(-answer.outputs[:, 0])), expected, rtol=1e-10)
    assert f"{answer.score:.2%}" == "89.28%"  # as river's documentation has it
