"""The run: starts the contenders, lets them take turns, and prints what they needed.

For each workload the contenders are asked in turn for one round of about 80 ms, again and again, so that whatever else
the machine does meets all of them alike. A ratio is the median of the ratios within the rounds.
"""

import argparse
import contextlib
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import NamedTuple

import machine
import report
from contender import Contender, ContenderError, worker_environment
from data import TITLES, TOLERANCES

DESCRIPTION = "Speed of glassgrad beside its peers and beside hand-written NumPy, measured in one interleaved run."
HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
OURS = ("by_hand", "by_hand_numba", "glassgrad", "glassgrad_compiled", "glassgrad_llvm")
PEERS = sorted(
    path.stem for path in (HERE / "workloads").glob("*.py") if not path.stem.startswith(("by_hand", "glassgrad"))
)
BUDGET, PAUSE = 0.08, 0.25  # seconds a round; before one on several threads

# A graph of scalars is thousands of small objects: there the collector's share is a result of its own.
COLLECTOR_WORKLOADS, COLLECTOR_FILES = ("W1", "W6"), ("glassgrad", "micrograd")

MEMORY_WORKLOADS = ("W1b", "W2", "W3", "W4", "W5")


class Row(NamedTuple):
    """A line of the tables: a contender, and whether the garbage collector runs."""

    name: str
    contender: Contender
    collect: bool


def parse_arguments(arguments):
    """The command line, checked; argparse's own errors end the program with status 2."""
    parser = argparse.ArgumentParser(prog="python tests/bench", description=DESCRIPTION)
    parser.add_argument(
        "--peer",
        action="append",
        default=[],
        type=peer,
        metavar="NAME=PYTHON",
        help=f"a peer and the interpreter of the environment it is installed in; NAME is one of {', '.join(PEERS)}",
    )
    parser.add_argument(
        "--before", type=Path, metavar="FOLDER", help="another checkout of glassgrad, measured as a peer of this one"
    )
    parser.add_argument("--workloads", type=workloads, default=list(TITLES), help="such as W1,W3; default: all")
    parser.add_argument("--rounds", type=positive, default=7, help="rounds of each contender and workload (default 7)")
    parser.add_argument("--threads", type=positive, default=1, help="threads of each contender (default 1)")
    parser.add_argument(
        "--coretype",
        choices=("unset", "keep"),
        default="unset",
        help="what to do with OPENBLAS_CORETYPE: unset lets OpenBLAS pick the fastest kernels (default)",
    )
    parser.add_argument(
        "--memory",
        action="store_true",
        help=f"also print the bytes of arrays at the peak of a step, of {', '.join(MEMORY_WORKLOADS)}",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every round's figures to FILE")
    return parser.parse_args(arguments)


def peer(text):
    """("torch", "/path/python") of "torch=/path/python"."""
    name, _, python = text.partition("=")
    if name not in PEERS or not python:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected NAME=PYTHON with NAME one of {', '.join(PEERS)}")
    return name, python


def workloads(text):
    """["W1", "W3"] of "W1,W3"."""
    names = text.split(",")
    if unknown := [name for name in names if name not in TITLES]:
        raise argparse.ArgumentTypeError(f"unknown workload {unknown[0]!r}; there are {', '.join(TITLES)}")
    return names


def positive(text):
    """A whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a whole number of at least 1")
    return int(text)


def start(options, stack, warn):
    """Contenders whose worker runs, by hand and glassgrad first; calls warn(line) for each that does not."""
    environment = worker_environment(options.threads, options.coretype)
    wanted = [(name, sys.executable, REPOSITORY, None) for name in OURS]
    if options.before:
        wanted.append(("glassgrad", sys.executable, options.before.resolve(), "glassgrad before"))
    wanted += [(name, python, None, None) for name, python in options.peer]
    contenders = []
    for file, python, folder, label in wanted:
        try:
            contender = Contender(file, python, environment, options.threads, folder, label)
        except ContenderError as error:
            warn(f"{label or file} left out: {error}")
        else:
            stack.callback(contender.close)
            contenders.append(contender)
    return contenders


def rows_of(contenders, workload):
    """The rows of one workload."""
    able = [contender for contender in contenders if workload in contender.workloads]
    rows = [Row(contender.name, contender, True) for contender in able]
    if workload in COLLECTOR_WORKLOADS:
        rows += [Row(f"{c.name} (gc off)", c, False) for c in able if c.file in COLLECTOR_FILES]
    return rows


def check(workload, contenders, warn):
    """Contenders that can do the workload; warns of those that fail or whose results differ by more than rounding."""
    results, able = {}, []
    for contender in contenders:
        if workload not in contender.workloads:
            continue
        try:
            results[contender.name] = contender.ask(do="check", workload=workload)["results"]
        except ContenderError as error:
            warn(f"{contender.name} {workload} left out: {error}")
        else:
            able.append(contender)
    reference = next(iter(results), None)  # by hand, where somebody wrote it, else glassgrad eager
    if reference is not None:
        for name, worst in report.deviations(results, reference, TOLERANCES[workload]).items():
            warn(f"{name} {workload}: results differ from {reference} by {worst:.1e} relative; its time means nothing")
    return able


def measure(workload, rows, options, advance, warn):
    """{row name: µs a step of each round}, the rows taking turns; the turn's order rotates from round to round."""
    samples = {row.name: [] for row in rows}
    broken, greedy = set(), set()
    for index in range(options.rounds):
        shift = index % len(rows) if rows else 0
        for row in rows[shift:] + rows[:shift]:
            advance()
            if row.name in broken:
                continue
            if options.threads > 1:  # until the threads of whoever came before no longer spin
                time.sleep(PAUSE)
            try:
                answer = row.contender.ask(do="round", workload=workload, collect=row.collect, budget=BUDGET)
            except ContenderError as error:
                warn(f"{row.name} {workload} left out: {error}")
                broken.add(row.name)
                continue
            samples[row.name].append(1e6 * answer["seconds"] / answer["steps"])
            if answer["cpu_seconds"] > (options.threads + 0.25) * answer["seconds"]:
                greedy.add(row.name)
    for name in sorted(greedy):
        warn(f"{name} {workload}: used more processors than --threads {options.threads}")
    return {name: report.FAILED if name in broken else numbers for name, numbers in samples.items()}


def memory(workload, contenders, warn):
    """{name: bytes at the peak of a step, or FAILED}, of the contenders whose arrays can be seen."""
    peaks = {}
    for contender in contenders:
        try:
            found = contender.ask(do="memory", workload=workload)["bytes"]
        except ContenderError as error:
            warn(f"{contender.name} {workload} has no figure of memory: {error}")
            found = report.FAILED
        if found is not None:
            peaks[contender.name] = found
    return peaks


@contextlib.contextmanager
def progress(total):
    """A function to call after each round: moves a bar on a terminal's stderr if tqdm is installed."""
    try:
        from tqdm import tqdm
    except ImportError:
        yield lambda: None
        return
    with tqdm(total=total, unit="round", leave=False, disable=None) as bar:
        yield bar.update


def pairs(contenders, names):
    """(label, our row, their row) for the table of ratios."""
    ranked = ["glassgrad llvm", "glassgrad compiled", "glassgrad"]
    eager, found = ranked[-1], []
    for i, ours in enumerate(ranked):
        others = [name for name in names if name not in ranked[: i + 1]] if ours in names else []
        found += [(f"{ours} ÷ {name}", ours, name) for name in others]
    for contender in contenders:
        if contender.file == "micrograd":
            label = f"{eager} ÷ {contender.name} (both gc off)"
            found.append((label, f"{eager} (gc off)", f"{contender.name} (gc off)"))
    return found


def conditions(options, contenders):
    """What the figures depend on, for the report's head and the file: processor, Python, OpenBLAS, threads, versions."""
    return {
        "processor": machine.processor(),
        "python": platform.python_version(),
        "openblas": {contender.name: contender.blas for contender in contenders},
        "OPENBLAS_CORETYPE": {"found": os.environ.get("OPENBLAS_CORETYPE"), "option": options.coretype},
        "threads": options.threads,
        "rounds": options.rounds,
        "versions": {contender.name: contender.version for contender in contenders},
    }


def print_report(options, contenders, samples, peaks, warnings):
    """The conditions, what each workload is, the tables and the warnings, on standard output."""
    known = conditions(options, contenders)
    blas = ", ".join(dict.fromkeys(filter(None, known["openblas"].values()))) or "unknown"
    pinned = known["OPENBLAS_CORETYPE"]["found"]
    state = pinned if pinned and options.coretype == "keep" else f"unset (was {pinned})" if pinned else "unset"
    print(machine.described(known["processor"]))
    print(f"Python {known['python']}, OpenBLAS kernels {blas}, OPENBLAS_CORETYPE {state}")
    print(f"threads {options.threads}, {options.rounds} rounds of {BUDGET * 1e3:.0f} ms, interleaved")
    print(", ".join(f"{name} {version}" for name, version in known["versions"].items()))
    for workload in options.workloads:
        print(f"{workload:4}{TITLES[workload]}")
    names = list(dict.fromkeys(name for contender in contenders for name in names_of(contender, samples)))
    print("\nMedian, ± half the distance between the quartiles\n")
    print("\n".join(report.times_table(samples, names, options.workloads)))
    print("\nMedian of the ratios within a round (quartiles); below 1 glassgrad is faster\n")
    print("\n".join(report.ratios_table(samples, pairs(contenders, names), options.workloads)))
    if peaks:
        print("\nArrays alive at the peak of a step: batch, weights, state, gradients, buffers and temporaries\n")
        print("\n".join(report.memory_table(peaks, names, list(peaks))))
    if warnings:
        print("\n" + "\n".join(warnings))


def names_of(contender, samples):
    """The contender's row names that have an entry in samples."""
    names = (contender.name, f"{contender.name} (gc off)")
    return [name for name in names if any(name in found for found in samples.values())]


def write_json(path, content):
    """Writes a whole file or none: first beside it, then renamed."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(partial, path)


def main(arguments=None):
    """Runs the benchmark; status 0 if glassgrad was measured, else 1."""
    options = parse_arguments(arguments)
    warnings, samples, peaks = [], {}, {}

    def warn(line):
        warnings.append(line)

    with contextlib.ExitStack() as stack:
        contenders = start(options, stack, warn)
        total = sum(len(rows_of(contenders, workload)) for workload in options.workloads) * options.rounds
        advance = stack.enter_context(progress(total))
        for workload in options.workloads:
            able = check(workload, contenders, warn)
            samples[workload] = measure(workload, rows_of(able, workload), options, advance, warn)
            if options.memory and workload in MEMORY_WORKLOADS:
                peaks[workload] = memory(workload, able, warn)
    print_report(options, contenders, samples, peaks, warnings)
    if options.json:
        content = {"conditions": conditions(options, contenders), "microseconds": samples, "bytes": peaks}
        content["warnings"] = warnings
        write_json(options.json, content)
    return 0 if any(isinstance(found.get("glassgrad"), list) for found in samples.values()) else 1
