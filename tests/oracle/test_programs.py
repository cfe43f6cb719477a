"""100 random programs, 300 with -m slow, agree with JAX; `python tests/oracle/programs.py` runs ten thousand."""

import sys
from pathlib import Path

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="JAX is not installed")
sys.path.insert(0, str(Path(__file__).resolve().parent))
import programs  # noqa: E402

pytestmark = [pytest.mark.oracle, pytest.mark.usefixtures("float64")]


LATER = [pytest.param(first, marks=pytest.mark.slow) for first in range(60, 300, 10)]


@pytest.mark.parametrize("first", [*range(0, 60, 10), *LATER])
def test_ten_random_programs_equal_jaxs(first):
    for seed in range(first, first + 10):
        lines, inputs = programs.program(seed)
        try:
            mistake = programs.compare(lines, inputs)
        except programs.Unanswered:
            mistake = None
        if mistake:
            kept = programs.shrink(lines, inputs)
            pytest.fail(f"program {seed}\n{programs.report(kept, inputs, programs.compare(kept, inputs))}")


def test_a_program_is_made_again_from_its_seed():
    lines, inputs = programs.program(5)
    again, same = programs.program(5)
    assert lines == again
    assert all(np.array_equal(a, b) for a, b in zip(inputs, same, strict=True))


def test_a_wrong_rule_is_found_and_the_program_shrunk(monkeypatch):
    from autograd import ops

    monkeypatch.setattr(ops.tanh, "rules", (lambda g, out, x: g * (1.0 - out),))
    lines = ["v0 = np.sin(x0)", "v1 = v0 + x0", "v2 = np.tanh(v1)", "v3 = np.exp(-v2 * v2)", "v4 = np.cos(x0)"]
    inputs = [np.array([0.3, -0.7])]
    assert "gradient of x0" in programs.compare(lines, inputs)
    assert programs.shrink(lines, inputs) == ["v0 = np.sin(x0)", "v1 = v0 + x0", "v2 = np.tanh(v1)"]
    assert programs.shrink(["v0 = np.sin(x0)", "v1 = np.tanh(x0)"], inputs) == ["v1 = np.tanh(x0)"]
    assert "# gradient" in programs.report(lines, inputs, programs.compare(lines, inputs))
