"""A contender as the runner sees it: a worker process that is asked, and the environment the process runs in."""

import contextlib
import json
import os
import subprocess
import tempfile
import threading
from pathlib import Path

WORKER = Path(__file__).parent / "worker.py"
TIMEOUT = 300.0  # seconds for one answer; compiling is the slowest, about 20 s

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class ContenderError(RuntimeError):
    """A contender could not answer; the message is one line."""


def worker_environment(threads, coretype):
    """The runner's environment with the number of threads set; coretype "unset" lets OpenBLAS pick its kernels."""
    environment = dict(os.environ)
    environment.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    if coretype == "unset":
        environment.pop("OPENBLAS_CORETYPE", None)
    return environment


class Contender:
    """A worker process.

    file          name of the file in workloads/, without .py
    python        interpreter of the contender's virtual environment
    environment   dict, see worker_environment
    threads       processors it may use
    folder        put in front of its import path, or None
    label         overrides the name it gives itself
    Raises ContenderError, on creation already if the worker does not start or cannot import its library.
    """

    def __init__(self, file, python, environment, threads, folder=None, label=None):
        self.process = None
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        command = [str(python), "-I", str(WORKER), file, str(threads), *([str(folder)] if folder else [])]
        try:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, env=environment, text=True
            )
            answer = self.ask(do="describe")
        except (OSError, ContenderError) as error:
            self.close()
            raise ContenderError(str(error)) from None
        self.file = file
        self.name = label or answer["name"]
        self.version = answer["version"]
        self.workloads = answer["workloads"]
        self.blas = answer["blas"]

    def ask(self, **request):
        """The worker's answer, a dict. A worker that does not answer in time is ended."""
        timer = threading.Timer(TIMEOUT, self.process.kill)
        timer.start()
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            timer.cancel()
        if not line:
            raise ContenderError(self.last_words())
        answer = json.loads(line)
        if "error" in answer:
            raise ContenderError(answer["error"])
        return answer

    def last_words(self):
        """One line on why the worker ended: the last it wrote to stderr, or its exit status."""
        status = self.process.wait()
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"the worker ended with status {status}"

    def close(self):
        """Ends the worker."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
            self.process.stdout.close()
            self.process = None
        self.errors.close()
