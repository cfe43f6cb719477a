"""Networks as scikit-learn estimators: its cross-validation, grids, pipelines and curves take them as they are.

    from nn.estimator import NetClassifier
    search = GridSearchCV(make_pipeline(StandardScaler(), NetClassifier()), {"netclassifier__hidden": [(32,), (128,)]})

This is a facade: what trains is `nn.fit`, what it makes is an ordinary nn.MLP (or your own Module) in `model_`, which
every other function of the package can look at. Words and rules are scikit-learn's (`random_state`, `partial_fit`,
parameters kept as given and checked in fit), and its `check_estimator` passes without an exception. Two decisions make
that possible: a sample's weight multiplies its loss and rows of weight 0 are left out, so that weights 2 and 0 are a row
twice and no row (exactly, while a batch holds all rows and nothing is drawn for them; else on average); and the network
computes in the dtype of X. Inputs are taken as they are: put a StandardScaler before it. The targets of the regressor are
standardised inside, so that one learning rate suits dollars and millions of them.

Needs the extra [sklearn].
"""

import difflib
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from autograd import ops
from autograd.errors import ArgumentError, MissingExtraError
from nn import optim
from nn.checks import whole
from nn.data import split
from nn.evaluation import predict
from nn.init import generator
from nn.layers import MLP
from nn.losses import cross_entropy, mse
from nn.module import Module
from nn.training import fit as train

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.class_weight import compute_class_weight
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_array, check_is_fitted, column_or_1d, validate_data
except ImportError:
    raise MissingExtraError('nn.estimator needs scikit-learn 1.6 or later: pip install "glassgrad[sklearn]"') from None

__all__ = ["NetClassifier", "NetRegressor"]

ACTIVATIONS: dict[str, Callable[..., Any] | None] = {
    "elu": ops.elu, "gelu": ops.gelu, "identity": None, "leaky_relu": ops.leaky_relu, "logistic": ops.sigmoid,
    "relu": ops.relu, "sigmoid": ops.sigmoid, "silu": ops.silu, "tanh": np.tanh,
}  # fmt: skip
OPTIMIZERS = {name.lower(): getattr(optim, name) for name in optim.__all__ if name not in ("LBFGS", "Optimizer")}
LARGE = 64  # rows of a batch that is "auto": a few hundred steps then learn a table of a hundred rows


class _Net(BaseEstimator):  # type: ignore[misc]
    """What the two have in common: parameters → network, weights, fit and partial_fit."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train a new network: X (n, features), y (n,) or for the regressor (n, outputs), sample_weight (n,) ≥ 0."""
        x, target = self._begin(X, y, sample_weight)
        rest: dict[str, Any] = {}
        if self.early_stopping:
            rows = self._split(target)
            x, target, validation = x[rows[0]], target[rows[0]], (x[rows[1]], target[rows[1]])
            rest = {"validation": validation, "patience": self.patience}
        self.history_ = self._train(x, target, epochs=whole("epochs", self.epochs), **rest)
        self.loss_curve_ = self.history_.train_loss
        self.n_iter_ = len(self.loss_curve_)
        if self.early_stopping:
            self.validation_losses_, self.best_epoch_ = self.history_.validation_loss, self.history_.best_epoch
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self:
        if hasattr(self, "model_"):
            x, target = self._prepared(X, y, sample_weight, reset=False)
        else:
            x, target = self._begin(X, y, sample_weight, classes)
            self.loss_curve_, self.n_iter_ = [], 0
        self.loss_curve_ = [*self.loss_curve_, *self._train(x, target, epochs=1).train_loss]
        self.n_iter_ += 1
        return self

    def _begin(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> tuple[Any, Any]:
        """A network at its start, and the data as it reads them."""
        x, target = self._prepared(X, y, sample_weight, reset=True, classes=classes)
        self.rng_ = _generator(self.random_state)
        self.model_ = self._network(x.shape[1], self._outputs(), x.dtype)
        self.optimizer_ = self._optimizer(self.model_)
        return x, target

    def _prepared(self, X: Any, y: Any, sample_weight: Any, *, reset: bool, classes: Any = None) -> tuple[Any, Any]:
        """Inputs and targets for nn.fit, without the rows of weight 0."""
        x, y = self._checked(X, y, reset)
        weights = None
        if sample_weight is not None:
            weights = check_array(sample_weight, ensure_2d=False, dtype=x.dtype, input_name="sample_weight")
            if weights.shape != (len(x),):
                raise ArgumentError(
                    f"sample_weight has shape {weights.shape}, expected ({len(x)},), one for each row of X"
                )
            if weights.min() < 0.0 or not weights.sum() > 0.0:
                raise ArgumentError(
                    "sample_weight: negative weights, or all zero; give numbers of at least 0, some above"
                )
        counted = slice(None) if weights is None else np.flatnonzero(weights)
        target = self._target(y, weights, counted, classes, reset)
        return x[counted], target

    def _train(self, x: Any, target: Any, **options: Any) -> Any:
        size = min(LARGE, len(x)) if isinstance(self.batch_size, str) and self.batch_size == "auto" else self.batch_size
        if isinstance(size, str):
            raise ArgumentError(f'batch_size is "auto" or a whole number, got {size!r}')
        return train(
            self.model_, x, target, optimizer=self.optimizer_, loss=self._loss(target), rng=self.rng_,
            batch_size=whole("batch_size", size), compile=self.compile, progress=False, **options,
        )  # fmt: skip

    def _network(self, inputs: int, outputs: int, dtype: Any) -> Module:
        if self.model is not None:
            if isinstance(self.model, Module) or not callable(self.model):
                raise ArgumentError(
                    f"model is a function (in_features, out_features, rng) → nn.Module, got {self.model!r:.60}"
                )
            network = self.model(inputs, outputs, self.rng_)
            if not isinstance(network, Module):
                raise ArgumentError(
                    f"model is a function (in_features, out_features, rng) → nn.Module, it gave {type(network).__name__}"
                )
            return network
        hidden = (self.hidden,) if isinstance(self.hidden, (int, np.integer)) else tuple(self.hidden)
        activation = _named("activation", self.activation, ACTIVATIONS)
        return MLP(inputs, [*hidden, outputs], activation, dropout=self.dropout, rng=self.rng_, dtype=dtype)

    def _optimizer(self, network: Module) -> optim.Optimizer:
        make = _named("optimizer", self.optimizer, OPTIMIZERS)
        made: optim.Optimizer = make(network, learning_rate=self.learning_rate, weight_decay=self.weight_decay)
        return made

    def _split(self, target: Any) -> tuple[Any, ...]:
        share = self.validation_fraction
        if not (isinstance(share, (float, np.floating)) and 0.0 < share < 1.0):
            raise ArgumentError(f"validation_fraction must lie between 0 and 1, got {share!r}")
        if len(target) < 2:
            raise ArgumentError(f"early_stopping keeps rows aside, and there is n_samples = {len(target)}; give more")
        kept = max(float(share), 1.0 / len(target))  # at least one row
        return split(len(target), (1.0 - kept, kept), rng=self.rng_, stratify=self._strata(target))

    def _output(self, X: Any) -> Any:
        """(n, outputs) of the network, in evaluation mode."""
        check_is_fitted(self)
        x = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        out = np.asarray(predict(self.model_, x), np.float64)
        if out.shape != (len(x), self._outputs()):
            raise ArgumentError(
                f"the network gave shape {out.shape} for {len(x)} rows, expected {(len(x), self._outputs())}: its last "
                "layer must have the out_features that model(in_features, out_features, rng) was given"
            )
        return out


class NetClassifier(ClassifierMixin, _Net):  # type: ignore[misc]
    """A network that learns classes: softmax of its outputs are their probabilities, cross-entropy in nats is its loss.

    hidden               neurons of each hidden layer, a tuple or a number; () is logistic regression
    activation           relu, tanh, sigmoid (logistic), gelu, silu, elu, leaky_relu, identity, or a function of a Value
    dropout              share of the hidden neurons left out in training
    learning_rate, weight_decay, optimizer   a name of nn's optimisers or a class; a function (model, learning_rate=…,
                         weight_decay=…) for other options
    epochs, batch_size   "auto": 64 rows, or all if there are fewer
    early_stopping       keep validation_fraction of the rows aside, stop after `patience` epochs without a better loss
                         there, and take the best epoch's weights
    model                a function (in_features, out_features, rng) → Module in the place of hidden, activation, dropout
    class_weight         None, "balanced" (n / (classes · count)) or {class: weight}; multiplies sample_weight
    compile              run the training steps as a compiled program; pays from some thousand steps on
    random_state         int, RandomState, Generator, or None for fresh entropy: first weights, dropout, split, order

    After fit: model_ (the Module), optimizer_, history_, classes_, n_features_in_, feature_names_in_ (of a DataFrame),
    n_iter_ (epochs), loss_curve_ (nats, by epoch); with early_stopping validation_losses_ and best_epoch_.
    Raises ValueError (scikit-learn's or ArgumentError) for what cannot be used, NonFiniteError if the loss diverges.

    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array(["low", "low", "high", "high"])
    >>> net = NetClassifier((8,), epochs=200, random_state=0).fit(X, y)
    >>> net.predict([[0.2], [2.8]]).tolist(), net.predict_proba([[0.2]]).shape
    (['low', 'high'], (1, 2))
    """

    def __init__(
        self, hidden: Any = (64,), *, activation: Any = "relu", dropout: float = 0.0, learning_rate: float = 0.003,
        weight_decay: float = 0.01, optimizer: Any = "AdamW", epochs: int = 100, batch_size: Any = "auto",
        early_stopping: bool = False, validation_fraction: float = 0.1, patience: int = 10, model: Any = None,
        class_weight: Any = None, compile: bool = False, random_state: Any = None,
    ) -> None:  # fmt: skip
        self.hidden, self.activation, self.dropout = hidden, activation, dropout
        self.learning_rate, self.weight_decay, self.optimizer = learning_rate, weight_decay, optimizer
        self.epochs, self.batch_size, self.early_stopping = epochs, batch_size, early_stopping
        self.validation_fraction, self.patience, self.model = validation_fraction, patience, model
        self.class_weight, self.compile, self.random_state = class_weight, compile, random_state

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """One more epoch, over these rows. The first call needs `classes`, all there will be; after fit it goes on."""
        if self.class_weight == "balanced":
            raise ArgumentError('class_weight="balanced" needs all rows at once; give partial_fit a dict of weights')
        if not hasattr(self, "model_") and classes is None:
            raise ArgumentError("classes must be passed on the first call to partial_fit: all classes there will be")
        if hasattr(self, "model_") and classes is not None and not np.array_equal(self.classes_, np.unique(classes)):
            raise ArgumentError(
                f"classes={list(classes)} is not the same as on the last call: {self.classes_.tolist()}"
            )
        return self._partial_fit(X, y, sample_weight, classes)

    def predict_proba(self, X: Any) -> Any:
        """(n, features) → (n, classes) probabilities, in the order of classes_."""
        return ops.softmax(self._output(X), axis=-1)

    def predict_log_proba(self, X: Any) -> Any:
        """Their logarithms, which do not underflow."""
        return ops.log_softmax(self._output(X), axis=-1)

    def predict(self, X: Any) -> Any:
        """(n, features) → (n,) the likeliest classes."""
        best = np.argmax(self._output(X), axis=1)
        return self.classes_[best]

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        x, y = validate_data(self, X, y, dtype=[np.float64, np.float32], reset=reset)
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        return x, y

    def _target(self, y: Any, weights: Any, counted: Any, classes: Any, reset: bool) -> Any:
        """Class numbers; with weights the rows of an identity matrix, each times its weight, which have mean 1."""
        if reset:
            self.classes_ = np.unique(y if classes is None else classes)
        strange = np.setdiff1d(y, self.classes_)
        if len(strange):
            raise ArgumentError(f"y has classes that are not among classes: {strange.tolist()}")
        numbers = np.searchsorted(self.classes_, y)[counted].astype(np.int64)
        if weights is None and self.class_weight is None:
            return numbers
        each = np.ones(len(numbers)) if weights is None else weights[counted].astype(np.float64)
        if self.class_weight is not None:
            each = each * self._factors(numbers, each)[numbers]
        each = each * (len(each) / each.sum())
        return (np.eye(len(self.classes_))[numbers] * each[:, None]).astype(np.float64)

    def _factors(self, numbers: Any, each: Any) -> Any:
        """(classes,) weights of the classes."""
        if isinstance(self.class_weight, str) and self.class_weight == "balanced":
            totals = np.bincount(numbers, each, len(self.classes_))
            return each.sum() / (len(self.classes_) * np.where(totals > 0.0, totals, 1.0))
        return compute_class_weight(self.class_weight, classes=self.classes_, y=self.classes_)

    def _loss(self, target: Any) -> Any:
        return cross_entropy

    def _outputs(self) -> int:
        return len(self.classes_)

    def _strata(self, target: Any) -> Any:
        return target if target.ndim == 1 else np.argmax(target, axis=1)


class NetRegressor(RegressorMixin, _Net):  # type: ignore[misc]
    """A network that learns numbers, one or several a row, by their mean squared error in units of their deviation.

    The parameters are those of NetClassifier, without class_weight; model(in_features, out_features, rng) has as many
    outputs as y has columns. After fit also: target_mean_, target_std_ (outputs,), by which y was standardised (a constant
    column by 1). loss_curve_ is in standardised units: 1 is what the mean alone gets.

    >>> X = np.linspace(-1.0, 1.0, 50)[:, None]
    >>> y = 1000.0 * X[:, 0] ** 2
    >>> net = NetRegressor((16,), activation="tanh", epochs=500, learning_rate=0.01, random_state=0).fit(X, y)
    >>> bool(net.score(X, y) > 0.95)
    True
    """

    def __init__(
        self, hidden: Any = (64,), *, activation: Any = "relu", dropout: float = 0.0, learning_rate: float = 0.003,
        weight_decay: float = 0.01, optimizer: Any = "AdamW", epochs: int = 100, batch_size: Any = "auto",
        early_stopping: bool = False, validation_fraction: float = 0.1, patience: int = 10, model: Any = None,
        compile: bool = False, random_state: Any = None,
    ) -> None:  # fmt: skip
        self.hidden, self.activation, self.dropout = hidden, activation, dropout
        self.learning_rate, self.weight_decay, self.optimizer = learning_rate, weight_decay, optimizer
        self.epochs, self.batch_size, self.early_stopping = epochs, batch_size, early_stopping
        self.validation_fraction, self.patience, self.model = validation_fraction, patience, model
        self.compile, self.random_state = compile, random_state

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """One more epoch, over these rows; the targets are standardised as those of the first call, or of fit."""
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: Any) -> Any:
        """(n, features) → (n,), or (n, outputs) if y had two axes."""
        standard = self._output(X)
        out = standard * self.target_std_ + self.target_mean_
        return out[:, 0] if self._flat else out

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        x, y = validate_data(self, X, y, dtype=[np.float64, np.float32], multi_output=True, y_numeric=True, reset=reset)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return x, y

    def _target(self, y: Any, weights: Any, counted: Any, classes: Any, reset: bool) -> Any:
        """(n, outputs) standardised; with weights one column more, those, which have mean 1."""
        flat, columns = y.ndim == 1, np.asarray(y, np.float64).reshape(len(y), -1)[counted]
        each = np.ones(len(columns)) if weights is None else weights[counted].astype(np.float64)
        if reset:
            self._flat = flat
            self.target_mean_ = np.average(columns, axis=0, weights=each)
            spread = np.sqrt(np.average((columns - self.target_mean_) ** 2, axis=0, weights=each))
            self.target_std_ = np.where((columns == columns[0]).all(axis=0) | (spread == 0.0), 1.0, spread)
        if columns.shape[1] != self._outputs():
            raise ArgumentError(f"y has {columns.shape[1]} outputs, the network learned {self._outputs()} before")
        standard = (columns - self.target_mean_) / self.target_std_
        return standard if weights is None else np.column_stack([standard, each * (len(each) / each.sum())])

    def _loss(self, target: Any) -> Any:
        return _weighted_mse if target.shape[1] > self._outputs() else mse

    def _outputs(self) -> int:
        return len(self.target_mean_)

    def _strata(self, target: Any) -> Any:
        return None


def _weighted_mse(prediction: Any, target: Any) -> Any:
    """mean of w · (prediction − y)², for targets (n, outputs + 1) whose last column is w."""
    error = prediction - target[:, :-1]
    return np.mean(target[:, -1:] * error * error)


def _named(what: str, given: Any, table: dict[str, Any]) -> Any:
    """What a name stands for in a table; a function as it is. Raises ArgumentError with the near or all names."""
    if callable(given):
        return given
    if isinstance(given, str) and given.lower() in table:
        return table[given.lower()]
    near = difflib.get_close_matches(str(given).lower(), table, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(table))}, or give a function"
    raise ArgumentError(f"{what}={given!r} is not known; {hint}")


def _generator(random_state: Any) -> np.random.Generator:
    """scikit-learn's random_state as a Generator; None is fresh entropy, not NumPy's global generator."""
    if random_state is None or isinstance(random_state, np.random.Generator):
        return generator(random_state)
    if isinstance(random_state, (int, np.integer)):
        return generator(int(random_state))
    seeds = check_random_state(random_state).randint(0, 2**31 - 1, size=4)
    return np.random.default_rng(seeds.tolist())
