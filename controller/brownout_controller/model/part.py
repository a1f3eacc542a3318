"""What the parts of our files have in common: strict pydantic models, and errors that name file, line and column."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from brownout_proxy.document import Value
from brownout_proxy.errors import InvalidSpec
from brownout_proxy.spelling import unknown
from brownout_proxy.units import SECONDS, SHARE, Unit


class Part(BaseModel):
    """A mapping of a file. Immutable; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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


Seconds = Annotated[float, _quantity(SECONDS), Field(ge=0), _schema(SECONDS)]
"""A time in seconds; text may have a unit."""
SomeTime = Annotated[float, _quantity(SECONDS), Field(gt=0), _schema(SECONDS)]
"""A time that is not zero."""
Percentage = Annotated[float, _quantity(SHARE), Field(ge=0, le=1), _schema(SHARE)]
"""A share from 0 to 1; text may be in percent."""


def written(*types: str, **more: Any) -> WithJsonSchema:
    """What a field's schema says where a file may say more than the model holds."""
    return WithJsonSchema({"type": list(types), **more})


Model = TypeVar("Model", bound=BaseModel)


def read(model: type[Model], value: Value, content: Mapping[str, Any]) -> Model:
    """`content`, which is what `value` says, as a `model`. Raises InvalidSpec with the exact place."""
    check_keys(model, value, content)
    try:
        return model.model_validate(dict(content))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = list(first["loc"])
        raise InvalidSpec(value.at(path).exact_place, _reason(first["type"], first["msg"], path)) from None


def check_keys(model: type[BaseModel], value: Value, content: Mapping[str, Any]) -> None:
    """Raises InvalidSpec for a key that the model does not have, with the nearest that it has; parts inside as well."""
    known = {info.alias or name: info for name, info in model.model_fields.items()}
    for key, item in content.items():
        here = value.at([key])
        if key not in known:
            raise InvalidSpec(here.exact_place, unknown("key", key, known))
        _check_inside(known[key].annotation, here, item)


def _check_inside(annotation: Any, value: Value, content: Any) -> None:
    if not isinstance(content, Mapping):
        return
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        check_keys(annotation, value, content)
    elif get_origin(annotation) is Mapping:  # names of the user's, each with a part
        for key, item in content.items():
            _check_inside(get_args(annotation)[1], value.at([key]), item)
    else:
        parts = [part for part in get_args(annotation) if isinstance(part, type) and issubclass(part, BaseModel)]
        for part in parts:
            check_keys(part, value, content)


def _reason(kind: str, message: str, path: Sequence[str | int]) -> str:
    if kind == "missing":
        return f"{path[-1]} is missing"
    return message.removeprefix("Value error, ").replace("Input should be", "must be")
