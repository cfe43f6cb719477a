"""The same steps with their loops as machine code."""

import llvmlite  # noqa: F401  # without it NumPy would run them, under this name
from workloads.glassgrad_compiled import VERSION, workloads

__all__ = ["NAME", "VERSION", "WORKLOADS"]

NAME = "glassgrad llvm"
WORKLOADS = workloads("llvm")
