"""The lens: what are the weights doing, and can it be trusted?

Each function looks at a model, at data or at a training, and gives an Answer: its numbers, `.verdict` (one sentence with
the number that decides it), `.table()` and `.plot()`. Looking changes nothing: model, optimiser, generators and mode are
afterwards what they were, bit for bit. Second derivatives are the engine's.
"""

from nn.lens.answer import Answer, Table
from nn.lens.consolidation import EWC, Importance
from nn.lens.freezing import Learning, freeze, learning, unfreeze
from nn.lens.lora import Adapted, Adapter, lora, merge
from nn.lens.pruning import Pruned, prune, rewind
from nn.lens.remembering import Forgetting, forgetting
from nn.lens.streams import Prequential, RunningScaler, Stream, partial_fit

__all__ = [
    "Adapted", "Adapter", "Answer", "EWC", "Forgetting", "Importance", "Learning", "Prequential", "Pruned",
    "RunningScaler", "Stream", "Table", "forgetting", "freeze", "learning", "lora", "merge", "partial_fit", "prune",
    "rewind", "unfreeze",
]  # fmt: skip
