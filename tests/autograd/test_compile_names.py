"""What a compiled function's code names: attributes of objects are not globals of the modules that its functions lie in."""

import types

import numpy as np

from autograd import compile


def in_module(name, text, **known):
    module = types.ModuleType(name)
    vars(module).update(known)
    exec(text, vars(module))
    return module


def test_functions_of_two_modules_may_both_ask_for_a_name():
    first = in_module("first", "def kind(x):\n    return type(x).__name__ and x + 1.0\n")
    second = in_module("second", "def f(x):\n    return type(x).__name__ and kind(x) * 2.0\n", kind=first.kind)
    run = compile(second.f)
    assert [float(run(np.array(x))) for x in (1.0, 2.0, 3.0)] == [4.0, 6.0, 8.0]
