"""Averages of the weights along the path of training, which are often better than the last ones.

    average = nn.EMA(model, decay=0.999)
    for …:
        optimizer.step()
        average.update()

    with average.applied():                        # the averaged weights are in the model, and afterwards its own again
        nn.recompute_norm_statistics(model, X)     # running means of norm layers are those of other weights
        nn.evaluate(model, …)

Each update moves the average by a share of its distance to the weights: average += share · (weights − average).
"""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from autograd.context import no_grad
from autograd.errors import ArgumentError
from nn.checks import share, whole
from nn.evaluation import cast
from nn.masks import kept, mask_of
from nn.module import Module
from nn.state import load

__all__ = ["EMA", "SWA", "Average", "recompute_norm_statistics"]


class Average:
    """Base class: the averaged weights by dotted path. Subclasses define weighting()."""

    __traced__ = ("updates",)  # so that a compiled step can hold update()

    def __init__(self, model: Module) -> None:
        self.model = model
        self.parameters = dict(model.named_parameters())
        if not self.parameters:
            raise ArgumentError(f"{type(self).__name__}: the model has no parameters to average")
        self.weights = {path: 0.0 * parameter.data for path, parameter in self.parameters.items()}
        self.updates = 0

    def weighting(self) -> float:
        """Share of the newest weights in the average, 1 at the first update."""
        raise NotImplementedError

    def update(self) -> None:
        """Take the weights as they are now into the average; buffers are left alone."""
        self.updates += 1
        newest = self.weighting()
        for path, parameter in self.parameters.items():
            self.weights[path] = self.weights[path] + newest * (parameter.data - self.weights[path])

    @contextmanager
    def applied(self) -> Iterator[Module]:
        """The model with the averaged weights in it; however the block ends, its own weights and buffers come back.

        What a mask (nn/masks.py) says does not learn is the model's own: a weight pruned on the way is 0 here too, though
        its average over the path is not.
        """
        if not self.updates:
            raise ArgumentError(f"{type(self).__name__}: nothing is averaged yet; call update() after each step")
        before = self.model.state_dict()
        try:
            for path, parameter in self.parameters.items():
                mean = copy.copy(self.weights[path])  # a compiled step may write into what it finds here
                parameter.data = kept(mask_of(parameter, path), mean, parameter.data)
            yield self.model
        finally:
            self.model.load_state_dict(before)

    def state_dict(self) -> dict[str, Any]:
        """The number of updates, as "updates", and copies of the averaged weights, as "weights.PATH"."""
        return {name: held if name == "updates" else np.array(held) for name, (_, _, held) in self._places().items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what state_dict gave. Raises ArgumentError, and changes nothing, if names or shapes differ."""
        load(type(self).__name__, self._places(), state)

    def _places(self) -> dict[str, tuple[Any, str, Any]]:
        weights = {f"weights.{path}": (self.weights, path, held) for path, held in self.weights.items()}
        return {"updates": (self, "updates", self.updates), **weights}


class EMA(Average):
    """Exponential moving average with bias correction: Σ decay^(t − s) w_s / Σ decay^(t − s) over the updates s = 1 … t.

    So the start, which would weigh decay^t, has no part in it, and no warm-up of the decay is needed; it is the average of
    Kingma and Ba 2015, arXiv 1412.6980, §7.2. About the last 1 / (1 − decay) updates count.

    >>> import nn
    >>> layer = nn.Linear(1, 1)
    >>> average = EMA(layer, decay=0.5)
    >>> for number in (1.0, 4.0):
    ...     layer.bias.data = np.array([number])
    ...     average.update()
    >>> average.weights["bias"]
    array([3.])
    """

    def __init__(self, model: Module, decay: float = 0.999) -> None:
        self.decay = share("decay", decay)
        super().__init__(model)

    def weighting(self) -> float:
        return (1.0 - self.decay) / (1.0 - self.decay**self.updates)


class SWA(Average):
    """Stochastic weight averaging: the plain mean of all weights that update() saw, such as one an epoch at a high rate.

    Source: Izmailov et al. 2018, arXiv 1803.05407, algorithm 1.
    """

    def weighting(self) -> float:
        return 1.0 / self.updates


def recompute_norm_statistics(model: Module, X: Any, *, batch_size: int = 1024) -> None:
    """Set the running statistics of batch norms to the mean of those of the batches of X, in one pass over it.

    For weights that did not come from training, such as an average. Batches are as large as each other, up to one row.
    Only the norms are in training mode meanwhile (PyTorch's update_bn: all layers, with dropout on), so that the
    statistics are those of what evaluation computes. A frozen norm (nn.lens.freeze) keeps the ones that it was trained
    beside. Source: Izmailov et al. 2018, arXiv 1803.05407, §3.2.
    """
    x = cast(model, X)
    if not len(x):
        raise ArgumentError("recompute_norm_statistics: X has no rows")
    modes = [(module, module.training) for _, module in model.named_modules()]
    norms: list[Any] = [module for module, _ in modes
                        if getattr(module, "num_batches_tracked", None) is not None and not module.frozen]  # fmt: skip
    before = [(norm, norm.momentum, {name: getattr(norm, name) for name in norm.buffers}) for norm in norms]
    model.eval()
    try:
        for norm in norms:
            norm.training, norm.momentum = True, None  # None: the plain mean over batches
            for name in norm.buffers:
                setattr(norm, name, np.zeros_like(getattr(norm, name)))
        with no_grad():
            for batch in np.array_split(x, -(-len(x) // whole("batch_size", batch_size))):
                model(batch)
    except BaseException:
        for norm, _, buffers in before:
            vars(norm).update(buffers)
        raise
    finally:
        for norm, momentum, _ in before:
            norm.momentum = momentum
        for module, mode in modes:
            module.training = mode
