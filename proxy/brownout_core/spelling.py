"""What to say about a word that is not known: the nearest one that is. Imports little, as commands start often."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def unknown(what: str, word: str, known: Iterable[str]) -> str:
    """The reason why `word` is refused, with the nearest known one and all of them."""
    words = list(known)
    near = difflib.get_close_matches(word, words, n=1)
    guess = f"did you mean {near[0]}? " if near else ""
    return f"unknown {what}; {guess}known are: {', '.join(words) or 'none'}"
