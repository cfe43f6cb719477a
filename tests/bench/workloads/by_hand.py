"""Forward and backward written out in NumPy with preallocated buffers: what an engine on NumPy could reach.

No graph, no function that differentiates: each line of a backward pass was derived with pencil and paper. The other
contenders' losses are compared with these. The programs are in by_hand_networks.py, by_hand_cnn.py, by_hand_gpt.py and
by_hand_functions.py.
"""

import numpy as np
from workloads import by_hand_functions as functions
from workloads import by_hand_networks as networks
from workloads.by_hand_cnn import cnn
from workloads.by_hand_gpt import gpt

NAME = "by hand, NumPy"
VERSION = np.__version__

WORKLOADS = {
    "W1": lambda: networks.moons(np.float64),
    "W1b": lambda: networks.moons(np.float32),
    "W2": networks.mlp_adam,
    "W3": networks.mlp_momentum,
    "W4": cnn,
    "W5": gpt,
    "W6": functions.chain,
    "W7g": functions.logistic_gradient,
    "W7h": functions.logistic_hessian,
    "W7j": functions.tanh_jacobian,
    "W8": functions.wave,
}
