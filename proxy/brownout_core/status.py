"""The one table from errors to statuses: what the HTTP and the gRPC API answer and how a command ends.

Each class of errors.py has one row; an error takes the row of its nearest base class. Whatever has
none is our own bug.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from brownout_core.errors import Conflict, InvalidSpec, Lapsed, Leased, NotFound, TooMuch, Unavailable


class Status(NamedTuple):
    """How one class of errors is reported: in HTTP, as the name of a gRPC code, and as the exit status of a command."""

    http: int
    grpc: str
    exit: int


# The exit status is 1 where a server refused and 2 where the request was badly written, as shells
# and toxiproxy-cli have it. 3 to 6 are left to verdicts on experiments. A refused address is 500
# because Toxiproxy's clients know it so.
TABLE: Mapping[type[BaseException], Status] = {
    InvalidSpec: Status(http=400, grpc="INVALID_ARGUMENT", exit=2),
    NotFound: Status(http=404, grpc="NOT_FOUND", exit=1),
    Conflict: Status(http=409, grpc="ALREADY_EXISTS", exit=1),
    TooMuch: Status(http=413, grpc="RESOURCE_EXHAUSTED", exit=1),
    Leased: Status(http=409, grpc="ABORTED", exit=1),
    Lapsed: Status(http=410, grpc="FAILED_PRECONDITION", exit=1),
    Unavailable: Status(http=500, grpc="UNAVAILABLE", exit=1),
}

INTERNAL = Status(http=500, grpc="INTERNAL", exit=7)
"""The row of everything that the table does not list."""


def status_of(error: BaseException) -> Status:
    """The row of `error`."""
    return next((TABLE[base] for base in type(error).__mro__ if base in TABLE), INTERNAL)
