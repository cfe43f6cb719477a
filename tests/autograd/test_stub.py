"""value.pyi declares what ops attach to Value: the file is what `python -m autograd.ops stub` prints."""

from pathlib import Path

import autograd
from autograd.ops.__main__ import stub, table
from autograd.primitives import registry


def test_the_stub_is_up_to_date():
    path = Path(autograd.__file__).parent / "value.pyi"
    assert path.read_text(encoding="utf-8") == stub(), "run: python -m autograd.ops stub > autograd/value.pyi"


def test_the_table_has_a_line_for_each_op():
    lines = table().splitlines()
    assert [line.split()[0] for line in lines[:-1]] == list(registry)
    assert lines[-1].startswith(f"{len(registry)} ops")
