"""compile on every op of the table: values and gradients of a compiled call equal the eager ones, also with new numbers."""

import numpy as np
import op_table as table
import pytest

from autograd import Value, compile, ops, scipy
from autograd.errors import CompileError
from autograd.primitives import registry

assert scipy.linalg and scipy.special  # their ops are in the table once they are imported
ops.load()
OPS = [op for op in registry.values() if op.__module__.startswith("autograd.") and op.differentiable and op.samples]
CASES = [pytest.param(op, row, id=f"{op.name}-{i}") for op in OPS for i, row in enumerate(op.samples)]


class Case:
    """Hides the row's options from compile, which would follow arrays in them."""

    __slots__ = ("op", "row")

    def __init__(self, op, row):
        self.op, self.row = op, row


BY_CONTENT = {"unique", "unique_values", "extract", "trim_zeros"}  # refused: see the message


def run(case, places, numbers):
    """(results, gradients of Σ cos(weights) · results) at these operands, as arrays."""
    operands = list(numbers)
    for k in places:
        operands[k] = Value(operands[k])
    outs = table.parts(table.call(case.op, operands, case.row.options))
    total = 0.0
    for out in outs:
        weights = np.cos(np.arange(float(np.size(out)))).reshape(np.shape(out))
        total = total + np.sum(np.real(out * weights))
    total.backward()
    leaves = [operands[k] for k in places]
    return [out.data for out in outs], [leaf.grad if leaf.has_grad else None for leaf in leaves]


@pytest.mark.parametrize(("op", "row"), CASES)
def test_a_compiled_op_and_its_gradient_equal_the_eager_ones(op, row):
    case = Case(op, row)
    rng = table.generator(op.name)
    numbers = list(row.arrays(rng))
    places = [k for k, x in enumerate(numbers) if table.is_differentiable(x)]

    def f(*changing):
        operands = list(numbers)
        for k, x in zip(places, changing, strict=True):
            operands[k] = x
        return run(case, places, operands)

    compiled = np.errstate(all="ignore")(compile(f))  # a row with inf − inf
    f = np.errstate(all="ignore")(f)
    if op.name in BY_CONTENT and places:
        with pytest.raises(CompileError, match="depends on the numbers"):
            compiled(*(numbers[k] for k in places))
        return
    for _ in range(3):
        given = [numbers[k] for k in places]
        expected = f(*given)
        found = compiled(*given)
        for mine, theirs in zip(found, expected, strict=True):
            for a, b in zip(mine, theirs, strict=True):
                assert (a is None) == (b is None)
                if a is not None:
                    assert np.shape(a) == np.shape(b)
                    np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)
        fresh = list(row.arrays(rng))
        for k in places:
            numbers[k] = fresh[k]
