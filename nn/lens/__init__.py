"""The lens: what are the weights doing, and can it be trusted?

Each function looks at a model, at data or at a training, and gives an Answer: its numbers, `.verdict` (one sentence with
the number that decides it), `.table()` and `.plot()`. Looking changes nothing: model, optimiser, generators and mode are
afterwards what they were, bit for bit. Second derivatives are the engine's. In reading order:

    answer                                      what every function gives
    trace, neuron, influence                    what a weight is: values by name, one sum written out, ∂ layer / ∂ layer
    signal, adjustment                          how training starts, and what one step of it does
    diagnose                                    what is wrong: `evidence` is gathered, `rules_of_…` judge it
    freezing, lora, consolidation               what of a net goes on learning (change the model)
    streams, remembering                        one example after the other (trains it), and what was forgotten
    explained → gradients, integrated,          what each feature contributes: the question, the ways to answer it,
    deeplift, shapley → attribution             and what they give
    permutation, connections                    what the model loses without a feature; what the weights alone say
    faithfulness, comparison                    whether to believe it, and where methods disagree
    complexity, curvature, lanczos, spectrum    how much it can hold: counts and norms, the Hessian's eigenvalues
    capacity, sweep, pruning                    random labels, width and double descent, fewer weights (prune changes it)
    gap, calibration, recipe, generalization    new data: by how much worse, how sure, which recipe helps
    groups, intervals                           ranks and groups of features; how far chance reaches
"""

from nn.lens.adjustment import StepTable, step_table
from nn.lens.answer import Answer, Table
from nn.lens.attribution import Attribution
from nn.lens.calibration import Calibration, Temperature, calibration, temperature
from nn.lens.capacity import RandomLabelFit, random_label_fit
from nn.lens.comparison import ImportanceComparison, compare_importance
from nn.lens.complexity import Complexity, complexity
from nn.lens.connections import WeightImportance, weight_importance
from nn.lens.consolidation import EWC, FisherInformation
from nn.lens.deeplift import deeplift
from nn.lens.diagnose import Diagnosis, Finding, diagnose
from nn.lens.faithfulness import DeletionCurve, RandomizationCheck, deletion_curve, randomization_check
from nn.lens.freezing import Learning, freeze, learning, unfreeze
from nn.lens.gap import Gap, gap
from nn.lens.generalization import Comparison, LearningCurve, compare, learning_curve
from nn.lens.gradients import expected_gradients, gradient_input, smooth_grad
from nn.lens.influence import Influence, influence
from nn.lens.integrated import integrated_gradients
from nn.lens.lora import Adapted, Adapter, lora, merge
from nn.lens.neuron import NeuronSum, neuron
from nn.lens.overview import Look, overview
from nn.lens.permutation import PermutationImportance, permutation_importance
from nn.lens.pruning import Pruned, prune, rewind
from nn.lens.recipe import Recipe, recipe
from nn.lens.remembering import Forgetting, forgetting
from nn.lens.rules import rule_table
from nn.lens.shapley import shapley
from nn.lens.signal import Distinct, Signal, distinct, signal
from nn.lens.spectrum import Spectrum, spectrum
from nn.lens.streams import Prequential, RunningScaler, Stream, partial_fit
from nn.lens.sweep import WidthSweep, random_feature_sweep, width_sweep
from nn.lens.trace import Trace, trace

__all__ = [
    "Adapted", "Adapter", "Answer", "Attribution", "Calibration", "calibration", "compare", "compare_importance",
    "Comparison", "Complexity", "complexity", "deeplift", "deletion_curve", "DeletionCurve", "diagnose",
    "Diagnosis", "Distinct", "distinct", "EWC", "expected_gradients", "Finding", "FisherInformation", "Forgetting",
    "forgetting", "freeze", "Gap", "gap", "gradient_input", "ImportanceComparison", "Influence", "influence",
    "integrated_gradients", "Learning", "learning", "learning_curve", "LearningCurve", "Look", "lora", "merge",
    "neuron", "NeuronSum", "overview", "partial_fit", "permutation_importance", "PermutationImportance",
    "Prequential", "prune", "Pruned", "random_feature_sweep", "random_label_fit", "randomization_check",
    "RandomizationCheck", "RandomLabelFit", "Recipe", "recipe", "rewind", "rule_table", "RunningScaler", "shapley",
    "Signal", "signal", "smooth_grad", "Spectrum", "spectrum", "step_table", "StepTable", "Stream", "Table",
    "Temperature", "temperature", "Trace", "trace", "unfreeze", "weight_importance", "WeightImportance",
    "width_sweep", "WidthSweep",
]  # fmt: skip
