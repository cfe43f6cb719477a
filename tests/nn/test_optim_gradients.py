"""What an optimiser and clipping make of gradients: other dtypes and shapes, complex ones, one parameter; and refusals."""

import math

import numpy as np
import pytest

import nn
from autograd import compile
from autograd.errors import ArgumentError, ShapeError


def parameter(data, grad=None, dtype=np.float32):
    p = nn.Parameter(np.asarray(data, dtype))
    if grad is not None:
        p.grad = np.asarray(grad)
    return p


OPTIMIZERS = [nn.SGD, nn.Adam, nn.AdamW, nn.NAdam, nn.Lion, nn.RMSprop, nn.Adagrad, nn.Muon]


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_a_gradient_of_another_dtype_leaves_the_weights_theirs(make):
    p, q = parameter([[1.0, 2.0]], [[0.5, -1.0]]), parameter([[1.0, 2.0]], np.array([[0.5, -1.0]], np.float32))
    for each in (p, q):
        make([each], 0.1).step()
    assert p.dtype == np.float32 and np.array_equal(p.data, q.data)


def test_a_compiled_step_casts_the_gradient_too():
    layer = nn.Linear(2, 2, rng=0)
    optimizer = nn.Adam(layer, 0.1)

    def step(grad):
        layer.weight.grad = grad
        optimizer.step()

    run = compile(step)
    for _ in range(3):
        run(np.ones((2, 2)))
    assert layer.weight.data.dtype == np.float32


def test_a_gradient_of_another_shape_is_refused_with_the_path():
    layer = nn.Linear(2, 1)
    layer.bias.grad = np.ones(3)
    with pytest.raises(
        ShapeError, match=r"SGD: the gradient of bias is float64 of shape \(3,\), the parameter float32 of"
    ):
        nn.SGD(layer, 0.1).step()
    with pytest.raises(ArgumentError, match="the gradient of 0 is complex128 of shape"):
        nn.SGD([parameter([1.0], [1j])], 0.1).step()


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize(
    ("make", "expected"),
    [  # torch.optim on |p|² from 3 + 4j, three steps
        (lambda p: nn.SGD(p, 0.1), 1.536 + 2.048j),
        (lambda p: nn.Adam(p, 0.1), 2.70038 + 3.70027j),
        (lambda p: nn.SGD(p, 0.1, momentum=0.9), 0.186 + 0.248j),
    ],
)
def test_complex_weights_go_down_as_pairs_of_reals(make, expected, compiled):
    p = nn.Parameter(np.array([3.0 + 4.0j]))
    optimizer = make([p])

    def step():
        loss = np.sum(np.abs(p) ** 2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.data

    run = compile(step) if compiled else step
    for _ in range(3):
        run()
    assert p.dtype == np.complex128
    np.testing.assert_allclose(p.data, [expected], rtol=2e-6)
    other = make([nn.Parameter(np.array([1.0 + 1.0j]))])
    other.load_state_dict(optimizer.state_dict())


def test_maximize_goes_up():
    for make in (nn.SGD, nn.AdamW):
        up, down = parameter([1.0], [2.0]), parameter([1.0], [-2.0])
        make([up], 0.1, maximize=True).step()
        make([down], 0.1).step()
        assert np.array_equal(up.data, down.data)


def test_clipping_takes_one_parameter_huge_numbers_and_complex_ones():
    one = parameter([[0.0, 0.0]], [[3.0, 4.0]])
    assert nn.clip_norm(one, 1.0) == 5.0
    np.testing.assert_allclose(one.grad, [[0.6, 0.8]])
    nn.clip_value(one, 0.7)
    np.testing.assert_allclose(one.grad, [[0.6, 0.7]])
    huge = parameter([0.0, 0.0], [3e200, 4e200], np.float64)
    assert nn.clip_norm([huge], math.inf) == pytest.approx(5e200) and huge.grad[0] == 3e200
    assert nn.clip_norm([huge], 5.0) == pytest.approx(5e200, rel=1e-15)
    np.testing.assert_allclose(huge.grad, [3.0, 4.0])
    small = parameter([0.0], [3e-200], np.float64)
    assert nn.clip_norm([small], 1.0) == pytest.approx(3e-200)
    imaginary = parameter([0.0], [3.0 + 4.0j], np.complex128)
    assert nn.clip_norm([imaginary], 2.5) == 5.0 and imaginary.grad[0] == 1.5 + 2.0j
    twins = [parameter([0.0], [3.0]), parameter([0.0], [4.0])]
    for twin in twins:
        twin.label = "weight"  # of two models
    assert nn.clip_norm(twins, 1.0) == 5.0
    assert nn.clip_value([parameter([0.0])], 1.0) is None and nn.clip_norm([parameter([0.0])], 1.0) == 0.0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda m: nn.Adam(m, betas=(0.9, 0.99, 0.999)),
            r"betas is a pair of numbers in \[0, 1\), got \(0\.9, 0\.99, 0",
        ),
        (lambda m: nn.Lion(m, betas=0.9), r"betas is a pair of numbers in \[0, 1\), got 0\.9"),
        (lambda m: nn.Adam(m, betas=(0.9, True)), r"betas\[1\] must lie in \[0, 1\), got True"),
        (lambda m: nn.SGD(None), "SGD takes a Module or a list of Parameters, got None"),
        (lambda m: nn.SGD(m, True), "learning_rate must be a number of at least 0, got True"),
        (lambda m: nn.SGD(m, 1 + 0j), r"learning_rate must be a number of at least 0, got \(1\+0j\)"),
        (lambda m: nn.SGD(m, np.complex128(1)), "learning_rate must be a number"),
        (lambda m: nn.SGD(m, groups={"*.bias": 0.1}), r"groups\['\*\.bias'\] is a dict such as .*, got 0\.1"),
        (
            lambda m: nn.SGD(m, groups={"*": {"learning_rate": 0.1}, "*.bias": {"weight_decay": 0.0}}),
            r"groups\['\*\.bias'\] has no parameter left, patterns before it match them all",
        ),
        (lambda m: nn.Adam(m, epsilon=1e-8), "Adam has no option epsilon; it is called eps"),
        (lambda m: nn.clip_norm(m, 0.0), "clip_norm: limit must be a number above 0, got 0.0"),
        (lambda m: nn.clip_norm(None, 1.0), "takes a Module or a list of Parameters, got None"),
        (lambda m: nn.LBFGS([parameter([1j], dtype=complex)]), "LBFGS: .*complex"),
    ],
)
def test_options_that_say_nothing_are_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make(nn.MLP(2, [3, 1]))


def test_muon_leaves_empty_and_complex_matrices_to_adamw():
    empty, imaginary = nn.Parameter(np.zeros((0, 3))), nn.Parameter(np.eye(2) + 1j)
    empty.grad, imaginary.grad = np.zeros((0, 3)), np.ones((2, 2)) + 0j
    optimizer = nn.Muon([empty, imaginary])
    optimizer.step()
    assert empty.shape == (0, 3) and sorted(optimizer.state[1]) == ["mean", "square"]
