"""What is to be remarked on of a request, as one line in the log, however much of it is odd.

A request may bring thousands of things that are each let through with a warning: a few are logged, the others are
counted.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

log = logging.getLogger(__name__)


MAX_LOGGED: Final = 3


class _Remarks:
    """Of one request."""

    def __init__(self) -> None:
        self.first: list[str] = []
        self.more = 0


_OF_REQUEST: ContextVar[_Remarks | None] = ContextVar("remarks of a request", default=None)


def remark(text: str, *arguments: object) -> None:
    """A warning, as for a logger: at once, or within `one_line` as that line."""
    remarks = _OF_REQUEST.get()
    if remarks is None:
        log.warning(text, *arguments)
    elif len(remarks.first) < MAX_LOGGED:
        remarks.first.append(text % arguments)
    else:
        remarks.more += 1


@contextmanager
def one_line() -> Iterator[None]:
    """Everything remarked on within becomes one line."""
    remarks = _Remarks()
    before = _OF_REQUEST.set(remarks)
    try:
        yield
    finally:
        _OF_REQUEST.reset(before)
        if remarks.first:
            more = f" (and {remarks.more} more in this request)" if remarks.more else ""
            log.warning("%s%s", "; ".join(remarks.first), more)
