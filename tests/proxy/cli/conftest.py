"""The command line in this process, against answers that are written down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from brownout_proxy import cli
from brownout_proxy.cli import session
from brownout_proxy.cli.client import Refused, query


class Ended(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str


Brownout = Callable[..., Ended]


class Answers:
    """What the server would say to each request, and what it was asked. Unlisted requests are answered 404."""

    def __init__(self) -> None:
        self.given: dict[str, Any] = {}
        self.asked: list[tuple[str, Any]] = []
        self.url = ""
        self.token: str | None = None

    def client(self, url: str, token: str | None = None) -> Answers:
        self.url, self.token = url, token
        return self

    def ask(self, method: str, *path: str, body: Any = None, force: bool = False, status: bool = False) -> Any:
        request = f"{method} /{'/'.join(path)}{query(force=force, status=status)}"
        self.asked.append((request, body))
        answer = self.given.get(request, Refused(404, "proxy not found"))
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Answers:
    answers = Answers()
    monkeypatch.setattr(session, "Client", answers.client)
    for name in ("BROWNOUT_URL", "TOXIPROXY_URL", "BROWNOUT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return answers


@pytest.fixture
def brownout(capsys: pytest.CaptureFixture[str]) -> Brownout:
    def run(*words: str) -> Ended:
        status = cli.run(cli.root, words, "brownout")
        return Ended(status, *capsys.readouterr())

    return run
