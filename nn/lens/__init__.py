"""The lens: what are the weights doing, and can it be trusted?

Each function looks at a model, at data or at a training, and gives an Answer: its numbers, `.verdict` (one sentence with
the number that decides it), `.table()` and `.plot()`. Looking changes nothing: model, optimiser, generators and mode are
afterwards what they were, bit for bit. Second derivatives are the engine's.
"""

from nn.lens.answer import Answer, Table
from nn.lens.diagnose import Diagnosis, Finding, diagnose
from nn.lens.rules import rule_table

__all__ = ["Answer", "Diagnosis", "Finding", "Table", "diagnose", "rule_table"]
