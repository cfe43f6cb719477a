"""The matplotlib figures: what they show is what one counts by hand, and looking changes nothing."""

import numpy as np
import pytest
from footprint import footprint

import nn
from autograd.errors import ArgumentError
from autograd.ops import softmax
from nn import viz
from nn.style import BLUE, CLASSES, themed

matplotlib = pytest.importorskip("matplotlib")
plt = pytest.importorskip("matplotlib.pyplot")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 2)).astype(np.float32)
Y = (X[:, 0] > 0.3 * X[:, 1]).astype(np.int64)


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def mlp(*sizes, seed=0, activation=np.tanh):
    return nn.MLP(sizes[0], list(sizes[1:]), activation, rng=seed)


def outlines(axes):
    """(heights above the row, edges) of the filled histograms, from the top row down."""
    steps = [patch.get_data() for patch in axes.patches if patch.get_fill()]
    return [(step.values - step.baseline, step.edges) for step in steps]


def labels(axis):
    return [text.get_text() for text in axis.get_ticklabels()]


def notes(axes):
    return [text.get_text() for text in axes.texts]


# histograms


def test_weights_are_histograms_of_the_matrices():
    model = mlp(2, 30, 3)
    axes = viz.weights(model)
    assert labels(axes.yaxis) == ["layers.0.weight", "layers.1.weight"]
    data = [layer.weight.data for layer in model.layers]
    assert notes(axes) == [f"std {np.std(matrix, dtype=float):.3g}" for matrix in data]
    edges = outlines(axes)[0][1]
    assert edges[0] == min(matrix.min() for matrix in data) and edges[-1] == max(matrix.max() for matrix in data)
    for (heights, own), matrix in zip(outlines(axes), data, strict=True):
        counts = np.histogram(matrix.astype(np.float64), edges)[0]
        np.testing.assert_allclose(heights, 0.85 * counts / counts.max(), atol=1e-12)
        np.testing.assert_array_equal(own, edges)


def test_weights_before_are_outlines():
    model = mlp(2, 30, 3)
    before = model.state_dict()
    model.layers[0].weight.data = model.layers[0].weight.data + 1.0
    axes = viz.weights(model, before)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["before", "now"]
    first = next(patch.get_data() for patch in axes.patches if patch.get_label() == "before")
    counts = np.histogram(before["layers.0.weight"].astype(np.float64), first.edges)[0]
    np.testing.assert_allclose(first.values - first.baseline, 0.85 * counts / counts.max(), atol=1e-12)
    with pytest.raises(ArgumentError, match=r"`before` lacks layers.0.weight"):
        viz.weights(model, {"layers.1.weight": before["layers.1.weight"]})
    numbers = nn.scalar.MLP(2, [3, 1], rng=0)
    assert labels(viz.weights(numbers).yaxis) == ["all weights"]
    assert sum(np.histogram([p.data for p in numbers.parameters()], 60)[0] > 0) == np.count_nonzero(
        outlines(viz.weights(numbers))[0][0]
    )
    with pytest.raises(ArgumentError, match="Sequential has no parameters"):
        viz.weights(nn.Sequential(np.tanh))


def test_weights_that_are_no_numbers_are_counted():
    model = mlp(2, 3)
    model.layers[0].weight.data = np.array([[1.0, np.nan], [2.0, np.inf], [3.0, 4.0]])
    axes = viz.weights(model)
    assert notes(axes) == ["2 NaN or ∞"]
    assert np.count_nonzero(outlines(axes)[0][0]) == 4


def test_activations_are_those_of_every_layer_that_computes():
    layers = nn.Linear(2, 5), np.tanh, nn.Flatten(), nn.Dropout(0.5), nn.Linear(5, 3)
    model = nn.Sequential(*layers, rng=0)
    axes = viz.activations(model, X)
    assert labels(axes.yaxis) == ["0 Linear", "1 tanh", "4 Linear"]  # the others hand on what they are given
    assert axes.get_title(loc="left") == "Activations of 40 inputs"
    first = X @ model[0].weight.data.T + model[0].bias.data
    heights, edges = outlines(axes)[0]
    counts = np.histogram(first.astype(np.float64), edges)[0]
    np.testing.assert_allclose(heights, 0.85 * counts / counts.max(), atol=1e-12)
    relu = mlp(2, 8, 1, activation=nn.layers.neuron.relu)
    hidden = nn.predict(relu.layers[0], X)
    axes = viz.activations(relu, X)
    assert notes(axes)[0] == f"{100 * np.mean(hidden == 0):.0f} % zero"
    heights, edges = outlines(axes)[0]
    counts = np.histogram(hidden[hidden > 0].astype(np.float64), edges)[0]  # the zeros are told, not drawn
    np.testing.assert_allclose(heights, 0.85 * counts / counts.max(), atol=1e-12)


def test_ridges_are_one_histogram_a_moment():
    model = mlp(2, 20, 1)
    steps = nn.train(model, X, Y[:, None].astype(float), epochs=20, rng=0, batch_size=10)
    states = [model.state_dict() for step in steps if step.last]
    axes = viz.ridges(states, "layers.0.weight")
    assert labels(axes.yaxis)[0] == "0" and labels(axes.yaxis)[-1] == "19" and len(labels(axes.yaxis)) == 16
    assert notes(axes)[-1] == f"std {np.std(states[-1]['layers.0.weight'], dtype=float):.3g}"
    heights, edges = outlines(axes)[-1]
    counts = np.histogram(states[-1]["layers.0.weight"].astype(np.float64), edges)[0]
    np.testing.assert_allclose(heights, 1.7 * counts / counts.max(), atol=1e-12)
    both = np.concatenate([np.ravel(data) for data in states[0].values() if data.ndim == 2])
    assert notes(viz.ridges(states[:1]))[0] == f"std {np.std(both, dtype=float):.3g}"
    assert labels(viz.ridges([np.ones(3), np.zeros(3)], labels=["a", "b"]).yaxis) == ["a", "b"]
    with pytest.raises(ArgumentError, match=r"there is no 'w' in the state, which has layers\.0\.weight"):
        viz.ridges(states, "w")
    with pytest.raises(ArgumentError, match="1 labels for 20 states"):
        viz.ridges(states, labels=["a"])


# gradients


def test_gradient_flow_is_the_gradient_that_backward_gives():
    model = mlp(2, 5, 2)
    axes = viz.gradient_flow(model, X, Y)
    nn.cross_entropy(model(X), Y).backward()
    gradients = [layer.weight.grad.astype(np.float64) for layer in model.layers]
    bars = [bar.get_width() for bar in axes.patches]
    np.testing.assert_allclose(bars, [np.sqrt(np.mean(g**2)) for g in gradients], rtol=1e-5)
    np.testing.assert_allclose(axes.get_lines()[0].get_xdata(), [np.abs(g).max() for g in gradients], rtol=1e-5)
    assert labels(axes.yaxis) == ["layers.0.weight", "layers.1.weight"] and axes.get_xscale() == "log"


def test_a_gradient_of_zero_or_nan_is_said():
    model = mlp(2, 3, 1)
    model.layers[1].weight.data = np.zeros((1, 3), np.float32)
    assert notes(viz.gradient_flow(model, X, np.zeros((40, 1)))) == ["0", "0"]
    assert notes(viz.gradient_flow(mlp(2, 1), X, np.full((40, 1), np.nan), nn.mse)) == ["nan"]


def test_the_landscape_is_the_loss_at_weights_along_filter_normalised_directions():
    model = mlp(2, 3, 2)
    axes = viz.loss_landscape(model, X, Y, steps=3, span=0.5, rng=5)
    losses = np.asarray(axes.images[0].get_array())
    assert losses.shape == (3, 3)
    assert losses[1, 1] == pytest.approx(float(nn.cross_entropy(model(X), Y).data), rel=1e-6)
    rng, twin = np.random.default_rng(5), mlp(2, 3, 2)
    for parameter in twin.parameters():  # the first direction alone, half a step back: row 1, column 0
        noise, w = rng.normal(size=parameter.shape), parameter.data
        if w.ndim == 2:
            direction = noise / np.linalg.norm(noise, axis=1, keepdims=True) * np.linalg.norm(w, axis=1, keepdims=True)
            parameter.data = (w - 0.5 * direction).astype(np.float32)
    assert losses[1, 0] == pytest.approx(float(nn.cross_entropy(twin(X), Y).data), rel=1e-5)
    with pytest.raises(ArgumentError, match="steps is an odd whole number of at least 3, got 4"):
        viz.loss_landscape(model, X, Y, steps=4)


# what is decided


def test_decision_regions_are_the_models_own_classes():
    model = mlp(2, 4, 3)
    labels_ = np.array([0, 1, 2] * 13 + [0])
    axes = viz.decision_regions(model, X, labels_, classes=["a", "b", "c"], features=["u", "v"], steps=21)
    picture = axes.images[0]
    left, right, bottom, top = picture.get_extent()
    assert left == pytest.approx(X[:, 0].min() - 0.08 * np.ptp(X[:, 0])) and top > X[:, 1].max()
    shown = np.asarray(picture.get_array())
    for row, column in ((0, 0), (3, 17), (20, 20), (10, 5)):
        place = np.array([[left + column * (right - left) / 20, bottom + row * (top - bottom) / 20]], np.float32)
        shares = np.asarray(softmax(nn.predict(model, place).astype(float)))[0]
        best = int(shares.argmax())
        np.testing.assert_allclose(shown[row, column, :3], matplotlib.colors.to_rgb(CLASSES[best]), atol=1e-6)
        assert shown[row, column, 3] == pytest.approx(0.06 + 0.44 * (shares[best] - 1 / 3) / (2 / 3), abs=1e-5)
    points = [cloud.get_offsets() for cloud in axes.collections if len(cloud.get_offsets()) > 1]
    np.testing.assert_allclose(points[-1], X[labels_ == 2])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b", "c"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("u", "v")


def test_one_number_decides_between_two_classes():
    axes = viz.decision_regions(lambda points: points[:, 0], X, np.where(Y, 1, -1), steps=5)
    shown = np.asarray(axes.images[0].get_array())
    np.testing.assert_allclose(shown[:, 0, :3], [matplotlib.colors.to_rgb(CLASSES[0])] * 5)
    np.testing.assert_allclose(shown[:, -1, :3], [matplotlib.colors.to_rgb(CLASSES[1])] * 5)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["-1", "1"]
    with pytest.raises(ArgumentError, match="y has 3 classes, the model tells 2 apart"):
        viz.decision_regions(lambda points: points[:, 0], X, np.arange(40) % 3)
    with pytest.raises(ArgumentError, match=r"X of shape \(n, 2\) and n classes, got X of shape \(40, 1\)"):
        viz.decision_regions(lambda points: points[:, 0], X[:, :1], Y)


def test_the_confusion_matrix_counts():
    y, prediction = np.array([0, 0, 0, 1, 2, 2]), np.array([0, 0, 1, 1, 0, 2])
    axes = viz.confusion_matrix(y, prediction, classes=["ant", "bee", "cat"])
    shares = np.asarray(axes.collections[0].get_array()).reshape(3, 3)
    np.testing.assert_allclose(shares, [[2 / 3, 1 / 3, 0], [0, 1, 0], [0.5, 0, 0.5]])
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    assert cells == {(0.5, 0.52): "2", (1.5, 0.52): "1", (1.5, 1.52): "1", (0.5, 2.52): "1", (2.5, 2.52): "1"}
    assert axes.get_title(loc="left") == "Confusions: 4 of 6 right"
    assert labels(axes.xaxis) == labels(axes.yaxis) == ["ant", "bee", "cat"]
    scores = np.eye(3)[prediction]
    np.testing.assert_array_equal(viz.confusion_matrix(y, scores).collections[0].get_array().reshape(3, 3), shares)
    assert not viz.confusion_matrix(np.arange(17), np.arange(17)).texts  # too many classes for numbers
    for wrong, message in (
        ((y, prediction[:-1]), "6 classes for 5 predictions"),
        ((y - 1, prediction), "class numbers"),
    ):
        with pytest.raises(ArgumentError, match=message):
            viz.confusion_matrix(*wrong)
    with pytest.raises(ArgumentError, match="class numbers are 0 … 1, each with its name"):
        viz.confusion_matrix(y, prediction, classes=["ant", "bee"])


def test_calibration_bins_by_hand():
    """Four rows say 0.6375 on average, of which two are right; one says 0.9, and is: (4 · 0.1375 + 1 · 0.1) / 5."""
    first = np.array([0.6, 0.6, 0.6, 0.75, 0.9])
    axes = viz.calibration(np.stack([first, 1 - first], axis=1), np.array([0, 0, 1, 1, 0]), bins=5)
    bars = [(round(bar.get_x(), 9), bar.get_width(), bar.get_height()) for bar in axes.patches[:2]]
    assert bars == [(0.6, pytest.approx(0.2), 0.5), (0.8, pytest.approx(0.2), 1.0)]
    assert axes.get_title(loc="left") == "Calibration: off by 13.0 % on average"
    rows = next(patch.get_data() for patch in axes.patches if hasattr(patch, "get_data"))
    assert rows.values.tolist() == [0.0, 0.0, 0.0, 0.8, 0.2]
    binary = viz.calibration(np.array([0.1, 0.1, 1.0]), np.array([0, 1, 1]), bins=2)
    assert [bar.get_height() for bar in binary.patches[:2]] == [0.5, 1.0]
    assert binary.get_title(loc="left") == "Calibration: off by 26.7 % on average"  # 2/3 · 0.4
    for wrong in (np.array([[2.0, -1.0]]), np.array([[0.5, 0.2]]), np.array([[np.nan, 1.0]])):
        with pytest.raises(ArgumentError, match=r"softmax\(logits, axis=-1\)"):
            viz.calibration(wrong, np.array([0]))
    with pytest.raises(ArgumentError, match=r"shape \(2,\) for 1 rows of y"):
        viz.calibration(np.ones(2), np.ones(1))


def test_predictions_against_true_values():
    axes = viz.predictions(np.array([[1.0], [2.0], [6.0]]), np.array([1.0, 2.0, 5.0]), unit="m")
    assert axes.collections[0].get_offsets().tolist() == [[1.0, 1.0], [2.0, 2.0], [6.0, 5.0]]
    assert axes.get_title(loc="left") == "Predictions: R² 0.93"  # 1 - 1/14
    assert axes.get_xlabel() == "true (m)"
    with pytest.raises(ArgumentError, match="2 predictions for 3 true values"):
        viz.predictions(np.ones(3), np.ones(2))


# all of them


def figures():
    """Name → a call with axes, of a model in training mode with batch norm and dropout."""
    model = nn.Sequential(nn.Linear(2, 6), nn.BatchNorm1d(6), np.tanh, nn.Dropout(0.5), nn.Linear(6, 2), rng=0)
    nn.fit(model, X, Y, epochs=2, rng=0, progress=False)
    nn.cross_entropy(model(X), Y).backward()
    state = model.state_dict()
    return model, {
        "weights": lambda axes: viz.weights(model, axes=axes),
        "ridges": lambda axes: viz.ridges([state, state], axes=axes),
        "activations": lambda axes: viz.activations(model, X, axes=axes),
        "gradient_flow": lambda axes: viz.gradient_flow(model, X, Y, axes=axes),
        "loss_landscape": lambda axes: viz.loss_landscape(model, X, Y, steps=3, axes=axes),
        "decision_regions": lambda axes: viz.decision_regions(model, X, Y, steps=9, axes=axes),
        "confusion_matrix": lambda axes: viz.confusion_matrix(Y, nn.predict(model, X), axes=axes),
        "calibration": lambda axes: viz.calibration(np.full(40, 0.5), Y, axes=axes),
        "predictions": lambda axes: viz.predictions(Y, Y, axes=axes),
    }


@pytest.mark.parametrize("name", list(figures()[1]))
def test_every_figure(name, monkeypatch):
    """Returns its Axes, draws on those given, changes nothing of the model or of matplotlib's settings, names the extra."""
    model, calls = figures()
    before, settings = footprint(model), dict(matplotlib.rcParams)
    axes = calls[name](None)
    assert axes.get_title(loc="left") and axes.get_xlabel() and axes.figure.get_figwidth() <= 4.5
    own = plt.figure().subplots()
    assert calls[name](own) is own
    assert footprint(model) == before
    assert dict(matplotlib.rcParams) == settings
    count = len(plt.get_fignums())
    svg = themed(lambda: calls[name](None), name)
    assert svg.startswith("<svg") and "var(--text)" in svg and BLUE not in svg and "<metadata" not in svg
    assert svg == themed(lambda: calls[name](None), name)
    assert len(plt.get_fignums()) == count  # pyplot does not know of figures for a page
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(ImportError, match=rf'{name} needs matplotlib: pip install "glassgrad\[plot\]"'):
        calls[name](None)
