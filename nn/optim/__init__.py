"""Optimisers: how a gradient changes a weight.

    optimizer = nn.AdamW(model, 1e-3, groups={"*.bias": {"weight_decay": 0.0}, "encoder.*": {"learning_rate": 1e-4}})

Files in reading order: base (the step, groups, state), descent, adaptive, muon, then line_search and lbfgs.

Where PyTorch and optax differ, and which ours follow (tested against optax with its options set to ours):

              PyTorch                          optax                              ours
    SGD       rate outside of the velocity     the same                           PyTorch
    Adagrad   sum starts at 0; √s + 1e-10      starts at 0.1; √(s + 1e-7)         PyTorch
    RMSprop   alpha 0.99; √s + 1e-8            decay 0.9; √(s + 1e-8)             PyTorch
              rate outside of the velocity     rate inside                        PyTorch
    Adam      amsgrad: largest v, corrected    v corrected, then the largest      PyTorch
    AdamW     weight_decay 0.01                1e-4                               PyTorch
    NAdam     momentum grows, 0.96^(0.004 t)   constant momentum                  PyTorch; momentum_decay=inf is optax's
    Lion      has none                         weight_decay 1e-3                  0, as in its authors' code
    Muon      mean of g as it is               corrected for its start at 0       PyTorch
              weight_decay 0.1                 0                                  PyTorch
              refuses what is no matrix        that by AdamW                      by AdamW; kernels are matrices
    LBFGS     line search only if asked        zoom search                        strong Wolfe
    all       count steps of each parameter    count all steps                    optax: a parameter whose first gradient
                                                                                  comes late takes longer steps at first

Weight decay here touches arrays with two axes or more (PyTorch and optax: all), unless decay_all=True or a group sets it.
"""

from nn.optim.adaptive import Adagrad, Adam, AdamW, Lion, NAdam, RMSprop
from nn.optim.base import Optimizer
from nn.optim.descent import SGD
from nn.optim.lbfgs import LBFGS
from nn.optim.muon import Muon

__all__ = ["LBFGS", "SGD", "Adagrad", "Adam", "AdamW", "Lion", "Muon", "NAdam", "Optimizer", "RMSprop"]
