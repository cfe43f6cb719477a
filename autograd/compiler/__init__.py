"""compile: record what a function does, once, and run the record from then on."""

from autograd.compiler.compiled import Compiled, compile

__all__ = ["Compiled", "compile"]
