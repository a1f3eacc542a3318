"""Strict pydantic models for the mappings of our files, with errors that name file, line and column."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from brownout_core.document import Value
from brownout_core.errors import InvalidSpec
from brownout_core.spelling import UnknownKey
from brownout_core.units import SECONDS, SHARE, Unit

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


class StrictModel(BaseModel):
    """A mapping of a file. Immutable; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


def _quantity(unit: Unit) -> BeforeValidator:
    def quantity(value: object) -> object:
        if isinstance(value, str):
            return unit.parse(value)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise ValueError(f"must be a quantity like {unit.example}")
        return value

    return BeforeValidator(quantity)


def _schema(unit: Unit) -> WithJsonSchema:
    return WithJsonSchema({"type": ["string", "number"], "description": f"a quantity like {unit.example}"})


Seconds = Annotated[float, _quantity(SECONDS), Field(ge=0), _schema(SECONDS), SECONDS]
"""A time in seconds; text may have a unit."""
SomeTime = Annotated[float, _quantity(SECONDS), Field(gt=0), _schema(SECONDS), SECONDS]
"""A time that is not zero."""
Percentage = Annotated[float, _quantity(SHARE), Field(ge=0, le=1), _schema(SHARE), SHARE]
"""A share from 0 to 1; text may be in percent."""


def written(*types: str, **more: Any) -> WithJsonSchema:
    """The JSON schema of a field that accepts other types in a file than the model holds."""
    return WithJsonSchema({"type": list(types), **more})


Model = TypeVar("Model", bound=BaseModel)


def read(model: type[Model], value: Value, content: Mapping[str, Any]) -> Model:
    """`content`, the plain form of `value`, as a `model`. Raises InvalidSpec with the exact place, or InvalidSpecs."""
    errors: list[InvalidSpec] = [*_unknown_keys(model, value, content)]
    places = {error.path for error in errors}
    try:
        made = model.model_validate(dict(content))
    except ValidationError as error:
        for item in error.errors(include_url=False):
            place = value.at(list(item["loc"])).exact_place
            if item["type"] == "extra_forbidden":
                continue  # among the unknown keys
            if item["type"] == "missing":
                errors.append(MissingKey(place, str(item["loc"][-1]), _example(model, item["loc"])))
            elif place not in places:  # pydantic lists an error for each form that a union may have
                errors.append(InvalidSpec(place, _reason(item, model)))
                places.add(place)
    if errors:
        raise gathered(errors)
    return made


class MissingKey(InvalidSpec):
    """A mapping lacks a key that it must have. `example` is a line that has it, "" for none."""

    def __init__(self, path: str, key: str, example: str = "") -> None:
        super().__init__(path, f"{key} is missing{f'; write it like {example}' if example else ''}")
        self.key = key


class InvalidSpecs(InvalidSpec):
    """Several errors, each on a line of its own, so that a file can be corrected at once."""

    def __init__(self, found: Sequence[InvalidSpec]) -> None:
        super().__init__("", "\n".join(map(str, found)))
        self.found = tuple(found)


def gathered(found: Sequence[InvalidSpec]) -> InvalidSpec:
    """One error for all of `found`, which is not empty. A key that is missing because it is misspelt is left out."""
    flat = [one for error in found for one in each(error)]
    meant = {one.meant for one in flat if isinstance(one, UnknownKey)}
    flat = [one for one in flat if not (isinstance(one, MissingKey) and one.key in meant)]
    return flat[0] if len(flat) == 1 else InvalidSpecs(flat)


def each(error: InvalidSpec) -> Sequence[InvalidSpec]:
    """The single errors in an error."""
    return error.found if isinstance(error, InvalidSpecs) else (error,)


MAX_ERRORS: Final = 100
"""Errors that are listed of one file."""


class ErrorCollector:
    """Collects the errors of a file, so that one error does not hide the next."""

    def __init__(self) -> None:
        self.found: list[InvalidSpec] = []

    @contextmanager
    def noting(self) -> Iterator[None]:
        """An InvalidSpec raised in the block ends the block and is collected."""
        try:
            yield
        except InvalidSpec as error:
            self.add(error)

    def add(self, error: InvalidSpec) -> None:
        """Raises InvalidSpec with all of them at MAX_ERRORS: the file is then probably of another kind."""
        self.found.append(error)
        if len(self.found) >= MAX_ERRORS:
            self.check()

    def check(self) -> None:
        """Raises InvalidSpec if an error was collected."""
        if self.found:
            raise gathered(self.found)


def _unknown_keys(model: type[BaseModel], value: Value, content: Mapping[str, Any]) -> Iterator[UnknownKey]:
    """The keys that the model does not have, those of nested models included."""
    known = {info.alias or name: info for name, info in model.model_fields.items()}
    for key, item in content.items():
        here = value.at([key])
        if key not in known:
            yield UnknownKey(here.exact_place, key, known)
        else:
            yield from _check_inside(known[key].annotation, here, item)


def _check_inside(annotation: Any, value: Value, content: Any) -> Iterator[UnknownKey]:
    if not isinstance(content, Mapping):
        return
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from _unknown_keys(annotation, value, content)
    elif get_origin(annotation) is Mapping:  # the user's names, each with a nested model
        for key, item in content.items():
            yield from _check_inside(get_args(annotation)[1], value.at([key]), item)
    else:
        parts = [part for part in get_args(annotation) if isinstance(part, type) and issubclass(part, BaseModel)]
        for part in parts:
            yield from _unknown_keys(part, value, content)


_WRONG: Final[Mapping[str, str]] = {
    "string_too_short": "is empty",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "dict_type": "must be a mapping",
    "mapping_type": "must be a mapping",
    "model_type": "must be a mapping",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
}
"""Our wording for the error types of pydantic."""


def _reason(item: ErrorDetails, model: type[BaseModel]) -> str:
    kind, found = item["type"], item["input"]
    example = _example(model, item["loc"])
    written = f"; write it like {example}" if example else ""
    if found is None and kind.endswith("_type"):
        return f"is empty{written}"
    if kind == "string_type":
        if isinstance(found, (Mapping, list)):
            return f"must be text, not a {'list' if isinstance(found, list) else 'mapping'}{written}"
        return "must be text; put it in quotes"
    if kind == "string_pattern_mismatch":
        return f"has the wrong form{written}"
    if kind in _WRONG:
        return _WRONG[kind] + written
    return item["msg"].removeprefix("Value error, ").replace("Input should be", "must be")


def _example(model: type[BaseModel], path: Sequence[str | int]) -> str:
    """A line with the field, if its declaration has an example: `duration: 30s`."""
    inside: Any = model
    for step in path:
        fields = {info.alias or name: info for name, info in inside.model_fields.items()}
        if step not in fields:
            return ""
        info = fields[step]
        if step == path[-1]:
            return f"{step}: {info.examples[0]}" if info.examples else ""
        choices = (info.annotation, *get_args(info.annotation))
        inside = next((one for one in choices if isinstance(one, type) and issubclass(one, BaseModel)), None)
        if inside is None:
            return ""
    return ""
