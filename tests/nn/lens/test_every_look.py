"""What holds of every function of the lens: it changes nothing, and names the feature or parameter that is not finite."""

import numpy as np
import pytest
from footprint import footprint

import nn
from autograd.errors import ArgumentError, NonFiniteError
from nn import lens

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(6, 3)), np.arange(6) % 2
NAMES = ["height", "age", "weight"]
BAD = X.copy()
BAD[4, 1] = np.nan
NAMED = {
    "gradient_input": lambda model, x: lens.gradient_input(model, x, names=NAMES),
    "smooth_grad": lambda model, x: lens.smooth_grad(model, x, names=NAMES, rng=0),
    "expected_gradients": lambda model, x: lens.expected_gradients(model, x, names=NAMES, rng=0),
    "integrated_gradients": lambda model, x: lens.integrated_gradients(model, x, names=NAMES),
    "deeplift": lambda model, x: lens.deeplift(model, x, names=NAMES),
    "shapley": lambda model, x: lens.shapley(model, x, names=np.array(NAMES), rng=0),
    "permutation_importance": lambda model, x: lens.permutation_importance(model, x, Y, names=NAMES, rng=0),
    "weight_importance": lambda model, x: lens.weight_importance(model, x, method="garson", names=NAMES),
}
NUMBERED = {
    "influence": lambda model, x: lens.influence(model, x, "input"),
    "signal": lambda model, x: lens.signal(model, x, Y),
    "step_table": lambda model, x: lens.step_table(nn.SGD(model, 0.1), model, x, Y),
    "EWC": lambda model, x: lens.EWC(model, x, loss=nn.cross_entropy),
    "calibration": lambda model, x: lens.calibration(model, x, Y),
    "temperature": lambda model, x: lens.temperature(model, x, Y),
    "gap": lambda model, x: lens.gap(model, (x, Y), (X, Y)),
    "spectrum": lambda model, x: lens.spectrum(model, x, Y),
    "deletion_curve": lambda model, x: lens.deletion_curve(model, x, np.ones(3), rng=0),
    "randomization_check": lambda model, x: lens.randomization_check(model, x, lens.gradient_input, rng=0),
}
LOOKS = NAMED | NUMBERED | {"complexity": lens.complexity, "neuron": lambda m, x: lens.neuron(m, x[:1], "layers.1", 0)}


class Busy(nn.Module):
    """All that a look could change: running statistics, a generator, a part in another mode, gradients."""

    def __init__(self):
        self.layers = [nn.Linear(3, 4, rng=0), nn.Linear(4, 2, rng=1)]
        self.norm, self.drop = nn.BatchNorm1d(4), nn.Dropout(0.5, rng=2)
        self.initialize(0)
        self.norm.eval()

    def forward(self, x):
        return self.layers[1](self.drop(np.tanh(self.norm(self.layers[0](x)))))


@pytest.mark.parametrize("name", [*sorted(LOOKS.keys() - {"weight_importance"}), "diagnose"])
def test_it_changes_nothing(name):
    model = Busy()
    optimizer = nn.NAdam(model, 0.01, groups={"*.bias": {"weight_decay": 0.1}})
    nn.cross_entropy(model(X.astype(np.float32)), Y).backward()
    optimizer.step()
    held = [optimizer, *optimizer.followers]
    before, x = footprint(model), X.copy()
    state, counts = str(optimizer.state_dict()), [(each.steps, each.product) for each in held]
    chance = str(np.random.get_state())
    LOOKS[name](model, x) if name != "diagnose" else lens.diagnose(model, x, Y, optimizer=optimizer)
    assert footprint(model) == before
    assert (str(optimizer.state_dict()), [(each.steps, each.product) for each in held]) == (state, counts)
    assert str(np.random.get_state()) == chance
    np.testing.assert_array_equal(x, X)


def mlp():
    return nn.MLP(3, [4, 2], np.tanh, rng=0, dtype=np.float64)


@pytest.mark.parametrize("name", NAMED)
def test_the_feature_is_named(name):
    with pytest.raises(
        ArgumentError, match=f"^{name}: X has NaN or infinite entries, the first in row 4, feature age$"
    ):
        NAMED[name](mlp(), BAD)


@pytest.mark.parametrize("name", NUMBERED)
def test_the_feature_is_numbered_where_it_has_no_name(name):
    with pytest.raises(ArgumentError, match=r"X has NaN or infinite entries, the first in row 4, feature 1$"):
        NUMBERED[name](mlp(), BAD)


@pytest.mark.parametrize("name", LOOKS)
def test_the_parameter_is_named(name):
    model = mlp()
    model.layers[1].weight.data = np.full((2, 4), np.inf)
    with np.errstate(all="ignore"), pytest.raises(NonFiniteError, match=r"layers\.1\.weight"):
        LOOKS[name](model, X)


TAKES = LOOKS | {"diagnose": lambda model, x: lens.diagnose(model, x, Y)}


@pytest.mark.parametrize("name", sorted(TAKES.keys() - {"influence", "neuron", "complexity", "weight_importance"}))
def test_a_model_that_gives_a_tuple_is_refused_with_what_to_do(name):
    class Pair(nn.Module):
        def __init__(self):
            self.first = nn.Linear(3, 2, rng=0, dtype=np.float64)

        def forward(self, x):
            return self.first(x), x

    with pytest.raises(ArgumentError, match=r"the prediction is a tuple of 2: .* takes the part that is meant"):
        TAKES[name](Pair(), X)


def test_a_function_takes_its_part_of_a_tuple():
    gru = nn.GRU(3, 4, rng=0, dtype=np.float64)
    x = np.random.default_rng(1).normal(size=(2, 5, 3))
    found = lens.integrated_gradients(gru, x, target=lambda out: out[0][:, -1, 1], tolerance=1e-9)
    np.testing.assert_allclose(found.output, gru(x)[0].data[:, -1, 1], rtol=1e-12)
    assert found.max_gap < 1e-8


@pytest.mark.parametrize("name", TAKES)
def test_a_network_of_scalars_is_refused_by_name(name):
    with pytest.raises(ArgumentError, match=f"^{name} looks at arrays, and MLP is of nn.scalar"):
        TAKES[name](nn.scalar.MLP(3, [2]), X)


def test_what_is_looked_up_has_no_weight_of_its_own():
    model = nn.Sequential(nn.Embedding(5, 3, rng=0), nn.Flatten(), nn.Linear(6, 2, rng=0))
    with pytest.raises(ArgumentError, match="weight_importance: X is int64, which the model looks up in a table"):
        lens.weight_importance(model, np.array([[0, 1], [2, 3]]))


def test_without_weights_there_is_nothing_to_hold_on_to():
    with pytest.raises(ArgumentError, match="EWC: Sequential has no parameters to hold on to"):
        lens.EWC(nn.Sequential(np.tanh), X, loss=nn.mse)


def test_the_column_of_a_table_is_named():
    class Table:
        columns = NAMES

        def __array__(self, dtype=None, copy=None):
            return BAD

    with pytest.raises(ArgumentError, match="spectrum: X has NaN or infinite entries, the first in row 4, feature age"):
        lens.spectrum(mlp(), Table(), Y)


def test_a_slope_that_is_not_finite_is_refused_and_not_handed_on():
    model = nn.Sequential(lambda x: np.sqrt(np.abs(x)), nn.Linear(3, 1, rng=0, dtype=np.float64))
    x = np.where(np.arange(3) == 2, 0.0, np.abs(X))
    with np.errstate(all="ignore"), pytest.raises(NonFiniteError, match="no finite slope for row 0, feature 2"):
        lens.gradient_input(model, x)
