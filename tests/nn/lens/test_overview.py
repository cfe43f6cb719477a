"""The whole lens in one call: which questions are asked of which network, and that asking changes nothing."""

import numpy as np
import pytest

import nn
from autograd.errors import ArgumentError
from nn import lens


def trained(loss=None, outputs=3):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 4)).astype(np.float32)
    y = np.argmax(X[:, :3], axis=1) if loss is None else X[:, :1] - X[:, 1:2]
    model = nn.MLP(4, [8, outputs], rng=0)
    birth = model.state_dict()
    history = nn.fit(model, X[:60], y[:60], loss=loss, epochs=20, batch_size=16, rng=0, progress=False)
    return model, {"training": (X[:60], y[:60]), "test": (X[60:], y[60:])}, history, birth


QUESTIONS = [
    "Did it start right?", "Did it learn without a fault?", "Which features does it need?", "Do large weights mark them?",
    "How many weights do the data pin down?", "Does it hold on new data?", "Does it know when it is right?",
]  # fmt: skip


def test_a_classifier_is_asked_everything():
    model, data, history, birth = trained()
    looks = lens.overview(model, data, history=history, birth=birth, names=["a", "b", "c", "d"])
    assert [look.question for look in looks] == QUESTIONS
    features, capacity = looks[2], looks[4]
    assert features.number in ("a", "b", "c")  # the fourth says nothing of the class
    assert 0 < float(capacity.number) < model.parameter_count()
    assert all(look.answer.verdict and look.number for look in looks)


def test_what_makes_no_sense_is_left_out():
    model, data, history, birth = trained(nn.mse, outputs=1)
    assert [look.question for look in lens.overview(model, data, history=history, birth=birth)] == QUESTIONS[:6]
    alone = lens.overview(model, {"data": data["test"]})  # no start, nothing new
    assert [look.question for look in alone] == QUESTIONS[1:5]


def test_the_model_stays_as_it_was():
    model, data, history, birth = trained()
    before, arrays = model.state_dict(), [p.grad.copy() for p in model.parameters()]
    lens.overview(model, data, history=history, birth=birth)
    assert all(np.array_equal(before[name], now) for name, now in model.state_dict().items())
    assert all(np.array_equal(old, p.grad) for old, p in zip(arrays, model.parameters(), strict=True))
    assert model.training


def test_without_data_there_is_nothing_to_ask():
    with pytest.raises(ArgumentError, match="overview: there are no data; pass"):
        lens.overview(nn.MLP(2, [1], rng=0), {})


def test_the_report_has_its_numbers_and_verdicts(tmp_path):
    pytest.importorskip("matplotlib")
    model, data, history, birth = trained()
    page = nn.viz.report(model, history, data, tmp_path / "page.html", before=birth).read_text(encoding="utf-8")
    assert page.count('class="look"') == len(QUESTIONS)
    for look in lens.overview(model, data, history=history, birth=birth):
        assert f"<h3>{look.question}</h3>" in page
        assert f'class="number">{look.number}<' in page
