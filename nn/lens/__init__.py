"""The lens: what are the weights doing, and can it be trusted?

Each function looks at a model, at data or at a training, and gives an Answer: its numbers, `.verdict` (one sentence with
the number that decides it), `.table()` and `.plot()`. Looking changes nothing: model, optimiser, generators and mode are
afterwards what they were, bit for bit. Second derivatives are the engine's.
"""

from nn.lens.adjustment import StepTable, step_table
from nn.lens.answer import Answer, Table
from nn.lens.influence import Influence, influence
from nn.lens.neuron import NeuronSum, neuron
from nn.lens.signal import Distinct, Signal, distinct, signal
from nn.lens.trace import Trace, trace

__all__ = [
    "Answer", "Distinct", "Influence", "NeuronSum", "Signal", "StepTable", "Table", "Trace", "distinct", "influence",
    "neuron", "signal", "step_table", "trace",
]  # fmt: skip
