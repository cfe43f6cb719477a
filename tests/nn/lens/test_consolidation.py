"""Elastic weight consolidation: the Fisher information against closed forms, and what the penalty does."""

import numpy as np
import pytest

import autograd
import nn
from autograd.errors import ArgumentError, NonFiniteError
from autograd.ops import softmax
from nn import lens

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(30, 4)), RNG.integers(0, 3, size=30)
F64 = {"rng": 0, "dtype": np.float64}


def test_expected_fisher_of_softmax_regression_is_the_closed_form():
    model = nn.Linear(4, 3, **F64)
    p = softmax(nn.predict(model, X))
    found = lens.EWC(model, X, Y).fisher
    np.testing.assert_allclose(
        found["weight"], np.mean((p * (1 - p))[:, :, None] * X[:, None] ** 2, axis=0), rtol=1e-12
    )
    np.testing.assert_allclose(found["bias"], np.mean(p * (1 - p), axis=0), rtol=1e-12)


def test_of_logistic_regression():
    model = nn.Linear(4, 2, **F64)
    p = 1 / (1 + np.exp(-nn.predict(model, X)))
    found = lens.EWC(model, X, loss=nn.binary_cross_entropy).fisher
    np.testing.assert_allclose(
        found["weight"], np.mean((p * (1 - p))[:, :, None] * X[:, None] ** 2, axis=0), rtol=1e-12
    )


def test_of_a_regression_it_is_the_mean_square_of_the_jacobian():
    model = nn.MLP(4, [5, 2], np.tanh, **F64)
    found = lens.EWC(model, X, np.zeros((30, 2))).fisher
    total = dict.fromkeys(found, 0.0)
    for row in X:
        jacobian = autograd.jacobian(lambda model: model(row))(model)  # noqa: B023
        for path, parameter in jacobian.named_parameters():
            total[path] = total[path] + np.sum(parameter.data**2, axis=0)
    for path, expected in total.items():
        np.testing.assert_allclose(found[path], expected / len(X), rtol=1e-10)


@pytest.mark.parametrize("loss", [nn.cross_entropy, nn.binary_cross_entropy, nn.mse])
def test_drawn_answers_approach_the_expectation(loss):
    model = nn.Linear(4, 3, **F64)
    exact = lens.EWC(model, X[:6], loss=loss).fisher["weight"]
    drawn = lens.EWC(model, X[:6], loss=loss, samples=200, rng=0).fisher["weight"]
    # the mean of 1,200 squares of heavy-tailed numbers: standard deviations of a few per cent
    np.testing.assert_allclose(drawn, exact, rtol=0.3)
    assert np.max(np.abs(drawn / exact - 1.0)) > 1e-3
    again = lens.EWC(model, X[:6], loss=loss, samples=200, rng=0).fisher["weight"]
    np.testing.assert_array_equal(drawn, again)


def test_empirical_fisher_is_the_mean_square_of_the_slopes_at_the_known_answers():
    model = nn.Linear(4, 3, **F64)
    error = softmax(nn.predict(model, X)) - np.eye(3)[Y]
    found = lens.EWC(model, X, Y, fisher="empirical").fisher
    np.testing.assert_allclose(found["weight"], np.mean(error[:, :, None] ** 2 * X[:, None] ** 2, axis=0), rtol=1e-12)
    own = lens.EWC(model, X, Y, fisher="empirical", loss=lambda p, t: nn.cross_entropy(p, t)).fisher
    np.testing.assert_allclose(own["weight"], found["weight"], rtol=1e-12)


def test_places_of_a_sequence_are_answers_of_their_own():
    layer = nn.Linear(4, 3, **F64)
    model = nn.Sequential(layer)
    long = X.reshape(6, 5, 4)
    p = softmax(nn.predict(model, long))
    expected = np.mean(np.sum((p * (1 - p))[..., None] * long[:, :, None] ** 2, axis=1), axis=0)
    np.testing.assert_allclose(lens.EWC(model, long, loss=nn.cross_entropy).fisher["0.weight"], expected, rtol=1e-12)


def test_the_penalty_is_the_papers_and_that_of_earlier_tasks_is_added():
    model = nn.Linear(4, 3, **F64)
    first = lens.EWC(model, X, Y, strength=3.0)
    assert first.penalty().data == 0.0
    start = model.state_dict()
    model.weight.data = model.weight.data + 0.5
    second = lens.EWC(model, X, Y, strength=2.0, before=first)
    model.bias.data = model.bias.data - 1.0
    move = {"weight": model.weight.data - start["weight"], "bias": model.bias.data - start["bias"]}
    older = 1.5 * sum(np.sum(first.fisher[path] * move[path] ** 2) for path in move)
    newer = 1.0 * np.sum(second.fisher["bias"])
    assert float(second.penalty().data) == pytest.approx(older + newer, rel=1e-12)
    loss = second.around(nn.cross_entropy)(model(X), Y)
    assert float(loss.data) == pytest.approx(float(nn.cross_entropy(model(X), Y).data) + older + newer, rel=1e-12)
    loss.backward()
    slope = softmax(model(X).data) - np.eye(3)[Y]
    expected = np.mean(slope, axis=0) + 3.0 * first.fisher["bias"] * move["bias"] - 2.0 * second.fisher["bias"]
    np.testing.assert_allclose(model.bias.grad, expected, rtol=1e-9)


def test_it_is_compiled_with_the_step_and_gives_what_eager_gives():
    states = []
    for compile in (False, True):
        model = nn.MLP(4, [6, 3], np.tanh, **F64)
        ewc = lens.EWC(model, X, Y, strength=5.0)
        options = {
            "loss": ewc.around(nn.cross_entropy),
            "metric": nn.accuracy,
            "validation": (X, Y),
            "compile": compile,
        }
        nn.fit(model, X, (Y + 1) % 3, optimizer=nn.Adam(model, 0.01), epochs=3, rng=0, progress=False, **options)
        states.append(model.state_dict())
    for path, data in states[0].items():
        np.testing.assert_allclose(states[1][path], data, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("y", [Y, None])
def test_looking_changes_nothing(y):
    layers = nn.Linear(4, 6), nn.BatchNorm1d(6), np.tanh, nn.Dropout(0.5, rng=1), nn.Linear(6, 3)
    model = nn.Sequential(*layers, rng=0)
    optimizer = nn.Adam(model)
    nn.fit(model, X, Y, optimizer=optimizer, epochs=1, rng=0, progress=False)
    model[3].eval()
    states, others = model.state_dict(), optimizer.state_dict()
    gradients = [parameter.grad for parameter in model.parameters()]
    generators = [generator.bit_generator.state for _, generator in model.named_generators()]
    modes = [module.training for _, module in model.named_modules()]
    lens.EWC(model, X, y, loss=nn.cross_entropy, samples=1, rng=0).information()
    assert all(data.tobytes() == model.state_dict()[path].tobytes() for path, data in states.items())
    assert all(np.all(optimizer.state_dict()[path] == data) for path, data in others.items())
    assert all(parameter.grad is gradient for parameter, gradient in zip(model.parameters(), gradients, strict=True))
    assert [generator.bit_generator.state for _, generator in model.named_generators()] == generators
    assert [module.training for _, module in model.named_modules()] == modes


def test_under_no_grad_and_in_float32():
    model = nn.Linear(4, 3, rng=0)
    with autograd.no_grad():
        found = lens.EWC(model, X, Y).fisher["weight"]
    assert found.dtype == np.float32
    p = softmax(nn.predict(model, X))
    expected = np.mean((p * (1 - p))[:, :, None] * X[:, None] ** 2, axis=0)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_information_says_how_much_is_held_by_few():
    model = nn.Linear(2, 1, bias=False, **F64)
    answer = lens.EWC(model, np.array([[1.0, 3.0]]), np.zeros((1, 1))).information()
    assert answer.verdict == "50.0% of 2 weights hold half of the Fisher information"
    assert answer.rows()[1] == [("weight", 2, 5.0, 9.0)]
    figure = pytest.importorskip("matplotlib.figure").Figure()
    assert len(answer.plot(figure.subplots()).patches) == 1


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((X,), {}, r"EWC needs y, or for the expected Fisher loss=nn.cross_entropy, to know what outputs mean"),
        ((X,), {"loss": nn.cross_entropy, "fisher": "empirical"}, "EWC needs y"),
        ((X, Y), {"fisher": "empiric"}, "fisher='empiric'; did you mean 'empirical'\\? It is expected or empirical"),
        (
            (X, Y),
            {"loss": nn.hinge},
            "hinge does not say with which probability a model gives an answer; pass fisher='emp",
        ),
        ((X, Y), {"samples": 0}, "EWC: samples is a whole number of at least 1, got 0"),
        ((X, Y), {"strength": -1.0}, "EWC: strength must be a number of at least 0, got -1.0"),
        ((X, Y[:3]), {}, "EWC: X has 30 rows, y has 3"),
        ((np.full((2, 4), np.nan), Y[:2]), {}, "EWC: X has NaN or infinite entries, the first in row 0"),
    ],
)
def test_what_cannot_be_done_is_refused(arguments, options, message):
    with pytest.raises(ArgumentError, match=message):
        lens.EWC(nn.Linear(4, 3, **F64), *arguments, **options)


def test_a_fisher_that_is_not_finite_names_its_parameter():
    with (
        np.errstate(over="ignore"),
        pytest.raises(NonFiniteError, match="EWC: the Fisher information of weight has NaN or inf"),
    ):
        lens.EWC(nn.Linear(4, 3, **F64), 1e200 * X, np.zeros((len(X), 3)), fisher="empirical")


def test_complex_weights_are_refused():
    model = nn.Linear(4, 3, rng=0)
    model.weight.data = model.weight.data.astype(complex)
    with pytest.raises(
        ArgumentError, match="EWC: weight is complex; keep its real and imaginary parts as two parameters"
    ):
        lens.EWC(model, X, Y)
