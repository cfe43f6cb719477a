from autograd.value import Value, no_grad
from autograd import ops, backward as _b
