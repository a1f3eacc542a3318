"""The flags that say where a run happens; what happens there is in tests/e2e/test_controller.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from brownout_controller.api.client import Remote
from brownout_controller.cli.client.run_client import RUNS, TOKEN, ClientOptions, Time, run_options
from brownout_controller.engine.run_supervisor import RunSupervisor
from brownout_core.errors import InvalidSpec, Unavailable


def where(*words: str, **environment: str) -> ClientOptions:
    """What a command with these flags is told."""
    found: list[ClientOptions] = []

    @click.command()
    @run_options
    def command(where: ClientOptions) -> None:
        found.append(where)

    result = CliRunner().invoke(command, list(words), env={TOKEN: "", "BROWNOUT_CONTROLLER": "", **environment})
    if result.exception is not None:
        raise result.exception
    return found[0]


async def test_without_a_controller_it_is_here() -> None:
    here = where("--env", "staging", "--config", "b.yaml")
    async with here.open(lambda _: None) as venue:
        assert isinstance(venue, RunSupervisor)
    assert here.words == ["--env", "staging", "--config", "b.yaml"]
    assert here.place_of("r") == f"in {RUNS / 'r'}"


async def test_with_one_it_is_there_and_the_token_is_in_no_words(tmp_path: Path) -> None:
    there = where("--controller", "h:1", "--patience", "2s", **{TOKEN: "hidden"})
    async with there.open(lambda _: None) as venue:
        assert isinstance(venue, Remote)
        assert venue.address == "h:1"
    assert (there.token, there.patience, there.place_of("r")) == ("hidden", 2.0, "at h:1")
    assert there.words == ["--env", "local", "--controller", "h:1"]
    assert where(BROWNOUT_CONTROLLER="h:2").controller == "h:2"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--controller", "here"), "--controller: 'here' is no address; write it like 127.0.0.1:8480"),
        (("--controller", "http://h:1"), "is no address"),
        (("--token-file", "x"), "--token-file: is for a controller"),
        (("--controller", "h:1", "--config", "x"), "--config: is the controller's own"),
        (("--controller", "h:1", "--runs", "x"), "--runs: is the controller's own"),
        (("--controller", "h:1", "--tls-cert", "x", "--tls-key", "y"), "needs --tls-ca"),
        (("--controller", "h:1", "--tls-ca", "a", "--tls-cert", "x"), "belong together"),
    ],
)
def test_flags_that_do_not_belong_together_are_told(words: tuple[str, ...], told: str) -> None:
    with pytest.raises(InvalidSpec) as error:
        where(*words)
    assert told in str(error.value)


def test_a_file_that_cannot_be_read_is_named_with_its_flag(tmp_path: Path) -> None:
    for flag in ("--token-file", "--tls-ca"):
        missing = where("--controller", "h:1", flag, str(tmp_path / "none"))
        with pytest.raises(InvalidSpec, match=flag):
            missing.open(lambda _: None)


def test_what_cannot_be_had_is_inconclusive_for_1_would_be_a_refutation() -> None:
    @click.command()
    @run_options
    def command(where: ClientOptions) -> None:
        raise Unavailable("the controller does not answer")

    result = CliRunner().invoke(command, [], env={"BROWNOUT_CONTROLLER": ""})
    assert (result.exit_code, "the controller does not answer" in result.output) == (3, True)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90.0), ("1m", 60.0), ("0.5", 0.5), ("0s", None), ("soon", None)])
def test_a_time_is_read(text: str, seconds: float | None) -> None:
    time: Any = Time()
    if seconds is None:
        with pytest.raises(click.UsageError):
            time.convert(text, None, None)
    else:
        assert time.convert(text, None, None) == seconds
