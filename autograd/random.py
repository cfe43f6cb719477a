"""Random draws that can be differentiated with respect to the parameters of their distribution.

    mu, sigma = Value(0.5), Value(2.0)
    rng = np.random.default_rng(0)
    z = autograd.random.normal(mu, sigma, size=1000, rng=rng)
    np.mean(z * z).backward()

mu.grad and sigma.grad are then estimates of the slopes of E[z²] = mu² + sigma², which are 1 and 4. `rng` is a Generator or
a seed and always given: nothing here draws from a global generator. How it works is told in ops/random.py.
"""

from autograd.ops.random import (
    cauchy,
    dropout,
    exponential,
    gumbel,
    gumbel_softmax,
    laplace,
    logistic,
    lognormal,
    multivariate_normal,
    normal,
    uniform,
    weibull,
)

__all__ = ["cauchy", "dropout", "exponential", "gumbel", "gumbel_softmax", "laplace", "logistic", "lognormal",
           "multivariate_normal", "normal", "uniform", "weibull"]  # fmt: skip
