"""What people bring along from PyTorch or scikit-learn, or mistype: the error says what serves here."""

import copy
import inspect
import pickle

import numpy as np
import pytest

import autograd
import nn
from nn import losses
from nn.names import IN_A_MODULE, IN_NN, near, options_of, refuse


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("ReLU", "nn.Sequential(nn.Linear(4, 8), autograd.relu, nn.Linear(8, 1))"),
        ("relu", "autograd.relu"),
        ("Tanh", "np.tanh"),
        ("LeakyReLU", "autograd.ops.leaky_relu"),
        ("CrossEntropyLoss", "nn.cross_entropy, a function"),
        ("BCELoss", "leave the sigmoid out"),
        ("ModuleList", "a plain list or dict"),
        ("DataLoader", "nn.batches"),
        ("BatchNorm", "nn.BatchNorm1d or nn.BatchNorm2d"),
        ("LayerNrom", "did you mean 'LayerNorm'?"),
        ("modles", "did you mean 'models'?"),
        ("load_onx", "did you mean 'load_onnx'?"),
    ],
)
def test_a_name_that_nn_lacks_is_answered_with_one_that_it_has(name, hint):
    with pytest.raises(AttributeError, match="module 'nn' has no attribute '" + name) as caught:
        getattr(nn, name)
    assert hint in str(caught.value)


def test_a_name_near_to_nothing_gets_no_hint():
    with pytest.raises(AttributeError, match=r"module 'nn' has no attribute 'quaternion'$"):
        nn.quaternion  # noqa: B018


def test_what_the_hints_name_exists():
    scope = {"nn": nn, "np": np, "autograd": autograd}
    for text in IN_NN.values():
        for found in text.replace("(", " ").replace(",", " ").replace(")", " ").replace(";", " ").split():
            if found.startswith(("nn.", "np.", "autograd.")):
                eval(found, scope)  # raises AttributeError if it does not exist
    assert not set(IN_NN) & set(nn.__all__)
    assert not [name for name in IN_A_MODULE if hasattr(nn.Module, name)]


def test_dir_lists_what_is_imported_when_first_used():
    assert {"lens", "models", "export", "load_onnx", "text", "viz", "Linear"} <= set(dir(nn))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("cuda", "there is the CPU only"),
        ("register_buffer", 'buffers = ("mean",)'),
        ("requires_grad_", "nn.Adam(model[-1])"),
    ],
)
def test_a_module_says_what_serves_for_an_attribute_of_pytorchs(name, hint):
    with pytest.raises(AttributeError, match=f"'Linear' object has no attribute '{name}'") as caught:
        getattr(nn.Linear(2, 1), name)
    assert hint in str(caught.value)


def test_a_modules_other_missing_attributes_are_pythons():
    layer = nn.Linear(2, 1)
    with pytest.raises(AttributeError, match=r"^'Linear' object has no attribute 'weights'$") as caught:
        layer.weights  # noqa: B018
    assert (caught.value.name, caught.value.obj) == (
        "weights",
        layer,
    )  # from which Python makes "Did you mean: 'weight'?"
    assert not hasattr(layer, "__no_such__")


def test_a_weight_is_not_lost_by_setting_its_name():
    layer = nn.Linear(3, 2, rng=0)
    with pytest.raises(
        nn.module.ArgumentError, match=r"Linear.weight is a Parameter: with ndarray in its place nothing"
    ):
        layer.weight = np.ones((2, 3))
    assert layer.parameter_count() == 8
    layer.weight, layer.bias = nn.Parameter(np.ones((2, 3))), None
    assert layer.parameter_count() == 6
    layer.training, layer.note = False, np.ones(3)
    layer.note = 3.0
    assert copy.deepcopy(layer).parameter_count() == pickle.loads(pickle.dumps(layer)).parameter_count() == 6


def test_unknown_options_are_refused_with_the_nearest_known_one():
    with pytest.raises(
        nn.module.ArgumentError, match=r"f has no option epoch, lr; did you mean 'epochs'\?; it is rate$"
    ):
        refuse("f", ["lr", "epoch"], {"lr": "it is rate"}, nn.mse, more=["epochs", "rate"])
    refuse("f", [], {})
    assert near("x", ["epochs"]) == ""
    assert options_of(nn.Linear.__init__, nn.mse) == [
        "in_features", "out_features", "bias", "rng", "dtype", "prediction", "target", "reduction",
    ]  # fmt: skip
    assert "options" not in options_of(nn.fit) and "options" in inspect.signature(nn.fit).parameters


SMALL = (np.zeros((4, 2), np.float32), np.zeros((4, 1), np.float32))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: nn.fit(m, *SMALL, epoch=3), "training has no option epoch; did you mean 'epochs'?"),
        (lambda m: nn.train(m, *SMALL, batchsize=3), "no option batchsize; did you mean 'batch_size'?"),
        (lambda m: nn.fit(m, *SMALL, progres=False), "no option progres; did you mean 'progress'?"),
        (lambda m: nn.fit(m, *SMALL, lr=0.1), "no option lr; the rate is the optimiser's"),
        (lambda m: nn.fit(m, *SMALL, validation_data=SMALL), "it is called validation=(X, y)"),
        (lambda m: nn.fit(m, *SMALL, callbacks=[]), "for step in nn.train(model, X, y, …)"),
        (lambda m: nn.Adam(m, learning_rat=0.1), "Adam has no option learning_rat; did you mean 'learning_rate'?"),
        (lambda m: nn.Adam(m, amsgrat=True), "Adam has no option amsgrat; did you mean 'amsgrad'?"),
        (lambda m: nn.Muon(m, weight_decy=0.1), "Muon has no option weight_decy; did you mean 'weight_decay'?"),
        (lambda m: nn.LBFGS(m, history=5), "LBFGS has no option history; did you mean 'history_size'?"),
        (lambda m: nn.LBFGS(m, line_search_fn="strong_wolfe"), "a strong-Wolfe line search is always made"),
        (lambda m: nn.Adam(m, groups=["*.bias"]), 'groups is a dict such as {"*.bias": {"weight_decay": 0.0}}, got'),
        (lambda m: nn.LSTM(2, 3, num_layer=2), "LSTM has no option num_layer; did you mean 'num_layers'?"),
        (lambda m: nn.RNN(2, 3, activaton=np.tanh), "RNN has no option activaton; did you mean 'activation'?"),
        (lambda m: nn.MLP(2, [1], activaton=np.tanh), "MLP has no option activaton; did you mean 'activation'?"),
        (lambda m: nn.Linear(2, 1, use_bias=False), "Linear has no option use_bias; it is called bias"),
        (lambda m: nn.Linear(2, 1, epsilon=0.1, device="cuda"), "no option device, epsilon; there is the CPU only"),
        (lambda m: nn.LayerNorm(2, epsilon=0.1), "LayerNorm has no option epsilon; it is called eps"),
        (lambda m: nn.models.CNN((1, 8, 8), 2, dropuot=0.1), "CNN has no option dropuot; did you mean 'dropout'?"),
        (lambda m: nn.gaussian_nll(0.0, 0.0, 1.0, epsilon=0.1), "gaussian_nll has no option epsilon; it is called eps"),
        (lambda m: nn.huber(0.0, 0.0, deltas=0.1), "huber has no option deltas; did you mean 'delta'?"),
        (lambda m: nn.cross_entropy([[0.0]], [0], label_smooth=0.1), "label_smooth; did you mean 'label_smoothing'?"),
    ],
)  # fmt: skip
def test_a_mistyped_option_names_the_nearest_one(call, message):
    with pytest.raises(nn.module.ArgumentError) as caught:
        call(nn.MLP(2, [1], rng=0))
    assert message in str(caught.value)


@pytest.mark.parametrize("name", losses.__all__)
def test_every_loss_names_an_option_that_it_has_not(name):
    with pytest.raises(nn.module.ArgumentError, match=rf"^{name} has no option nonsense$"):
        getattr(nn, name)([[0.0, 1.0]], [1], nonsense=3)


def test_what_is_wrong_otherwise_with_a_call_says_python():
    with pytest.raises(TypeError, match=r"mse\(\) missing 1 required positional argument: 'target'"):
        nn.mse(1.0)
    with pytest.raises(TypeError, match=r"missing 1 required positional argument: 'out_features'"):
        nn.Linear(in_features=2)


def test_a_module_with_options_of_its_own_takes_them():
    class Open(nn.Module):
        def __init__(self, **options):
            self.options = options

    assert Open(anything=3).options == {"anything": 3}
    assert copy.deepcopy(Open(anything=3)).options == {"anything": 3}
