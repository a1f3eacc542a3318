"""JSON bodies as Toxiproxy's server reads them, which is how its clients came to write them.

Only the first value counts, the case of keys does not, and a null is the same as no key at all. An
empty or cut body is named by the texts that clients know. What the keys mean is not known here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from json import JSONDecodeError
from typing import Final

from brownout_proxy.errors import InvalidSpec

Object = Mapping[str, object]
"""A JSON object: keys in lower case, without those whose value is null."""

LONGEST_TEXT: Final = 1000
"""Characters of a name, an address and the like: each stands some sixty times in /metrics, and a name in paths."""

_SPACE = " \t\n\r"  # RFC 8259, section 2; str.strip() would take more
_LITERALS = ("true", "false", "null", "-0")


def bad_body(reason: str) -> InvalidSpec:
    """The error for a body that is not what it should be."""
    return InvalidSpec("", f"bad request body: {reason}")


def _object(pairs: list[tuple[str, object]]) -> Object:
    return {key.lower(): value for key, value in pairs if value is not None}


def _integer(digits: str) -> int | float:
    # int() refuses more than 4300 digits; who uses the number checks it against a range anyway.
    return int(digits) if len(digits) < 20 else float(digits)


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_constant=_no_constant)


def first_value(body: bytes) -> object:
    """The first JSON value in `body`; what follows it is ignored. Raises InvalidSpec."""
    text = body.decode("utf-8", "replace")
    start = len(text) - len(text.lstrip(_SPACE))
    if start == len(text):
        raise bad_body("EOF")
    try:
        value: object = _DECODER.raw_decode(text, start)[0]
    except JSONDecodeError as error:
        reason = f"{error.msg} at character {error.pos + 1}"
        raise bad_body("unexpected EOF" if _is_cut(text, error) else reason) from None
    except (ValueError, RecursionError) as error:
        raise bad_body(str(error)) from None
    return value


def _is_cut(text: str, error: JSONDecodeError) -> bool:
    """Whether more input could have mended what is wrong at the error's place."""
    rest = text[error.pos :]
    if error.msg.startswith("Unterminated string"):
        return True
    return any(literal.startswith(rest) for literal in _LITERALS)


def as_object(value: object, what: str = "") -> Object:
    """`value` as an object, null as an empty one. Raises InvalidSpec, naming it `what`."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _mismatch(what, "an object", value)
    return value


def as_list(value: object, what: str = "") -> Sequence[object]:
    """`value` as a list, null as an empty one. Raises InvalidSpec, naming it `what`."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise _mismatch(what, "a list", value)
    return value


def text(fields: Object, key: str) -> str | None:
    """The text at `key`, None if there is none. Raises InvalidSpec."""
    value = fields.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise _mismatch(key, "text", value)
    if len(value) > LONGEST_TEXT:
        raise bad_body(f"{key} must have at most {LONGEST_TEXT} characters, not {len(value)}")
    # Half a surrogate pair cannot be written as UTF-8 again.
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def flag(fields: Object, key: str) -> bool | None:
    """The true or false at `key`, None if there is neither. Raises InvalidSpec."""
    value = fields.get(key)
    if value is not None and not isinstance(value, bool):
        raise _mismatch(key, "true or false", value)
    return value


def number(fields: Object, key: str) -> int | float | None:
    """The number at `key`, None if there is none. Raises InvalidSpec."""
    value = fields.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _mismatch(key, "a number", value)
    return value


def _mismatch(what: str, wanted: str, value: object) -> InvalidSpec:
    names = {bool: "true or false", str: "text", list: "a list", dict: "an object"}
    found = names.get(type(value), "a number")
    return bad_body(f"{what + ' ' if what else ''}must be {wanted}, not {found}")


def encode(value: object) -> bytes:
    """`value` as compact JSON in UTF-8, keys in their order."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
