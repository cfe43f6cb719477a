"""What surrounds a computation: no_grad, stop_gradient, detect_anomaly, threads; and that nothing stays behind."""

import asyncio
import contextvars
import inspect
import threading

import numpy as np
import pytest

import nn
from autograd import Value, detect_anomaly, grad, hessian, jvp, no_grad, ops, stop_gradient, vjp
from autograd.context import CONTEXT
from autograd.errors import InPlaceError, NonFiniteError, RuleError

# constants


def test_under_no_grad_results_are_constants():
    x = Value(2.0)
    with no_grad():
        for y in (x * 3.0, np.exp(x), x + x, ops.relu(x), np.split(Value(np.ones(2)), 2)[0]):
            assert (type(y), y.op, y.operands) == (Value, "constant", ())
    assert (x * 3.0).op == "multiply"


def test_later_ops_treat_a_constant_like_a_plain_array():
    x = Value(2.0)
    for constant in (stop_gradient(x * x), (x * x).detach()):
        assert constant.op == "constant"
        y = x * constant
        assert y.operands == (x, 4.0)
        x.zero_grad()
        y.backward()
        assert x.grad == 4.0
        assert not constant.has_grad
        assert (constant + 1.0).op == "constant"
        assert np.exp(constant).op == "constant"


def test_stop_gradient_of_what_is_no_value_is_the_thing_itself():
    a = np.ones(2)
    assert stop_gradient(a) is a
    assert stop_gradient(3) == 3


def test_detach_shares_the_data():
    x = Value(np.ones(2))
    assert x.detach().data is x.data


def test_no_grad_is_a_decorator_too():
    @no_grad()
    def predict(x):
        return x * 2.0

    x = Value(1.0)
    assert predict(x).op == "constant"
    assert predict(x).op == "constant"
    assert (x * 2.0).op == "multiply"


def test_no_grad_nests_and_ends_with_an_exception():
    x = Value(1.0)

    def fail():
        with no_grad():
            with no_grad():
                pass
            assert (x * 2.0).op == "constant"
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert (x * 2.0).op == "multiply"


def test_leaves_made_under_no_grad_are_leaves():
    with no_grad():
        x = Value(2.0)
    (x * x).backward()
    assert x.grad == 4.0


def test_a_model_under_no_grad_predicts_the_same():
    model = nn.MLP(2, [3, 1], rng=0)
    x = np.ones((1, 2), np.float32)
    with no_grad():
        y = model(x)
    assert y.op == "constant"
    np.testing.assert_array_equal(y.data, model(x).data)


# detect_anomaly


def line(offset):
    """“file:line” of the caller, moved by offset."""
    frame = inspect.currentframe().f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno + offset}"


@pytest.mark.parametrize(
    ("f", "x", "op"),
    [
        (np.log, -1.0, "log"),
        (np.log, 0.0, "log"),
        (lambda x: 1.0 / x, 0.0, "divide"),
        (lambda x: x / x, np.zeros(2), "divide"),
        (lambda x: x**2, 1e200, "power"),
        (lambda x: x * 1e308 * 10.0, 1.0, "multiply"),
        (np.exp, 1e3, "exp"),
        (lambda x: np.exp(x) - np.exp(x), 1e3, "exp"),
    ],
)
def test_the_op_that_makes_the_first_bad_number_in_the_forward_pass_is_named(f, x, op):
    with (
        np.errstate(all="ignore"),
        detect_anomaly(),
        pytest.raises(NonFiniteError, match=f"{op} made a NaN or infinity in the forward pass, at "),
    ):
        f(Value(x))


def test_the_line_that_called_the_op_is_named():
    x = Value(-1.0)
    with np.errstate(all="ignore"), detect_anomaly(), pytest.raises(NonFiniteError) as caught:  # noqa: PT012  the line is taken inside
        where = line(+1)
        np.sqrt(x)
    assert str(caught.value).endswith(where)


def test_a_bad_number_born_in_the_backward_pass_names_op_operand_and_the_nodes_line():
    for make in (np.sqrt, lambda x: x**0.5, lambda x: np.linalg.norm(x) * 0.0 + np.sum(np.sqrt(x))):
        x = Value(np.zeros(1))
        with np.errstate(all="ignore"), detect_anomaly():
            where = line(+1)
            y = np.sum(np.sqrt(x))
            with pytest.raises(NonFiniteError) as caught:
                y.backward()
        assert str(caught.value).startswith(
            "sqrt: the rule for operand 'x' made a NaN or infinity in the backward pass"
        )
        assert str(caught.value).endswith(where)
        with np.errstate(all="ignore"), detect_anomaly(), pytest.raises(NonFiniteError, match="in the backward pass"):
            np.sum(make(x)).backward()


def test_bad_numbers_that_came_in_are_not_blamed_on_an_op():
    with detect_anomaly():
        y = Value([np.nan, np.inf]) * 2.0 + 1.0
        np.sum(y).backward()
    assert y.grad.tolist() == [1.0, 1.0]


def test_good_numbers_pass():
    with detect_anomaly():
        x = Value([1.0, 2.0])
        np.sum(np.log(x) / x).backward()
    plain = Value([1.0, 2.0])
    np.sum(np.log(plain) / plain).backward()
    np.testing.assert_array_equal(x.grad, plain.grad)


def test_without_detect_anomaly_nothing_is_raised():
    x = Value(0.0)
    with np.errstate(all="ignore"):
        y = np.sqrt(x) * 2.0
        y.backward()
    assert x.grad == np.inf


# nothing stays behind


def test_exceptions_leave_the_context_as_it_was():
    before = CONTEXT.get()

    def fails(x):
        np.exp(x)
        raise KeyError("inside f")

    for transform in (grad, hessian, lambda f: lambda x: vjp(f, x), lambda f: lambda x: jvp(f, (x,), (x,))):
        with pytest.raises(KeyError, match="inside f"):
            transform(fails)(1.0)
        assert CONTEXT.get() is before
        with pytest.raises(KeyError, match="inside f"):
            grad(lambda x: transform(fails)(x))(1.0)  # noqa: B023  called at once
        assert CONTEXT.get() is before


def test_an_exception_in_a_rule_leaves_the_context_as_it_was(planted):
    @planted()
    def wrong(x, /):
        return 2.0 * x

    wrong.vjp(x=lambda g, out, x: np.zeros(5) * np.sum(g))
    before = CONTEXT.get()
    for record in (False, True):
        with pytest.raises(RuleError):
            wrong(Value(np.ones(2))).backward(np.ones(2), record=record)
        assert CONTEXT.get() is before
    for derivative in (
        lambda: grad(lambda x: np.sum(wrong(x)))(np.ones(2)),
        lambda: jvp(wrong, (np.ones(2),), (np.ones(2),)),
    ):
        with pytest.raises(ValueError, match="shape"):
            derivative()
        assert CONTEXT.get() is before


def test_an_exception_in_a_module_leaves_the_context_as_it_was():
    class Fails(nn.Module):
        def forward(self, x):
            raise KeyError

    before = CONTEXT.get()
    with pytest.raises(KeyError):
        Fails()(1.0)
    assert CONTEXT.get() is before


# threads and tasks


def test_eight_threads_differentiate_at_once():
    threads, rounds = 8, 30
    barrier = threading.Barrier(threads)
    found, wrong = {}, []

    def work(k):
        try:
            barrier.wait()
            rng = np.random.default_rng(k)
            x = rng.normal(size=4)
            for i in range(rounds):
                if (i + k) % 3 == 0:
                    with no_grad():
                        assert (Value(x) * 2.0).op == "constant"
                value = Value(x)
                np.sum(np.tanh(value) * value).backward()
                found[k, i] = value.grad, grad(lambda x: np.sum(np.tanh(x) * x))(x), hessian(lambda x: np.sum(x**3))(x)
                assert (Value(x) * 2.0).op == "multiply"
        except BaseException as error:  # a thread's exception would be lost
            wrong.append(error)

    team = [threading.Thread(target=work, args=(k,)) for k in range(threads)]
    for thread in team:
        thread.start()
    for thread in team:
        thread.join()
    assert wrong == []
    assert len(found) == threads * rounds
    for (k, _), (first, second, third) in found.items():
        x = np.random.default_rng(k).normal(size=4)
        expected = np.tanh(x) + x * (1.0 - np.tanh(x) ** 2)
        np.testing.assert_allclose(first, expected, rtol=1e-12)
        np.testing.assert_array_equal(first, second)
        np.testing.assert_allclose(third, np.diag(6.0 * x), rtol=1e-12)


def test_no_grad_in_one_thread_is_not_seen_in_another():
    inside, done = threading.Event(), threading.Event()

    def hold():
        with no_grad():
            inside.set()
            done.wait(5.0)

    thread = threading.Thread(target=hold)
    thread.start()
    assert inside.wait(5.0)
    assert (Value(1.0) * 2.0).op == "multiply"
    done.set()
    thread.join()


def test_tasks_have_a_context_each():
    async def constant():
        with no_grad():
            await asyncio.sleep(0)
            return (Value(1.0) * 2.0).op

    async def recorded():
        await asyncio.sleep(0)
        return (Value(1.0) * 2.0).op

    async def both():
        return await asyncio.gather(constant(), recorded(), constant())

    assert asyncio.run(both()) == ["constant", "multiply", "constant"]
    assert contextvars.copy_context().run(lambda: (Value(1.0) * 2.0).op) == "multiply"


def test_a_graph_made_in_one_thread_is_walked_in_another():
    x = Value(np.ones(3))
    y = np.sum(x * x)
    thread = threading.Thread(target=y.backward)
    thread.start()
    thread.join()
    assert x.grad.tolist() == [2.0, 2.0, 2.0]


# what detect_anomaly finds beyond the plain cases


def test_a_recorded_backward_pass_names_the_rule_and_the_pass():
    with detect_anomaly():
        y = np.sqrt(Value(np.zeros(2))).sum()
        with pytest.raises(NonFiniteError, match=r"sqrt: the rule for operand 'x' made .* backward pass"):
            y.backward(record=True)


def test_an_operand_written_into_between_the_passes_is_found():
    x = np.ones(3)
    with detect_anomaly():
        y = (Value(np.ones(3)) * x).sum()
        x[:] = 5.0
        with pytest.raises(InPlaceError, match="multiply was written into between"):
            y.backward()


def test_a_sum_of_finite_cotangents_that_overflows_is_found():
    x = Value(1e-300)
    with detect_anomaly():
        y = x * 1e308 + x * 1e308
        with pytest.raises(NonFiniteError, match="multiply"):
            y.backward()


def test_numpys_own_warnings_do_not_come_first():
    with detect_anomaly(), pytest.raises(NonFiniteError, match="log made a NaN or infinity in the forward pass"):
        np.log(Value(np.array([1.0, 0.0])))
