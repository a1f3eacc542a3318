"""The twin of cli/__init__.py."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable

import click
import pytest

from brownout_core import __version__
from brownout_core.errors import Conflict, InvalidSpec, NotFound, Unavailable
from brownout_core.status import INTERNAL, status_of
from brownout_proxy import cli
from tests.proxy.cli.conftest import Brownout


def _run(error: BaseException | None) -> int:
    def fail() -> None:
        if error is not None:
            raise error

    return cli.run(click.Command("c", callback=fail), [], "c")


@pytest.mark.parametrize("error", [InvalidSpec("a", "b"), NotFound("a: b"), Conflict("a: b"), Unavailable("a: b")])
def test_an_error_is_one_line_with_the_exit_status_of_the_table(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(error) == status_of(error).exit
    assert capsys.readouterr() == ("", "c: a: b\n")


def test_our_own_bug_is_told_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(ZeroDivisionError("oops")) == INTERNAL.exit
    assert "ZeroDivisionError: oops\nc: this is a bug of brownout" in capsys.readouterr().err


def test_a_full_disk_is_no_bug(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(OSError(errno.ENOSPC, "No space left on device")) == 1
    assert capsys.readouterr() == ("", "c: the output could not be written: no space left\n")


def test_an_interrupt_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(KeyboardInterrupt()) == 130
    assert capsys.readouterr().err.strip() == ""


def test_success_is_0() -> None:
    assert _run(None) == 0


@pytest.mark.parametrize("flag", ["--version", "-v"])
@pytest.mark.parametrize("command", [(), ("proxy",)])
def test_the_version_is_told(brownout: Brownout, command: tuple[str, ...], flag: str) -> None:
    assert brownout(*command, flag) == (0, f"brownout version {__version__}\n", "")


def test_no_command_at_all_shows_help_and_fails(brownout: Brownout) -> None:
    ended = brownout()
    assert (ended.status, ended.out) == (2, "")
    assert "Commands:" in ended.err


def test_the_commands_of_the_control_plane_have_a_list_of_their_own(brownout: Brownout) -> None:
    told = brownout("--help").out
    proxies, experiments = told.partition("Commands:")[2].split("Experiments:")
    assert "  toxic  " in proxies
    assert "  run " not in proxies
    assert "  run " in experiments
    assert max(map(len, told.splitlines())) <= 80


@pytest.mark.parametrize(("script", "name"), [(cli.main, "brownout [OPTIONS]"), (cli.proxy_main, "brownout-proxy [")])
def test_both_scripts_say_their_own_name(
    script: object, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["x", "--help"])
    assert callable(script)
    with pytest.raises(SystemExit, match=r"^0$"):
        script()
    assert capsys.readouterr().out.startswith(f"Usage: {name}")


def test_an_error_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(InvalidSpec("x\x1b[31m.yaml", "is bad\nin two lines")) == 2
    assert capsys.readouterr().err == "c: x\\x1b[31m.yaml: is bad\nc: in two lines\n"


def test_every_command_knows_json_by_the_name_that_the_flag_before_it_sets() -> None:
    context = click.Context(cli.root)
    commands = {name: cli.root.get_command(context, name) for name in cli.root.list_commands(context)}
    names = {
        name: option.name
        for name, command in commands.items()
        if command is not None
        for option in command.params
        if "--json" in option.opts
    }
    assert {"targets", "catalogue", "list"} <= names.keys()
    assert set(names.values()) == {"as_json"}


@pytest.mark.parametrize("script", [cli.main, cli.proxy_main])
@pytest.mark.parametrize(
    ("called", "usage"),
    [("toxiproxy-cli", "[OPTIONS] COMMAND"), ("toxiproxy-server", "LISTEN=UPSTREAM"), ("toxiproxy", "LISTEN=UPSTREAM")],
)
def test_a_link_with_toxiproxy_s_names_is_its_program(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], script: Callable[[], None], called: str,
    usage: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(sys, "argv", [f"/{called}", "--help"])
    with pytest.raises(SystemExit) as ended:
        script()
    assert ended.value.code == 0
    head = capsys.readouterr().out.splitlines()[0]
    assert head.startswith(f"Usage: {called} ")
    assert usage in head


def test_help_lists_commands_whose_packages_are_missing(brownout: Brownout, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the proxy installed alone, none of the control plane's packages is there."""
    for name in [name for name in sys.modules if name.startswith("brownout_controller.cli")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "rich.console", None)  # importing it fails
    status, output, _ = brownout("--help")
    assert status == 0
    assert "Needs the extra `controller`" in output
    assert brownout("run", "x.yaml")[0] == 1
