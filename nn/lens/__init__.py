"""The lens: what are the weights doing, and can it be trusted?

Each function looks at a model, at data or at a training, and gives an Answer: its numbers, `.verdict` (one sentence with
the number that decides it), `.table()` and `.plot()`. Looking changes nothing: model, optimiser, generators and mode are
afterwards what they were, bit for bit. Second derivatives are the engine's.
"""

from nn.lens.answer import Answer, Table
from nn.lens.attribution import Attribution
from nn.lens.comparison import ImportanceComparison, compare_importance
from nn.lens.connections import WeightImportance, weight_importance
from nn.lens.deeplift import deeplift
from nn.lens.faithfulness import DeletionCurve, RandomizationCheck, deletion_curve, randomization_check
from nn.lens.gradients import expected_gradients, gradient_input, smooth_grad
from nn.lens.integrated import integrated_gradients
from nn.lens.permutation import PermutationImportance, permutation_importance
from nn.lens.shapley import shapley

__all__ = [
    "Answer", "Attribution", "DeletionCurve", "ImportanceComparison", "PermutationImportance", "RandomizationCheck",
    "Table", "WeightImportance", "compare_importance", "deeplift", "deletion_curve", "expected_gradients",
    "gradient_input", "integrated_gradients", "permutation_importance", "randomization_check", "shapley", "smooth_grad",
    "weight_importance",
]  # fmt: skip
