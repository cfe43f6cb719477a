"""glassgrad: a glass-box automatic-differentiation engine on NumPy.

    import numpy as np
    from autograd import Value

    x = Value(3.0)
    y = np.tanh(x) * x
    y.backward()
    x.grad

NumPy's functions take Values; what NumPy lacks (relu, softmax, …) is here. Files in reading order: value, primitives,
ops/, backward, forward, tree, transforms, jacobians, checkpoint, check, viz/.
"""

import importlib
from typing import TYPE_CHECKING, Any

from autograd import errors, ops, tree
from autograd.backward import backward as _backward  # noqa: F401  fills DISPATCH["backward"]
from autograd.check import check_gradients
from autograd.checkpoint import checkpoint
from autograd.context import detect_anomaly, no_grad
from autograd.jacobians import elementwise_grad, hessian, hvp, jacobian
from autograd.ops.activation import (
    elu,
    gelu,
    leaky_relu,
    log_softmax,
    logsumexp,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
)
from autograd.ops.special import erf
from autograd.primitives import Primitive, primitive
from autograd.transforms import grad, jvp, value_and_grad, vjp
from autograd.value import Value, stop_gradient

if TYPE_CHECKING:
    from autograd.compiler import compile, get_threads, set_threads
    from autograd.viz import draw

__version__ = "0.1.0"
__all__ = [
    "Value", "no_grad", "stop_gradient", "detect_anomaly",
    "grad", "value_and_grad", "vjp", "jvp", "jacobian", "hessian", "hvp", "elementwise_grad",
    "checkpoint", "check_gradients", "compile", "get_threads", "set_threads",
    "relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "sigmoid", "softmax", "log_softmax", "logsumexp", "erf",
    "primitive", "Primitive", "draw", "errors", "ops", "tree",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "draw":  # pictures are imported when the first one is drawn: a third of the import time
        from autograd.viz import draw

        return draw
    if name in ("compile", "get_threads", "set_threads"):
        from autograd import compiler

        return getattr(compiler, name)
    if name in ("numpy", "random", "scipy"):
        return importlib.import_module(f"autograd.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
