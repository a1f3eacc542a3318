"""Whether what was read from JSON is what a dataclass declares: readers computed from its annotations.

Strict, as JSON has types of its own: "3" is no number, 1 is not true. There is one kind of error. Pydantic would take a
list for no tuple in its strict mode, a text for a number in the other, and needs 100 ms to learn all records by heart.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

Read = Callable[[Any], Any]
"""Gives the value as it is declared. Raises Misshapen."""
Declared = TypeVar("Declared")

_WHOLE: Final = range(-(2**63), 2**63)
"""What protobuf and SQLite can hold as well."""
MAX_KEY: Final = 40
"""Characters of a key in an error: it is somebody else's."""
_WRONG: Final = (TypeError, ValueError, LookupError, ArithmeticError)


class JsonShapeError(ValueError):
    """A value is not what was declared. Its text is the place inside, and what would be right."""

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(f"{path} {reason}" if path else reason)
        self.reason, self.path = reason, path

    def within(self, step: str) -> JsonShapeError:
        """The same as seen from one level above."""
        inner = self.path if self.path.startswith("[") or not self.path else f".{self.path}"
        return JsonShapeError(self.reason, f"{step}{inner}")


def reader(kind: type[Declared], also: Mapping[type, Callable[[Any], Any]] | None = None) -> Callable[[Any], Declared]:
    """Makes a dataclass of a mapping, whose keys may be more. `also` are types with a reader of their own, which raises
    ValueError."""
    hints = get_type_hints(kind, include_extras=True)
    known = [(item.name, _of(hints[item.name], also or {})) for item in fields(kind) if item.init]  # type: ignore[arg-type]
    needed = [
        item.name
        for item in fields(kind)  # type: ignore[arg-type]
        if item.init and item.default is MISSING and item.default_factory is MISSING
    ]

    def read(value: Any) -> Declared:
        if type(value) is not dict:
            raise JsonShapeError("must be a mapping")
        values = {}
        for name, read_field in known:
            if name in value:
                try:
                    values[name] = read_field(value[name])
                except JsonShapeError as error:
                    raise error.within(name) from None
        for name in needed:
            if name not in values:
                raise JsonShapeError("is missing", name)
        return kind(**values)

    return read


def _of(annotation: Any, also: Mapping[type, Callable[[Any], Any]]) -> Read:
    """The reader of whatever an annotation may be. Raises TypeError for one that nothing is known of."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is Any:
        return lambda value: value
    if annotation in also:
        return _foreign(also[annotation])
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if origin is Annotated:
        return _bounded(next(item for item in annotation.__metadata__ if isinstance(item, range)))
    if origin is Literal:
        return _one_of(arguments)
    if origin in (Union, types.UnionType):
        return _either([_of(item, also) for item in arguments])
    if origin is tuple and arguments[-1] is not Ellipsis:
        return _tuple_of([_of(item, also) for item in arguments])
    if origin in (Sequence, list, tuple):
        return _list_of(_of(arguments[0], also))
    if origin in (Mapping, dict) and arguments[0] is str:
        return _mapping_of(_of(arguments[1], also))
    raise TypeError(f"no reader is known for {annotation}")


def _text(value: Any) -> Any:
    if type(value) is str:
        return value
    raise JsonShapeError("must be text")


def _flag(value: Any) -> Any:
    if type(value) is bool:
        return value
    raise JsonShapeError("must be true or false")


def _number(value: Any) -> Any:
    if type(value) is float or type(value) is int:
        return value
    raise JsonShapeError("must be a number")


def _nothing(value: Any) -> Any:
    if value is None:
        return value
    raise JsonShapeError("must be null")


def _bounded(bounds: range) -> Read:
    def whole(value: Any) -> Any:
        if type(value) is not int:
            raise JsonShapeError("must be a whole number")
        if value not in bounds:
            raise JsonShapeError("is a number out of all bounds")
        return value

    return whole


_PLAIN: Final[Mapping[Any, Read]] = {
    str: _text, bool: _flag, float: _number, int: _bounded(_WHOLE), type(None): _nothing,
}  # fmt: skip


def _one_of(words: Sequence[str]) -> Read:
    def one(value: Any) -> Any:
        if type(value) is str and value in words:
            return value
        raise JsonShapeError(f"must be one of: {', '.join(words)}")

    return one


def _either(readers: Sequence[Read]) -> Read:
    def either(value: Any) -> Any:
        errors = []
        for read in readers:
            try:
                return read(value)
            except JsonShapeError as error:
                errors.append(error)
        raise errors[0]

    return either


def _tuple_of(readers: Sequence[Read]) -> Read:
    def some(value: Any) -> Any:
        if type(value) is not list or len(value) != len(readers):
            raise JsonShapeError(f"must be a list of {len(readers)}")
        return tuple(_inside(f"[{number}]", read, value[number]) for number, read in enumerate(readers))

    return some


def _list_of(read: Read) -> Read:
    def many(value: Any) -> Any:
        if type(value) is not list:
            raise JsonShapeError("must be a list")
        return [_inside(f"[{number}]", read, item) for number, item in enumerate(value)]

    return many


def _mapping_of(read: Read) -> Read:
    def mapping(value: Any) -> Any:
        if type(value) is not dict:
            raise JsonShapeError("must be a mapping")
        return {key: _inside(key[:MAX_KEY], read, item) for key, item in value.items()}

    return mapping


def _foreign(read: Callable[[Any], Any]) -> Read:
    def foreign(value: Any) -> Any:
        try:
            return read(value)
        except _WRONG as error:
            raise JsonShapeError(str(error) or type(error).__name__) from None

    return foreign


def _inside(step: str, read: Read, value: Any) -> Any:
    try:
        return read(value)
    except JsonShapeError as error:
        raise error.within(step) from None
