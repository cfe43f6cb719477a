"""Threads of compiled programs: one pool of ours, and BLAS at one thread meanwhile.

A program of large matrix products is left to BLAS and its threads: cut into parts of ours they take 15 % longer. Ops that
are many small products and copies, such as convolutions, are cut into `PARTS` of the batch, and these run on threads of
ours. In a program with such ops BLAS has one thread: its own cost more than they bring there (a small CNN's step took
11.2 ms instead of 7.8), for each pool waits for the other's spinning threads. The cut is the same for every number of
threads, and so are the results. The caller works too: if the machine is busy and the other thread does not come, it does
all parts itself.
"""

import contextlib
import contextvars
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from threadpoolctl import ThreadpoolController

from autograd.errors import ArgumentError

__all__ = ["PARTS", "get_threads", "limited", "set_threads", "together"]

PARTS = 2


def _available() -> int:
    """Processors this process may use, or OMP_NUM_THREADS if that is less."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    wish = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(count, int(wish) if wish.isdecimal() and int(wish) else count, PARTS))


class _Pool:
    """The threads of this process, made when they are first needed, and who limits BLAS."""

    def __init__(self) -> None:
        self.setting = _available()
        self.executor: ThreadPoolExecutor | None = None
        self.controller: Any = None
        self.original: Any = None  # a limiter that knows what BLAS had before
        self.requests: list[int] = []  # threads that those inside allow BLAS
        self.lock = threading.Lock()
        self.running = threading.local()

    @contextlib.contextmanager
    def blas(self, threads: int) -> Iterator[None]:
        """BLAS with at most so many threads; with callers in several threads, the least of what they ask for."""
        with self.lock:
            self.requests.append(threads)
            self.apply()
        try:
            yield
        finally:
            with self.lock:
                self.requests.remove(threads)
                self.apply()

    def apply(self) -> None:
        if not self.requests:
            self.original.restore_original_limits()
            self.original = None
            return
        self.controller = self.controller or ThreadpoolController()  # looking for the libraries takes 1 ms
        limiter = self.controller.limit(limits=min(self.requests), user_api="blas")
        self.original = self.original or limiter


POOL = _Pool()
if hasattr(os, "register_at_fork"):  # not on Windows; threads do not survive a fork
    os.register_at_fork(after_in_child=lambda: POOL.__init__())  # type: ignore[misc]


def set_threads(count: int) -> None:
    """How many threads compiled programs use, 1 or 2; at first as many as there are processors, or OMP_NUM_THREADS."""
    POOL.setting = check_threads(count)


def get_threads() -> int:
    """How many threads compiled programs use."""
    return POOL.setting


def check_threads(count: Any) -> int:
    """The number, or ArgumentError."""
    if not isinstance(count, int) or not 1 <= count <= PARTS:
        raise ArgumentError(f"threads={count!r}: expected a whole number from 1 to {PARTS}")
    return count


def limited(run: Callable[..., Any], threads: int | None, blas: int) -> Callable[..., Any]:
    """run with so many threads (None: as many as are set when it runs), and so many of BLAS."""

    def limited_run(*arguments: Any) -> Any:
        before = getattr(POOL.running, "threads", 1)
        POOL.running.threads = threads or POOL.setting
        try:
            with POOL.blas(blas):
                return run(*arguments)
        finally:
            POOL.running.threads = before

    return limited_run


def together(function: Callable[..., Any], tasks: Iterable[Any]) -> list[Any]:
    """[function(*task) for each task], on the threads of the pool and the caller's own."""
    tasks = list(tasks)
    threads = getattr(POOL.running, "threads", 1)
    if threads == 1:
        return [function(*task) for task in tasks]
    if POOL.executor is None:
        POOL.executor = ThreadPoolExecutor(PARTS - 1, thread_name_prefix="glassgrad")
    waiting, results = deque(enumerate(tasks)), [None] * len(tasks)

    def work() -> None:
        while waiting:
            try:
                i, task = waiting.popleft()
            except IndexError:  # another thread took it
                return
            results[i] = function(*task)

    helpers = [POOL.executor.submit(contextvars.copy_context().run, work) for _ in range(threads - 1)]
    work()
    for helper in helpers:
        if not helper.cancel():  # one that has not begun is not needed any more
            helper.result()
    return results
