"""What can go wrong between an operator's request and its effect.

Only the distinctions that a caller acts on: each class is one row of the tables that turn an error into an HTTP status,
a gRPC code or an exit code. Anything else that is raised is our own bug and is treated as one.
"""

from __future__ import annotations


class BrownoutError(Exception):
    """An error whose text is written for the operator who caused it."""


class InvalidSpec(BrownoutError, ValueError):
    """Something that was asked for is not well formed.

    `path` is the place (`proxies.postgres.faults[0].latency`), `reason` what would be right.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.path = path
        self.reason = reason


class NotFound(BrownoutError, LookupError):
    """The proxy or fault that was named does not exist."""


class Conflict(BrownoutError):
    """The name is taken."""


class TooMuch(BrownoutError):
    """More was sent than is taken: see limits.py."""


class Leased(BrownoutError):
    """It is under somebody else's lease: its owner may change it, and whoever forces it."""


class Lapsed(BrownoutError):
    """A lease was not renewed in time: what it held is gone."""


class Unavailable(BrownoutError, OSError):
    """The operating system refused: a port is taken, a host name has no address, a file cannot be read."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


def os_error_text(error: OSError) -> str:
    """The system's reason in lower case, as it stands in our messages: `permission denied`."""
    return (error.strerror or str(error)).lower()
