"""How much a program computes: what decides where threads are worth it, and what `explain` tells."""

from math import prod

import numpy as np

from autograd.compiler.fuse import Fused
from autograd.compiler.loops import Loop
from autograd.compiler.program import Program, Step, variables
from autograd.compiler.tape import Tape

__all__ = ["flops", "flops_of"]


def flops(program: Program) -> int:
    """Additions and multiplications (and other functions of one number, counted as one each) of a run."""
    return sum(map(flops_of, program.steps))


def flops_of(step: Step) -> int:
    if isinstance(step.op, (Loop, Fused)):
        return flops(step.op.body)
    if isinstance(step.op, Tape):
        return len(step.op.rows)
    sizes = [prod(x.shape) for x in (*step.results, *variables(step.operands))]
    if step.name in ("dot", "matmul"):
        shapes = [np.shape(x) if isinstance(x, np.ndarray) else x.shape for x in step.operands]
        return 2 * prod(step.results[0].shape) * (shapes[0][-1] if shapes[0] else 1)
    if step.name.startswith("conv"):
        weight = step.operands[1].shape if step.name != "conv_weight" else step.results[0].shape
        outer = (
            step.operands[0 if step.name == "conv_input" else 1].shape if step.name != "conv" else step.results[0].shape
        )
        return 2 * prod(outer) * prod(weight[1:])
    return max(sizes, default=0) if step.name not in ("reshape", "transpose", "piece", "pack", "getitem") else 0
