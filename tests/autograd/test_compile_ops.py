"""compile on every op of the table: values and gradients of a compiled call equal the eager ones, also with new numbers."""

import numpy as np
import op_table as table
import pytest

from autograd import Value, compile, ops, scipy
from autograd.compiler.plan import may_view
from autograd.compiler.program import Step, Variable
from autograd.errors import CompileError
from autograd.primitives import registry

assert scipy.linalg and scipy.special  # their ops are in the table once they are imported
ops.load()
OPS = [op for op in registry.values() if op.__module__.startswith("autograd.") and op.differentiable and op.samples]
CASES = [pytest.param(op, row, id=f"{op.name}-{i}") for op in OPS for i, row in enumerate(op.samples)]


class Case:
    """Hides the row's options from compile, which would follow arrays in them."""

    __followed__ = False

    def __init__(self, op, row):
        self.op, self.row = op, row


BY_CONTENT = {"unique", "unique_values", "extract", "trim_zeros"}  # refused: see the message


def weighted(outs):
    """Σ cos(place) · out over all numbers of the results."""
    total = 0.0
    for out in outs:
        weights = np.cos(np.arange(float(np.size(out)))).reshape(np.shape(out))
        total = total + np.sum(np.real(out * weights))
    return total


def run(case, places, numbers, second):
    """(results, gradients of their weighted sum) at these operands, as arrays; `second`: gradients of the gradients'."""
    operands = list(numbers)
    for k in places:
        operands[k] = Value(operands[k])
    outs = table.parts(table.call(case.op, operands, case.row.options))
    leaves = [operands[k] for k in places]
    weighted(outs).backward(record=second)
    if second:
        outs = [leaf.grad for leaf in leaves if leaf.has_grad and isinstance(leaf.grad, Value)]
        for leaf in leaves:
            leaf.zero_grad()
        outs = [out for out in outs if out.primitive is not None and out.operands]
        if not outs:
            return [], []
        weighted(outs).backward()
    return [out.data for out in outs], [leaf.grad if leaf.has_grad else None for leaf in leaves]


@pytest.mark.parametrize(("second", "backend"), [(False, "numpy"), (True, "numpy"), (True, "llvm")],
                         ids=["first", "second", "second-llvm"])  # fmt: skip
@pytest.mark.parametrize(("op", "row"), CASES)
def test_a_compiled_op_and_its_gradient_equal_the_eager_ones(op, row, second, backend):
    case = Case(op, row)
    rng = table.generator(op.name)
    numbers = list(row.arrays(rng))
    places = [k for k, x in enumerate(numbers) if table.is_differentiable(x)]

    def f(*changing):
        operands = list(numbers)
        for k, x in zip(places, changing, strict=True):
            operands[k] = x
        return run(case, places, operands, second)

    compiled = np.errstate(all="ignore")(compile(f, backend=backend))  # a row with inf − inf
    f = np.errstate(all="ignore")(f)
    if op.name in BY_CONTENT and places:
        with pytest.raises(CompileError, match="depends on the numbers"):
            compiled(*(numbers[k] for k in places))
        return
    for _ in range(2 if second else 3):
        given = [numbers[k] for k in places]
        expected = f(*given)
        found = compiled(*given)
        if second and not (expected[0] and found[0]):  # the gradient is constant, in one of the two by the formula
            for part in (*expected[1], *found[1]):
                np.testing.assert_allclose(0.0 if part is None else part, 0.0, atol=1e-12)
            continue
        for mine, theirs in zip(found, expected, strict=True):
            for a, b in zip(mine, theirs, strict=True):
                assert (a is None) == (b is None)
                if a is not None:
                    assert np.shape(a) == np.shape(b)
                    np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)
        fresh = list(row.arrays(rng))
        for k in places:
            numbers[k] = fresh[k]


def test_an_op_that_may_give_a_view_is_known_to():
    """Else its operand's memory would be used again while the view is still needed."""
    for op in registry.values():
        whole = op.kind != "composed" and not op.inline  # of others the steps are written down
        for row, factor in [(row, c) for row in op.samples or () for c in (1.0, 1.0 + 1j) if row.complex or c == 1.0]:
            given = row.arrays(table.generator(op.name))
            operands = [x * factor if factor != 1.0 and table.is_differentiable(x) else x for x in given]
            outs = table.parts(table.call(op, operands, row.options)) if whole else []
            arrays = [x for part in operands for x in table.parts(part) if isinstance(x, np.ndarray)]
            views = [np.may_share_memory(out, x) for out in outs if isinstance(out, np.ndarray) for x in arrays]
            step = Step(op, tuple(operands), dict(row.options), tuple(Variable.like(out) for out in outs))
            assert may_view(step) or not any(views), op.name
