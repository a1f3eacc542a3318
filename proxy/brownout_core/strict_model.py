"""What the parts of our files have in common: strict pydantic models, and errors that name file, line and column."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from brownout_core.document import Value
from brownout_core.errors import InvalidSpec
from brownout_core.spelling import unknown
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
    """What a field's schema says where a file may say more than the model holds."""
    return WithJsonSchema({"type": list(types), **more})


Model = TypeVar("Model", bound=BaseModel)
_MEANT: Final = re.compile(r"did you mean (\S+)\?")


def read(model: type[Model], value: Value, content: Mapping[str, Any]) -> Model:
    """`content`, which is what `value` says, as a `model`. Raises InvalidSpec with the exact place, or Mistakes."""
    mistakes = [InvalidSpec(here.exact_place, reason) for here, reason in _strange_keys(model, value, content)]
    places = {mistake.path for mistake in mistakes}
    try:
        made = model.model_validate(dict(content))
    except ValidationError as error:
        for item in error.errors(include_url=False):
            path = list(item["loc"])
            place = value.at(path).exact_place
            if item["type"] == "extra_forbidden":
                continue  # told already
            # One for each place: of a choice between forms pydantic tells for each of them why it is not that.
            if item["type"] == "missing" or place not in places:
                mistakes.append(InvalidSpec(place, _reason(item, model)))
                places.add(place)
    if mistakes:
        raise gathered(mistakes)
    return made


class InvalidSpecs(InvalidSpec):
    """Several at once, each on a line of its own: who mends a file wants to know of all of them."""

    def __init__(self, found: Sequence[InvalidSpec]) -> None:
        super().__init__("", "\n".join(map(str, found)))
        self.found = tuple(found)


def gathered(found: Sequence[InvalidSpec]) -> InvalidSpec:
    """One error for all of them, of which there is at least one."""
    flat = [one for error in found for one in each(error)]
    meant = {match[1] for one in flat if (match := _MEANT.search(one.reason))}  # misspelt, so that it seems missing
    flat = [one for one in flat if one.reason.partition(" is missing")[0] not in meant]
    return flat[0] if len(flat) == 1 else InvalidSpecs(flat)


def each(error: InvalidSpec) -> Sequence[InvalidSpec]:
    """The mistakes that an error tells of."""
    return error.found if isinstance(error, InvalidSpecs) else (error,)


_MOST: Final = 100
"""Mistakes of one file."""


class ErrorCollector:
    """Lets reading go on after a mistake, as far as there is something to read."""

    def __init__(self) -> None:
        self.found: list[InvalidSpec] = []

    @contextmanager
    def noting(self) -> Iterator[None]:
        """What is wrong in the block ends the block only."""
        try:
            yield
        except InvalidSpec as error:
            self.add(error)

    def add(self, mistake: InvalidSpec) -> None:
        """Raises InvalidSpec with all of them when there are so many that the file is something else."""
        self.found.append(mistake)
        if len(self.found) >= _MOST:
            self.check()

    def check(self) -> None:
        """Raises InvalidSpec if there was a mistake."""
        if self.found:
            raise gathered(self.found)


def _strange_keys(model: type[BaseModel], value: Value, content: Mapping[str, Any]) -> Iterator[tuple[Value, str]]:
    """The keys that the model does not have, each with the nearest that it has; parts inside as well."""
    known = {info.alias or name: info for name, info in model.model_fields.items()}
    for key, item in content.items():
        here = value.at([key])
        if key not in known:
            yield here, unknown("key", key, known)
        else:
            yield from _check_inside(known[key].annotation, here, item)


def _check_inside(annotation: Any, value: Value, content: Any) -> Iterator[tuple[Value, str]]:
    if not isinstance(content, Mapping):
        return
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from _strange_keys(annotation, value, content)
    elif get_origin(annotation) is Mapping:  # names of the user's, each with a part
        for key, item in content.items():
            yield from _check_inside(get_args(annotation)[1], value.at([key]), item)
    else:
        parts = [part for part in get_args(annotation) if isinstance(part, type) and issubclass(part, BaseModel)]
        for part in parts:
            yield from _strange_keys(part, value, content)


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
"""What pydantic says of a type, as a person says it."""


def _reason(item: ErrorDetails, model: type[BaseModel]) -> str:
    kind, given = item["type"], item["input"]
    example = _example(model, item["loc"])
    written = f"; write it like {example}" if example else ""
    if kind == "missing":
        return f"{item['loc'][-1]} is missing{written}"
    if given is None and kind.endswith("_type"):
        return f"is empty{written}"
    if kind == "string_type":
        if isinstance(given, (Mapping, list)):
            return f"must be text, not a {'list' if isinstance(given, list) else 'mapping'}{written}"
        return "must be text; put it in quotes"
    if kind == "string_pattern_mismatch":
        return f"is not as it must be{written}"
    if kind in _WRONG:
        return _WRONG[kind] + written
    return item["msg"].removeprefix("Value error, ").replace("Input should be", "must be")


def _example(model: type[BaseModel], path: Sequence[str | int]) -> str:
    """How a person writes the field, if its declaration says so: `duration: 30s`."""
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
