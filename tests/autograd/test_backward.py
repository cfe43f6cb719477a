"""What backward() promises: one test for each rule of how cotangents flow, add up and are kept."""

import gc
import weakref

import numpy as np
import pytest

from autograd import Value, no_grad, ops
from autograd.backward import order
from autograd.errors import ArgumentError, NotDifferentiableError, SeedError

# the graph


def test_a_diamond_adds_both_paths():
    x = Value(3.0)
    y = x * 2.0
    (y * y + y).backward()
    assert y.grad == 2 * 6.0 + 1
    assert x.grad == 2 * (2 * 6.0 + 1)


def test_a_tower_of_diamonds_is_linear_in_time():
    x = y = Value(1.0)
    for _ in range(1000):
        y = y * 0.5 + y * 0.5
    y.backward()
    assert x.grad == 1.0
    assert len(order([y])) == 3000


def test_a_value_used_twice_by_one_op_counts_twice():
    for make in (
        lambda x: x * x,
        lambda x: np.multiply(x, x),
        lambda x: x @ x,
        lambda x: np.sum(np.stack([x, x]) ** 2) / 2,
    ):
        x = Value([3.0])
        np.sum(make(x)).backward()
        assert x.grad.tolist() == [6.0]


def test_an_unused_operand_is_not_reached():
    x, unused = Value(2.0), Value(5.0)
    unused * x
    (x * 3.0).backward()
    assert x.grad == 3.0
    assert not unused.has_grad
    assert unused.grad == 0.0


def test_a_node_that_is_not_below_the_root_is_not_touched():
    x = Value(2.0)
    y = x * 3.0
    sibling = y * 4.0
    y.backward()
    assert (x.grad, sibling.has_grad) == (3.0, False)


def test_a_chain_of_a_million_nodes_is_made_walked_and_freed_by_counting_references():
    gc.collect()
    gc.disable()
    try:
        x = y = Value(1.0)
        for _ in range(1_000_000):
            y = y + 1.0
        middle = weakref.ref(y.operands[0])
        y.backward()
        assert (y.data, x.grad) == (1_000_001.0, 1.0)
        del y
        assert middle() is None
        assert gc.collect() == 0
    finally:
        gc.enable()


@pytest.mark.parametrize("record", [False, True])
def test_a_graph_has_no_reference_cycles(record):
    def work():
        x = Value(np.ones((3, 3)))
        parts = np.split(np.tanh(x @ x + x[0]), 3)
        loss = np.sum(np.concatenate(parts) ** 2) * ops.softmax_cross_entropy(x, np.array([0, 1, 2]))
        loss.backward(record=record, keep="leaves")
        if record:
            x.zero_grad()
        return weakref.ref(loss)

    work()
    gc.collect()
    gc.disable()
    try:
        assert work()() is None
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_the_walk_leaves_out_what_is_older_than_its_inputs():
    old = Value(1.0)
    for _ in range(100):
        old = old + 1.0
    x = Value(2.0)
    assert [node.op for node in order([x * old + 1.0], [x])] == ["add", "multiply"]


# accumulation


def test_leaves_add_up_over_passes_and_other_nodes_are_overwritten():
    x = Value(3.0)
    y = x * x
    z = y * 2.0
    z.backward()
    z.backward()
    assert x.grad == 2 * 12.0
    assert (y.grad, z.grad) == (2.0, 1.0)


def test_two_losses_add_up_in_a_shared_leaf():
    w = Value(np.ones(2))
    np.sum(w * 2.0).backward()
    np.sum(w * 3.0).backward()
    assert w.grad.tolist() == [5.0, 5.0]


def test_a_second_pass_leaves_the_array_that_someone_took_from_the_first_alone():
    w = Value(np.ones(2))
    loss = np.sum(w * 2.0)
    loss.backward()
    taken = w.grad
    loss.backward()
    assert taken.tolist() == [2.0, 2.0]
    assert w.grad.tolist() == [4.0, 4.0]


def test_a_gradient_of_zero_is_reached_all_the_same():
    x = Value(2.0)
    (x * 0.0).backward()
    assert x.has_grad
    assert x.grad == 0.0
    x.zero_grad()
    assert not x.has_grad


def test_a_gradient_set_to_zero_by_hand_counts_as_none_yet():
    x, a = Value(2.0), Value(np.ones(2))
    x.grad = a.grad = 0  # as micrograd's programs do
    (x * a).sum().backward()
    assert x.grad == 2.0
    assert a.grad.tolist() == [2.0, 2.0]


def test_the_root_has_its_seed_as_gradient():
    y = Value(2.0) * 3.0
    y.backward()
    assert y.grad == 1.0
    leaf = Value(2.0)
    leaf.backward()
    leaf.backward()
    assert leaf.grad == 2.0


# leaf gradients are arrays of their own

SHARING = {
    "add hands one g to both": lambda a, b: a + b,
    "sum broadcasts its g": lambda a, b: np.sum(a) + np.sum(b),
    "transposes view it": lambda a, b: a.T + b.T,
    "reshapes view it": lambda a, b: np.reshape(a, -1) + np.reshape(b, -1),
    "slices view it": lambda a, b: np.concatenate([a, b]),
    "stack cuts it": lambda a, b: np.stack([a, b]),
    "broadcasts": lambda a, b: np.broadcast_to(a, (2, 2, 2)) + b,
    "alias": lambda a, b: ops.alias(a) + ops.alias(b),
}


@pytest.mark.parametrize("build", SHARING.values(), ids=SHARING)
@pytest.mark.parametrize("order_", ["C", "F"])
def test_leaf_gradients_are_writable_arrays_of_their_own(build, order_):
    a, b = Value(np.ones((2, 2), order=order_)), Value(np.ones((2, 2)))
    out = build(a, b)
    seed = np.arange(1.0, 1.0 + out.size).reshape(out.shape)
    kept = seed.copy()
    out.backward(seed)
    before = b.grad.copy()
    a.grad += 100.0
    a.grad[0, 0] = -1.0
    np.testing.assert_array_equal(b.grad, before)
    np.testing.assert_array_equal(seed, kept)
    np.testing.assert_array_equal(a.data, np.ones((2, 2)))
    for held in (out.grad, seed, b.grad, b.data, a.data):
        assert not np.shares_memory(a.grad, held)


def test_a_leaf_root_does_not_keep_the_callers_seed():
    leaf, seed = Value(np.ones(2)), np.ones(2)
    leaf.backward(seed)
    leaf.grad += 1.0
    assert seed.tolist() == [1.0, 1.0]


def test_a_rule_that_returns_its_operand_does_not_leak_the_data_into_grad():
    a, b = Value(np.full(2, 2.0)), Value(np.full(2, 3.0))
    np.sum(a * b).backward()
    a.grad += 1.0
    assert (b.data.tolist(), a.data.tolist(), b.grad.tolist()) == ([3.0, 3.0], [2.0, 2.0], [2.0, 2.0])


# what was recorded stays


def test_an_optimiser_that_rebinds_data_leaves_the_older_graph_right():
    for data in (3.0, np.array([3.0])):
        for record in (False, True):
            w = Value(data)
            loss = np.sum(w * w * w)
            w.data = w.data - 1.0
            loss.backward(record=record)
            np.testing.assert_array_equal(w.grad.data if record else w.grad, 27.0 * np.ones(np.shape(data)))


def test_second_derivatives_of_an_older_graph_are_at_the_old_data():
    w = Value(3.0)
    loss = w * w * w
    w.data = -1.0
    loss.backward(record=True)
    first = w.grad
    w.zero_grad()
    first.backward()
    assert w.grad == 18.0


# keep, record


def test_keep_all_shows_every_gradient_and_leaves_only_the_leaves():
    for keep, reached in [("all", True), ("leaves", False)]:
        x = Value(2.0)
        y = x * 3.0
        z = y * y
        z.backward(keep=keep)
        assert x.grad == 36.0
        assert (y.has_grad, z.has_grad) == (reached, reached)
        assert y.grad == (12.0 if reached else 0.0)


def test_keep_leaves_forgets_what_an_earlier_pass_kept():
    x = Value(2.0)
    y = x * 3.0
    (y * 1.0).backward()
    (y * 1.0).backward(keep="leaves")
    assert (x.grad, y.has_grad) == (6.0, False)


def test_an_unknown_keep_is_refused():
    with pytest.raises(ArgumentError, match=r"backward\(keep='none'\): keep is 'all' or 'leaves'"):
        Value(1.0).backward(keep="none")


def test_recorded_gradients_are_values_to_differentiate_again():
    x = Value(2.0)
    y = x**4
    derivatives = []
    for _ in range(4):
        y.backward(record=True)
        y = x.grad
        assert isinstance(y, Value)
        x.zero_grad()
        derivatives.append(y.data)
    assert derivatives == [32.0, 48.0, 48.0, 24.0]


def test_recorded_gradients_accumulate_as_values():
    x = Value(2.0)
    (x * x).backward(record=True)
    (x * x * x).backward(record=True)
    assert x.grad.data == 4.0 + 12.0
    total = x.grad
    x.zero_grad()
    total.backward()
    assert x.grad == 2.0 + 12.0


def test_a_recorded_pass_may_start_from_a_recorded_seed():
    x, seed = Value([1.0, 2.0]), Value([5.0, 7.0])
    (x * x).backward(seed, record=True)
    total = np.sum(x.grad)
    total.backward()
    assert seed.grad.tolist() == [2.0, 4.0]


def test_a_plain_pass_records_nothing():
    x = Value(np.ones(2))
    np.sum(np.tanh(x)).backward()
    assert type(x.grad) is np.ndarray


def test_backward_under_no_grad_still_works():
    x = Value(2.0)
    y = x * x
    with no_grad():
        y.backward()
    assert x.grad == 4.0


# seeds


def test_a_seed_has_the_shape_of_the_root_and_gets_its_dtype():
    x = Value(np.ones(3, np.float32))
    y = x * 2.0
    y.backward([1, 2, 3])
    assert x.grad.tolist() == [2.0, 4.0, 6.0]
    assert (x.grad.dtype, y.grad.dtype) == (np.float32, np.float32)
    s = Value(2.0)
    (s * s).backward(np.float32(0.5))
    assert (type(s.grad), s.grad) == (float, 2.0)


def test_a_single_element_of_any_shape_needs_no_seed():
    for shape in ((), (1,), (1, 1)):
        x = Value(np.full(shape, 3.0))
        (x * x).backward()
        assert np.shape(x.grad) == shape
        assert np.sum(x.grad) == 6.0


def test_many_elements_without_a_seed_are_refused():
    with pytest.raises(
        SeedError, match=r"Value of shape \(2, 3\).*write v.sum\(\).backward\(\), or v.backward\(seed\)"
    ):
        Value(np.ones((2, 3))).backward()
    with pytest.raises(SeedError, match=r"the seed has shape \(2,\), the Value \(3,\)"):
        Value(np.ones(3)).backward(np.ones(2))


def test_a_constant_has_nothing_to_go_back_to():
    with no_grad():
        y = Value(2.0) * 3.0
    with pytest.raises(NotDifferentiableError, match=r"backward\(\) of a constant: it was made under no_grad"):
        y.backward()
