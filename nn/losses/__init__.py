"""Losses: one number that says how wrong a prediction is; training makes it small.

Files in reading order: base (shapes and reductions), regression, classification.
"""

from nn.losses.classification import accuracy, binary_cross_entropy, cross_entropy, hinge, kl_div, nll
from nn.losses.regression import gaussian_nll, huber, mae, mse, smooth_l1

__all__ = ["accuracy", "binary_cross_entropy", "cross_entropy", "gaussian_nll", "hinge", "huber", "kl_div", "mae", "mse",
           "nll", "smooth_l1"]  # fmt: skip
