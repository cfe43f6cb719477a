"""A training that can be killed at any moment: what it writes down besides model and optimiser, and how it goes on.

Resumed, it ends with the bits of one that was never stopped. So the place in the epoch is kept, the sums up to there, the
best weights, and the generator of the order as it was when the epoch began (to draw the same order again) and as it is now.
"""

import copy
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from nn.archive import CheckpointError
from nn.checkpoint import EXTRA, Path, install, load_state, save, under
from nn.history import History

__all__ = ["Position", "keep", "restore"]

BEST = "best/"


@dataclass
class Position:
    """Where a training is.

    epoch, batch   the epoch that runs, from 1, and its batches done;  total, seen: their losses times rows, their rows
    order          the generator's state before it drew the order of this epoch
    best_loss      on the validation data, of the epoch whose weights are in `best`
    """

    epoch: int = 1
    batch: int = 0
    total: float = 0.0
    seen: int = 0
    order: Any = None
    best_loss: float = math.inf
    best: dict[str, Any] = field(default_factory=dict)

    def next_epoch(self) -> None:
        """To the start of the next one."""
        self.epoch, self.batch, self.total, self.seen = self.epoch + 1, 0, 0.0, 0


def keep(path: Path, training: Any) -> None:
    """Write all of a training into a checkpoint."""
    words = {
        "sizes": _sizes(training), "rng": training.rng.bit_generator.state, "history": asdict(training.history),
        "position": {name: value for name, value in vars(training.at).items() if name != "best"},
    }  # fmt: skip
    best = {BEST + name: array for name, array in training.at.best.items()}
    save(path, training.model, training.optimizer, training=words, **best)


def restore(path: Path, training: Any) -> None:
    """Put a training where the checkpoint's was. Raises CheckpointError, and changes nothing, if it was another one."""
    state = load_state(path)
    try:
        at, history, rng = _read(state, training)
    except (KeyError, TypeError, ValueError) as mistake:
        text = f"there is no {mistake}; nn.fit(checkpoint=…) makes one" if isinstance(mistake, KeyError) else mistake
        raise CheckpointError(f"{path} is no checkpoint of this training: {text}") from mistake
    install(path, state, training.model, training.optimizer)
    training.at, training.history = at, history
    training.rng.bit_generator.state = rng.bit_generator.state


def _read(state: Mapping[str, Any], training: Any) -> tuple[Position, History, np.random.Generator]:
    """What `keep` wrote. Raises KeyError, TypeError or ValueError if anything of it is not what it should be."""
    words = state[EXTRA + "training"]
    found, own = words["sizes"], _sizes(training)
    if found != own:
        raise ValueError(f"its training had {found}, this one has {own}")
    rng = copy.deepcopy(training.rng)
    for numbers in (words["position"]["order"] or words["rng"], words["rng"]):
        rng.bit_generator.state = numbers
    at, history = _made(Position, words["position"]), _made(History, words["history"])
    at.best = under(EXTRA + BEST, state)
    shapes = [{name: array.shape for name, array in x.items()} for x in (at.best, training.model.state_dict())]
    if at.best and shapes[0] != shapes[1]:
        raise ValueError("its best weights are another model's")
    return at, history, rng


def _made(kind: Any, words: Mapping[str, Any]) -> Any:
    """A dataclass from its words, each of the type of the default."""
    made = kind(**words)
    for name, default in vars(kind()).items():
        value, types = getattr(made, name), (int, float) if type(default) is float else type(default)
        if default is not None and not isinstance(value, types):
            raise TypeError(f"{name} is {str(value)[:40]!r}")
    return made


def _sizes(training: Any) -> dict[str, int]:
    return {"rows": len(training.X), "batch_size": training.rows}
