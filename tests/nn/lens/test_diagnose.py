"""`diagnose` as a function: it changes nothing, refuses what it cannot use, says what it lacks, is read and drawn."""

import math
import re

import numpy as np
import pytest

import nn
from autograd import hessian, tree
from autograd.errors import ArgumentError, ShapeError
from autograd.ops import relu
from nn.datasets import digits
from nn.lens import Diagnosis, Finding, diagnose, rule_table
from nn.lens.evidence import Evidence
from nn.lens.rules import RULES, Reading, rule
from nn.state import untouched

DIGITS = digits()
X, Y = DIGITS.X[:300], DIGITS.y[:300]
TWELVE = [
    "NaN or infinity", "silent broadcast", "leakage between splits", "forgotten eval", "loss at birth",
    "exploding or vanishing gradients", "dead units", "saturated logits", "cannot overfit one batch",
    "rate above 2/λmax", "update ratio", "plateau",
]  # fmt: skip


def model_with_everything(seed=0):
    """Batch norm, dropout, a part in evaluation mode, and gradients from before."""
    layers = nn.Linear(64, 24), nn.BatchNorm1d(24), relu, nn.Dropout(0.2), nn.Linear(24, 10)
    model = nn.Sequential(*layers, rng=seed)
    for _ in range(3):
        loss = nn.cross_entropy(model(X[:32]), Y[:32])
        loss.backward()
    model.layers[3].eval()
    return model


def everything(model, optimizer):
    """All that looking could change."""
    return {
        "weights": model.state_dict(),
        "arrays": [id(p.data) for p in model.parameters()],
        "gradients": [np.array(p.grad) for p in model.parameters()],
        "has_grad": [p.has_grad for p in model.parameters()],
        "optimizer": optimizer.state_dict(),
        "generators": [generator.bit_generator.state for _, generator in model.named_generators()],
        "modes": [module.training for _, module in model.named_modules()],
        "attributes": [sorted(vars(module).keys() - {"training"}) for _, module in model.named_modules()],
    }


@pytest.mark.parametrize("kind", [nn.SGD, nn.Adam, nn.Muon])
@pytest.mark.parametrize("planted", [None, "nan", "grown"])
def test_looking_changes_nothing(kind, planted):
    model = model_with_everything()
    optimizer = kind(model, learning_rate=0.1, **({"momentum": 0.9} if kind is nn.SGD else {}))
    optimizer.step()
    birth = model.state_dict()
    if planted:
        number = math.nan if planted == "nan" else 1e4
        model.layers[0].weight.data = number * model.layers[0].weight.data
    before, global_state = everything(model, optimizer), np.random.get_state()[1].copy()
    found = diagnose(model, X, Y, optimizer=optimizer, validation=(X[:50], Y[:50]), birth=birth)
    assert "leakage between splits" in {finding.rule for finding in found.findings}
    np.testing.assert_equal(everything(model, optimizer), before)
    np.testing.assert_array_equal(np.random.get_state()[1], global_state)


def test_it_is_put_back_when_the_loss_raises():
    model = model_with_everything()
    optimizer = nn.Adam(model)
    before = everything(model, optimizer)
    calls = []

    def fails(prediction, target):
        calls.append(1)
        if len(calls) > 4:
            raise RuntimeError("the loss had enough")
        return nn.cross_entropy(prediction, target)

    with pytest.raises(RuntimeError, match="had enough"):
        diagnose(model, X, Y, loss=fails, optimizer=optimizer)
    np.testing.assert_equal(everything(model, optimizer), before)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_training_that_is_looked_at_goes_on_as_if_it_had_not_been(compiled):
    def weights(looked_at):
        model = model_with_everything()
        optimizer = nn.AdamW(model, learning_rate=0.01)
        for epoch in range(3):
            nn.fit(model, X, Y, optimizer=optimizer, epochs=1, rng=epoch, compile=compiled, progress=False)
            if looked_at:
                diagnose(model, X, Y, optimizer=optimizer, validation=(X[:50], Y[:50]))
        return model.state_dict()

    np.testing.assert_equal(weights(True), weights(False))


def test_the_same_seed_gives_the_same_numbers():
    model = nn.MLP(64, [16, 10], rng=0)
    first, again = (diagnose(model, DIGITS.X, DIGITS.y, optimizer=nn.SGD(model), rng=3) for _ in range(2))
    assert first.levels == again.levels
    assert diagnose(model, DIGITS.X, DIGITS.y, optimizer=nn.SGD(model), rng=4).levels != first.levels


def test_the_largest_eigenvalue_is_the_hessians():
    for seed, rows in enumerate((40, 200)):
        model = nn.MLP(64, [5, 10], np.tanh, rng=seed, dtype=np.float64)
        given = {"loss": None, "history": None, "optimizer": None, "validation": None, "birth": None, "rng": seed}
        evidence = Evidence(model, X[:rows], Y[:rows], **given)
        leaves, form = tree.flatten(model)
        sizes = np.cumsum([p.size for p in leaves])[:-1]

        def loss(w, leaves=leaves, form=form, sizes=sizes, evidence=evidence):
            parts = [np.reshape(part, p.shape) for part, p in zip(np.split(w, sizes), leaves, strict=True)]
            return nn.cross_entropy(tree.unflatten(form, parts)(evidence.x), evidence.target)

        H = hessian(loss)(np.concatenate([p.data.ravel() for p in leaves]))
        with untouched(model, None):
            found = evidence.sharpness
        assert found == pytest.approx(np.linalg.eigvalsh(H)[-1], rel=0.005)  # CLOSE squared is 0.001 of the gap above


def test_a_curvature_that_is_mostly_negative_has_its_largest_eigenvalue_too():
    class Saddle(nn.Module):
        def __init__(self):
            self.w = nn.Parameter(np.zeros(2))

        def forward(self, x):
            return 0.5 * self.w * self.w * np.array([-8.0, 3.0]) + 0.0 * x

    model = Saddle()
    given = {"history": None, "optimizer": None, "validation": None, "birth": None, "rng": 0}
    evidence = Evidence(model, np.ones((4, 2)), np.ones((4, 2)), loss=lambda p, t: np.mean(np.sum(p, axis=-1)), **given)
    with untouched(model, None):
        assert evidence.sharpness == pytest.approx(3.0, rel=0.01)


@pytest.mark.parametrize("make", ["MLP", "CNN", "GRU", "GPT", "reused"])
def test_second_derivatives_of_every_kind_of_model(make):
    rng = np.random.default_rng(0)
    models = {
        "MLP": (nn.MLP(64, [8, 10], rng=0), X[:32], Y[:32]),
        "CNN": (nn.models.CNN((1, 8, 8), 10, channels=(4,), rng=0), X[:32].reshape(-1, 1, 8, 8), Y[:32]),
        "GRU": (Last(), rng.normal(size=(16, 5, 3)), rng.integers(0, 2, 16)),
        "reused": (nn.Sequential(SHARED, relu, SHARED, relu, nn.Linear(64, 10), rng=0), X[:32], Y[:32]),
        "GPT": (nn.models.GPT(7, 6, 1, 2, 8, rng=0), rng.integers(0, 7, (8, 6)), rng.integers(0, 7, (8, 6))),
    }
    model, x, y = models[make]
    found = diagnose(model, x, y, optimizer=nn.SGD(model, 0.01))
    assert found.findings == ()
    assert re.fullmatch(r"learning_rate 0.01, λmax [\d.e-]+", found.levels["rate above 2/λmax"][0])


SHARED = nn.Linear(64, 64)


class Last(nn.Module):
    def __init__(self):
        self.cells, self.head = nn.GRU(3, 6, batch_first=True), nn.Linear(6, 2)
        self.initialize(0)

    def forward(self, x):
        return self.head(self.cells(x)[0][:, -1])


# what it lacks, and what it refuses


def test_it_says_which_rules_could_not_be_checked_and_why():
    model = nn.MLP(64, [16, 10], rng=0)
    found = diagnose(model, X, Y)
    assert found.verdict == "no finding in 7 rules; 5 could not be checked"
    assert found.unchecked == {
        "leakage between splits": "validation=(X, y)",
        "forgotten eval": "a trained model: one that is about to be trained belongs in training mode",
        "rate above 2/λmax": "optimizer=",
        "update ratio": "optimizer=",
        "plateau": "history=, what nn.fit gave",
    }
    found = diagnose(model, X, Y, optimizer=nn.Adam(model))
    assert found.unchecked["rate above 2/λmax"] == "SGD: Adam scales each weight's step itself"
    found = diagnose(model, X, Y, optimizer=nn.LBFGS(model))
    assert found.unchecked["update ratio"].startswith("another optimiser than LBFGS")
    found = diagnose(model, X, Y, history=nn.History(train_loss=[2.0, 1.0]))
    assert found.unchecked["plateau"] == "a history of at least 6 epochs"


def slope(x, y, **options):
    """A model of two weights, y = a·x + b."""
    model = nn.MLP(1, [1], rng=0)
    return diagnose(model, x, y, **{"optimizer": nn.SGD(model, 0.1)} | options).unchecked


class Vector(nn.Module):
    """A model without a matrix, whose loss is a straight line."""

    def __init__(self):
        self.w = nn.Parameter(np.ones(3))

    def forward(self, x):
        return x * self.w


MODEL = nn.MLP(64, [4, 10], rng=0)
LINE = np.linspace(-1.0, 1.0, 9)[:, None]
VECTOR = Vector()
LACKING = [
    ("cannot overfit one batch", "a model of at least 8 weights", lambda: slope(LINE, LINE)),
    ("cannot overfit one batch", "two rows of X that differ", lambda: slope(0 * LINE, LINE)),
    ("exploding or vanishing gradients", "at least two layers", lambda: slope(LINE, LINE)),
    ("dead units", "activations such as relu or tanh in the model", lambda: slope(LINE, LINE)),
    ("leakage between splits", "rows of one shape in X and validation",
     lambda: slope(LINE, LINE, validation=(np.ones((3, 2)), np.ones((3, 1))))),
    ("leakage between splits", "finite numbers in X and validation",
     lambda: slope(LINE, LINE, validation=(np.full((3, 1), np.nan), np.ones((3, 1))))),
    ("loss at birth", "a loss that is above 0 for a constant prediction",
     lambda: diagnose(MODEL, X, Y, loss=nn.nll).unchecked),
    ("rate above 2/λmax", "a loss that curves upwards somewhere",
     lambda: diagnose(VECTOR, X[:, :3], X[:, :3], loss=lambda p, t: np.mean(p), optimizer=nn.SGD(VECTOR)).unchecked),
    ("update ratio", "weights with two axes or more that are not all 0",
     lambda: diagnose(VECTOR, X[:, :3], X[:, :3], optimizer=nn.SGD(VECTOR)).unchecked),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "needs", "call"), LACKING, ids=[needs for _, needs, _ in LACKING])
def test_a_rule_says_what_it_needs(rule, needs, call):
    assert call()[rule] == needs


def test_a_history_alone_is_checked_for_what_it_holds():
    history = nn.History(train_loss=[2.0, 1.0, 0.7, 0.6, 0.5, 0.45], gradient_norm=[1.0] * 6, update_ratio=[1e-3] * 6)
    found = diagnose(history)
    assert found.findings == ()
    assert set(found.levels) == {"NaN or infinity", "exploding or vanishing gradients", "update ratio", "plateau"}
    assert found.unchecked["dead units"] == "model, X and y"
    flat = nn.History(train_loss=[0.31, 0.305, 0.301, 0.3, 0.3, 0.3])
    assert [finding.rule for finding in diagnose(flat).findings] == ["plateau"]
    assert diagnose(flat, birth=2.3).findings == ()  # it fell, within the first epoch


def test_counts_as_targets_of_mse_are_no_class_numbers():
    y = 50 + Y[:, None]
    found = diagnose(nn.MLP(64, [16, 1], rng=0), X, y, loss=nn.mse)
    finding = next(finding for finding in found.findings if finding.rule == "loss at birth")
    assert (
        finding.expected == f"about {np.var(y[np.sort(np.random.default_rng(0).choice(300, 256, replace=False))]):.3g}"
    )
    assert found.unchecked["saturated logits"] == "class numbers and logits"


def test_a_model_of_several_results_is_checked_as_far_as_it_goes():
    class Two(nn.Module):
        def __init__(self):
            self.a, self.b = nn.Linear(64, 1, rng=0), nn.Linear(64, 1, rng=1)

        def forward(self, x):
            return self.a(x), self.b(x)

    found = diagnose(Two(), X, X[:, 20:21], loss=lambda p, t: nn.gaussian_nll(p[0], t, np.exp(p[1])) + 2.0)
    assert found.unchecked["loss at birth"] == "a model that gives one array"
    assert "NaN or infinity" in found.levels


REFUSED = [
    (lambda: diagnose(X, Y), "diagnose takes a Module with X and y, or a History, got ndarray"),
    (lambda: diagnose(MODEL), "diagnose: X, y are the inputs and targets of the training, got None"),
    (lambda: diagnose(MODEL, X), "diagnose: X, y are the inputs and targets of the training, got None"),
    (lambda: diagnose(MODEL, X, Y[:3]),
     "diagnose: X, y have shapes (300, 64) and (3,), expected the same number of rows, at least 1"),
    (lambda: diagnose(MODEL, X[:0], Y[:0]),
     "diagnose: X, y have shapes (0, 64) and (0,), expected the same number of rows, at least 1"),
    (lambda: diagnose(MODEL, X, Y, validation=X), "diagnose: validation is a pair (X, y) of arrays, got ndarray"),
    (lambda: diagnose(MODEL, X, Y, validation=(X, Y[:3])),
     "diagnose: validation have shapes (300, 64) and (3,), expected the same number of rows"),
    (lambda: diagnose(MODEL, X, Y, loss="mse"), "diagnose: loss is a function such as nn.mse, got 'mse'"),
    (lambda: diagnose(MODEL, X, Y, history=[1.0]), "diagnose: history is what nn.fit gives, got list"),
    (lambda: diagnose(MODEL, X, Y, optimizer=nn.Adam(nn.MLP(2, [2], rng=0))),
     "the optimizer holds none of the model's parameters"),
    (lambda: diagnose(nn.History(train_loss=[1.0]), X, Y),
     "diagnose(history) takes nothing else, got X, y; with a model it is diagnose(model, X, y, history=history)"),
    (lambda: diagnose(MODEL, X, Y, loss=lambda p, t: p - 1.0),
     "diagnose: loss(prediction, target) must give a Value with a single number, got Value of shape (256, 10)"),
    (lambda: diagnose(MODEL, X, Y, birth={"weight": X}), "load_state_dict: MLP lacks in the state: layers.0.bias"),
    (lambda: diagnose(MODEL, X, Y, birth="start.npz"), "load_state_dict takes what state_dict gave, a dict"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "message"), REFUSED, ids=[message[:40] for _, message in REFUSED])
def test_what_it_cannot_use_is_refused(call, message):
    with pytest.raises(ArgumentError) as caught:
        call()
    assert message in str(caught.value)


def test_the_losses_of_nn_refuse_to_broadcast_by_themselves():
    with pytest.raises(ShapeError, match="must be equal"):
        diagnose(nn.MLP(64, [1], rng=0), X, X[:, 0])


# reading it


def found_two():
    model = nn.MLP(64, [16, 10], rng=0)
    model.layers[0].bias.data = np.full(16, -50.0, np.float32)
    return diagnose(model, X, Y, validation=(X[:30], Y[:30]))


def test_the_gravest_finding_comes_first_and_is_the_verdict():
    found = found_two()
    assert isinstance(found, Diagnosis)
    rules = [finding.rule for finding in found.findings]
    assert rules == sorted(rules, key=TWELVE.index)
    assert rules[0] == "leakage between splits"
    assert "dead units" in rules
    assert found.verdict.startswith(
        "leakage between splits: validation, 30 rows, the first 0: 1, expected a share of at most 0.01; split before"
    )
    assert "(also: " in found.verdict


def test_a_finding_says_rule_place_number_expectation_and_remedy():
    finding = next(f for f in found_two().findings if f.rule == "dead units")
    assert finding == Finding("dead units", "layers.0, relu of 16", 1.0, "at most 50%", 2.0, RULES["dead units"].remedy)
    assert str(finding).startswith("dead units: layers.0, relu of 16: 1, expected at most 50%; lower the learning rate")


def test_its_table_has_a_row_for_every_rule():
    table = found_two().table()
    assert {row[1] for row in table.rows} == set(TWELVE)
    assert {row[0] for row in table.rows} == {"finding", "fine", "not checked"}


def test_the_rules_can_be_listed():
    assert list(RULES) == TWELVE
    table = rule_table()
    assert [row[0] for row in table.rows] == TWELVE
    assert all(all(row) for row in table.rows)  # each has a measure, a limit, a source and a remedy


def test_a_further_rule_is_one_block():
    name = "too many weights"
    try:

        @rule(name, measures="weights per row", limit="above 1", source="this test", remedy="fewer of them")
        def too_many(evidence):
            ratio = evidence.model.parameter_count() / len(evidence.X)
            yield Reading("the model", ratio, "at most 1", ratio)

        found = diagnose(nn.MLP(64, [16, 10], rng=0), X, Y)
        assert found.findings == (Finding(name, "the model", 1210 / 300, "at most 1", 1210 / 300, "fewer of them"),)
        assert found.verdict.startswith(
            "too many weights: the model: 4.033, expected at most 1; fewer of them; 5 could"
        )
        assert [row[0] for row in rule_table().rows] == [*TWELVE, name]
    finally:
        del RULES[name]


def test_its_picture_marks_the_findings():
    figure = pytest.importorskip("matplotlib.figure").Figure()
    found = found_two()
    axes = found.plot(figure.subplots())
    assert [label.get_text() for label in axes.get_yticklabels()] == TWELVE
    marked = {TWELVE[round(line.get_ydata()[0])] for line in axes.lines if line.get_marker() == "D"}
    assert marked == {finding.rule for finding in found.findings}
    ends = {TWELVE[round(bar.get_y() + bar.get_height() / 2)]: bar.get_x() + bar.get_width() for bar in axes.patches}
    assert ends == pytest.approx({name: min(max(over, 1e-3), 1e3) for name, (_, _, over) in found.levels.items()})
    assert {text.get_text() for text in axes.texts} == {"not checked"}
    assert len(axes.texts) == len(found.unchecked)
