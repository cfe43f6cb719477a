"""Masks: what a parameter's mask says does not learn keeps its bits, whichever optimiser, eager or compiled."""

import copy
import pickle

import numpy as np
import pytest

import autograd
import nn
from autograd import tree, value_and_grad
from autograd.errors import CompileError, ShapeError

OPTIMIZERS = {
    "sgd": lambda model: nn.SGD(model, 0.1, momentum=0.9, nesterov=True, weight_decay=0.1, decay_all=True),
    "adagrad": lambda model: nn.Adagrad(model, 0.1, weight_decay=0.1),
    "rmsprop": lambda model: nn.RMSprop(model, 0.01, momentum=0.5, centered=True),
    "adam": lambda model: nn.Adam(model, 0.01, weight_decay=0.1, amsgrad=True),
    "adamw": lambda model: nn.AdamW(model, 0.01, weight_decay=0.1, decay_all=True),
    "nadam": lambda model: nn.NAdam(model, 0.01),
    "lion": lambda model: nn.Lion(model, 0.01, weight_decay=0.1),
    "muon": lambda model: nn.Muon(model, 0.02),
}
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 5)), RNG.integers(0, 3, size=40)
HELD = np.array([[i % 2 == j % 3 for j in range(5)] for i in range(8)])  # True where it is to stay


def network(dtype=np.float32):
    model = nn.MLP(5, [8, 6, 3], np.tanh, rng=0, dtype=dtype)
    model.layers[0].weight.data[HELD] = -0.0  # whose sign a sum with 0.0 would lose
    return model


def training(model, optimizer, backend, limit=1.0):
    x = X.astype(model.layers[0].weight.dtype)

    def step(x, target):
        loss = nn.cross_entropy(model(x), target)
        optimizer.zero_grad()
        loss.backward()
        nn.clip_norm(model, limit)
        optimizer.step()
        return loss

    run = step if backend is None else autograd.compile(step, backend=backend)
    return lambda: run(x, Y)


def bits(model):
    return {path: parameter.data.tobytes() for path, parameter in model.named_parameters()}


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_masked_weight_keeps_its_bits_and_the_others_learn(make, dtype):
    model = network(dtype)
    step = training(model, make(model), None)
    weight, frozen = model.layers[0].weight, model.layers[1].weight
    weight.mask, frozen.mask = ~HELD, False
    before, old = bits(model), weight.data
    for _ in range(4):
        step()
    assert bits(model)["layers.1.weight"] == before["layers.1.weight"]
    assert weight.data[HELD].tobytes() == old[HELD].tobytes()
    assert (weight.data[~HELD] != old[~HELD]).all()
    assert bits(model)["layers.1.bias"] != before["layers.1.bias"]
    assert weight.dtype == dtype


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
@pytest.mark.parametrize("name", ["sgd", "adamw", "muon"])
def test_masks_set_after_a_program_was_made_take_effect(name, backend):
    eager, compiled = network(np.float64), network(np.float64)
    steps = [training(model, OPTIMIZERS[name](model), how) for model, how in ((eager, None), (compiled, backend))]
    other = np.arange(48).reshape(6, 8) % 5 > 1
    stages = [
        {},
        {"layers.0.weight": ~HELD},  # from None to an array: another program
        {"layers.0.weight": HELD, "layers.1.weight": other},  # another array: the same program, other numbers
        {"layers.0.weight": HELD, "layers.1.weight": False, "layers.2.bias": False},
        {},
    ]
    for stage in stages:
        for model in (eager, compiled):
            for path, parameter in model.named_parameters():
                parameter.mask = stage.get(path)
        before = compiled.state_dict()
        for _ in range(3):
            for step in steps:
                step()
        for path, parameter in compiled.named_parameters():
            mask = stage.get(path)
            free = np.broadcast_to(True if mask is None else mask, parameter.shape)
            assert parameter.data[~free].tobytes() == before[path][~free].tobytes(), (stage.keys(), path)
            assert not free.any() or (parameter.data != before[path])[free].mean() > 0.9, (stage.keys(), path)
            np.testing.assert_allclose(parameter.data, eager.state_dict()[path], rtol=1e-9, atol=1e-12)


def test_another_mask_of_a_parameter_needs_no_new_program():
    model = network()
    optimizer = nn.Adam(model)

    @autograd.compile
    def step(x, target):
        loss = nn.cross_entropy(model(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    model.layers[0].weight.mask = HELD
    for mask in (HELD, ~HELD, HELD.copy(), np.zeros_like(HELD)):
        model.layers[0].weight.mask = mask
        for _ in range(3):
            step(X.astype(np.float32), Y)
    assert repr(step).endswith("2 programs>")  # without a gradient, and with one


def test_a_mask_that_a_person_gave_is_never_written_into():
    masks = [~HELD, HELD.copy()]
    copies = [mask.copy() for mask in masks]
    model = network()
    step = training(model, nn.Adam(model), "numpy")
    for mask in (*masks, *masks):
        model.layers[0].weight.mask = mask
        for _ in range(3):
            step()
        assert model.layers[0].weight.mask is mask
    for mask, copied in zip(masks, copies, strict=True):
        np.testing.assert_array_equal(mask, copied)


def test_a_mask_that_changes_inside_of_a_compiled_function_is_refused_and_put_back():
    model = network()
    weight = model.layers[0].weight
    weight.mask = HELD

    @autograd.compile
    def step(x):
        weight.mask = weight.data > 0.0
        return np.sum(model(x))

    with pytest.raises(
        CompileError, match=r"test_masks.py:\d+ changes .*weight.mask, which it is given, which a compiled"
    ):
        step(X.astype(np.float32))
    assert weight.mask is HELD


def test_fit_compiled_honours_masks_and_equals_eager():
    results = []
    for compile in (False, True):
        model = network(np.float64)
        model.layers[0].weight.mask = ~HELD
        start = model.state_dict()["layers.0.weight"]
        nn.fit(
            model,
            X,
            Y,
            optimizer=nn.AdamW(model, 0.01),
            epochs=3,
            rng=0,
            progress=False,
            compile=compile,
            clip_norm=1.0,
        )
        assert model.layers[0].weight.data[HELD].tobytes() == start[HELD].tobytes()
        results.append(model.state_dict())
    for path, data in results[0].items():
        np.testing.assert_allclose(results[1][path], data, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("compile", [False, True])
def test_the_best_weights_bring_nothing_back_that_was_pruned_after_them(compile):
    model, valid = (
        nn.MLP(5, [8, 3], np.tanh, rng=0),
        (X[:20], (Y[:20] + 1) % 3),
    )  # wrong: the first epoch stays the best
    weight, bias = model.layers[0].weight, model.layers[1].bias
    optimizer = nn.Adam(model, 0.05)
    steps = nn.train(model, X, Y, optimizer=optimizer, epochs=6, rng=0, validation=valid, compile=compile)
    for step in steps:
        if step.last and step.epoch == 1:
            best = model.state_dict()
        if step.last and step.epoch == 3:
            nn.lens.prune(model, 0.5, pattern="layers.0.weight")
            bias.mask, held = False, bias.data.copy()
    assert steps.history.best_epoch == 1
    assert (weight.data[~weight.mask] == 0.0).all() and (~weight.mask).sum() == 20
    assert bias.data.tobytes() == held.tobytes() != best["layers.1.bias"].tobytes()
    np.testing.assert_array_equal(weight.data[weight.mask], best["layers.0.weight"][weight.mask])
    np.testing.assert_array_equal(model.layers[0].bias.data, best["layers.0.bias"])


def test_lbfgs_descends_among_the_weights_that_learn():
    model = nn.Linear(5, 1, rng=0, dtype=np.float64)
    target = X @ np.array([1.0, 2.0, 3.0, 4.0, 5.0])[:, None]
    optimizer = nn.LBFGS(model)

    def closure():
        loss = nn.mse(model(X), target)
        loss.backward()
        return loss

    optimizer.step(closure)
    np.testing.assert_allclose(model.weight.data, [[1, 2, 3, 4, 5]], atol=1e-4)
    model.weight.data = np.array([[-0.0, 0.0, 0.0, 0.5, 0.0]])  # the history is of a problem without masks
    model.weight.mask, model.bias.mask = np.array([[False, True, True, False, True]]), False
    bias = model.bias.data.tobytes()
    for _ in range(3):
        optimizer.step(closure)
    free = [1, 2, 4]
    rest = target[:, 0] - X[:, 3] * 0.5 - model.bias.data
    expected = np.linalg.lstsq(X[:, free], rest, rcond=None)[0]
    np.testing.assert_allclose(model.weight.data[0, free], expected, atol=1e-6)
    assert model.weight.data[0, [0, 3]].tobytes() == np.array([-0.0, 0.5]).tobytes()
    assert model.bias.data.tobytes() == bias


def test_norms_and_clipping_count_what_learns():
    a, b, c = (nn.Parameter(np.zeros(2)) for _ in range(3))
    for parameter in (a, b, c):
        parameter.grad = np.array([3.0, 4.0])
    b.mask, c.mask = False, np.array([False, True])
    b.grad = np.array([np.nan, 1.0])  # of no consequence
    assert nn.clip_norm([a, b, c], np.inf) == pytest.approx(41**0.5)
    nn.clip_norm([a, b, c], 41**0.5 / 2)
    np.testing.assert_allclose(a.grad, [1.5, 2.0])
    np.testing.assert_array_equal(b.grad, [np.nan, 1.0])
    np.testing.assert_allclose(c.grad, [0.0, 2.0])


def test_the_history_takes_down_the_gradient_of_what_learns():
    model = network(np.float64)
    for layer in model.layers[:2]:
        layer.weight.mask = layer.bias.mask = False
    history = nn.fit(model, X, Y, optimizer=nn.SGD(model, 0.1), epochs=1, batch_size=40, rng=0, progress=False)
    last = model.layers[2]
    expected = np.sqrt(np.sum(last.weight.grad**2) + np.sum(last.bias.grad**2))
    assert history.gradient_norm == [pytest.approx(expected)]


def test_a_plain_number_as_gradient_and_python_floats_as_weights():
    array, scalar = nn.Parameter(np.zeros(3, np.float32)), nn.Parameter(1.0)
    array.mask, scalar.mask = np.array([True, False, True]), False
    array.grad, scalar.grad = 1.0, 1.0
    nn.SGD([array, scalar], 0.5).step()
    assert array.data.tolist() == [-0.5, 0.0, -0.5]
    assert array.dtype == np.float32
    assert scalar.data == 1.0 and type(scalar.data) is float


def test_complex_weights_have_masks_too():
    weight = nn.Parameter(np.array([1 + 1j, 2 + 2j]))
    weight.mask = np.array([True, False])
    weight.grad = np.array([1 + 0j, 1 + 0j])
    nn.Adam([weight], 0.5).step()
    assert weight.data[1] == 2 + 2j
    assert weight.data[0] != 1 + 1j


@pytest.mark.parametrize(
    ("mask", "found"),
    [
        (np.ones((3, 5), bool), r"bool of shape \(3, 5\)"),
        (np.ones((8, 5)), r"float64 of shape \(8, 5\)"),
        (True, "True"),
        ("all", "'all'"),
    ],
)
def test_a_mask_that_fits_not_is_refused(mask, found):
    model = network()
    optimizer = nn.SGD(model, 0.1)
    model.layers[0].weight.mask = mask
    expected = (
        rf"the mask of layers.0.weight is {found}; expected None \(all of it learns\), False \(frozen\), or a boolean"
    )
    with pytest.raises(ShapeError, match=expected):
        training(model, optimizer, None)()


@pytest.mark.parametrize("copied", [copy.deepcopy, copy.copy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_of_a_parameter_keep_its_mask(copied):
    parameter = nn.Parameter(np.zeros(2))
    assert copied(parameter).mask is None
    parameter.mask = False
    assert copied(parameter).mask is False
    parameter.mask = np.array([True, False])
    assert copied(parameter).mask.tolist() == [True, False]


def test_copies_of_a_model_keep_its_masks():
    model = network(np.float64)
    model.layers[0].weight.mask, model.layers[0].bias.mask = HELD, False
    deep = copy.deepcopy(model)
    assert deep.layers[0].weight.mask is not HELD
    step = value_and_grad(lambda model: nn.cross_entropy(model(X), Y))
    for copied in (deep, tree.map(lambda w, g: w - 0.1 * g, model, step(model)[1]), model.astype(np.float32)):
        np.testing.assert_array_equal(copied.layers[0].weight.mask, HELD)
        assert copied.layers[0].bias.mask is False
        assert copied.layers[1].weight.mask is None


def test_a_compiled_transform_of_a_masked_model_gives_its_gradient():
    model = network(np.float64)
    model.layers[0].weight.mask = HELD

    def loss(model, x):
        return nn.cross_entropy(model(x), Y)

    compiled = autograd.compile(value_and_grad(loss))
    expected = value_and_grad(loss)(model, X)
    for _ in range(3):
        value, gradient = compiled(model, X)
        assert value == pytest.approx(expected[0], rel=1e-12)
        for a, b in zip(gradient.parameters(), expected[1].parameters(), strict=True):
            np.testing.assert_allclose(a.data, b.data, rtol=1e-9, atol=1e-12)


def test_names_of_the_state_are_what_they_were_and_files_keep_zeros(tmp_path):
    model, other = network(), nn.MLP(5, [8, 6, 3], np.tanh, rng=1)
    names = list(model.state_dict())
    model.layers[0].weight.mask = ~HELD
    assert list(model.state_dict()) == names
    nn.save(tmp_path / "pruned.npz", model)
    nn.load(tmp_path / "pruned.npz", other)
    assert (other.layers[0].weight.data[HELD] == 0.0).all()
    assert other.layers[0].weight.mask is None  # masks are not in the file


def test_an_optimizer_of_nothing_but_frozen_parameters_is_refused():
    model = network()
    nn.lens.freeze(model, "*")
    expected = (
        r"all that the optimizer holds is frozen: nn.lens.unfreeze\(model\) what shall learn, or, after nn.lens.lora, "
    )
    with pytest.raises(ValueError, match=expected):
        nn.fit(model, X, Y, optimizer=nn.SGD(model, 0.1), epochs=1, progress=False)
