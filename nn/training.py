"""Training: a loop over batches, with validation, early stopping, checkpoints and a progress bar.

`train` is the loop as a generator: each batch gives a Step, and what you do between batches is up to you.

    for step in train(model, X, y, optimizer=nn.Adam(model), epochs=10, rng=0):
        print(step.epoch, step.loss)

`fit` runs it to its end and gives a History. Both keep the best weights while there is validation data and put them back
however the loop ends: at the end, by `break`, by Ctrl-C or by an exception; if the generator has a name of its own, use it
in a `with` block, so that it is closed at once:

    with train(...) as steps:
        for step in steps: ...
"""

import copy
import itertools
import math
import os
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any

import numpy as np

from nn.arguments import (
    ELSEWHERE,
    augmented,
    check_counts,
    check_functions,
    check_limits,
    check_optimizer,
    checked_data,
    chosen_loss,
)
from nn.curves import Live
from nn.data import batches
from nn.evaluation import Metric, evaluate
from nn.history import History, Step
from nn.init import Rng, generator
from nn.losses import accuracy, cross_entropy
from nn.module import Module
from nn.names import refuse
from nn.optim import Adam, Optimizer
from nn.outline import function_name
from nn.progress import Bar
from nn.resume import Position, keep, restore
from nn.state import modes_kept, put_best
from nn.step import Careful, Watch, in_parts, training_step

__all__ = ["Training", "fit", "train"]


class Training:
    """Batches of training as an iterator of Steps; nn.train is another name for it.

    X, y        (n, …) inputs and (n, …) targets; X and float targets are cast once to the model's dtype
    optimizer   by default Adam with its default rate
    loss        (prediction, target) → number; by default cross_entropy for integer targets, mse for others
    rng         seed or Generator for the order of the batches, and for augment
    accumulate  batches whose gradients are added up for one step: the step of one batch of that many times the size, in the
                memory of one, for losses that are a mean over rows and layers that see each row alone (no batch norm)
    augment     (x, rng) → x, applied to every training batch: flips, shifts, noise; one with `mixes`, such as nn.Mixup,
                is (x, target, rng) → (x, target)
    schedule    step → learning rate (nn.schedules), set before every step; one that `watches` gets the losses by epoch too
    clip_norm   the gradient's norm is cut to this (nn.clip_norm)
    validation  (X, y) looked at after each epoch, in evaluation mode; the weights of the best epoch are kept
    metric      (prediction, target) → float for validation; accuracy by default for class numbers
    patience    stop after that many epochs without a better validation loss
    compile     run each training step as a compiled program (autograd.compile), several times faster for small models
    checkpoint  a file (.npz or .safetensors) that is replaced after every epoch, and after every `checkpoint_every` steps
    resume      go on from that file if it is there: killed at any moment and resumed, with the same arguments, a training
                ends with the bits of one that never stopped, order of the batches, dropout and early stopping included

    `history` grows as it runs; close() puts the best weights back. Raises NonFiniteError if the loss becomes NaN or
    infinite, and CheckpointError for a file that is damaged or of another training.
    """

    def __init__(
        self,
        model: Module,
        X: Any,
        y: Any,
        *,
        optimizer: Optimizer | None = None,
        loss: Callable[[Any, Any], Any] | None = None,
        epochs: int = 10,
        batch_size: int = 32,
        rng: Rng = None,
        accumulate: int = 1,
        augment: Callable[[Any, np.random.Generator], Any] | None = None,
        schedule: Callable[..., float] | None = None,
        clip_norm: float | None = None,
        validation: tuple[Any, Any] | None = None,
        metric: Metric | None = None,
        patience: int | None = None,
        compile: bool = False,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: int | None = None,
        resume: bool = False,
        **unknown: Any,
    ) -> None:
        refuse("training", unknown, ELSEWHERE, Training, fit)
        check_counts(epochs=epochs, batch_size=batch_size, accumulate=accumulate, patience=patience,
                     checkpoint_every=checkpoint_every)  # fmt: skip
        check_functions(loss=loss, metric=metric, augment=augment, schedule=schedule)
        check_limits(clip_norm, validation, patience, checkpoint, checkpoint_every, resume, compile)
        self.model = model
        self.X, self.y = checked_data("X, y", model, X, y, gaps=loss is not None)  # which may leave NaN out
        self.validation = validation and checked_data("validation", model, *validation, gaps=loss is not None)
        self.loss = chosen_loss(loss, self.y)
        self.metric = metric or (accuracy if self.loss is cross_entropy and self.y.dtype.kind in "iub" else None)
        self.optimizer = optimizer or Adam(model)
        check_optimizer(self.optimizer, model)
        self.epochs, self.rows, self.patience = epochs, batch_size * accumulate, patience
        self.rng, self.augment, self.schedule = generator(rng), augment, schedule
        self.checkpoint, self.checkpoint_every = checkpoint, checkpoint_every
        self.watch = Watch()
        self.step = training_step(self.model, self.loss, self.optimizer, self.watch, clip_norm)
        if compile:
            self.step = Careful(self.step, self.optimizer)
        self.update = self.step if accumulate == 1 else in_parts(self.step, batch_size)
        self.history, self.at = History(metric=function_name(self.metric) if self.metric else ""), Position()
        if resume and checkpoint and os.path.exists(checkpoint):
            restore(checkpoint, self)
        self._steps = copy.copy(self)._run()  # of a copy: holding its own generator, it would not be freed by a break

    def __iter__(self) -> Iterator[Step]:
        return self

    def __next__(self) -> Step:
        return next(self._steps)

    def __enter__(self) -> "Training":
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()

    def close(self) -> None:
        """Stop; the model gets its best weights back."""
        self._steps.close()

    @property
    def batches_per_epoch(self) -> int:
        """Number of Steps in an epoch."""
        return math.ceil(len(self.X) / self.rows)

    def _run(self) -> Generator[Step, None, None]:
        at, history, learned = self.at, self.history, self.optimizer.parameters
        started = time.perf_counter() - history.seconds
        with modes_kept(self.model):
            try:
                while at.epoch <= self.epochs and not history.stopped:
                    for x, target in self._batches():
                        self.model.train()
                        self._set_rate()
                        ends = at.batch + 1 == self.batches_per_epoch
                        before = [np.array(parameter.data) for parameter in learned] if ends else []
                        loss = float(self.update(x, target))
                        at.batch, at.total, at.seen = at.batch + 1, at.total + loss * len(x), at.seen + len(x)
                        history.seconds = time.perf_counter() - started
                        if at.batch < self.batches_per_epoch:
                            yield Step(at.epoch, at.batch, loss, False, at.total / at.seen)
                            if self.checkpoint_every and self.optimizer.steps % self.checkpoint_every == 0:
                                self._keep()
                    history.take_down(self.optimizer.learning_rate, before, learned)
                    yield self._end_of_epoch(loss)
                    at.next_epoch()
                    self._keep()
            finally:
                if at.best:
                    put_best(self.model, at.best)
                history.seconds = time.perf_counter() - started

    def _batches(self) -> Iterator[tuple[Any, Any]]:
        """What is left of the epoch; its order is drawn from where the generator was when the epoch began."""
        at, numbers = self.at, self.rng.bit_generator
        now = numbers.state
        at.order = numbers.state = at.order if at.batch else now
        rest = batches(self.X, self.y, batch_size=self.rows, rng=self.rng)
        if at.batch:
            numbers.state = now
        for x, target in itertools.islice(rest, at.batch, None):
            yield (x, target) if self.augment is None else augmented(self.model, self.augment, x, target, self.rng)

    def _set_rate(self) -> None:
        if self.schedule is not None:
            losses = self.history.validation_loss or self.history.train_loss
            watched = (losses,) if getattr(self.schedule, "watches", False) else ()
            self.optimizer.learning_rate = self.schedule(self.optimizer.steps, *watched)
        self.watch.at(self.at.epoch, self.at.batch + 1, self.optimizer.learning_rate)

    def _end_of_epoch(self, loss: float) -> Step:
        """Validate, and remember the weights if they are the best so far; the Step that tells of it."""
        at, history = self.at, self.history
        history.train_loss.append(at.total / at.seen)
        measured, improved = self._validate() if self.validation else (None, None), False
        if measured[0] is None:
            history.best_epoch = at.epoch
        elif measured[0] < at.best_loss:
            history.best_epoch, at.best_loss, at.best, improved = at.epoch, measured[0], self.model.state_dict(), True
        if self.patience is not None and at.epoch - history.best_epoch >= self.patience:
            history.stopped = f"no better validation loss for {self.patience} epochs"
        return Step(at.epoch, at.batch, loss, True, at.total / at.seen, *measured, improved)

    def _validate(self) -> tuple[float | None, float | None]:
        """(loss, metric) on the validation data; those on as many rows of the training data go into the history."""
        history, (X, y) = self.history, self.validation or (self.X, self.y)
        every = max(1, len(self.X) // len(X))
        rows = slice(None, len(X) * every, every)  # spread over them all
        fitted = evaluate(self.model, self.X[rows], self.y[rows], loss=self.loss, metric=self.metric)
        measured = evaluate(self.model, X, y, loss=self.loss, metric=self.metric)
        history.validation_loss.append(measured[0])
        history.fitted_loss.append(fitted[0])
        if measured[1] is not None and fitted[1] is not None:
            history.validation_metric.append(measured[1])
            history.fitted_metric.append(fitted[1])
        return measured

    def _keep(self) -> None:
        if self.checkpoint is not None:
            keep(self.checkpoint, self)


train = Training


def fit(model: Module, X: Any, y: Any, *, progress: bool = True, live: bool = False, **options: Any) -> History:
    """Train the model to the end and give the History. The options are those of nn.train, and

    progress  a tqdm bar with loss, rate and steps per second, on a terminal or in a notebook
    live      in a notebook, the curves of loss and metric too, drawn anew as they grow

    Ctrl-C ends it early, with the best weights back in the model, and is raised again.
    """
    training = Training(model, X, y, **options)
    done = (training.at.epoch - 1) * training.batches_per_epoch + training.at.batch
    total = training.epochs * training.batches_per_epoch
    with training as steps, Bar(progress, total, done) as bar, Live(live, training.history) as curves:
        for step in steps:
            bar.show(step, training.optimizer.learning_rate)
            curves.show(step)
    return training.history
