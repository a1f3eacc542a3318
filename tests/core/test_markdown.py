"""What others chose is no markup, and notifies nobody."""

from __future__ import annotations

import pytest

from brownout_core.markdown import escaped


@pytest.mark.parametrize("text", ["*a*", "_a_", "`a`", "[a](b)", "a|b", "# a", "~a~", "$a$"])
def test_every_special_character_is_escaped(text: str) -> None:
    for character in "*_`[]|#~$":
        assert escaped(text).count("\\" + character) == text.count(character)


def test_tags_links_and_names_are_shown_and_do_nothing() -> None:
    assert "<b>" not in escaped("<b>")
    assert "http://" not in escaped("http://a.example")
    assert "@alice" not in escaped("@alice")


def test_a_text_is_one_line_and_at_most_1000_characters_of_it() -> None:
    assert "\n" not in escaped("a\nb")
    assert len(escaped("x" * 5000)) == 1000
