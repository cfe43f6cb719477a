"""compile: record what a function does, once, and run the record from then on."""

from autograd.compiler.compiled import Compiled, compile
from autograd.compiler.pool import get_threads, set_threads

__all__ = ["Compiled", "compile", "get_threads", "set_threads"]
