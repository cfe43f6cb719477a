"""The main job: `python -m nn` trains a network on handwritten digits, or on your own table, and shows what it did.

`python -m nn predict FOLDER new.csv` puts it to work. Options in, text out; the work is in `nn.job` and `nn.predictions`,
the page in `nn.report`. Every mistake of the person who calls ends as
one line "error: …" on stderr and exit status 2, before anything is written.
"""

from __future__ import annotations

import argparse
import io
import math
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from nn import predictions, report
from nn.job import MOVED, Examples, JobError, Result, Settings, build, load, train
from nn.style import has_matplotlib
from nn.table import TableError, read_table

LARGEST_LAYER = 10_000

DESCRIPTION = "Trains a network on handwritten digits, or on your own table, and shows what became of its weights."
PREDICT = "Writes a CSV with what a trained network says of each row: the target, and the probability of each class."
EXAMPLE = """\
example:
  python -m nn                                            the handwritten digits
  python -m nn houses.csv --target price                  your own table
  python -m nn houses.csv --target price --categorical postcode --hidden 64,32 --epochs 200 --seed 1
  python -m nn predict glassgrad-report new.csv           what the network in that folder says of new rows

The table is UTF-8 text with a header line, its columns parted by commas, semicolons or tabs. Columns of numbers are
standardised, others are categories; missing cells (empty, ?, NA, NaN, null, None) are fine. What is to be predicted is
a class if it is a text or a whole number with few values (classification), and an amount otherwise (regression).
"""


class _Parser(argparse.ArgumentParser):
    """Raises its errors: argparse would print the usage too, which is many lines for one mistake."""

    def error(self, message: str) -> NoReturn:
        raise JobError(message)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the job, or predicts, and gives the exit status: 0, 2 for a mistake in the call, 130 for Ctrl-C."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without → or ² is no reason to fail
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        _predict(given[1:]) if given[:1] == ["predict"] else _train(given)
    except (JobError, TableError) as error:
        return _fail(" ".join(str(error).split()))
    except MemoryError:
        return _fail("not enough memory for this table and these sizes")
    except KeyboardInterrupt:
        print("stopped; nothing was written", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe has seen enough (`python -m nn | head`)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return 0


def _train(arguments: Sequence[str]) -> None:
    options = _parser().parse_args(arguments)
    settings = _settings(options)
    report.check_writable(options.out)
    examples = load(settings)
    model = build(settings, examples)
    print(_introduction(examples, model), flush=True)
    result = train(settings, examples, model)
    folder = report.write(result, options.out)
    print(_account(result, folder), flush=True)


def _predict(arguments: Sequence[str]) -> None:
    parser = _Parser(prog="python -m nn predict", description=PREDICT, allow_abbrev=False)
    parser.add_argument("folder", type=Path, help="the report of a run of python -m nn")
    parser.add_argument("data", type=Path, help="a CSV file with the columns that it was trained on, in any order")
    parser.add_argument("--out", type=Path, metavar="FILE", help="a new file; standard output if left out")
    options = parser.parse_args(arguments)
    model, encoder = predictions.trained(options.folder)
    table = read_table(options.data)
    heads, rows = predictions.predicted(model, encoder, table)
    for line in encoder.unknown(table):
        print(f"note: {line}", file=sys.stderr)
    if options.out is None:
        predictions.write(heads, rows, sys.stdout)
        return
    try:
        with open(options.out, "x", encoding="utf-8", newline="") as file:
            predictions.write(heads, rows, file)
    except OSError as error:
        raise JobError(f"--out {options.out}: {error.strerror}") from None


def _fail(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m nn", description=DESCRIPTION, epilog=EXAMPLE, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    add, default = parser.add_argument, Settings()
    fraction, positive = _number(0, 1, "at least 0 and below 1"), _number(1, math.inf, "at least 1", whole=True)
    add("data", nargs="?", type=Path, help="a CSV file; the handwritten digits if left out")
    add("--target", metavar="COLUMN", help="the column to predict, needed with a CSV file")
    add(
        "--task", choices=("auto", "classification", "regression"), default="auto", help="decided by the target if auto"
    )
    add("--categorical", metavar="COLUMN", action="append", default=[], help="numbers that are codes; may be repeated")
    add("--hidden", type=_sizes, metavar="SIZES", help="neurons of the hidden layers: 128,64 (64,32 for a table)")
    add("--epochs", type=positive, default=default.epochs, metavar="N", help="at most so many (%(default)s)")
    add("--batch-size", type=positive, default=default.batch_size, metavar="N", help="rows per step (%(default)s)")
    rate = _number(0, math.inf, "above 0", above=True)
    add("--learning-rate", type=rate, default=default.learning_rate, metavar="F", help="of AdamW (%(default)s)")
    decay = _number(0, math.inf, "at least 0")
    add("--weight-decay", type=decay, default=default.weight_decay, metavar="F", help="of AdamW (%(default)s)")
    seed = _number(0, math.inf, "at least 0", whole=True)
    add("--seed", type=seed, default=default.seed, metavar="N", help="the same seed, the same result (%(default)s)")
    add("--validation", type=fraction, default=default.validation, metavar="F", help="fraction of rows (%(default)s)")
    add("--test", type=fraction, default=default.test, metavar="F", help="fraction of rows (%(default)s)")
    add("--out", type=Path, default=Path("glassgrad-report"), metavar="FOLDER",
        help="where the report goes; numbered on, never overwritten (%(default)s)")  # fmt: skip
    return parser


def _number(
    low: float, high: float, wanted: str, *, above: bool = False, whole: bool = False
) -> Callable[[str], int | float]:
    """A parser of option values in [low, high), or (low, high) if above."""

    def parse(text: str) -> int | float:
        try:
            value = int(text) if whole else float(text)
        except ValueError:
            value = math.nan
        if not low <= value < high or (above and value == low):
            kind = "a whole number" if whole else "a number"
            raise argparse.ArgumentTypeError(f"{text!r}: expected {kind}, {wanted}")
        return value

    return parse


def _sizes(text: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(size) for size in text.split(","))
    except ValueError:
        sizes = ()
    if not sizes or not all(1 <= size <= LARGEST_LAYER for size in sizes):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a list of whole numbers from 1 to {LARGEST_LAYER}, like 64,32"
        )
    return sizes


def _settings(options: argparse.Namespace) -> Settings:
    """Checks what argparse cannot: options that belong together."""
    given = {name: value for name, value in vars(options).items() if name != "out"}
    given["categorical"] = tuple(given["categorical"])
    if options.data is None:
        extra = [name for name in ("target", "categorical") if getattr(options, name)]
        if options.task == "regression":
            extra.append("task")
        if extra:
            raise JobError(f"--{extra[0]} needs a CSV file: python -m nn data.csv --target COLUMN")
        del given["target"]
    elif options.target is None:
        raise JobError(f"--target is missing: which column of {options.data} is to be predicted?")
    if options.test == 0:
        raise JobError("--test must be above 0: the result is measured on the test rows")
    if options.validation + options.test >= 1:
        raise JobError(f"--validation {options.validation:g} and --test {options.test:g} leave no rows to train on")
    return Settings(**given)


def _introduction(examples: Examples, model: object) -> str:
    rows = ", ".join(f"{len(examples.y[part]):,} {part}" for part in examples.parts)
    task = f"{len(examples.classes)} classes" if examples.classes else "regression"
    lines = [f"{examples.title}: {rows} rows; {len(examples.features)} inputs, {task}", *examples.notes, str(model)]
    return "\n".join(lines)


def _account(result: Result, folder: Path) -> str:
    """Everything that is printed after training; the last line is the test's."""
    history, lines = result.history, []
    if history.stopped:
        lines.append(f"stopped after epoch {len(history.train_loss)}: {history.stopped}")
    if "validation" in result.scores:
        lines.append(f"kept the weights of epoch {history.best_epoch}, where the validation loss was lowest")
    lines += ["", *_columns([report.score_heads(result), *report.score_rows(result)]), ""]
    lines += _columns([report.CHANGE_HEADS, *report.change_rows(result)])
    lines += [f"changed: moved by more than {MOVED:g} of the std at birth (at all, where that is 0)", ""]
    if not has_matplotlib():
        lines.append(report.MISSING_PLOTS)
    lines.append(f"for new rows: python -m nn predict {folder} new.csv")
    return "\n".join([*lines, f"report: {folder / 'index.html'}", result.verdict])


def _columns(rows: list[tuple[str, ...]]) -> list[str]:
    """Rows as lines: the first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


if __name__ == "__main__":
    sys.exit(main())
