"""`brownout run` where data is missing, ambiguous or too thin, against a real Prometheus: never a pass."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final

import pytest
from click.testing import CliRunner

from brownout_controller.cli.commands.catalogue import catalogue
from brownout_core.errors import Unavailable
from deploy.demo.servers import free_port
from tests.support.builders.architectures import SHOP
from tests.support.certificates import Authority
from tests.support.processes.system_under_test import Stage, staged
from tests.support.requirements import needs, program
from tests.support.running import eventually, nobody

pytestmark = pytest.mark.timeout(500)  # several runs, each a process
_TWO: Final = 'label_replace(vector(1), "shop", "berlin", "", "") or label_replace(vector(2), "shop", "paris", "", "")'
_AWAY: Final = 3600
"""Seconds that the wrong clock is off."""


@contextmanager
def _prometheus(folder: Path, *flags: str) -> Iterator[str]:
    """With `flags` it has TLS and a password: then it is there once it listens."""
    folder.mkdir(exist_ok=True)
    config = folder / "prometheus.yml"
    config.write_text("global: {}\n")
    binary = program("prometheus")
    assert binary is not None
    address = f"127.0.0.1:{free_port()}"
    command = [binary, f"--config.file={config}", f"--storage.tsdb.path={folder}", f"--web.listen-address={address}"]
    command += flags
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            ready = (lambda: _listens(address)) if flags else (lambda: _ready(f"http://{address}"))
            eventually(ready, "start of Prometheus", seconds=120)
            yield f"http://{address}"
        finally:
            process.kill()


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
        return True
    return False


def _ready(url: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"{url}/-/ready", timeout=1) as answer:
        return bool(answer.status == 200)
    return False


@contextmanager
def _wrong_clock() -> Iterator[str]:
    """What answers like Prometheus, an hour ahead."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps({"status": "success", "data": {"resultType": "scalar", "result": [0, "1"]}}).encode()
            self.send_response_only(200)
            self.send_header("Date", formatdate(_now() + _AWAY, usegmt=True))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _now() -> float:
    return time.clock_gettime(time.CLOCK_REALTIME)


@needs("prometheus")
def test_f15_to_f18_and_f22_what_prometheus_does_not_say_for_sure_is_inconclusive(tmp_path: Path) -> None:
    seen = {"name": "seen", "expect": "< 10", "every": "0.2s", "window": "1s", "when": ["during"], "timeout": "1s"}
    cases: list[tuple[str, dict[str, Any], int, str]] = [
        ("it says one number", {"prometheus": "vector(1)"}, 0, r"(\d+) good, of \1 +held\n"),
        ("F15 no series", {"prometheus": "no_such_metric"}, 3, "the query gave no series"),
        ("F16 0/0", {"prometheus": "vector(0) / vector(0)"}, 3, "the query gave NaN"),
        (
            "F17 too few",
            {"prometheus": {"query": "vector(1)", "events": "vector(7)"}, "min_events": 100},
            3,
            "7 events",
        ),
        ("F18 two series", {"prometheus": _TWO}, 3, "the query gave 2 values"),
        ("F22 nobody there", {"prometheus": {"query": "vector(1)", "server": "$nobody"}}, 3, "refused"),
        ("F22 wrong clock", {"prometheus": {"query": "vector(1)", "server": "$wrong"}}, 3, "s ahead of ours"),
    ]
    with (
        _prometheus(tmp_path / "prometheus") as url, _wrong_clock() as wrong, nobody() as away,
        staged(tmp_path, len(cases)) as stages,
    ):  # fmt: skip
        where = {"$nobody": f"http://{away}", "$wrong": wrong}
        runs = []
        for stage, (_, terms, _, _) in zip(stages, cases, strict=True):
            text = json.dumps({**seen, **terms})
            for name, address in where.items():
                text = text.replace(name, address)
            path = stage.write(duration="4s", hypotheses=[json.loads(text)], traffic=_gentle(stage))
            runs.append(stage.start(path, prometheus=url))
        for run, stage, (case, _, status, told) in zip(runs, stages, cases, strict=True):
            ended = run.end()
            assert ended.status == status, case + ended.told
            assert re.search(told, ended.out), case + ended.told
            assert ended.of("injected"), case
            assert ended.verified, case
            assert stage.faults() == []


_PASSWORD: Final = "hunter22hunter22"
_HASH: Final = "$2b$04$abcdefghijklmnopqrstuuCeJsx5CqBqyXzxufyufUn7OW8qD5ObG"
"""Of that password, by bcrypt."""


def _guarded(folder: Path, authority: Authority) -> list[str]:
    """The flags of a server with TLS and a password."""
    for name, content in zip(("c.pem", "k.pem"), authority.issue("localhost"), strict=True):
        (folder / name).write_bytes(content)
    tls = {"cert_file": "c.pem", "key_file": "k.pem"}
    (folder / "web.yml").write_text(json.dumps({"tls_server_config": tls, "basic_auth_users": {"shop": _HASH}}))
    return [f"--web.config.file={folder / 'web.yml'}"]


@needs("prometheus", "openssl")
def test_a_prometheus_with_tls_and_a_password_is_reached_as_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_PASSWORD", _PASSWORD)
    authority = Authority(tmp_path / "ca")
    claim = {
        "name": "seen", "prometheus": "vector(1)", "expect": "< 10", "every": "0.2s", "window": "1s", "timeout": "3s",
    }  # fmt: skip
    (tmp_path / "prometheus").mkdir()
    flags = _guarded(tmp_path / "prometheus", authority)
    with _prometheus(tmp_path / "prometheus", *flags) as url, staged(tmp_path / "stage") as [stage]:
        safe = url.replace("http://127.0.0.1", "https://localhost")
        user = {"user": "shop", "password": "${PROMETHEUS_PASSWORD}"}
        path = stage.write(hypotheses=[claim], traffic=_gentle(stage), baseline="3s", duration="3s", recovery="3s")
        (stage.root / "ca.pem").write_bytes(authority.certificate)
        (stage.root / "architecture.yaml").write_text(SHOP)
        outcomes = {}
        for case, server in (
            ("no password", {"url": safe, "ca": "ca.pem"}),
            ("no authority", {"url": safe, "basic_auth": user}),
            ("right", {"url": safe, "ca": "ca.pem", "basic_auth": user}),
        ):
            ended = stage.run(path, prometheus=server)
            outcomes[case] = ended.status
            assert _PASSWORD not in ended.told + json.dumps(ended.records), case
            words = [str(stage.root / "architecture.yaml"), "--write", str(stage.root / case), "--env", "local"]
            written = CliRunner().invoke(catalogue, [*words, "--config", str(stage.root / "brownout.yaml")])
            assert (written.exception is None) == (case == "right"), (case, written.output)
            assert isinstance(written.exception, Unavailable | None), case
        assert outcomes == {"no password": 3, "no authority": 3, "right": 0}


def test_f17_too_few_requests_for_a_judgement_is_inconclusive(tmp_path: Path) -> None:
    with staged(tmp_path) as [stage]:
        ended = stage.run(stage.write(hypotheses=[stage.claim(min_events=10_000)]))
    assert ended.status == 3, ended.told
    assert "events, and min_events asks for 10,000" in ended.out


def test_many_hypotheses_are_measured_beside_each_other(tmp_path: Path) -> None:
    with staged(tmp_path) as [stage]:
        claims = [stage.claim(name=f"claim {number}", every="0.5s") for number in range(50)]
        ended = stage.run(stage.write(hypotheses=claims, traffic=_gentle(stage)))
        assert ended.status == 0, ended.told
        assert stage.faults() == []
    assert {record["hypothesis"] for record in ended.of("sample")} == {claim["name"] for claim in claims}


def _gentle(stage: Stage) -> dict[str, Any]:
    """Traffic that many runs side by side can bear."""
    return {"url": stage.shop.url, "rate": 10, "timeout": "5s"}
