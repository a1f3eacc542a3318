"""Whether a proxy's upstream can be reached: the last error, and one line in the log for each cause and for its end."""

from __future__ import annotations

import logging
import os
from typing import Final

log = logging.getLogger(__name__)

_QUIET: Final = 60.0  # seconds until a cause that came and went gets another line
_CAUSES: Final = 32  # that are remembered


class UpstreamHealth:
    """The outcome of the dials of one proxy. Times are in seconds on any clock that only goes forward."""

    def __init__(self, proxy: str) -> None:
        self.last_error: str | None = None
        self.failing = False
        """Whether the latest dial failed."""
        self._proxy = proxy
        self._logged: dict[str, float] = {}
        self._mentioned = False  # a failure has a line in the log that its end has not

    def failed(self, now: float, upstream: str, error: Exception) -> None:
        cause = f"{upstream}: {cause_of(error)}"
        self.last_error, self.failing = cause, True
        if now < self._logged.get(cause, now):
            return
        if len(self._logged) >= _CAUSES:
            self._logged.clear()
        self._logged[cause] = now + _QUIET
        self._mentioned = True
        log.warning("proxy %s: its upstream cannot be reached: %s", self._proxy, cause)

    def succeeded(self, upstream: str) -> None:
        self.failing = False
        if self._mentioned:
            self._mentioned = False
            log.info("proxy %s: its upstream %s is reached again", self._proxy, upstream)


def cause_of(error: Exception) -> str:
    """The same words for the same cause: without addresses and ports that change with each dial."""
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno).lower() if error.errno > 0 else str(error.strerror or error).lower()
    return str(error) or type(error).__name__
