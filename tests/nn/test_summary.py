"""model.summary: shapes, parameters, multiply-adds and bytes, checked by hand; and that looking changes nothing."""

import numpy as np
import pytest

import nn
from autograd import Value, no_grad, ops, relu
from nn.summary import multiply_adds


def table(rows):
    """path → (type, shape, parameters, forward, backward)"""
    return {row.path: (row.kind, row.shape, row.parameters, row.forward, row.backward) for row in rows}


def test_an_mlp_by_hand():
    """n rows through (in, out): n · in · out products; twice that backward, once where the input is data."""
    found = nn.MLP(64, [32, 10], rng=0).summary(np.zeros((5, 64)))
    assert table(found.rows) == {
        "layers.0": ("Layer", (5, 32), 64 * 32 + 32, 5 * 64 * 32, 5 * 64 * 32),
        "layers.1": ("Layer", (5, 10), 32 * 10 + 10, 5 * 32 * 10, 2 * 5 * 32 * 10),
    }
    assert [row.bytes for row in found.rows] == [2 * 5 * 32 * 4, 5 * 10 * 4]  # before and after relu, float32
    assert (found.parameters, found.forward, found.backward) == (2410, 5 * (2048 + 320), 5 * (2048 + 640))


def test_a_cnn_by_hand():
    """An output of a convolution is a sum of in_channels / groups · kernel products."""
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), relu, nn.MaxPool2d(2), nn.Conv2d(6, 4, 3, stride=2, groups=2, bias=False), relu,
        nn.Flatten(), nn.Linear(4, 3), rng=0,
    )  # fmt: skip
    found = model.summary(np.zeros((2, 1, 8, 8)))
    assert table(found.rows) == {
        "0": ("Conv2d", (2, 6, 8, 8), 6 * 25 + 6, 2 * 6 * 64 * 25, 2 * 6 * 64 * 25),
        "1": ("relu", (2, 6, 8, 8), 0, 0, 0),
        "2": ("MaxPool2d", (2, 6, 4, 4), 0, 0, 0),
        "3": ("Conv2d", (2, 4, 1, 1), 4 * 3 * 9, 2 * 4 * 3 * 9, 2 * 2 * 4 * 3 * 9),
        "4": ("relu", (2, 4, 1, 1), 0, 0, 0),
        "5": ("Flatten", (2, 4), 0, 0, 0),
        "6": ("Linear", (2, 3), 15, 24, 48),
    }
    sizes = [2 * 6 * 64, 2 * 6 * 64, 2 * 6 * 16, 8, 8, 0, 6]  # Flatten is a view
    assert [row.bytes for row in found.rows] == [4 * size for size in sizes]


def test_the_table_it_prints():
    model = nn.Sequential(nn.Linear(3, 4), np.tanh, nn.Linear(4, 1000), rng=0)
    assert str(model.summary(np.zeros((250, 3)))).splitlines() == [
        "Sequential of (250, 3)",
        "layer  type    output       parameters  multiply-adds   backward  activations",
        "─────────────────────────────────────────────────────────────────────────────",
        "0      Linear  (250, 4)             16          3,000      3,000         4 kB",
        "1      tanh    (250, 4)              0              0          0         4 kB",
        "2      Linear  (250, 1000)       5,000      1,000,000  2,000,000         1 MB",
        "─────────────────────────────────────────────────────────────────────────────",
        "total                            5,016      1,003,000  2,003,000      1.01 MB",
    ]


class Attending(nn.Module):
    """A module that nobody made a table for: products of what it computed, a weight of a module that it does not call."""

    def __init__(self):
        self.query, self.table, self.spare = nn.Linear(4, 4), nn.Embedding(9, 4), nn.Linear(2, 2)
        self.scale = nn.Parameter(np.ones(4, np.float32))

    def forward(self, x):
        q = self.query(x) * self.scale
        mixed = q @ q.mT @ q
        return np.einsum("btf,vf->btv", mixed, self.table.weight)


def test_any_module_is_counted_and_what_is_not_called_is_told():
    found = Attending().summary(np.zeros((2, 3, 4)))
    product = 2 * 3 * 3 * 4
    logits = 2 * 3 * 4 * 9
    assert table(found.rows) == {
        "": ("Attending", (2, 3, 9), 4, 2 * product + logits, 2 * (2 * product + logits)),
        "query": ("Linear", (2, 3, 4), 20, 2 * 3 * 16, 2 * 3 * 16),
        "table": ("Embedding", None, 36, 0, 0),
        "spare": ("Linear", None, 6, 0, 0),
    }
    assert "table   Embedding  not called" in str(found) and str(found).splitlines()[3].startswith("(self)")


def test_shared_parameters_count_once_and_every_call_has_a_row():
    layer = nn.Linear(3, 3, rng=0)
    found = nn.Sequential(layer, np.tanh, layer).summary(np.zeros((2, 3)))
    assert [(row.path, row.parameters, row.forward) for row in found.rows] == [("0", 12, 18), ("1", 0, 0), ("0", 0, 18)]
    assert found.parameters == 12


def test_indices_and_several_inputs():
    class Both(nn.Module):
        def __init__(self):
            self.table, self.mix = nn.Embedding(5, 4, rng=0), nn.Linear(4, 2, rng=0)

        def forward(self, tokens, x):
            return self.mix(self.table(tokens) + x), x

    found = Both().summary(np.array([[1, 2]]), np.zeros((1, 2, 4)))
    assert [row.shape for row in found.rows] == [((1, 2, 2), (1, 2, 4)), (1, 2, 4), (1, 2, 2)]
    assert found.inputs == ((1, 2), (1, 2, 4)) and found.parameters == 30


def test_looking_leaves_the_model_as_it_was():
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Dropout(), np.tanh, nn.Sequential(relu), rng=0)
    model[1].eval()
    x = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    buffers = [(array, array.copy()) for _, array in model.named_buffers()]
    states = [(rng, rng.bit_generator.state) for _, rng in model.named_generators()]
    attributes = [(module, dict(vars(module))) for _, module in model.named_modules()]
    model.train()
    model.summary(x)
    with no_grad():
        model.summary(x)
    with pytest.raises(ValueError, match="x has"):
        model.summary(x[:, :2])
    assert all(array is old and np.array_equal(array, copy) for (_, array), (old, copy)
               in zip(model.named_buffers(), buffers, strict=True))  # fmt: skip
    assert all(rng.bit_generator.state == state for rng, state in states)
    for module, before in attributes:
        assert vars(module) | {"training": True} == before | {"training": True}
    assert model[3] is np.tanh and model[4][0] is relu and not any(p.has_grad for p in model.parameters())


@pytest.mark.parametrize(("function", "shapes", "expected"), [
    (np.matmul, ((5, 2, 3), (3, 4)), 120), (np.matmul, ((3,), (3,)), 3), (np.dot, ((2, 3), (3, 4)), 24),
    (np.dot, ((2, 3), (5, 3, 4)), 120), (np.inner, ((2, 3), (4, 3)), 24), (np.outer, ((2,), (3,)), 6),
    (np.vecdot, ((2, 3), (2, 3)), 6), (np.matvec, ((2, 3), (3,)), 6),
    (lambda x, y: np.tensordot(x, y, 1), ((2, 3), (3, 4)), 24), (np.multiply, ((3,), (3,)), 0),
    (lambda x, y: np.einsum("bij,bjk->bik", x, y), ((5, 2, 3), (5, 3, 4)), 120),
    (lambda x, y: ops.conv1d(x, y, groups=2), ((2, 4, 6), (6, 2, 3)), 2 * 6 * 4 * 6),
    (lambda x, y: ops.conv_transpose(x, y, stride=2), ((2, 4, 6), (4, 3, 2)), 2 * 4 * 6 * 6),
])  # fmt: skip
def test_the_products_of_an_op(function, shapes, expected):
    assert multiply_adds(function(*(Value(np.ones(shape)) for shape in shapes))) == expected
