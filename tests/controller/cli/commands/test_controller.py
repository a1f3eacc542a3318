"""How a controller is started; what it does then is in tests/e2e/test_controller.py."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from brownout_controller.cli.client.run_client import TOKEN
from brownout_controller.cli.commands.controller import Settings, controller, serve
from brownout_core.errors import BrownoutError, InvalidSpec, Unavailable
from brownout_core.rpc import Tls


def refused(*words: str) -> BrownoutError:
    result = CliRunner().invoke(controller, list(words), env={TOKEN: ""})
    assert isinstance(result.exception, BrownoutError), result.output
    return result.exception


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--listen", "0.0.0.0:0"), "--listen: 0.0.0.0:0 is reachable from other machines: give --token-file"),
        (("--listen", ":0"), "reachable from other machines"),
        (("--listen", "nonsense"), "write it like 127.0.0.1:8480"),
        (("--tls-cert", "x"), "belong together"),
        (("--token-file", "none"), "--token-file: none: no such file"),
        (("--allow-command", " "), "--allow-command: ' ' is no command"),
        (("--allow-command", "'"), "is no command"),
        (("--config", "none.yaml"), "none.yaml: no such file"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_served(words: tuple[str, ...], told: str) -> None:
    assert told in str(refused(*words))


def test_who_asks_for_a_token_or_a_certificate_may_listen_anywhere() -> None:
    assert Settings(listen="0.0.0.0:1", token="x").place() == "0.0.0.0:1"
    assert Settings(listen="0.0.0.0:1", tls=Tls(b"", b"", b"ca")).place() == "0.0.0.0:1"
    assert Settings(listen="localhost:1").place() == "localhost:1"
    with pytest.raises(InvalidSpec):
        Settings(listen="0.0.0.0:1", tls=Tls(b"", b"")).place()  # it shows itself and asks nobody


def test_journals_that_cannot_be_written_are_told_before_anybody_asks_for_a_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match=r"--runs .*file/runs: .*file is no directory that can be written to"):
        asyncio.run(serve(Settings(listen="127.0.0.1:0", runs=tmp_path / "file" / "runs")))


def test_a_port_that_is_taken_is_told_before_old_runs_are_touched(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = Settings(listen=f"127.0.0.1:{taken.getsockname()[1]}", runs=tmp_path / "runs")
        with pytest.raises(Unavailable, match="choose another port"):
            asyncio.run(serve(settings))
    assert not (tmp_path / "runs").exists()
