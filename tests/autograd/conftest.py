"""Lets test_ops.py import the columns of the op table, op_table.py, by their bare name; ops of a test's own."""

import sys
from pathlib import Path

import pytest

from autograd.primitives import primitive, registry
from autograd.value import DISPATCH

sys.path.insert(0, str(Path(__file__).parent))


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
