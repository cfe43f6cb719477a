"""nn.scalar is micrograd: its programs run, its numbers come out, and nn.MLP with the same weights agrees to rounding."""

import gc
import random

import numpy as np
import pytest

import nn
from autograd import Value
from autograd.errors import ArgumentError
from nn.scalar import MLP, Layer, Neuron


def moons(n, seed):
    """n points on two interleaved half circles, labels −1 and +1, as lists."""
    rng = np.random.default_rng(seed)
    angle, label = rng.uniform(0.0, np.pi, n), rng.integers(0, 2, n)
    x = np.stack([np.cos(angle) + label, np.sin(angle) * (1 - 2 * label) + 0.5 * label], axis=1)
    return x + rng.normal(0.0, 0.1, (n, 2)), 2 * label - 1


def test_the_readme_example_of_micrograd_gives_its_numbers():
    a = Value(-4.0)
    b = Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    assert f"{g.data:.4f}" == "24.7041"
    g.backward()
    assert f"{a.grad:.4f}" == "138.8338"
    assert f"{b.grad:.4f}" == "645.5773"
    assert repr(a) == f"Value(data=-4.0, grad={a.grad})"
    assert (a + b)._prev == {a, b} and (a + b)._op == "+" and a._prev == set() and a._op == ""
    assert a.relu()._op == "ReLU" and a.relu()._prev == {a} and (a**2)._prev == {a}


def program(rng):
    """A small classifier as a user of micrograd writes it: fifteen steps on moons. → (model, losses, accuracy)"""
    X, y = moons(24, 1)
    model = MLP(2, [8, 1], rng=rng)

    def loss():
        inputs = [list(map(Value, xrow)) for xrow in X]
        scores = list(map(model, inputs))
        losses = [(1 + -yi * scorei).relu() for yi, scorei in zip(y, scores, strict=True)]
        data_loss = sum(losses) * (1.0 / len(losses))
        alpha = 1e-4
        reg_loss = alpha * sum(p * p for p in model.parameters())
        total_loss = data_loss + reg_loss
        accuracy = [(yi > 0) == (scorei.data > 0) for yi, scorei in zip(y, scores, strict=True)]
        return total_loss, sum(accuracy) / len(accuracy)

    history = []
    for k in range(25):
        total_loss, acc = loss()
        model.zero_grad()
        total_loss.backward()
        learning_rate = 1.0 - 0.9 * k / 25
        for p in model.parameters():
            p.data -= learning_rate * p.grad
        history.append(total_loss.data)
    return model, history, acc


def test_a_micrograd_program_runs_and_learns():
    model, losses, accuracy = program(4)
    assert losses[-1] < 0.25 * losses[0] and accuracy >= 0.9
    assert all(type(loss) is float for loss in losses)
    assert {type(x) for p in model.parameters() for x in (p.data, p.grad)} == {float}
    assert program(4)[1] == losses


def test_without_a_seed_the_start_is_random_and_the_global_generators_stay():
    before = random.getstate()
    first, second = Neuron(3), Neuron(3)
    assert [w.data for w in first.w] != [w.data for w in second.w]
    assert random.getstate() == before


def test_weights_start_uniform_and_biases_at_0():
    model = MLP(20, [50, 20], rng=0)
    weights = np.array([w.data for layer in model.layers for n in layer.neurons for w in n.w])
    assert weights.size == 2000 and -1.0 <= weights.min() < -0.99 and 0.99 < weights.max() < 1.0
    assert weights.mean() == pytest.approx(0.0, abs=0.05) and weights.var() == pytest.approx(1 / 3, rel=0.05)
    assert {n.b.data for layer in model.layers for n in layer.neurons} == {0.0}


def test_the_demo_model_has_337_parameters_and_micrograds_repr():
    model = MLP(2, [16, 16, 1], rng=0)
    assert len(model.parameters()) == model.parameter_count() == 337
    assert len({id(p) for p in model.parameters()}) == 337
    first = "Layer of [" + ", ".join(["ReLUNeuron(2)"] * 16) + "]"
    second = "Layer of [" + ", ".join(["ReLUNeuron(16)"] * 16) + "]"
    assert repr(model) == f"MLP of [{first}, {second}, Layer of [LinearNeuron(16)]]" == str(model)
    assert repr(Layer(1, 2, nonlin=False)) == "Layer of [LinearNeuron(1), LinearNeuron(1)]"
    assert model.layers[0].neurons[1].parameters() == [*model.layers[0].neurons[1].w, model.layers[0].neurons[1].b]


def test_calls_give_a_value_or_a_list():
    x = [1.0, -2.0]
    assert type(Neuron(2)(x)) is Value and type(Layer(2, 1)(x)) is Value and type(MLP(2, [3, 1])(x)) is Value
    for model in (Layer(2, 3), MLP(2, [4, 3])):
        out = model(x)
        assert type(out) is list and len(out) == 3 and all(type(v) is Value for v in out)
    assert type(MLP(1, [1, 2, 1])([0.5])) is Value  # a layer of one hands a single Value on


@pytest.mark.parametrize("x", [[1.0, -2.0], (1, -2), [Value(1.0), Value(-2.0)], np.array([1.0, -2.0])], ids=type)
def test_inputs_may_be_numbers_values_or_an_array(x):
    neuron = Neuron(2, nonlin=False, rng=0)
    w, v = (weight.data for weight in neuron.w)
    neuron.b.data = 0.5
    out = neuron(x)
    out.backward()
    assert out.data == 0.5 + w * 1.0 + v * -2.0
    assert [p.grad for p in neuron.parameters()] == [1.0, -2.0, 1.0]
    assert {type(out.data), type(out.grad), *(type(p.grad) for p in neuron.parameters())} == {float}


@pytest.mark.parametrize("zero", [0, np.int64(0), False, np.float64(0.0)], ids=lambda zero: type(zero).__name__)
def test_weights_may_be_set_to_whole_numbers_as_micrograds_biases_are(zero):
    neuron = Neuron(2, nonlin=False)
    neuron.w[0].data, neuron.w[1].data, neuron.b.data = 2, -0.5, zero
    (neuron([3, 4.0]) * 0.25).backward()
    assert [float(p.grad) for p in neuron.parameters()] == [0.75, 1.0, 0.25]
    for p in neuron.parameters():
        p.data -= 0.1 * p.grad
    assert [p.data for p in neuron.parameters()] == pytest.approx([1.925, -0.6, -0.025])


def test_the_relu_of_a_dead_neuron_stops_the_gradient():
    neuron = Neuron(1)
    neuron.w[0].data, neuron.b.data = 1.0, 0.0
    for x, slope in [(-1.0, 0.0), (0.0, 0.0), (3.0, 3.0)]:
        neuron.zero_grad()
        neuron([x]).backward()
        assert neuron.w[0].grad == slope


@pytest.mark.parametrize("size", [1, 3])
def test_a_wrong_number_of_inputs_is_refused(size):
    with pytest.raises(ArgumentError, match=rf"ReLUNeuron\(2\) takes 2 inputs, got {size}") as caught:
        MLP(2, [3, 1])([1.0] * size)
    assert caught.value.__notes__ == ["in layers.0.neurons.0: Neuron()"]


def test_scalar_and_tensor_models_agree_in_loss_and_every_gradient():
    X, y = moons(20, 0)
    tensor = nn.MLP(2, [16, 16, 1], rng=0, dtype=np.float64)
    for layer in tensor.layers:
        layer.bias.data = np.random.default_rng(1).normal(size=layer.bias.shape)
    scalar = MLP(2, [16, 16, 1]).copy_weights(tensor)
    scores = [scalar(row) for row in X.tolist()]
    loss = sum((1 + -yi * score).relu() for yi, score in zip(y.tolist(), scores, strict=True)) * (1.0 / len(y))
    loss = loss + 1e-4 * sum(p * p for p in scalar.parameters())
    loss.backward()
    whole = nn.hinge(tensor(X), y[:, None]) + 1e-4 * sum((p * p).sum() for p in tensor.parameters())
    whole.backward()
    np.testing.assert_allclose([s.data for s in scores], tensor(X).data[:, 0], rtol=1e-12)
    assert loss.data == pytest.approx(whole.data, rel=1e-13)
    for mine, theirs in zip(scalar.layers, tensor.layers, strict=True):
        weight = [[w.grad for w in neuron.w] for neuron in mine.neurons]
        np.testing.assert_allclose(weight, theirs.weight.grad, rtol=1e-11, atol=1e-15)
        np.testing.assert_allclose([n.b.grad for n in mine.neurons], theirs.bias.grad, rtol=1e-11, atol=1e-15)


def test_copy_weights_takes_every_layer_or_none():
    scalar = MLP(2, [3, 1], rng=0)
    before = [p.data for p in scalar.parameters()]
    for sizes in ([3, 2], [3], [3, 1, 1]):
        with pytest.raises(ArgumentError, match=r"layers of shapes \[\(3, 2\), \(1, 3\)\] cannot take \[\(3, 2\)"):
            scalar.copy_weights(nn.MLP(2, sizes, rng=0))
        assert [p.data for p in scalar.parameters()] == before


def test_the_tensor_optimisers_serve_scalar_models_too():
    model = MLP(2, [4, 1], rng=0)
    optimizer = nn.SGD(model, 0.1)
    model([1.0, 2.0]).backward()
    expected = [p.data - 0.1 * p.grad for p in model.parameters()]
    optimizer.step()
    assert [p.data for p in model.parameters()] == expected


def test_nodes_know_their_neuron_and_a_dropped_loss_is_freed_at_once():
    model = MLP(2, [2, 1], rng=0)
    out = model([1.0, 2.0])
    assert out.path == "layers.1.neurons.0"
    gc.collect()
    gc.disable()
    try:
        kept = gc.get_count()[0]
        for _ in range(50):
            model([1.0, 2.0]).backward()
        assert gc.get_count()[0] - kept < 100
    finally:
        gc.enable()


def test_initialize_draws_each_weight_anew_from_its_path():
    small, large = MLP(2, [2, 1]).initialize(3), MLP(2, [2, 1, 1]).initialize(3)
    weights = dict(large.named_parameters())
    assert all(weights[path].data == p.data for path, p in small.named_parameters())
    assert {type(p.data) for p in small.parameters()} == {float}
    assert len({p.data for p in small.parameters()}) == 7  # six weights and the biases' 0
