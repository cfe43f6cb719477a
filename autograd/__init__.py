"""glassgrad: a glass-box automatic-differentiation engine on NumPy.

    from autograd import Value
    x = Value(3.0)
    y = np.tanh(x) * x
    y.backward()
    x.grad

Files in reading order: value, primitives, ops/, backward, tree, transforms, check, viz/.
"""

from autograd import errors, ops, tree
from autograd.backward import backward as _backward  # noqa: F401  fills DISPATCH["backward"]
from autograd.check import check_gradients
from autograd.context import detect_anomaly, no_grad
from autograd.primitives import Primitive, primitive
from autograd.transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from autograd.value import Value, stop_gradient
from autograd.viz import draw

__version__ = "0.1.0"
