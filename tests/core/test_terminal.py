"""What a terminal shows."""

from __future__ import annotations

import io

import pytest

from brownout_core.terminal import coloured, columns, fitted


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_letters_count_as_wide_as_they_are() -> None:
    assert columns("日本") == 4
    assert columns("e\u0301") == 1
    assert fitted("日本語", 5) == "日本…"
    assert fitted("日本語", 6) == "日本語"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({}, False),
    ],
)
def test_colours_are_for_terminals_that_have_them(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: bool
) -> None:
    for name in ("TERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert coloured(Terminal()) is expected
    assert not coloured(io.StringIO())
