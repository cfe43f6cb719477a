"""The best weights come back however training ends: at the end, by patience, break, with, Ctrl-C or an exception."""

import numpy as np
import pytest

import nn
from autograd import Value

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(50, 3)).astype(np.float32), RNG.normal(size=(50, 1)).astype(np.float32)
VALID = (X[:20], Y[:20])


def regressor():
    return nn.MLP(3, [4, 1], np.tanh, rng=0)


def bits(model):
    return [p.data.tobytes() for p in model.parameters()]


class Scripted:
    """A validation loss by epoch, whatever the model does; the training loss is a real one."""

    def __init__(self, *values):
        self.values, self.calls = list(values), 0

    def __call__(self, prediction, target):
        if isinstance(prediction, Value):
            return nn.mse(prediction, target)
        if not np.array_equal(target, VALID[1]):  # the part of the training data that is looked at too
            return 0.0
        self.calls += 1
        return self.values[self.calls - 1]


def weights_by_epoch(epochs):
    """What the weights are after each epoch of the training that `start` starts."""
    model, after = regressor(), []
    for step in nn.train(model, X, Y, optimizer=nn.SGD(model, 0.1), epochs=epochs, rng=0):
        if step.last:
            after.append(bits(model))
    return after


def start(*values, epochs=None, **options):
    model = regressor()
    options = {"optimizer": nn.SGD(model, 0.1), "epochs": epochs or len(values), "rng": 0} | options
    return model, nn.train(model, X, Y, loss=Scripted(*values), validation=VALID, **options)


AFTER = weights_by_epoch(6)


def test_the_end_brings_the_best_epochs_weights_back():
    model, training = start(5.0, 3.0, 4.0, 3.0, 6.0)
    improved = [step.improved for step in training if step.last]
    history = training.history
    assert improved == [True, True, False, False, False]  # equal is not better
    assert history.best_epoch == 2 and bits(model) == AFTER[1]
    assert history.validation_loss == [5.0, 3.0, 4.0, 3.0, 6.0] and len(history.train_loss) == 5


def test_without_validation_the_last_weights_stay():
    assert len({tuple(after) for after in AFTER}) == 6
    model = regressor()
    history = nn.fit(model, X, Y, optimizer=nn.SGD(model, 0.1), epochs=6, rng=0, progress=False)
    assert bits(model) == AFTER[-1] and history.best_epoch == 6


def test_patience_stops_and_says_so():
    model, training = start(5.0, 3.0, 4.0, 3.5, 2.0, epochs=5, patience=2)
    steps = list(training)
    assert steps[-1].epoch == 4 and training.history.stopped == "no better validation loss for 2 epochs"
    assert bits(model) == AFTER[1] and training.history.best_epoch == 2
    model, training = start(5.0, 3.0, 4.0, 2.0, 3.0, epochs=5, patience=2)
    assert list(training)[-1].epoch == 5 and training.history.stopped == "" and bits(model) == AFTER[3]


@pytest.mark.parametrize("nan", [float("nan"), float("inf")])
def test_a_validation_loss_that_is_no_number_is_no_better(nan):
    model, training = start(nan, 3.0, nan, nan, epochs=4, patience=2)
    list(training)
    assert training.history.best_epoch == 2 and bits(model) == AFTER[1]
    model, training = start(nan, nan, nan, epochs=3)
    list(training)
    assert training.history.best_epoch == 0 and bits(model) == AFTER[2]


def test_break_in_a_loop_over_a_nameless_training():
    model, best = regressor(), None
    options = {"optimizer": nn.SGD(model, 0.1), "epochs": 6, "rng": 0}
    for step in nn.train(model, X, Y, loss=Scripted(5.0, 3.0, 4.0, 4.0), validation=VALID, **options):
        if (step.epoch, step.batch) == (4, 1):
            best = bits(model)
            break
    assert best not in AFTER and bits(model) == AFTER[1]


def test_a_with_block_closes_at_once():
    model, training = start(5.0, 3.0, 4.0, 4.0, epochs=4)
    with training as steps:
        assert steps is training and iter(steps) is steps
        for step in steps:
            if step.epoch == 4:
                break
        assert bits(model) not in AFTER
    assert bits(model) == AFTER[1] and list(training) == []
    training.close()


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_exception_in_the_loop_or_the_model_brings_them_back_and_goes_on(error):
    model, training = start(5.0, 3.0, 4.0, 4.0, epochs=4)

    def loop():
        with training as steps:
            for step in steps:
                if (step.epoch, step.batch) == (3, 2):
                    raise error

    with pytest.raises(error):
        loop()
    assert bits(model) == AFTER[1]

    model, calls = regressor(), []

    def failing(prediction, target):
        calls.append(1)
        if len(calls) == 2 * 2 + 2 * 2 + 2:  # two batches and two measurements an epoch; the second batch of the third
            raise error
        return nn.mse(prediction, target)

    with pytest.raises(error):
        nn.fit(
            model, X, Y, loss=failing, optimizer=nn.SGD(model, 0.1), epochs=4, rng=0, progress=False, validation=(X, Y)
        )
    assert bits(model) == AFTER[1]


def test_weights_changed_in_place_between_batches_do_not_reach_the_best_ones():
    model, training = start(5.0, 3.0, 4.0)
    for step in training:
        if step.epoch == 2 and step.last:
            for p in model.parameters():
                p.data *= 0.0
    assert bits(model) == AFTER[1]


def test_a_training_that_never_started_changes_nothing():
    model = regressor().eval()
    before = bits(model)
    with nn.train(model, X, Y, validation=VALID):
        pass
    assert bits(model) == before and not model.training


class Counting(nn.Linear):
    """A linear layer with a buffer: how often it was called in training."""

    buffers = ("calls",)

    def __init__(self):
        super().__init__(3, 1, rng=0)
        self.calls = np.zeros((), np.int64)

    def forward(self, x):
        if self.training:
            self.calls = np.asarray(self.calls + 1)
        return super().forward(x)


def test_buffers_come_back_with_the_weights():
    model = Counting()
    training = nn.train(model, X, Y, loss=Scripted(5.0, 3.0, 4.0), validation=VALID, epochs=3, batch_size=25, rng=0)
    counts = [int(model.calls) for step in training if step.last]
    assert counts == [2, 4, 6] and model.calls == 4 and training.history.best_epoch == 2
