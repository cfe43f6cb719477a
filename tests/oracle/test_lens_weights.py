"""What a weight is, to statisticians: coefficients and standard errors from our Hessian equal statsmodels' and NIST's.

At the minimum of the negative log-likelihood its inverse Hessian is the covariance of the weights.
"""

import numpy as np
import pytest

import nn
from autograd import hessian, value_and_grad
from autograd.ops import sigmoid
from nn import lens

sm = pytest.importorskip("statsmodels.api", reason="statsmodels is not installed")
pytestmark = pytest.mark.oracle
LONGLEY = {  # NIST Statistical Reference Datasets, Longley: certified estimate and standard deviation
    "const": (-3482258.63459582, 890420.383607373),
    "GNPDEFL": (15.0618722713733, 84.9149257747669),
    "GNP": (-0.0358191792925910, 0.0334910077722432),
    "UNEMP": (-2.02022980381683, 0.488399681651699),
    "ARMED": (-1.03322686717359, 0.214274163161675),
    "POP": (-0.0511041056535807, 0.226073200069370),
    "YEAR": (1829.15146461355, 455.478499142212),
}


def newton(loss, w, steps):
    """Second-order steps from w; (w, Hessian there)."""
    for _ in range(steps):
        _, g = value_and_grad(loss)(w)
        w = w - np.linalg.solve(hessian(loss)(w), g)
    return w, hessian(loss)(w)


def spector():
    data = sm.datasets.spector.load()
    return sm.add_constant(np.asarray(data.exog, np.float64)), np.asarray(data.endog, np.float64)


@pytest.mark.parametrize(
    ("loss", "theirs"),
    [
        (lambda X, y: lambda w: nn.binary_cross_entropy(X @ w, y, reduction="sum"), sm.Logit),
        (lambda X, y: lambda w: np.sum(np.exp(X @ w) - y * (X @ w)), sm.Poisson),
    ],
    ids=["logit", "poisson"],
)
def test_spector(loss, theirs):
    X, y = spector()
    fitted = theirs(y, X).fit(disp=0, tol=1e-13)
    w, H = newton(loss(X, y), np.zeros(4), 12)
    np.testing.assert_allclose(w, fitted.params, rtol=1e-8)
    np.testing.assert_allclose(np.sqrt(np.diag(np.linalg.inv(H))), fitted.bse, rtol=1e-8)


def test_average_marginal_effects_are_the_mean_influence():
    X, y = spector()
    fitted = sm.Logit(y, X).fit(disp=0, tol=1e-13)
    model = nn.Layer(3, 1, sigmoid, rng=0, dtype=np.float64)
    model.weight.data, model.bias.data = fitted.params[None, 1:], fitted.params[:1]
    found = lens.influence(model, X[:, 1:], "input", "output")
    np.testing.assert_allclose(found.mean[0], fitted.get_margeff(at="overall").margeff, rtol=1e-10)


def test_longley_has_nists_certified_digits():
    data = sm.datasets.longley.load()
    names = ["const", *data.exog.columns]
    X, y = np.asarray(data.exog, np.float64), np.asarray(data.endog, np.float64)
    mean, std = X.mean(0), X.std(0)
    Z = np.column_stack([np.ones(len(X)), (X - mean) / std])
    w, H = newton(lambda w: 0.5 * np.sum((Z @ w - y) ** 2), np.zeros(7), 2)
    T = np.diag([1.0, *(1.0 / std)])
    T[0, 1:] = -mean / std  # from weights of standardised inputs to weights of the inputs
    variance = np.sum((Z @ w - y) ** 2) / (len(y) - 7)
    errors = np.sqrt(variance * np.diag(T @ np.linalg.inv(H) @ T.T))
    certified = np.array([LONGLEY[name] for name in names])
    # condition number of Z'Z is 1.2e4, so that of 16 digits 12 are left, and of the constant's as many again
    np.testing.assert_allclose(T @ w, certified[:, 0], rtol=1e-9)
    np.testing.assert_allclose(errors, certified[:, 1], rtol=1e-9)
    assert np.sqrt(variance) == pytest.approx(304.854073561965, rel=1e-11)
    theirs = sm.OLS(y, sm.add_constant(X)).fit()
    np.testing.assert_allclose(T @ w, theirs.params, rtol=1e-6)  # theirs, of inputs as they are, has 7 digits
    np.testing.assert_allclose(errors, theirs.bse, rtol=1e-6)
