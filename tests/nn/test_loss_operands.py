"""What losses do with their other operands: targets and weights that are Values, and checks that a compiled step keeps."""

import numpy as np
import pytest

import autograd
import nn
from autograd import Value, compile
from autograd.errors import ArgumentError, ShapeError
from autograd.ops import softmax

RNG = np.random.default_rng(0)
Z, T = RNG.normal(size=(4, 3)), np.array([0, 2, 1, 2])
W = np.array([0.5, 2.0, 1.5])


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_probability_targets_and_weights_that_are_values_have_gradients(reduction, smoothing):
    def soft(z, t, w):
        return nn.cross_entropy(z, softmax(t), weight=w, label_smoothing=smoothing, reduction=reduction)

    def hard(z, w):
        return nn.cross_entropy(z, T, weight=w, label_smoothing=smoothing, reduction=reduction, ignore_index=1)

    assert autograd.check_gradients(soft, Z, Z[::-1], W)
    assert autograd.check_gradients(hard, Z, W)
    assert autograd.check_gradients(lambda z, w: nn.nll(z, T, weight=w, reduction=reduction), Z, W)
    assert autograd.check_gradients(
        lambda z, w: nn.binary_cross_entropy(z, Z > 0.0, pos_weight=w, weight=w[0] * w, reduction=reduction), Z, W
    )
    assert autograd.grad(lambda t: nn.cross_entropy(Z, t))(softmax(Z)).any()


def test_the_weight_of_binary_cross_entropy_multiplies_each_element():
    plain = nn.binary_cross_entropy(Z, Z > 0.0, reduction="none")
    weighted = nn.binary_cross_entropy(Z, Z > 0.0, weight=W, reduction="none")
    np.testing.assert_allclose(weighted, W * plain, rtol=1e-15)
    assert nn.binary_cross_entropy(Value(Z), Z > 0.0, weight=W).data == np.mean(
        weighted
    )  # as PyTorch: not by their sum


def changed(array, number):
    wrong = array.copy()
    wrong.flat[-1] = number
    return wrong


HALF = np.full((4, 3), 0.5)
CHECKED = {  # loss of two arrays, a second one that is right, and one that is not, message
    "class below": (nn.cross_entropy, T, changed(T, -1), r"targets are 0 … 2 for logits \(4, 3\), got -1 … 2"),
    "class above": (nn.cross_entropy, T, changed(T, 3), r"targets are 0 … 2 for logits \(4, 3\), got 0 … 3"),
    "class of int32": (nn.cross_entropy, T.astype(np.int32), changed(T, 3).astype(np.int32), "targets are 0 … 2"),
    "ignored": (lambda z, t: nn.cross_entropy(z, t, ignore_index=-100), changed(T, -100), changed(T, -1), "targets are 0"),
    "nll": (nn.nll, T, changed(T, 4), "nll: targets are 0 … 2"),
    "weight": (lambda z, w: nn.cross_entropy(z, T, weight=w), W, changed(W, -1.0), "weight: a factor is negative"),
    "hinge": (nn.hinge, np.sign(Z), changed(np.sign(Z), 0.5), "hinge: targets are −1 and"),
    "bce": (nn.binary_cross_entropy, HALF, changed(HALF, 2.0), "binary_cross_entropy: targets are probabilities"),
    "pos_weight": (lambda z, w: nn.binary_cross_entropy(z, HALF, pos_weight=w), W, changed(W, -1.0), "pos_weight: a"),
    "kl_div": (nn.kl_div, HALF, changed(HALF, -1.0), "kl_div: a target is negative"),
    "gaussian_nll": (lambda z, v: nn.gaussian_nll(z, HALF, v), HALF, changed(HALF, -1.0), "a variance is negative"),
}  # fmt: skip


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
@pytest.mark.parametrize(("loss", "right", "wrong", "message"), CHECKED.values(), ids=CHECKED)
def test_a_compiled_step_checks_targets_in_every_run(loss, right, wrong, message, backend):
    if backend == "llvm":
        pytest.importorskip("llvmlite")
    layer = nn.Linear(3, 3, rng=0)

    def step(x, other):
        value = loss(layer(x), other)
        layer.zero_grad()
        value.backward()
        return value.data

    run = compile(step, backend=backend)
    for _ in range(3):
        assert np.isclose(run(Z, right), step(Z, right))
    for _ in range(2):
        with pytest.raises(ArgumentError, match=message):
            run(Z, wrong)
        assert np.isclose(run(Z, right), step(Z, right))


def test_smooth_l1_is_huber_with_slope_one_beyond_beta():
    d, beta = np.array([-3.0, -0.2, 0.0, 0.4, 2.0]), 0.5
    expected = np.where(abs(d) < beta, 0.5 * d * d / beta, abs(d) - 0.5 * beta)
    np.testing.assert_allclose(nn.smooth_l1(d, 0 * d, beta=beta, reduction="none"), expected, rtol=1e-15)
    np.testing.assert_allclose(
        autograd.grad(lambda x: nn.smooth_l1(x, 0 * d, beta=beta, reduction="sum"))(d)[[0, 4]], [-1, 1]
    )


def test_classes_on_the_second_axis_are_noticed():
    with pytest.raises(ValueError, match="classes are the last axis, not the second"):
        nn.cross_entropy(np.zeros((2, 3, 4, 5)), np.zeros((2, 4, 5), int))


def test_accuracy_of_one_logit_a_row_is_that_of_class_1():
    logits = np.array([2.0, -1.0, 0.5, -3.0])
    assert nn.accuracy(logits, [1, 0, 0, 0]) == nn.accuracy(logits[:, None], np.array([[1], [0], [0], [0]])) == 0.75
    assert nn.accuracy(logits, np.array([True, False, True, False])) == nn.accuracy(logits, [1.0, 0.0, 1.0, 0.0]) == 1.0
    with pytest.raises(ShapeError, match=r"accuracy: one logit a row \(4, 1\) needs targets of that shape, got \(4,\)"):
        nn.accuracy(logits[:, None], [1, 0, 0, 0])  # argmax over one column would always say 0


def test_smooth_l1_names_its_own_option():
    with pytest.raises(
        ArgumentError, match=r"smooth_l1: beta must be positive, got 0\.0; towards 0 it becomes nn\.mae"
    ):
        nn.smooth_l1([1.0], [2.0], beta=0.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda z: nn.mse(z, np.zeros(3)), "if these are classes, give their numbers as integers to nn.cross_entropy"),
        (
            lambda z: nn.cross_entropy(z, np.array(["a", "b", "a"])),
            "targets are <U1, expected class numbers; of texts",
        ),
        (
            lambda z: nn.cross_entropy(z[:, :1], np.array([0, 1, 0])),
            "one output for two classes goes with nn.binary_cross",
        ),
        (lambda z: nn.cross_entropy((Value(z), Value(z)), [0, 1, 0]), "the prediction is a tuple of 2: recurrent and"),
        (
            lambda z: nn.mse((Value(z), (z, z)), z),
            "the prediction is a tuple of 2: recurrent and attention layers give",
        ),
    ],
)
def test_an_operand_of_another_kind_of_loss_says_which(call, message):
    with pytest.raises((ArgumentError, ShapeError)) as caught:
        call(np.zeros((3, 2)))
    assert message in str(caught.value)


def test_one_column_against_a_vector_is_not_taken_for_classes():
    with pytest.raises(ShapeError) as caught:
        nn.mse(np.zeros((3, 1)), np.zeros(3))
    assert "classes" not in str(caught.value)
