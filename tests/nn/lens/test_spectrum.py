"""The spectrum of a Hessian: planted, exact, in batches; edges that an optimiser obeys; looking changes nothing."""

import copy

import numpy as np
import pytest

import nn
from autograd.errors import ArgumentError, NonFiniteError
from nn import lens
from nn.lens.curvature import Curvature
from nn.lens.lanczos import Tridiagonal, ends, quadrature

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 6)), RNG.integers(0, 4, 60)


class Bowl(nn.Module):
    """x · w: with a row x = √|λ| and the loss below, the Hessian is diag(λ)."""

    def __init__(self, n):
        self.weight = nn.Parameter(RNG.normal(size=n))

    def forward(self, x):
        return x * self.weight


def planted(values, **options):
    """The spectrum of a loss whose Hessian is diag(values)."""
    signs = np.sign(values)
    loss = lambda out, _: 0.5 * np.sum(signs * out * out)
    row = np.sqrt(np.abs(values))[None]
    return lens.spectrum(Bowl(len(values)), row, np.zeros_like(row), loss=loss, rng=0, **options)


def mlp(dtype=np.float64, **sizes):
    return nn.MLP(6, [24, 8, 4], np.tanh, rng=0, dtype=dtype, **sizes)  # 404 weights


VALUES = np.r_[np.random.default_rng(1).uniform(-0.1, 0.3, 390), 2.0, 3.0, 5.0, 8.0, -1.0, -2.0]


@pytest.mark.parametrize("exact", [0, 1000])
def test_a_planted_spectrum_is_found(exact):
    found = planted(VALUES, count=4, exact=exact)
    rising = np.sort(VALUES)
    assert found.exact is (exact > 0)
    assert found.parameters == 396
    np.testing.assert_allclose(found.top, rising[::-1][:4], rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.bottom[:2], rising[:2], rtol=0, atol=1e-12)
    assert found.sharpness == found.top[0]


@pytest.mark.parametrize("seed", range(3))
def test_each_error_bounds_the_distance_to_an_eigenvalue(seed):
    """Also where the steps were too few for it to have converged."""
    values = np.random.default_rng(seed).normal(size=200)
    found = ends(
        lambda v: values * v, 200, 6, steps=25, tolerance=1e-9, rng=np.random.default_rng(seed), tick=lambda: 0
    )
    assert found.steps == 25
    for theta, error in [
        *zip(found.top, found.top_error, strict=True),
        *zip(found.bottom, found.bottom_error, strict=True),
    ]:
        assert np.abs(values - theta).min() <= error
    assert found.top_error.max() > 1e-3  # so it was a test


def test_directions_stay_orthogonal_where_plain_lanczos_loses_them():
    """A spectrum with one eigenvalue far out: without reorthogonalisation ghosts of it appear within 60 steps."""
    values = np.r_[np.linspace(0.0, 1.0, 299), 1e4]
    T = Tridiagonal(lambda v: values * v, np.random.default_rng(0).normal(size=300), 60)
    for _ in range(60):
        T.grow()
    assert np.abs(T.Q[:60] @ T.Q[:60].T - np.eye(60)).max() < 1e-14
    assert (T.eigen()[0] > 100.0).sum() == 1


def test_multiple_eigenvalues_come_out_when_the_start_is_used_up():
    values = np.r_[np.zeros(20), 3.0, 3.0, 1.0]
    found = ends(lambda v: values * v, 23, 4, steps=100, tolerance=1e-6, rng=np.random.default_rng(0), tick=lambda: 0)
    np.testing.assert_allclose(found.top, [3.0, 3.0, 1.0, 0.0], rtol=0, atol=1e-14)


def test_quadrature_has_the_moments_of_its_direction():
    """Σ τ θᵏ = vᵀ Hᵏ v for k < 2 · steps, and the weights add up to 1 (Golub and Welsch)."""
    values = np.random.default_rng(3).normal(size=50)
    full, half = quadrature(lambda v: values * v, 50, steps=5, rng=np.random.default_rng(7), tick=lambda: 0)
    nodes, weights = full
    v = np.random.default_rng(7).normal(size=50)
    v /= np.linalg.norm(v)
    for k in range(10):
        assert weights @ nodes**k == pytest.approx(v @ (values**k * v), rel=1e-11)
    assert abs(weights @ nodes**10 - v @ (values**10 * v)) > 1e-3
    assert [half[1] @ half[0] ** k for k in range(6)] == pytest.approx([weights @ nodes**k for k in range(6)])


def test_lanczos_agrees_with_the_hessian_written_out():
    exact = lens.spectrum(mlp(), X, Y, exact=1000)
    found = lens.spectrum(mlp(), X, Y, exact=0, steps=404, rng=0)
    assert (exact.exact, found.exact, found.parameters) == (True, False, 404)
    np.testing.assert_allclose(found.top, exact.top, rtol=0, atol=1e-8)
    np.testing.assert_allclose(found.bottom, exact.bottom, rtol=0, atol=1e-8)
    assert exact.top_error.max() < 1e-14


def test_sums_over_all_eigenvalues_lie_within_their_standard_errors():
    """Over 16 seeds: deviations in units of the stated error have mean square 7/5, as Student's t of 8 probes; where f
    bends more sharply than 20 nodes resolve, the error is taken larger and they are smaller."""
    exact = lens.spectrum(mlp(), X, Y, exact=1000)
    runs = [lens.spectrum(mlp(), X, Y, exact=0, rng=seed, probe_steps=20) for seed in range(16)]
    counted = lambda x: np.maximum(x, 0.0) / (np.maximum(x, 0.0) + 0.01)
    for f, sharp in ((lambda x: x, False), (np.square, False), (counted, True)):
        truth, none = exact.total(f)
        far = np.array([(run.total(f)[0] - truth) / run.total(f)[1] for run in runs])
        assert none == 0.0
        assert np.mean(far**2) < 2.5
        assert np.abs(far).max() < 4.0
        if not sharp:
            assert np.mean(far**2) > 0.5


def test_taking_the_ends_out_makes_the_error_of_the_trace_small():
    with_ends = planted(VALUES * np.where(np.abs(VALUES) > 0.5, 100.0, 1.0), count=4, exact=0)
    assert with_ends.trace[1] < 1.0  # of a trace of 1,500 + …; plain Hutchinson has √(2 Σ λ² / probes) = 500
    assert with_ends.trace[0] == pytest.approx(VALUES[VALUES > 0.5].sum() * 100 - 300 + VALUES[:390].sum(), abs=3.0)


def test_the_density_has_area_one_and_the_moments():
    found = lens.spectrum(mlp(), X, Y, exact=0, rng=0)
    at, density = found.density()
    step = at[1] - at[0]
    assert step * density.sum() == pytest.approx(1.0, abs=2e-3)  # bells of twelve points, cut off at four deviations
    assert step * (at @ density) * 404 == pytest.approx(found.trace[0], rel=0.02)
    assert found.density(points=50, width=0.5)[0].shape == (50,)


def test_effective_parameters_of_least_squares_are_the_trace_of_the_hat_matrix():
    """With a penalty a ‖w‖² / 2 on the mean squared error: tr X (XᵀX + n a / 2)⁻¹ Xᵀ, the degrees of freedom of ridge."""
    x, a = np.random.default_rng(5).normal(size=(40, 7)) * np.logspace(0, -3, 7), 0.01
    line = nn.Linear(7, 1, bias=False, rng=0, dtype=np.float64)
    found = lens.spectrum(line, x, np.zeros((40, 1)))
    hat = x @ np.linalg.solve(x.T @ x + 40 * a / 2 * np.eye(7), x.T)
    assert found.effective_parameters(a)[0] == pytest.approx(np.trace(hat), rel=1e-12)
    assert found.effective_parameters() == found.effective_parameters(1 / 40)


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.9, False), (0.5, True)])
def test_beyond_the_edge_the_optimiser_diverges_and_before_it_does_not(momentum, nesterov):
    rate = 0.05
    make = lambda model: nn.SGD(model, rate, momentum=momentum, nesterov=nesterov)
    bowl = Bowl(1)
    edge = lens.spectrum(bowl, [[1.0]], [[0.0]], optimizer=make(bowl)).edge
    for share, diverges in ((0.98, False), (1.02, True)):
        model, row = Bowl(1), np.array([[np.sqrt(share * edge)]])
        model.weight.data = np.array([1.0])
        optimizer = make(model)
        for _ in range(1000):
            model.weight.grad = row[0] ** 2 * model.weight.data  # of the loss (x w)² / 2
            optimizer.step()
            if abs(model.weight.data[0]) > 1e3:
                break
        assert (abs(model.weight.data[0]) > 1e3) is np.bool_(diverges)
        if not diverges:
            assert abs(model.weight.data[0]) < 0.1


def test_the_rate_of_plain_descent_gives_two_over_it():
    assert lens.spectrum(Bowl(1), [[1.0]], [[0.0]], learning_rate=0.1).edge == 20.0


def test_batches_give_the_hessian_of_all_rows():
    """Batches of 16, 16, 16 and 12 rows: their means are weighted; a sum is added up."""
    whole = Curvature(mlp(), X, Y)
    parts = Curvature(mlp(), X, Y, batch_size=16)
    v = np.random.default_rng(1).normal(size=404)
    assert len(parts.parts) == 4
    np.testing.assert_allclose(parts.product(v), whole.product(v), rtol=0, atol=1e-13)
    np.testing.assert_allclose(parts.gradient(), whole.gradient(), rtol=0, atol=1e-13)
    np.testing.assert_allclose(parts.dense(), whole.dense(), rtol=0, atol=1e-13)
    total = lambda out, y: nn.cross_entropy(out, y, reduction="sum")
    summed = Curvature(mlp(), X, Y, loss=total, batch_size=16)
    np.testing.assert_allclose(summed.product(v), 60 * whole.product(v), rtol=0, atol=1e-11)


def test_a_loss_that_is_no_mean_over_rows_is_refused_in_batches_and_right_in_one():
    loss = lambda out, y: np.sqrt(nn.cross_entropy(out, y))
    with pytest.raises(
        ArgumentError, match=r"of 60 rows, 1\.\d+, is neither the mean nor the sum .* of 16, .* batch_size=60"
    ):
        Curvature(mlp(), X, Y, loss=loss, batch_size=16)
    assert Curvature(mlp(), X, Y, loss=loss, batch_size=60).product(np.ones(404)).shape == (404,)


class Branches(nn.Module):
    """A layer used twice, a branch around it, a function."""

    def __init__(self):
        self.inner, self.out = nn.Linear(6, 6, rng=1), nn.Linear(6, 4, rng=2)

    def forward(self, x):
        return self.out(x + np.tanh(self.inner(np.sin(self.inner(x)))))


MODELS = {
    "convolution": lambda: (
        nn.Sequential(nn.Conv2d(1, 3, 3, padding="same"), np.tanh, nn.MaxPool2d(2), nn.Flatten(), nn.Linear(27, 4), rng=0),
        RNG.normal(size=(10, 1, 6, 6)), RNG.integers(0, 4, 10),
    ),
    "attention": lambda: (
        nn.Sequential(nn.TransformerEncoderLayer(6, 2, 8), nn.Linear(6, 3), rng=0),
        RNG.normal(size=(3, 5, 6)), RNG.integers(0, 3, (3, 5)),
    ),
    "gpt": lambda: (nn.models.GPT(7, 5, 1, 2, 4, rng=0), RNG.integers(0, 7, (4, 5)), RNG.integers(0, 7, (4, 5))),
    "branches": lambda: (Branches(), X, Y),
    "norm": lambda: (nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), np.tanh, nn.Linear(5, 4), rng=0), X, Y),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_products_are_differences_of_gradients_in_every_kind_of_model(name):
    """By the engine's gradient, differenced with two steps and extrapolated; the Hessian written out gives the same.
    Weights are all N(0, 0.5²): a norm of the tiny ones that GPT starts with bends within any step."""
    model, x, y = MODELS[name]()
    for parameter in model.parameters():
        parameter.data = np.random.default_rng(parameter.size).normal(0.0, 0.5, parameter.shape)
    curvature = Curvature(model, x, y)
    v = np.random.default_rng(0).normal(size=curvature.size)
    start, at = curvature.point, []
    for h in (2e-5, 1e-5):  # small enough to meet no kink of relu or pooling
        slopes = []
        for sign in (1.0, -1.0):
            curvature.point = start + sign * h * v
            slopes.append(curvature.gradient())
        at.append((slopes[0] - slopes[1]) / (2.0 * h))
    curvature.point = start
    product = curvature.product(v)
    np.testing.assert_allclose(product, (4.0 * at[1] - at[0]) / 3.0, rtol=0, atol=1e-6 * np.abs(product).max())
    if curvature.size < 400:
        np.testing.assert_allclose(curvature.dense() @ v, product, rtol=0, atol=1e-12 * np.abs(product).max())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_computes_in_float64_with_the_models_own_weights(dtype):
    model = mlp(dtype)
    wide = copy.deepcopy(model).astype(np.float64)
    a, b = lens.spectrum(model, X, Y, rng=0, exact=0), lens.spectrum(wide, X, Y, rng=0, exact=0)
    assert a.top.tolist() == b.top.tolist()
    assert model.layers[0].weight.dtype == dtype


@pytest.mark.parametrize("exact", [0, 10_000])
def test_looking_changes_nothing(exact):
    model = nn.Sequential(nn.Linear(6, 20), nn.BatchNorm1d(20), np.tanh, nn.Dropout(0.5), nn.Linear(20, 4), rng=0)
    optimizer = nn.SGD(model, 0.1, momentum=0.9)
    loss = nn.cross_entropy(model(X.astype(np.float32)), Y)
    loss.backward()
    optimizer.step()
    model.layers[1].eval()

    def all_of_it():
        return (
            {k: v.tobytes() for k, v in model.state_dict().items()},
            {k: np.asarray(v).tobytes() for k, v in optimizer.state_dict().items()},
            [g.bit_generator.state for _, g in model.named_generators()],
            [m.training for _, m in model.named_modules()],
            [p.grad.tobytes() for p in model.parameters()],
        )

    grads, before = [p.grad for p in model.parameters()], all_of_it()
    lens.spectrum(model, X, Y, optimizer=optimizer, exact=exact, count=2, probes=2, rng=0)
    assert all_of_it() == before
    assert all(p.grad is g for p, g in zip(model.parameters(), grads, strict=True))


def test_it_says_what_it_saw():
    found = planted(np.r_[np.full(9, 1e-6), 8.0, -0.5], count=2)
    assert found.verdict == (
        "Of 11 parameters the data pin down 0.9 (prior variance 1); the sharpest curvature is 8, so gradient descent "
        "diverges with a learning rate above 0.25."
    )
    assert str(found.table()).splitlines()[1].split()[:2] == ["largest", "8"]
    edged = planted(np.array([8.0, -0.5]), learning_rate=0.2)
    assert edged.verdict.endswith("the sharpest curvature is 8, 0.80 of the 10 at which steps diverge.")
    assert "edge of stability" in str(edged)
    assert "no direction curves upwards" in planted(np.array([-2.0, -0.5])).verdict
    assert found.frobenius == pytest.approx(np.sqrt(64.25))


@pytest.mark.parametrize("rate", [None, 0.2, 1e-6])
def test_it_draws(rate):
    figure = pytest.importorskip("matplotlib.figure").Figure()
    axes = figure.subplots()
    assert planted(np.r_[np.zeros(20), 8.0, -0.5], learning_rate=rate).plot(axes) is axes
    assert axes.get_yscale() == "log"
    assert axes.get_xlim()[1] < 15.0  # an edge of a million does not squeeze the rest
    assert (axes.get_legend() is not None) is (rate is not None)


def weightless():
    return nn.Sequential(np.tanh)


def broken():
    model = mlp()
    model.layers[1].weight.data = np.full((8, 24), np.nan)
    return model


BOWL = ([[1.0]], [[0.0]])
MISTAKES = {
    "no model": (lambda: lens.spectrum(np.tanh, *BOWL), "spectrum takes a Module, got ufunc"),
    "no weights": (lambda: lens.spectrum(weightless(), *BOWL), "Sequential has no parameters, so its loss has no"),
    "complex": (lambda: lens.spectrum(nn.Linear(1, 1, rng=0, dtype=np.complex128), *BOWL), "weight is complex"),
    "NaN": (lambda: lens.spectrum(broken(), X, Y), r"layers\.1\.weight has NaN or infinite weights"),
    "rows": (lambda: lens.spectrum(mlp(), X, Y[:3]), "X has 60 rows, y has 3"),
    "NaN in X": (lambda: lens.spectrum(mlp(), X * np.nan, Y), "X has NaN or infinite entries, the first in row 0"),
    "count": (lambda: lens.spectrum(mlp(), X, Y, count=0), "count is a whole number of at least 1, got 0"),
    "probes": (lambda: lens.spectrum(mlp(), X, Y, probes=1), "probes is a whole number of at least 2, got 1"),
    "Adam": (lambda: lens.spectrum(mlp(), X, Y, optimizer=nn.Adam(mlp())), "edge of stability is known for SGD, got Adam"),
    "both": (
        lambda: lens.spectrum(mlp(), X, Y, optimizer=nn.SGD(mlp()), learning_rate=0.1),
        "optimizer has a learning rate of its own: pass optimizer or learning_rate, not both",
    ),
    "rate 0": (lambda: lens.spectrum(mlp(), X, Y, optimizer=nn.SGD(mlp(), 0.0)), "the optimizer's learning rate is 0 now"),
    "loss": (lambda: lens.spectrum(mlp(), X, Y, loss=3), "loss is a function such as nn.mse, got 3"),
    "vector": (lambda: lens.spectrum(mlp(), X, Y, loss=lambda out, y: out), r"single number, got Value of shape \(60, 4\)"),
    "alpha": (lambda: planted(np.ones(3)).effective_parameters(0.0), "alpha must be a number above 0, got 0.0"),
    "rng": (lambda: lens.spectrum(mlp(), X, Y, rng="x"), "rng is an integer seed"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_told(mistake):
    call, message = MISTAKES[mistake]
    with pytest.raises((ArgumentError, NonFiniteError), match=message):
        call()


@pytest.mark.parametrize("exact", [0, 1000])
def test_a_second_derivative_that_is_not_finite_names_its_parameter(exact):
    """x^1.5 at 0 has slope 0 and no curvature."""

    class Corner(nn.Module):
        def __init__(self):
            self.first, self.second = nn.Parameter(np.ones(2)), nn.Parameter(np.zeros(2))

        def forward(self, x):
            return x * (self.first + self.second**1.5)

    with np.errstate(all="ignore"), pytest.raises(NonFiniteError, match="no finite second derivative by second"):
        lens.spectrum(Corner(), np.ones((1, 2)), np.ones((1, 2)), exact=exact)
