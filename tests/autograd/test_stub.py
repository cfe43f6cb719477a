"""What `python -m autograd.ops` prints: the table of ops, one op in full, and value.pyi."""

import subprocess
import sys
from pathlib import Path

import pytest

import autograd
from autograd.errors import REFUSED
from autograd.ops.__main__ import about, main, owner, refusals, spelled, stub, table
from autograd.primitives import registry
from autograd.value import DISPATCH

autograd.ops.load()


def differentiable():
    """All ops; more once SciPy is imported."""
    return [op for op in registry.values() if op.differentiable]


def test_the_stub_is_up_to_date():
    path = Path(autograd.__file__).parent / "value.pyi"
    assert path.read_text(encoding="utf-8") == stub(), "run: python -m autograd.ops stub > autograd/value.pyi"


def test_the_table_has_a_line_for_each_op_and_names_all_that_has_none():
    text = table(width=80)
    first = [line.split()[:2] for line in text.splitlines() if line.startswith("  ") and line[2] != " "]
    assert [[op.name, op.kind] for op in differentiable() if [op.name, op.kind] not in first] == []
    words = set(text.replace(",", " ").split())
    names = {spelled(f) for f in (*DISPATCH, *REFUSED) if not isinstance(f, str)}
    names = {name for name in names if not name.endswith((".at", ".outer")) and owner(name) not in words}
    assert names - {spelled(f) for op in differentiable() for f in op.numpy} - words == set()
    assert text.splitlines()[-1].startswith(f"{len(differentiable())} ops")


def test_the_table_fits_a_terminal():
    assert [line for line in table(width=80).splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("op", differentiable(), ids=lambda op: op.name)
def test_a_card_shows_formula_source_and_rules(op):
    text = about(op.name)
    assert text.startswith(f"{op.name}(")
    assert op.__doc__.strip().splitlines()[0] in text
    assert op.source in text
    assert f"Tested at: {len(op.samples)} samples" in text
    assert ("Rules:" in text) == (op.kind != "composed")


def test_a_name_is_found_with_and_without_its_module():
    assert about("np.linalg.norm") == about("linalg.norm") == about("numpy.linalg.norm") == about("norm")
    assert about("np.add.reduceat") == about("add_reduceat")
    assert about("argmax") == "np.argmax gives plain results, without a gradient"
    assert about("greater") == "np.greater gives plain results, without a gradient"
    assert about("np.add.reduce") == "np.add.reduce is made of other ops, in autograd.ops.ufunc_methods"
    for reason, names in refusals().items():
        assert about(names[0]) == f"{names[0]} is refused: {reason}"


def test_a_name_that_does_not_exist_gets_near_names_and_status_2(capsys):
    assert main(["sink"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("no op is called sink; did you mean sin")
    assert main(["xyzzy"]) == 2
    assert capsys.readouterr().err == "no op is called xyzzy\n"


def test_the_table_may_be_cut_off_by_head():
    command = f"{sys.executable} -m autograd.ops | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, encoding="utf-8", check=True)
    assert done.stdout.startswith("constant: ")
    assert done.stderr == ""


def test_a_card_says_the_domain_and_the_kink():
    assert "Domain: −1 ≤ x ≤ 1\n" in about("arcsin")
    assert "Domain: real and complex numbers\nSource" in about("exp")
    assert "Kink: 0 at 0\n" in about("relu")
