"""JSON bodies as Toxiproxy's server reads them, which is how its clients came to write them.

Only the first value counts, the case of keys does not, and a null is the same as no key at all. An
empty or cut body is named by the texts that clients know. What the keys mean is not known here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from json import JSONDecodeError
from typing import Final

from brownout_core import limits
from brownout_core.errors import InvalidSpec, TooMuch

Object = Mapping[str, object]
"""A JSON object: keys in lower case, without those whose value is null."""

_SPACES: Final = re.compile("[ \t\n\r]*")  # RFC 8259, section 2; str.strip() would take more
_PROXIES: Final = re.compile(r'\{[ \t\n\r]*"proxies"[ \t\n\r]*:[ \t\n\r]*\[', re.IGNORECASE)
_PIECES: Final = (1024, 16 * 1024, int(limits.OBJECT))
_ESCAPE: Final = 12
"""Characters of the longest that is an error when it is cut: two escapes for one character."""
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
    """The first JSON value in `body`; what follows it is ignored. Raises InvalidSpec, TooMuch."""
    text = body.decode("utf-8", "replace")
    start = _past_space(text, 0)
    if start == len(text):
        raise bad_body("EOF")
    return _value(text, start)[0]


def entries(body: bytes) -> Iterator[object]:
    """The entries of the list that is the first JSON value in `body`, null as an empty one. Our own answers count as
    lists: an object whose values are the entries, and one whose `proxies` are. Each is read when it is asked for, and
    takes a few milliseconds at most. Raises InvalidSpec, TooMuch."""
    text = body.decode("utf-8", "replace")
    at = _past_space(text, 0)
    if (answer := _PROXIES.match(text, at)) is not None:
        at = answer.end() - 1
    opening = text[at : at + 1]
    closing, named = ("}", True) if opening == "{" else ("]", False)
    start = _past_space(text, at + 1)
    if opening not in ("[", "{") or (named and text[start : start + 1] == closing):
        yield from as_list(first_value(body))
        return
    at = start
    if text[at : at + 1] == closing:
        return
    while True:
        if named:
            at = _past_name(text, at)
        value, at = _value(text, at)
        yield value
        at = _past_space(text, at)
        mark = text[at : at + 1]
        if mark == closing:
            return
        if mark != ",":
            raise bad_body(f"Expecting ',' delimiter at character {at + 1}" if mark else "unexpected EOF")
        at = _past_space(text, at + 1)


def _past_name(text: str, at: int) -> int:
    """Where the value begins whose key begins there. Raises InvalidSpec."""
    key, at = _value(text, at)
    at = _past_space(text, at)
    if not isinstance(key, str) or text[at : at + 1] != ":":
        raise bad_body(f"Expecting a key and ':' at character {at + 1}" if at < len(text) else "unexpected EOF")
    return _past_space(text, at + 1)


def _past_space(text: str, at: int) -> int:
    found = _SPACES.match(text, at)
    return at if found is None else found.end()


def _value(text: str, start: int) -> tuple[object, int]:
    """The value that begins there and where it ends. Raises InvalidSpec, and TooMuch if it is beyond OBJECT.

    Most values are short, so that it looks at a little first: to read a long one to its end just to refuse it would
    hold up every connection.
    """
    for size in _PIECES:
        piece = text[start : start + size]
        whole = start + size >= len(text)
        try:
            value, end = _DECODER.raw_decode(piece)
        except JSONDecodeError as error:
            if whole and _is_cut(piece, error):
                raise bad_body("unexpected EOF") from None
            if not whole and (error.pos >= len(piece) - _ESCAPE or error.msg.startswith("Unterminated string")):
                continue
            raise bad_body(f"{error.msg} at character {start + error.pos + 1}") from None
        except (ValueError, RecursionError) as error:
            raise bad_body(str(error)) from None
        if whole or end < len(piece):  # a number may go on
            return value, start + end
    raise TooMuch(f"bad request body: an object may have {limits.OBJECT}")


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
    if len(value) > limits.NAME:
        raise bad_body(f"{key} must have at most {limits.NAME}, not {len(value):,}")
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
