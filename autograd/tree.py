"""Nested containers: take the leaves out, put other leaves back.

Models and data come as dicts of lists of arrays, as namedtuples, dataclasses and Modules. Transforms and optimisers want
a flat list. `flatten` gives the leaves in a fixed order (dicts in insertion order) and a `Structure` that remembers the
containers; `unflatten` is its inverse, with any other leaves.

    flatten({"w": 1.0, "b": [2.0, 3.0]})  →  [1.0, 2.0, 3.0], structure
    unflatten(structure, [4.0, 5.0, 6.0]) →  {"w": 4.0, "b": [5.0, 6.0]}

A class of one's own joins by two methods: `__tree_flatten__()` → (names, children) and `__tree_unflatten__(children)` →
a copy with other children. Through `__tree_settle__(copy)` it learns what became of a copy that a transform ran a function
on. `nn.Module` does so.
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from autograd.errors import ArgumentError

__all__ = ["Structure", "flatten", "map", "paths", "settling", "unflatten"]


class Structure:
    """The containers of a tree without its leaves; equal for trees of the same form.

    names     a name for each child: keys, indices, fields; None for a leaf
    rebuild   children → container
    kind      the container's type, by which structures are compared
    """

    __slots__ = ("children", "kind", "names", "rebuild")

    def __init__(
        self,
        kind: type | None,
        names: tuple[Any, ...] | None = None,
        children: tuple["Structure", ...] = (),
        rebuild: Callable[[list[Any]], Any] | None = None,
    ) -> None:
        self.kind, self.names, self.children, self.rebuild = kind, names, children, rebuild

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Structure):
            return NotImplemented
        return (self.kind, self.names, self.children) == (other.kind, other.names, other.children)

    def __hash__(self) -> int:
        return hash((self.kind, self.names, self.children))

    def __repr__(self) -> str:
        return "leaf" if self.kind is None else f"{self.kind.__name__}({', '.join(map(str, self.names or ()))})"

    @property
    def count(self) -> int:
        """Number of leaves below."""
        return 1 if self.names is None else sum(child.count for child in self.children)


LEAF = Structure(None)


def _open(tree: Any) -> tuple[tuple[Any, ...], list[Any], Callable[[list[Any]], Any]] | None:
    """(names, children, rebuild) of a container, None for a leaf."""
    kind = type(tree)
    if kind in (list, tuple):
        return tuple(range(len(tree))), list(tree), kind
    if isinstance(tree, dict):
        keys = tuple(tree)
        return keys, list(tree.values()), lambda children: _like_dict(tree, dict(zip(keys, children, strict=True)))
    if hasattr(tree, "__tree_flatten__"):
        names, children = tree.__tree_flatten__()
        return tuple(names), list(children), tree.__tree_unflatten__
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return tree._fields, list(tree), lambda children: kind(*children)
    if hasattr(kind, "__dataclass_fields__"):
        import dataclasses

        names = tuple(field.name for field in dataclasses.fields(tree) if field.init)
        children = [getattr(tree, name) for name in names]
        return names, children, lambda new: dataclasses.replace(tree, **dict(zip(names, new, strict=True)))
    return None


def _like_dict(original: dict[Any, Any], items: dict[Any, Any]) -> Any:
    if type(original) is dict:
        return items
    twin = copy.copy(original)  # an OrderedDict keeps its order, a defaultdict its default
    twin.update(items)
    return twin


def flatten(tree: Any) -> tuple[list[Any], Structure]:
    """(leaves in order, structure). Everything that is no container is a leaf, None included."""
    opened = _open(tree)
    if opened is None:
        return [tree], LEAF
    names, children, rebuild = opened
    leaves: list[Any] = []
    below = []
    for child in children:
        inner, structure = flatten(child)
        leaves += inner
        below.append(structure)
    return leaves, Structure(type(tree), names, tuple(below), rebuild)


def unflatten(structure: Structure, leaves: Iterable[Any]) -> Any:
    """The tree of this structure with these leaves. Raises ArgumentError if their number is another."""
    leaves = list(leaves)
    if len(leaves) != structure.count:
        raise ArgumentError(f"unflatten: the structure has {structure.count} leaves, got {len(leaves)}")
    return _build(structure, iter(leaves))


def _build(structure: Structure, leaves: Iterator[Any]) -> Any:
    if structure.rebuild is None:
        return next(leaves)
    return structure.rebuild([_build(child, leaves) for child in structure.children])


def map(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """The tree with function(leaf, *leaves of others at the same place) in place of each leaf.

    Raises ArgumentError if the trees are not of one structure.
    """
    leaves, structure = flatten(tree)
    columns: list[Sequence[Any]] = [leaves]
    for other in others:
        column, form = flatten(other)
        if form != structure:
            raise ArgumentError(f"tree.map: the trees differ: {paths(tree)} against {paths(other)}")
        columns.append(column)
    return unflatten(structure, [function(*row) for row in zip(*columns, strict=True)])


def settling(tree: Any, copy: Any) -> Iterator[tuple[Any, Any]]:
    """(object, its copy) of all in the tree that want to know what becomes of a copy of it."""
    if hasattr(tree, "__tree_settle__"):
        yield tree, copy
    elif tree is not copy and (opened := _open(tree)) is not None:
        for below in zip(opened[1], (_open(copy) or opened)[1], strict=True):
            yield from settling(*below)


def paths(tree: Any) -> list[str]:
    """The dotted path of each leaf, such as "layers.0.weight"; "" for a tree that is a leaf."""
    return list(_paths(flatten(tree)[1], ""))


def _paths(structure: Structure, prefix: str) -> Iterator[str]:
    if structure.names is None:
        yield prefix
        return
    for name, child in zip(structure.names, structure.children, strict=True):
        yield from _paths(child, f"{prefix}.{name}" if prefix else str(name))
