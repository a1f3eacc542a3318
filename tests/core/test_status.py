"""The twin of status.py."""

from __future__ import annotations

import pytest

from brownout_core import errors
from brownout_core.errors import BrownoutError, Conflict, InvalidSpec, Lapsed, Leased, NotFound, TooMuch, Unavailable
from brownout_core.status import INTERNAL, TABLE, Status, status_of


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidSpec("", "no"), Status(400, "INVALID_ARGUMENT", 2)),
        (NotFound("no"), Status(404, "NOT_FOUND", 1)),
        (Conflict("no"), Status(409, "ALREADY_EXISTS", 1)),
        (TooMuch("no"), Status(413, "RESOURCE_EXHAUSTED", 1)),
        (Leased("no"), Status(409, "ABORTED", 1)),
        (Lapsed("no"), Status(410, "FAILED_PRECONDITION", 1)),
        (Unavailable("no"), Status(500, "UNAVAILABLE", 1)),
    ],
)
def test_each_error_has_the_status_that_toxiproxy_clients_know(error: BrownoutError, status: Status) -> None:
    assert status_of(error) == status


def test_every_error_of_ours_has_a_row() -> None:
    declared = {
        value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, BrownoutError)
    }
    assert declared - {BrownoutError} == set(TABLE)


def test_an_error_takes_the_row_of_its_nearest_base() -> None:
    class Sharper(NotFound):
        pass

    assert status_of(Sharper("no")) == TABLE[NotFound]


def test_what_has_no_row_is_our_own_bug() -> None:
    assert status_of(KeyError("x")) == INTERNAL
    assert INTERNAL.exit not in {row.exit for row in TABLE.values()}
