"""The twin of cli/proxy.py."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import pytest

from brownout_proxy import settings
from brownout_proxy.cli import serving
from brownout_proxy.cli.proxy import with_two_dashes
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


@pytest.mark.parametrize("dash", ["-", "--"])
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["host=127.0.0.2", "port=9000", "seed=1"], Settings(host="127.0.0.2", port=9000, seed=1)),
        (["port", "9000", "proxy-metrics", "runtime-metrics"], Settings(port=9000)),
        (["proxy-metrics=true", "runtime-metrics=false"], Settings()),
        (["insecure-no-auth"], Settings(insecure_no_auth=True)),
    ],
)
def test_the_flags_of_toxiproxy_server_are_taken_as_go_has_them(
    served: Served, brownout: Brownout, dash: str, words: list[str], expected: Settings
) -> None:
    given = [word if word.isdigit() else dash + word for word in words]
    assert brownout("proxy", *given, "1=2").status == 0
    assert served == [(expected, ("1=2",))]


@pytest.mark.parametrize("flag", ["-version", "--version", "-v"])
def test_the_version_is_told_with_one_dash_too(brownout: Brownout, flag: str) -> None:
    ended = brownout("proxy", flag)
    assert (ended.status, ended.out.split()[:3]) == (0, ["brownout", "version", ended.out.split()[2]])


@pytest.mark.parametrize("word", ["-prot=1", "-p", "-x", "1=-host"])
def test_other_words_stay_as_they_are(word: str) -> None:
    assert with_two_dashes(word) == word


def test_where_there_is_no_unix_the_remedy_is_told(
    served: Served, brownout: Brownout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    ended = brownout("proxy", "1=2")
    assert (ended.status, served) == (1, [])
    assert "on Windows run it in WSL" in ended.err
