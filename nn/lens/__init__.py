"""The lens: what are the weights doing, and can it be trusted?

Each function looks at a model, at data or at a training, and gives an Answer: its numbers, `.verdict` (one sentence with
the number that decides it), `.table()` and `.plot()`. Looking changes nothing: model, optimiser, generators and mode are
afterwards what they were, bit for bit. Second derivatives are the engine's.
"""

from nn.lens.answer import Answer, Table
from nn.lens.capacity import RandomLabelFit, random_label_fit
from nn.lens.complexity import Complexity, complexity
from nn.lens.spectrum import Spectrum, spectrum
from nn.lens.sweep import WidthSweep, random_feature_sweep, width_sweep

__all__ = [
    "Answer", "Complexity", "RandomLabelFit", "Spectrum", "Table", "WidthSweep", "complexity", "random_feature_sweep",
    "random_label_fit", "spectrum", "width_sweep",
]  # fmt: skip
