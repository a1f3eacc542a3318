"""The twin of cli/proxy.py."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pytest

from brownout_proxy import settings
from brownout_proxy.cli import serving
from brownout_proxy.settings import Settings
from tests.proxy.cli.conftest import Brownout


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Settings, tuple[str, ...]]]:
    """What a process would have been started with."""
    for name in os.environ:
        if name.startswith("BROWNOUT_") or name == "LOG_LEVEL":
            monkeypatch.delenv(name)
    calls: list[tuple[Settings, tuple[str, ...]]] = []

    def serve(given: Settings, words: Sequence[str]) -> None:
        calls.append((given, tuple(words)))

    monkeypatch.setattr(serving, "serve", serve)
    return calls


Served = list[tuple[Settings, tuple[str, ...]]]


def test_without_anything_the_defaults_hold(served: Served, brownout: Brownout) -> None:
    assert brownout("proxy").status == 0
    assert served == [(Settings(), ())]


def test_flags_and_words_may_be_mixed(served: Served, brownout: Brownout) -> None:
    assert brownout("proxy", "1=2", "--port", "0", "a@3=4", "--drain", "1500ms", "--insecure-no-auth").status == 0
    assert served == [(Settings(port=0, drain=1.5, insecure_no_auth=True), ("1=2", "a@3=4"))]


def test_flags_come_before_the_environment(served: Served, brownout: Brownout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWNOUT_SEED", "1")
    monkeypatch.setenv("BROWNOUT_PORT", "2")
    assert brownout("proxy", "--seed", "3").status == 0
    assert served == [(Settings(seed=3, port=2), ())]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--port", "http"), "'http' is not a whole number from 0 to 65535; write it like 8474"),
        (("--drain", "soon"), "'soon' is not a quantity; write it like 300ms or 5s"),
        (("--host", "0.0.0.0"), "--insecure-no-auth"),
        (("--prt", "1"), "--port"),
        (("--port",), "--port"),
    ],
)
def test_a_bad_flag_is_one_line_and_exit_status_2(
    served: Served, brownout: Brownout, words: tuple[str, ...], told: str
) -> None:
    ended = brownout("proxy", *words)
    assert (ended.status, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert told in ended.err
    assert served == []


def test_help_has_every_setting_with_its_variable(brownout: Brownout) -> None:
    text = " ".join(brownout("proxy", "--help").out.split())
    for flag in settings.flags():
        assert flag.name in text
        assert flag.environment[0] in text
