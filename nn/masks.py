"""What of a parameter learns: its mask, one mechanism for freezing and for pruning.

parameter.mask is None (all of it learns, the start), False (nothing: it is frozen) or a boolean array of its shape (only
where True). An optimiser leaves the other weights at their bits, whatever its momentum and weight decay, and a compiled
step reads masks anew in every call. Pruned weights are 0 and have False in the mask. Gradients are still computed
everywhere; clipping and norms of gradients count what learns. `nn.lens` has the functions that set masks by path.
"""

from typing import Any

import numpy as np

from autograd.errors import ShapeError

__all__ = ["kept", "learning", "mask_of"]


def mask_of(parameter: Any, path: str = "") -> Any:
    """The mask of a parameter, checked; a plain leaf Value has none. Raises ShapeError for one of another shape or kind."""
    mask = getattr(parameter, "mask", None)
    if mask is None or mask is False:
        return mask
    if getattr(mask, "dtype", None) != np.bool_ or np.shape(mask) != np.shape(parameter.data):
        found = f"{mask.dtype} of shape {np.shape(mask)}" if hasattr(mask, "dtype") else repr(mask)
        raise ShapeError(
            f"the mask of {path or parameter.label or 'a parameter'} is {found}; expected None (all of it learns), False "
            f"(frozen), or a boolean array of shape {np.shape(parameter.data)}"
        )
    return mask


def learning(mask: Any, gradient: Any, dtype: Any) -> Any:
    """The gradient where the mask says that it learns, 0 elsewhere."""
    return gradient if mask is None else np.where(False if mask is False else mask, gradient, np.dtype(dtype).type(0))


def kept(mask: Any, new: Any, old: Any) -> Any:
    """The new weights where they learn, the old ones with their bits elsewhere."""
    if mask is None:
        return new
    return float(np.where(mask, new, old)) if type(old) is float else np.where(mask, new, old)
