"""Errors about words that are not known, with the nearest known one. Imports little, as commands start often."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from brownout_core.errors import InvalidSpec


class UnknownKey(InvalidSpec):
    """A key that a mapping may not have. `meant` is the nearest key that it may have, "" where none is near."""

    def __init__(self, path: str, key: str, known: Iterable[str]) -> None:
        words = list(known)
        super().__init__(path, unknown("key", key, words))
        self.meant = nearest(key, words)


def nearest(word: str, known: Sequence[str]) -> str:
    """The known word that is most like `word`; "" where none is near."""
    return next(iter(difflib.get_close_matches(word, known, n=1)), "")


def unknown(what: str, word: str, known: Iterable[str]) -> str:
    """The reason why `word` is refused, with the nearest known one and all of them."""
    words = list(known)
    near = nearest(word, words)
    guess = f"did you mean {near}? " if near else ""
    return f"unknown {what}; {guess}known are: {', '.join(words) or 'none'}"
