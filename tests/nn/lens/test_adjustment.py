"""step_table: what a step does, foretold and measured, on losses whose change one can write down."""

import numpy as np
import pytest
from footprint import footprint

import nn
from autograd.errors import ArgumentError, NonFiniteError
from nn import lens

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 4)), RNG.normal(size=(20, 2))


def everything(model, optimizer):
    state = {name: np.asarray(x).tobytes() for name, x in optimizer.state_dict().items()}
    return footprint(model), state, optimizer.steps


def test_of_a_quadratic_loss_the_second_order_is_exact():
    model = nn.Linear(4, 2, rng=0, dtype=np.float64)
    found = lens.step_table(nn.SGD(model, 0.1), model, X, Y)
    with lens.trace(model):
        nn.mse(model(X), Y).backward()
    gradient = np.concatenate([model.weight.grad.ravel(), model.bias.grad])
    assert found.first_order == pytest.approx(-0.1 * np.sum(gradient**2), rel=1e-12)
    assert found.actual == pytest.approx(found.second_order, rel=1e-11)
    assert found.actual != pytest.approx(found.first_order, rel=1e-3)
    assert found.before == float(nn.mse(model(X), Y).data)
    np.testing.assert_allclose(found.changes, 0.1 * np.array(found.gradients), rtol=1e-12)
    assert found.paths == ("weight", "bias") and found.relative[1] is None  # the bias starts at 0


def test_errors_of_the_forecasts_shrink_with_the_square_and_the_cube_of_the_step():
    model = nn.MLP(4, [5, 2], np.tanh, rng=0, dtype=np.float64)
    first, second = [], []
    for rate in (0.08, 0.04, 0.02):
        found = lens.step_table(nn.SGD(model, rate), model, X, Y)
        first.append(abs(found.actual - found.first_order))
        second.append(abs(found.actual - found.second_order))
    np.testing.assert_allclose(np.divide(first[:-1], first[1:]), 4.0, rtol=0.15)
    np.testing.assert_allclose(np.divide(second[:-1], second[1:]), 8.0, rtol=0.15)


MAKERS = {
    "SGD": lambda model: nn.SGD(model, 0.05, momentum=0.9),
    "Adam": lambda model: nn.Adam(model, 0.01),
    "AdamW with groups": lambda model: nn.AdamW(model, 0.01, groups={"*.bias": {"learning_rate": 0.1}}),
    "Muon": lambda model: nn.Muon(model, 0.01),
    "LBFGS": lambda model: nn.LBFGS(model, max_iter=3),
}


def noisy():
    """Batch norm, dropout, a generator of its own: what a run in training mode changes."""
    return nn.Sequential(
        nn.Linear(4, 8, rng=0), nn.BatchNorm1d(8), np.tanh, nn.Dropout(0.3, rng=1), nn.Linear(8, 2, rng=2)
    )


def three_steps(model, optimizer, x, y):
    for _ in range(3):
        if isinstance(optimizer, nn.LBFGS):
            optimizer.step(lambda: closure(model, x, y))
            continue
        optimizer.zero_grad()
        nn.mse(model(x), y).backward(keep="leaves")
        optimizer.step()


def closure(model, x, y):
    loss = nn.mse(model(x), y)
    loss.backward()
    return loss


@pytest.mark.parametrize("name", MAKERS)
def test_the_step_is_taken_back_bit_for_bit(name):
    x, y = X.astype(np.float32), Y.astype(np.float32)
    model = noisy() if name != "LBFGS" else nn.MLP(4, [5, 2], np.tanh, rng=0)
    optimizer = MAKERS[name](model)
    three_steps(model, optimizer, x, y)
    before = everything(model, optimizer)
    found = lens.step_table(optimizer, model, x, y)
    assert everything(model, optimizer) == before
    assert found.steps == 3 and all(change > 0.0 for change in found.changes)
    if name != "LBFGS":
        lens.step_table(optimizer)
        assert everything(model, optimizer) == before
    with pytest.raises(ValueError, match="prediction has shape"):
        lens.step_table(optimizer, model, x, y[:, 0])
    assert everything(model, optimizer) == before


@pytest.mark.parametrize("name", MAKERS)
def test_kept_it_is_the_step_that_training_makes(name):
    x, y = X.astype(np.float32), Y.astype(np.float32)
    ends = []
    for looking in (False, True):
        model = noisy() if name != "LBFGS" else nn.MLP(4, [5, 2], np.tanh, rng=0)
        optimizer = MAKERS[name](model)
        if looking:
            for _ in range(3):
                lens.step_table(optimizer, model, x, y, keep=True)
        else:
            three_steps(model, optimizer, x, y)
        numbers = {**model.state_dict(), **optimizer.state_dict()}
        generators = [str(generator.bit_generator.state) for _, generator in model.named_generators()]
        ends.append(({key: np.asarray(value).tobytes() for key, value in numbers.items()}, generators))
    assert ends[0] == ends[1]


def test_the_table_tells_of_the_step_that_follows():
    model = noisy()
    optimizer = nn.Adam(model, 0.01)
    x, y = X.astype(np.float32), Y.astype(np.float32)
    nn.mse(model(x), y).backward()
    before = model.state_dict()
    found = lens.step_table(optimizer)
    optimizer.step()
    for path, change in zip(found.paths, found.changes, strict=True):
        moved = np.linalg.norm(np.ravel(model.state_dict()[path] - before[path]).astype(np.float64))
        assert change == pytest.approx(moved, rel=1e-6)
    assert found.actual is None and found.second_order is None
    assert found.verdict.startswith(f"the step should change the loss by {found.first_order:.4g} to first order; ")


def test_weights_that_the_optimizer_does_not_hold_stay_and_do_not_count():
    model = nn.MLP(4, [5, 2], np.tanh, rng=0, dtype=np.float64)
    found = lens.step_table(nn.SGD(model.layers[1].parameters(), 0.1), model, X, Y)
    assert found.paths == ("0", "1") and found.actual == pytest.approx(found.second_order, rel=1e-10)  # linear in these


def test_it_says_what_happened():
    model = nn.MLP(4, [5, 2], np.tanh, rng=0, dtype=np.float64)
    good = lens.step_table(nn.SGD(model, 0.05), model, X, Y)
    assert good.verdict.startswith(f"the step lowers the loss by {-good.actual:.4g}, ")
    bad = lens.step_table(nn.SGD(model, 50.0), model, X, Y)
    assert bad.verdict.startswith("the step raises the loss by ") and bad.first_order < 0 < bad.actual
    lines = str(good.table()).splitlines()
    assert lines[0].split()[:3] == ["parameter", "gradient", "weight"] and lines[-1].split()[0] == "actual"
    figure = pytest.importorskip("matplotlib.figure").Figure()
    assert good.plot(figure.subplots()).get_title() == "Step 1"


def test_mistakes():
    model, other = nn.Linear(4, 2, rng=0), nn.Linear(4, 2, rng=0)
    optimizer = nn.SGD(model, 0.1)
    for call, message in [
        (lambda: lens.step_table(model), r"optimizer is an object such as nn.Adam\(model\), got Linear"),
        (lambda: lens.step_table(optimizer), r"no parameter has a gradient; call loss.backward\(\) first"),
        (lambda: lens.step_table(optimizer, X=X), "X, y and loss need the model too"),
        (lambda: lens.step_table(optimizer, model), "a model needs a batch to measure the loss on"),
        (lambda: lens.step_table(optimizer, other, X, Y), "holds none of the model's parameters"),
    ]:
        with pytest.raises(ArgumentError, match=message):
            call()
    nn.mse(model(X.astype(np.float32)), Y).backward()
    model.weight.grad = model.weight.grad * np.nan
    with pytest.raises(NonFiniteError, match="the gradient of weight has NaN or infinite entries"):
        lens.step_table(optimizer)
    lbfgs = nn.LBFGS(other)
    nn.mse(other(X.astype(np.float32)), Y).backward()
    with pytest.raises(ArgumentError, match="LBFGS measures the loss itself; give the model and the data"):
        lens.step_table(lbfgs)
