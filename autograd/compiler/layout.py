"""channels_last: images between convolutions lie in memory with their channels last.

A convolution is a product with rows of windows, and its result has the channels last; turning it so that they come second,
and back for the next convolution, costs as much as a third of the product. So convolutions and pools become ops on arrays
(batch, *spatial, channels), and what lies between them is turned with them: elementwise steps, slices, sums. Any other
step gets a view with the channels second again.

plain_channels_last: the same, for NumPy. A step that spreads one number per channel over an image has short inner loops
then, 16 numbers for 16 channels; machine code does not mind, NumPy does. So a program with such steps stays as it is.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.compiler.assemble import joined
from autograd.compiler.fuse import reduced
from autograd.compiler.program import Program, Step, Steps, Variable, rebuild
from autograd.ops.channels_last import last as _turned
from autograd.ops.channels_last import second as _second
from autograd.primitives import registry

__all__ = ["Last", "channels_last", "plain_channels_last"]

# operands, from the first, that are images; the results are too, but for a weight
IMAGES = {"conv": 1, "conv_input": 1, "conv_weight": 2, "max_pool": 1, "max_pool_input": 3, "avg_pool": 1,
          "avg_pool_input": 1}  # fmt: skip
STARTS = {"conv", "conv_input", "conv_weight"}
REDUCTIONS = {"sum", "max", "min", "mean"}


class Last:
    """The op on images whose channels are the last axis; other operands, and options, are as they were."""

    def __init__(self, op: Any) -> None:
        self.op, self.name, self.images = op, f"{op.name}_last", IMAGES[op.name]
        self.makes = op.name != "conv_weight"  # an image
        self.along, self.summed, self.into = op.along, op.summed, self.written if op.into else None

    def turned(self, operands: tuple[Any, ...]) -> list[Any]:
        """The operands with the channels of images second, as views."""
        return [second(x) if i < self.images else x for i, x in enumerate(operands)]

    def compute(self, *operands: Any, **options: Any) -> Any:
        out = self.op.compute(*self.turned(operands), **options)
        return np.ascontiguousarray(turned(out)) if self.makes else out

    def written(self, out: Any, *operands: Any, **options: Any) -> None:
        """The op into an array of its form."""
        self.op.into(second(out) if self.makes else out, *self.turned(operands), **options)


turned: Callable[[Any], Any] = _turned  # the views of an array with its channels last, and second
second: Callable[[Any], Any] = _second
OPS: dict[str, Last] = {}


def last(name: str) -> Last:
    """The one op for channels last of this name."""
    return OPS.setdefault(name, Last(registry[name]))


def channels_last(program: Program) -> Program:
    """The program with the channels of images last in memory."""
    return _Turning(program, True).run()


def plain_channels_last(program: Program) -> Program:
    """The same, if no step spreads one number per channel over an image."""
    return _Turning(program, False).run()


class _Turning:
    def __init__(self, program: Program, spread: bool) -> None:
        self.program, self.spread, self.gradients = program, spread, dict(program.gradients)
        self.steps = Steps()  # its step is the one at work
        self.images: dict[Variable, Variable] = {}  # as it was → with its channels last, if it is made so
        self.back: dict[Variable, Variable] = {}  # as it was → its view
        self.turned: dict[tuple[Variable, int], Variable] = {}  # what is not made so, and as how many axes → its view

    def run(self) -> Program:
        """The new program; as it was if it has no images, or is better left alone."""
        if not any(step.name in STARTS for step in self.program.steps):
            return self.program
        for step in self.program.steps:
            self.steps.step = step
            rule = self.rule(step)
            if rule is None:
                self.steps.append(step.renamed(self.second))
            elif not rule(step):
                return self.program
        outputs = [rebuild(out, self.second) for out in self.program.outputs]
        if not self.images:
            return self.program
        new = self.program.but(steps=self.steps, outputs=outputs)
        new.gradients = self.gradients
        return new

    def rule(self, step: Step) -> Callable[[Step], bool] | None:
        """What turns the step; None if it stays."""
        if len(step.results) != 1 or not step.pure:
            return None
        if step.name in STARTS and step.options.get("groups", 1) == 1 and self.wide(step):
            return self.op
        if not any(isinstance(x, Variable) and x in self.images for x in step.operands):
            return None
        out = step.results[0]
        if step.name in IMAGES and step.options.get("groups", 1) == 1:
            return self.op
        if step.elementwise and not step.options and len(out.shape) > 2:
            if any(
                len(x.shape) != len(out.shape) for x in step.operands if isinstance(x, Variable) and x in self.images
            ):
                return None
            whole = all(x.shape in ((), out.shape) for x in step.operands if hasattr(x, "shape"))
            return self.elementwise if whole or self.spread else lambda _: False
        if step.name in ("getitem", "joined") and all(map(_sliced, _indices(step))):
            return self.sliced
        if step.name in REDUCTIONS and not step.elementwise and _reduces(step) is not None:
            return self.reduced
        return None

    def wide(self, step: Step) -> bool:
        """Whether a convolution begins or ends in floats, with as many axes as images have."""
        x = step.operands[0]
        return (
            isinstance(x, (Variable, np.ndarray))
            and len(x.shape) > 2
            and 0 not in x.shape
            and x.dtype in (np.float32, np.float64)
        )

    def image(self, x: Any, ndim: int) -> Any:
        """An operand with its channels last."""
        if not getattr(x, "shape", ()):
            return x
        if isinstance(x, np.ndarray):
            return np.ascontiguousarray(turned(x.reshape((1,) * (ndim - x.ndim) + x.shape)))
        if x in self.images:
            return self.images[x]
        if (x, ndim) not in self.turned:
            shape = (1,) * (ndim - len(x.shape)) + x.shape
            wide = x if shape == x.shape else self.steps.then(np.reshape, x, shape, shape=shape)
            self.turned[x, ndim] = self.steps.then(np.transpose, wide, shape=_last(shape), axes=_order(ndim))
        return self.turned[x, ndim]

    def second(self, x: Variable) -> Variable:
        """A variable as it was: a view of the image, if it is made as one."""
        if x not in self.images:
            return x
        if x not in self.back:
            n = len(x.shape)
            axes = (0, n - 1, *range(1, n - 1))
            self.back[x] = self.steps.then(np.transpose, self.images[x], shape=x.shape, axes=axes)
            self.back[x].name = x.name
        return self.back[x]

    def becomes(self, step: Step, op: Any, operands: Any, options: dict[str, Any]) -> bool:
        """Replace a step by one that makes the image; True."""
        x = step.results[0]
        self.images[x] = Variable(_last(x.shape), x.dtype, x.name)
        if x in self.gradients:
            self.gradients[self.images[x]] = self.gradients[x]
        self.steps.append(step.but(op=op, operands=operands, options=options, results=(self.images[x],)))
        return True

    def op(self, step: Step) -> bool:
        op = last(step.name)
        n = len(step.operands[0].shape)
        operands = tuple(
            self.image(x, n) if i < op.images else rebuild(x, self.second) for i, x in enumerate(step.operands)
        )
        if op.makes:
            return self.becomes(step, op, operands, step.options)
        self.steps.append(step.but(op=op, operands=operands))
        return True

    def elementwise(self, step: Step) -> bool:
        n = len(step.results[0].shape)
        return self.becomes(step, step.op, tuple(self.image(x, n) for x in step.operands), {})

    def sliced(self, step: Step) -> bool:
        shape, n = step.results[0].shape, len(step.results[0].shape)
        if step.op is joined:
            options = {"indices": tuple(map(_last, step.options["indices"])), "shape": _last(shape)}
        else:
            options = {"index": _last(_full(step.options["index"], n))}
        return self.becomes(step, step.op, tuple(self.image(x, n) for x in step.operands), options)

    def reduced(self, step: Step) -> bool:
        n, axes = len(step.operands[0].shape), _reduces(step) or ()
        options = step.options | {"axis": tuple(sorted(n - 1 if i == 1 else max(0, i - 1) for i in axes))}
        operands = (self.image(step.operands[0], n),)
        if step.options.get("keepdims"):
            return self.becomes(step, step.op, operands, options)
        self.steps.append(step.but(operands=operands, options=options))
        return True


def _order(n: int) -> tuple[int, ...]:
    return (0, *range(2, n), 1)


def _last(items: Any) -> tuple[Any, ...]:
    """A shape or an index with what is second last."""
    return (items[0], *items[2:], items[1])


def _indices(step: Step) -> tuple[Any, ...]:
    """The indices of a step that slices."""
    if step.op is joined:
        return tuple(step.options["indices"])
    return (_full(step.options.get("index"), len(step.operands[0].shape)),)


def _full(index: Any, n: int) -> tuple[Any, ...]:
    """An index with an entry for each axis; as it is if it has more than slices."""
    parts = index if type(index) is tuple else (index,)
    if sum(part is Ellipsis for part in parts) == 1:
        i = next(i for i, part in enumerate(parts) if part is Ellipsis)
        parts = (*parts[:i], *[slice(None)] * (n - len(parts) + 1), *parts[i + 1 :])
    return (*parts, *[slice(None)] * (n - len(parts)))


def _sliced(index: tuple[Any, ...]) -> bool:
    """Whether an index has slices of plain numbers only."""
    return all(type(part) is slice and not any(isinstance(x, Variable) for x in (part.start, part.stop, part.step))
               for part in index)  # fmt: skip


def _reduces(step: Step) -> tuple[int, ...] | None:
    """The axes that a reduction goes over, if its result is the same with the channels last, or an image."""
    if any(name not in ("axis", "keepdims", "initial") and option is not None for name, option in step.options.items()):
        return None
    axes = reduced(step)
    kept = [i for i in range(2, len(step.operands[0].shape)) if i not in axes]
    return axes if step.options.get("keepdims") or 1 in axes or not kept else None
