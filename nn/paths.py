"""Which module a node was made in: ids of modules → dotted paths, for pictures and messages."""

from typing import Any
from weakref import WeakKeyDictionary
from weakref import ref as weakref

__all__ = ["Paths"]


class Paths(dict[int, str]):
    """id of every module below an outermost one → its dotted path; "" for a stranger that is called from inside.

    Kept from call to call, since finding the modules takes longer than a small layer; a module that is not in it yet makes
    it look again.
    """

    labels: dict[int, str]  # id of a parameter → the label that it was given here
    known: WeakKeyDictionary[Any, "Paths"] = WeakKeyDictionary()
    root: weakref[Any]

    @classmethod
    def below(cls, module: Any) -> "Paths":
        paths = cls.known.get(module)
        if paths is None:
            paths = cls.known[module] = cls()
            paths.root, paths.labels = weakref(module), {}
        return paths

    def __missing__(self, key: int) -> str:
        root = self.root()
        if root is not None:
            self.update({id(module): path for path, module in root.named_modules()})
            for path, parameter in root.named_parameters():
                if not parameter.label or parameter.label == self.labels.get(id(parameter)):
                    parameter.label = self.labels[id(parameter)] = path  # its name in pictures and messages
        return self.setdefault(key, "")
