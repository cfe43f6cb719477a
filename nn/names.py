"""Names that people bring along from elsewhere, and what serves here: the end of an error message.

A name that is not there is refused with the one that it is near to, or, where another library calls it so, with what to
write instead. Everything here is text: `nn.ReLU` is not made to work, it is made to say "autograd.relu".
"""

import difflib
import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from autograd.errors import ArgumentError

__all__ = ["IN_A_MODULE", "IN_NN", "near", "options_of", "refuse", "refuse_all_but"]

_FUNCTION = "a layer may be any function: nn.Sequential(nn.Linear(4, 8), {0}, nn.Linear(8, 1))"
_ACTIVATIONS = ("ReLU", "GELU", "SiLU", "ELU", "Sigmoid", "Softplus")
_LIST = "a plain list or dict as an attribute will do: Modules in it are found"
IN_NN = {  # names in torch.nn, torch.optim, torch.utils.data → what serves here
    **{name: _FUNCTION.format(f"autograd.{name.lower()}") for name in (*_ACTIVATIONS, *map(str.lower, _ACTIVATIONS))},
    "LeakyReLU": _FUNCTION.format("autograd.ops.leaky_relu"), "Tanh": _FUNCTION.format("np.tanh"),
    "tanh": _FUNCTION.format("np.tanh"),
    "Softmax": "autograd.ops.softmax(x, axis=-1); nn.cross_entropy takes logits, without it",
    "softmax": "autograd.ops.softmax(x, axis=-1); nn.cross_entropy takes logits, without it",
    "LogSoftmax": "autograd.ops.log_softmax(x, axis=-1); nn.cross_entropy takes logits, without it",
    "CrossEntropyLoss": "nn.cross_entropy, a function", "NLLLoss": "nn.nll, a function", "MSELoss": "nn.mse, a function",
    "L1Loss": "nn.mae, a function", "SmoothL1Loss": "nn.smooth_l1, a function", "HuberLoss": "nn.huber, a function",
    "KLDivLoss": "nn.kl_div, a function", "GaussianNLLLoss": "nn.gaussian_nll, a function",
    "BCEWithLogitsLoss": "nn.binary_cross_entropy, a function of logits",
    "BCELoss": "nn.binary_cross_entropy, a function of logits: leave the sigmoid out",
    "ModuleList": _LIST, "ModuleDict": _LIST, "ParameterList": _LIST, "ParameterDict": _LIST,
    "DataLoader": "nn.batches(X, y, batch_size=32, rng=0); nn.fit makes its own",
    "functional": "functions are in nn (nn.mse), autograd.ops (softmax, conv2d) and NumPy (np.tanh)",
    "lr_scheduler": "nn.schedules", "StandardScaler": "nn.Standardizer", "train_test_split": "nn.split",
    "clip_grad_norm_": "nn.clip_norm(model, 1.0)", "clip_grad_value_": "nn.clip_value(model, 1.0)",
    "pad_sequence": "nn.pad_sequences", "Transformer": "nn.TransformerEncoder, nn.GPTBlock", "GPT": "nn.models.GPT",
    "CNN": "nn.models.CNN", "BatchNorm": "nn.BatchNorm1d or nn.BatchNorm2d",
    **{name: f"nn.{name}1d or nn.{name}2d" for name in ("Conv", "MaxPool", "AvgPool", "InstanceNorm", "AdaptiveAvgPool")},
}  # fmt: skip
IN_A_MODULE = {  # attributes of a torch.nn.Module → what serves here
    "to": "there is the CPU only; model.astype(np.float64) changes the dtype", "cuda": "there is the CPU only",
    "cpu": "there is the CPU only", "float": "model.astype(np.float32)", "double": "model.astype(np.float64)",
    "half": "model.astype(np.float16)", "modules": "named_modules()", "children": "named_children()",
    "get_submodule": "dict(model.named_modules())[path]",
    "register_buffer": "set the attribute, and name it in the class: buffers = (\"mean\",)",
    "register_parameter": "set the attribute to an nn.Parameter",
    "add_module": "set it as an attribute", "append": "nn.Sequential(*model, layer)", "apply": "model.initialize(rng)",
    "requires_grad_": "nn.lens.freeze(model, pattern); an optimiser changes only what it is given: nn.Adam(model[-1])",
    "freeze": "nn.lens.freeze(model, pattern)",
    "fit": "nn.fit(model, X, y)", "backward": "loss.backward()", "compile": "autograd.compile, or nn.fit(…, compile=True)",
    "register_forward_hook": "nn.calls.watched(model)",
}  # fmt: skip

RENAMED = {  # options of others' layers and losses → ours
    "epsilon": "eps", "use_bias": "bias", "size_average": "reduction", "reduce": "reduction", "seed": "rng",
    "class_weight": "weight", "var": "variance", "rate": "p", "units": "out_features", "filters": "out_channels",
}  # fmt: skip


def near(name: str, names: Iterable[str]) -> str:
    """ "; did you mean 'epochs'?" for the nearest of the names, or nothing."""
    found = difflib.get_close_matches(name, list(names), n=1, cutoff=0.7)
    return f"; did you mean {found[0]!r}?" if found else ""


def options_of(*functions: Any) -> list[str]:
    """Names of the keywords that these functions take."""
    parameters = [p for function in functions for p in inspect.signature(function).parameters.values()]
    return [p.name for p in parameters if p.name != "self" and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]


def refuse(
    what: str, unknown: Iterable[str], elsewhere: Mapping[str, str], *functions: Any, more: Iterable[str] = ()
) -> None:
    """Raise ArgumentError if there are unknown options: what serves instead, or the nearest of those there are.

    elsewhere   option of other libraries → what serves here
    functions   whose options there are, and more of their names
    """
    names = sorted(unknown)
    if names:
        known = [*options_of(*functions), *more]
        hints = [f"; {elsewhere[name]}" if name in elsewhere else near(name, known) for name in names]
        raise ArgumentError(f"{what} has no option {', '.join(names)}{''.join(hints)}")


def refuse_all_but(what: str, given: Iterable[str], function: Any) -> None:
    """Raise ArgumentError, with the nearest of its options, if a function has none of a name that is given."""
    parameters = inspect.signature(function).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        elsewhere = {theirs: f"it is called {ours}" for theirs, ours in RENAMED.items() if ours in parameters}
        elsewhere |= {"device": "there is the CPU only", "inplace": "nothing is done in place"}
        refuse(what, set(given) - parameters.keys(), elsewhere, function)
