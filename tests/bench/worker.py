"""One contender, in its own process and virtual environment: answers one JSON line on stdin with one on stdout.

    python -I worker.py NAME THREADS [FOLDER]

NAME is a file of workloads/, FOLDER goes in front of the import path. Needs Python >= 3.10 and NumPy. Run with -I, so
that nothing is importable but this folder and the environment: the repository's own `autograd` must not stand where
HIPS autograd is meant.

Requests and answers:
    {"do": "describe"}                                     {"name": …, "version": …, "workloads": […], "blas": …}
    {"do": "check", "workload": "W2"}                      {"results": [loss, …]}, step CHECK_STEPS from the start
    {"do": "round", "workload": "W2", "collect": true, "budget": 0.08}
                                                           {"steps": …, "seconds": …, "cpu_seconds": …}
    {"do": "memory", "workload": "W2"}                     {"bytes": …}, alive at the peak of a step, or null
where collect says whether the cyclic garbage collector runs. Anything that goes wrong is answered with {"error": …}.

A workload is a function that sets up the initial weights and returns `step()`, which gives the loss (or value and
gradient). Each round starts from the initial weights again, so all rounds do the same work, and no long run drifts
into denormal numbers, which cost some contenders tenfold.
"""

import gc
import importlib
import json
import os
import sys
import tracemalloc
from time import perf_counter, process_time

# A compiled step is written down at the first call, once more when there are gradients to overwrite, and made a program at
# the third. OpenBLAS's threads wait for more work for 26 ms after a product of theirs, and take a processor for it: what is
# measured is the steady state.
WARM_UP, AWAKE = 3, 0.06  # steps; seconds


def main(name, threads, folder=None):
    """Answers requests until standard input ends."""
    # Libraries print to standard output now and then: keep the channel to ourselves and send the rest to stderr.
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.path[:0] = [path for path in (folder, os.path.dirname(os.path.abspath(__file__))) if path]
    pin(int(threads))
    contender = None
    for line in sys.stdin:
        try:
            contender = contender or importlib.import_module("workloads." + name)
            answer = respond(contender, **json.loads(line))
        except Exception as error:  # a broken contender is reported, the others go on
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        channel.write(json.dumps(answer) + "\n")
        channel.flush()


def pin(threads):
    """Keeps this process on as many processors as it may have threads, where the system can (Linux).

    The variables that set the threads of BLAS and OpenMP do not reach XLA, and XLA_FLAGS for one thread left it at 1.7
    processors.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])


def respond(contender, do, workload=None, collect=True, budget=0.0):
    """The answer to one request, a dict."""
    if do == "describe":
        names = sorted(contender.WORKLOADS)
        return {"name": contender.NAME, "version": contender.VERSION, "workloads": names, "blas": blas_kernels()}
    build = contender.WORKLOADS[workload]
    if do == "memory":
        measure = getattr(contender, "memory", array_peak)  # arrays that are not NumPy's know their own way, or none
        return {"bytes": measure and measure(build)}
    return check(build) if do == "check" else timed_round(build, collect, budget)


def blas_kernels():
    """The kernels OpenBLAS picked, such as "SkylakeX", or None without threadpoolctl."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return None
    return next((pool["architecture"] for pool in threadpool_info() if "architecture" in pool), None)


def check(build):
    """The numbers that tell whether a contender computes the same as the others."""
    import data

    step = build()
    for _ in range(data.CHECK_STEPS - 1):
        step()
    return {"results": totals(step())}


def totals(result):
    """A step's result as floats, each array as its sum in float64."""
    import numpy as np

    parts = result if isinstance(result, tuple) else (result,)
    return [float(np.asarray(part, dtype=np.float64).sum()) for part in parts]


def timed_round(build, collect, budget):
    """As many steps as fit into budget seconds, at least one, when those that warm up are over."""
    gc.collect()  # what other workloads left behind would be collected, and timed, in this one
    if not collect:
        gc.disable()
    try:
        step = build()
        for _ in range(WARM_UP):
            step()
        start = perf_counter()
        while perf_counter() - start < AWAKE:
            step()
        start = perf_counter()
        step()
        count = max(1, int(budget / (perf_counter() - start)))
        cpu_start, start = process_time(), perf_counter()
        for _ in range(count):
            step()
        seconds, cpu_seconds = perf_counter() - start, process_time() - cpu_start
    finally:
        gc.enable()
    return {"steps": count, "seconds": seconds, "cpu_seconds": cpu_seconds}


def array_peak(build):
    """Bytes of NumPy arrays alive at the peak of a step: batch, weights, state, gradients, buffers and temporaries.

    The Python objects that a step makes are counted too: a graph's nodes, some tens of KiB.
    """
    import numpy as np

    tracemalloc.start()
    try:
        step = build()
        for _ in range(WARM_UP):
            step()
        gc.collect()
        arrays = tracemalloc.DomainFilter(inclusive=True, domain=np.lib.tracemalloc_domain)
        kept = sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces([arrays]).traces)
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        step()
        return kept + tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
