"""A network that the main job has trained, at work on new rows: `python -m nn predict FOLDER new.csv`.

The job leaves its network in the folder of its report, as a checkpoint whose extra is the encoder. The rows are encoded as
those of the training were: columns by name, in any order; an unknown category has no feature, a missing number is the mean.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

import numpy as np

from autograd.ops import softmax
from nn.checkpoint import CheckpointError, install, load_state, save
from nn.encoder import Encoder
from nn.job import JobError, Result
from nn.layers import MLP
from nn.table import Table

__all__ = ["MODEL", "keep", "predicted", "trained", "write"]

MODEL = "model.npz"


def keep(result: Result, folder: Path) -> None:
    """Save a result's network and encoder into a folder."""
    save(folder / MODEL, result.model, encoder=result.examples.encoder.to_json())


def trained(folder: Path) -> tuple[MLP, Encoder]:
    """The network and encoder in a report's folder. Raises JobError, in one line, if they are not there as saved."""
    path = folder / MODEL
    try:
        state = load_state(path)
        encoder = Encoder.from_json(state["extra/encoder"])
        layers = sum(name.endswith(".weight") for name in state)
        model = MLP(len(encoder.features), [len(state[f"layers.{i}.bias"]) for i in range(layers)], rng=0)
        install(path, state, model)
        if len(model.layers[-1].bias.data) != (len(encoder.classes) or 1):
            raise TypeError("its outputs are not its classes")
        predicted(model, encoder, Table(str(path), {column.name: [""] for column in encoder.columns}, [1]))
    except OSError as error:
        raise JobError(f"{path}: {error.strerror}; expected the report folder of a run of python -m nn") from None
    except CheckpointError as error:
        raise JobError(str(error)) from None
    except (KeyError, TypeError, ValueError, AttributeError):
        raise JobError(f"{path} is not a network of python -m nn") from None
    return model, encoder


def predicted(model: MLP, encoder: Encoder, table: Table) -> tuple[list[str], list[list[str]]]:
    """(heads, rows) of text: the target, and for classes the probability of each, row by row as in the table.

    Numbers are written with the digits that give the same float32 back. Raises TableError if a column is missing or a
    number is a text.
    """
    out = model.predict(encoder.transform(table))
    if not encoder.classes:
        return [encoder.target], [[str(value)] for value in encoder.values(out)]
    shares = softmax(out.astype(np.float64), axis=-1).astype(np.float32)
    heads = [encoder.target, *(f"probability of {name}" for name in encoder.classes)]
    rows = [[encoder.classes[int(np.argmax(logits))], *map(str, row)] for logits, row in zip(out, shares, strict=True)]
    return heads, rows


def write(heads: Sequence[str], rows: Iterable[Sequence[str]], file: TextIO) -> None:
    """As CSV."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows(rows)
