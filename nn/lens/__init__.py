"""The lens: what are the weights doing, and can it be trusted?

Each function looks at a model, at data or at a training, and gives an Answer: its numbers, `.verdict` (one sentence with
the number that decides it), `.table()` and `.plot()`. Looking changes nothing: model, optimiser, generators and mode are
afterwards what they were, bit for bit. Second derivatives are the engine's.
"""

from nn.lens.answer import Answer, Table
from nn.lens.calibration import Calibration, Temperature, calibration, temperature
from nn.lens.gap import Gap, gap
from nn.lens.generalization import Comparison, LearningCurve, compare, learning_curve
from nn.lens.recipe import Recipe, recipe

__all__ = [
    "Answer", "Calibration", "Comparison", "Gap", "LearningCurve", "Recipe", "Table", "Temperature", "calibration",
    "compare", "gap", "learning_curve", "recipe", "temperature",
]  # fmt: skip
