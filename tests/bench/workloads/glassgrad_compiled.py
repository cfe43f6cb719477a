"""glassgrad with autograd.compile around the very steps and functions of glassgrad.py, run by NumPy."""

import functools

import data
from workloads import glassgrad as eager

import autograd
from autograd import __version__, grad, hessian, jacobian, value_and_grad

NAME = "glassgrad compiled"
TRAININGS = ("W1b", "W2", "W3", "W4", "W5", "U1", "U2", *data.UNTUNED)
VERSION = __version__


def chain(compile):
    """W6; the start is an argument, or all of it would be computed while it compiles."""
    step = compile(eager.chain_step)
    return lambda: step(data.CHAIN_START)


def workloads(backend):
    """{workload: what makes its step}, compiled for a backend."""
    compile = functools.partial(autograd.compile, backend=backend)
    return {
        "W1": lambda: compile(eager.moons_scalars()),
        **{name: lambda name=name: compile(eager.WORKLOADS[name]()) for name in TRAININGS},
        "W6": lambda: chain(compile),
        "W7g": lambda: eager.derivative(grad, eager.logistic_loss, compile),
        "W7h": lambda: eager.derivative(hessian, eager.logistic_loss, compile),
        "W7j": lambda: eager.derivative(jacobian, eager.tanh_map, compile),
        "W8": lambda: eager.derivative(value_and_grad, eager.wave_sum, compile),
    }


WORKLOADS = workloads("numpy")
