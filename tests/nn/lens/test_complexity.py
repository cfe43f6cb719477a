"""Counts by hand, norms and ranks of matrices whose singular values are known; and that looking changes nothing."""

import numpy as np
import pytest

import nn
from autograd.errors import ArgumentError, NonFiniteError
from nn import lens


def with_values(values, out, columns):
    """A dense layer whose weight has these singular values."""
    rng = np.random.default_rng(0)
    layer = nn.Linear(columns, out, bias=False, rng=0, dtype=np.float64)
    left, right = (np.linalg.qr(rng.normal(size=(n, n)))[0][:, : len(values)] for n in (out, columns))
    layer.weight.data = left * values @ right.T
    return layer


def test_norms_and_ranks_of_known_singular_values():
    found = lens.complexity(with_values([4.0, 2.0, 1.0, 1.0], 6, 4), np.zeros((1, 4))).matrices[0]
    assert found.shape == (6, 4)
    assert found.spectral == pytest.approx(4.0, rel=1e-14)
    assert found.frobenius == pytest.approx(np.sqrt(22.0), rel=1e-14)
    assert found.stable_rank == pytest.approx(22.0 / 16.0, rel=1e-14)
    # p = 1/2, 1/4, 1/8, 1/8: an entropy of 7/4 bits
    assert found.effective_rank == pytest.approx(2.0**1.75, rel=1e-14)


@pytest.mark.parametrize(
    ("values", "stable", "effective"), [([3.0] * 5, 5.0, 5.0), ([2.0], 1.0, 1.0), ([0.0], 0.0, 0.0)]
)
def test_ranks_are_between_one_and_the_smaller_side_and_zero_for_zeros(values, stable, effective):
    found = lens.complexity(with_values(values, 5, 7), np.zeros((1, 7))).matrices[0]
    assert found.stable_rank == pytest.approx(stable, rel=1e-12)
    assert found.effective_rank == pytest.approx(effective, rel=1e-12)


def test_no_input_is_stretched_by_more_than_the_product_and_one_is_by_the_norm():
    model = nn.MLP(5, [8, 3], np.tanh, rng=0, dtype=np.float64)
    found = lens.complexity(model, np.zeros((1, 5)))
    assert found.product == pytest.approx(np.prod([np.linalg.norm(layer.weight.data, 2) for layer in model.layers]))
    a, b = np.random.default_rng(0).normal(size=(2, 1000, 5))
    stretched = np.linalg.norm(nn.predict(model, a) - nn.predict(model, b), axis=1) / np.linalg.norm(a - b, axis=1)
    assert stretched.max() <= found.product
    assert found.norm == pytest.approx(np.sqrt(sum(np.sum(p.data**2) for p in model.parameters())))


def test_a_kernel_is_the_matrix_of_one_window():
    model = nn.Sequential(nn.Conv2d(2, 5, 3, rng=0), nn.Flatten(), nn.Linear(5, 3, rng=0))
    found = lens.complexity(model, np.zeros((4, 2, 3, 3)))
    weight = model.layers[0].weight.data.astype(np.float64)
    assert [m.shape for m in found.matrices] == [(5, 18), (3, 5)]
    assert found.matrices[0].spectral == pytest.approx(np.linalg.norm(weight.reshape(5, 18), 2), rel=1e-12)
    assert [(row.path, row.parameters, row.multiply_adds) for row in found.layers] == [
        ("0", 95, 5 * 18), ("1", 0, 0), ("2", 18, 15),
    ]  # fmt: skip
    assert (found.parameters, found.multiply_adds) == (113, 105)


def test_a_shared_layer_has_its_weights_once_and_its_products_twice():
    shared = nn.Linear(4, 4, rng=0)
    found = lens.complexity(nn.Sequential(shared, np.tanh, shared), np.zeros((1, 4)))
    assert (found.parameters, found.multiply_adds, len(found.matrices)) == (20, 32, 1)


def test_several_matrices_of_a_layer_have_a_line_each():
    lines = str(lens.complexity(nn.LSTM(3, 5, rng=0), np.zeros((1, 6, 3))).table()).splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["(self)", "weight_ih_l0", "weight_hh_l0", "total"]
    tied = lens.complexity(nn.models.GPT(11, 8, 1, 2, 8, rng=0), np.zeros((3, 8), int))
    assert [m.path for m in tied.matrices].count("token.weight") == 1
    assert "head.weight" not in [m.path for m in tied.matrices]


def test_it_says_what_it_saw():
    found = lens.complexity(with_values([4.0, 2.0, 1.0, 1.0], 6, 4), np.zeros((1, 4)))
    assert found.verdict == (
        "24 parameters and 24 multiply-adds an example; weight is least filled, an effective rank of 3.4 of 4; the "
        "spectral norms multiply to 4."
    )
    neuron = lens.complexity(nn.Neuron(3, rng=0), np.zeros((1, 3)))
    assert neuron.verdict == "4 parameters and 3 multiply-adds an example; no weight is a matrix."
    assert (neuron.matrices, neuron.product) == ((), 1.0)


def test_it_draws():
    axes = pytest.importorskip("matplotlib.figure").Figure().subplots()
    lens.complexity(nn.MLP(5, [8, 3], rng=0), np.zeros((1, 5))).plot(axes)
    assert [text.get_text() for text in axes.get_yticklabels()] == ["layers.0.weight  5", "layers.1.weight  3"]
    lens.complexity(nn.Neuron(3, rng=0), np.zeros((1, 3))).plot(axes)


def test_looking_changes_nothing():
    model = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Dropout(0.5), nn.Linear(5, 2), rng=0)
    nn.mse(model(np.ones((3, 6), np.float32)), np.zeros((3, 2))).backward()
    model.layers[1].eval()

    def all_of_it():
        return (
            {k: v.tobytes() for k, v in model.state_dict().items()},
            [g.bit_generator.state for _, g in model.named_generators()],
            [m.training for _, m in model.named_modules()],
            [p.grad.tobytes() for p in model.parameters()],
        )

    before = all_of_it()
    lens.complexity(model, np.ones((3, 6)))
    assert all_of_it() == before


def broken():
    layer = nn.Linear(2, 2, rng=0)
    layer.weight.data = np.full((2, 2), np.inf, np.float32)
    return nn.Sequential(np.tanh, layer)


@pytest.mark.parametrize(
    ("model", "X", "message"),
    [
        (np.tanh, [[1.0]], "complexity takes a Module, got ufunc"),
        (nn.Linear(2, 2, rng=0), np.zeros((0, 2)), r"X has shape \(0, 2\), expected at least one example"),
        (nn.Linear(2, 2, rng=0), 3.0, r"X has shape \(\), expected"),
        (broken(), np.zeros((1, 2)), r"1\.weight has NaN or infinite weights"),
    ],
)
def test_mistakes_are_told(model, X, message):
    with pytest.raises((ArgumentError, NonFiniteError), match=message):
        lens.complexity(model, X)
