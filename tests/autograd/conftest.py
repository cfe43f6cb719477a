"""Lets the tests import the op table, op_table.py, and that of the layers by their bare names; ops of a test's own."""

import sys
from pathlib import Path

import pytest

from autograd.primitives import primitive, registry
from autograd.value import DISPATCH

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "nn")]


@pytest.fixture
def planted():
    """A decorator like @primitive whose op leaves the registry again."""
    names = []

    def plant(**options):
        def decorate(function):
            op = primitive(**options)(function)
            names.append(op.name)
            return op

        return decorate

    yield plant
    for name in names:
        registry.pop(name, None)
        DISPATCH.pop(name, None)
