"""Errors are texts for the operator."""

from __future__ import annotations

import pytest

from brownout_core.errors import BrownoutError, Conflict, InvalidSpec, NotFound, Unavailable


def test_a_bad_spec_names_its_place() -> None:
    error = InvalidSpec("proxies.p", "is not right")
    assert (str(error), error.path, error.reason) == ("proxies.p: is not right", "proxies.p", "is not right")
    assert str(InvalidSpec("", "is not right")) == "is not right"


def test_what_the_system_refuses_is_told_in_our_words() -> None:
    assert str(Unavailable("listen tcp: no")) == "listen tcp: no"
    assert str(Unavailable()) == ""


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (InvalidSpec("a", "b"), ValueError),
        (NotFound("x"), LookupError),
        (Conflict("x"), Exception),
        (Unavailable("x"), OSError),
    ],
)
def test_an_error_is_ours_and_its_builtin_kind(error: BrownoutError, builtin: type[Exception]) -> None:
    assert isinstance(error, BrownoutError)
    assert isinstance(error, builtin)
