"""The twin of server/spelling.py."""

from __future__ import annotations

from brownout_core.spelling import unknown


def test_the_nearest_word_is_offered_and_all_are_listed() -> None:
    assert (
        unknown("key", "lisen", ("listen", "upstream"))
        == "unknown key; did you mean listen? known are: listen, upstream"
    )
    assert unknown("key", "zzz", ("a", "b")) == "unknown key; known are: a, b"
    assert unknown("attribute", "zzz", ()) == "unknown attribute; known are: none"
