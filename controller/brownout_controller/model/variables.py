"""`${VAR}` and `${VAR:-default}` in files, and secrets that must not come out again.

What a variable held may be a password, and so may what stands before the @ of a URL: neither is printed or journalled.
What is evidently no secret stays readable, see `is_plain`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Final

from brownout_controller.model import expectation
from brownout_controller.model.secrets import SHORTEST, VARIABLES
from brownout_core import limits
from brownout_core.document import Value
from brownout_core.errors import InvalidSpec

_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(\}|:-)")
"""Its beginning, with the end of one that has no default."""
_KEPT: Final = frozenset({"window"})
"""Names that a probe fills in."""
_LONG_NUMBER: Final = re.compile(r"\d{10}")
_HOST: Final = r"(?:localhost|\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]+\]|[a-z0-9-]+(?:\.[a-z0-9-]+)+)"
_PLAIN: Final = re.compile(
    rf"true|false|{_HOST}:\d{{1,5}}|https?://(?:{_HOST}|[a-z0-9-]+)(?::\d{{1,5}})?(?:/[a-z]{{1,20}})*/?", re.IGNORECASE
)


def is_plain(name: str, value: str) -> bool:
    """Whether the value of that variable is evidently no secret: up to three characters, a number or a quantity like
    200ms, an expectation like `< 200ms`, true or false, or an address: HOST:PORT with localhost, an IP address or a
    name with a dot, or http(s)://HOST[:PORT] with words of letters as its path, and with neither a user nor a query.
    Never that of a variable whose name speaks of secrets (`VARIABLES`), and no number of ten digits or more.
    """
    if any(part in name.lower() for part in VARIABLES) or _LONG_NUMBER.search(value):
        return False
    if len(value) < SHORTEST:
        return True
    return bool(_PLAIN.fullmatch(value)) or _is_expectation(value) or _is_expectation(f"== {value}")


def _is_expectation(text: str) -> bool:
    try:
        expectation.parse(text)
    except ValueError:
        return False
    return True


class Variables:
    """Values by name: those of the command line before those of the environment."""

    def __init__(self, flags: Mapping[str, str], environment: Mapping[str, str], *, lenient: bool = False) -> None:
        """`lenient`: one that is not set stays as it was written."""
        self._values = {**environment, **flags}
        self._lenient = lenient
        self._expanded = 0
        self.used: dict[str, str] = {}
        """What has been put into texts so far."""
        self.unset: dict[str, InvalidSpec] = {}
        """The errors about variables that are not set, by place."""

    @property
    def secrets(self) -> list[str]:
        """Those of the values put into texts that must not come out again."""
        return [value for name, value in self.used.items() if not is_plain(name, value)]

    def expand(self, text: str, value: Value) -> str:
        """`text` with its variables' values. Raises InvalidSpec at `value` for one that is not set."""
        made, at = [], 0
        while (match := _VARIABLE.search(text, at)) is not None:
            end = match.end()
            default = None
            if match[2] == ":-":
                # By hand, as a regular expression would look for the end anew from each of thousands of beginnings.
                brace = text.find("}", end)
                if brace < 0:  # none of those that follow has one either
                    break
                default, end = text[end:brace], brace + 1
            made += [text[at : match.start()], self._replaced(match[1], default, text[match.start() : end], value)]
            self._put(len(made[-1]), value)
            at = end
        return "".join((*made, text[at:])) if made else text

    def _put(self, characters: int, value: Value) -> None:
        """A few letters can stand for a long text many times over. Raises InvalidSpec."""
        self._expanded += characters
        if self._expanded > limits.EXPANDED:
            raise InvalidSpec(value.place, f"the variables up to here stand for more than {limits.EXPANDED}")

    def _replaced(self, name: str, default: str | None, written: str, value: Value) -> str:
        if name in _KEPT:
            return written
        found = self._values.get(name, default)
        if found is None:
            complaint = InvalidSpec(value.place, self._complaint(name))
            if not self._lenient:
                raise complaint
            self.unset.setdefault(value.place, complaint)
            return written
        self.used[name] = found
        return found

    def _complaint(self, name: str) -> str:
        name = name if len(name) <= limits.NAME else f"{name[: limits.NAME]}..."
        near = difflib.get_close_matches(name, self._values, n=1, cutoff=0.6)
        guess = f"did you mean {near[0]}? " if near else ""
        return f"${{{name}}} is not set: {guess}give --var {name}=... or export it"
