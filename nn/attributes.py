"""What a Module says of an attribute or option that it lacks, and of one that must not be set: the base of Module."""

from typing import TYPE_CHECKING, Any, Self

from autograd.errors import ArgumentError
from autograd.value import Value
from nn.names import IN_A_MODULE, refuse_all_but

__all__ = ["Attributes"]


class Attributes:
    """Attributes as any object has them, but that a weight cannot be lost by setting its name to something else.

    An option that `__init__` does not take is answered with the nearest one that it takes.
    """

    def __new__(cls, *_: Any, **options: Any) -> Self:
        if options:
            refuse_all_but(cls.__name__, options, cls.__init__)
        return super().__new__(cls)

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(vars(self).get(name), Value) and value is not None and not isinstance(value, Value):
            raise ArgumentError(
                f"{type(self).__name__}.{name} is a Parameter: with {type(value).__name__} in its place nothing would "
                f"train or save it. Change its data, .{name}.data = …, or set another nn.Parameter"
            )
        object.__setattr__(self, name, value)

    if not TYPE_CHECKING:  # for mypy any name would be an attribute

        def __getattr__(self, name: str) -> Any:
            hint = f": {IN_A_MODULE[name]}" if name in IN_A_MODULE else ""
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}", name=name, obj=self)
