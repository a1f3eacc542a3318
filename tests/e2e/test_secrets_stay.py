"""One secret in every field of every probe, of the load and of the environment: no output of a real run has it."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest

from tests.support.processes.system_under_test import Stage, staged
from tests.support.running import SECONDS

pytestmark = pytest.mark.timeout(500)  # several runs, or a dozen commands

_SECRET: Final = 'Zq7"ü&x+Yk9'
_CODED: Final = quote(_SECRET, safe="")
_PIECES: Final = ("Zq7", "Yk9", base64.b64encode(f"me:{_SECRET}".encode()).decode(), "\\u005a\\u0071", "%5A%71")


class _Echo(BaseHTTPRequestHandler):
    """Repeats what it was sent, in the status line's reason and in the body, as a careless service does."""

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        heard = {"path": self.path, "headers": dict(self.headers), "body": self.rfile.read(length).decode()}
        body = json.dumps({"status": "error", "errorType": "bad_data", "error": repr(heard), "heard": heard}).encode()
        self.send_response(400, "bad")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def _echo() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _hypotheses(where: str) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {_SECRET}", "X-Api-Key": _SECRET, "Cookie": f"theme=dark; sid={_SECRET}"}
    headers = {name: value.encode("utf-8").decode("latin-1") for name, value in headers.items()}
    url = f"http://me:{_CODED}@{where}/x?api_key={_CODED}&a=1"
    show = [sys.executable, "-c", "import sys; print(sys.argv, file=sys.stderr); print(sys.argv); sys.exit(3)"]
    probes: list[dict[str, Any]] = [
        {"http": {"url": url, "headers": headers, "measure": "status"}, "expect": "== 200"},
        {"http": {"url": url, "method": "POST", "body": {"login": {"password": _SECRET}}, "measure": "ok",
                  "json": {"session.token": _SECRET}}, "expect": "== 1"},
        {"http": {"url": url, "method": "POST", "body": f"a=1&client_secret={_CODED}", "measure": "ok"},
         "expect": "== 1"},
        {"sql": {"dsn": f"postgresql://me:{_CODED}@127.0.0.1:1/x", "query": "select 1"}, "expect": "== 1"},
        {"sql": {"dsn": f"postgresql://127.0.0.1:1/x?user=me&password={_CODED}", "query": "select 1"},
         "expect": "== 1"},
        {"redis": {"url": f"redis://me:{_CODED}@{where}/0", "command": "PING"}, "expect": "== 1"},
        {"redis": {"url": "redis://127.0.0.1:1", "command": ["AUTH", _SECRET]}, "expect": "== 1"},
        {"prometheus": {"query": "up", "server": f"http://me:{_CODED}@{where}", "headers": {"X-Vault-Token": "Zq7-Yk9"}
                        }, "expect": "== 1", "window": "0.5s"},
        {"command": [*show, "--password", _SECRET], "expect": "== 0"},
        {"command": {"run": [*show, f"PGPASSWORD={_SECRET}"], "measure": "number"}, "expect": "== 0"},
        {"command": {"run": [*show, "-u", f"me:{_SECRET}", "-H", "X-Api-Key: Zq7-Yk9"], "measure": "number"},
         "expect": "== 0"},
        {"tcp": where, "expect": "< 1s"},
        {"traffic": "errors", "expect": "< 1%", "window": "0.5s"},
        {"edge": "connections", "expect": ">= 1"},
    ]  # fmt: skip
    return [
        {"name": f"h{number}", "every": "0.3s", **({"window": "0.5s"} if "edge" in probe else {}), **probe}
        for number, probe in enumerate(probes)
    ]


def _check(stage: Stage, outputs: dict[str, str]) -> None:
    for file in stage.root.rglob("*"):
        if file.is_file() and file.name not in ("experiment.json", "brownout.yaml", "secret.json"):
            outputs[str(file.relative_to(stage.root))] = file.read_text(errors="replace")
    leaks = [f"{name}: ...{text[max(0, text.find(piece) - 200) :][:300]}"
             for name, text in outputs.items() for piece in _PIECES if piece in text]  # fmt: skip
    assert not leaks, "\n\n".join(leaks)


def _brownout(stage: Stage, *words: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-c", "from brownout_proxy.cli import main; main()", *words],
        cwd=stage.root, capture_output=True, text=True, timeout=6 * SECONDS, check=False,
    )  # fmt: skip
    assert ended.stdout or ended.stderr
    return ended.stdout + ended.stderr


def test_a_secret_in_any_field_of_any_probe_reaches_no_output(tmp_path: Path) -> None:
    with staged(tmp_path) as [stage], _echo() as where:
        load = {
            "url": f"http://me:{_CODED}@{where}/pay?token={_CODED}", "rate": 30, "method": "POST",
            "headers": {"X-Auth-Token": "Zq7-Yk9"}, "body": json.dumps({"a": 1, "password": _SECRET}),
        }  # fmt: skip
        path = stage.write(
            traffic=load, hypotheses=_hypotheses(where), nets={"baseline-gate": "all of it has to be run"}
        )
        reports = [flag for form in ("html", "md", "xml", "json") for flag in ("--report", f"r.{form}")]
        settings = {"prometheus": f"http://me:{_CODED}@{where}/", "token": "Zq7-Yk9"}
        ended = stage.run(path, *reports, **settings)
        assert ended.of("sample"), ended.told
        assert len({sample["hypothesis"] for sample in ended.of("sample")}) == len(_hypotheses(where)), ended.told
        outputs = {"run": ended.told}
        for words in (
            ("run", str(path), "--dry-run"),
            ("run", str(path), "--dry-run", "--json"),
            ("lint", str(path)),
            ("report", "last"),
            ("report", "last", "--format", "json"),
            ("history",),
            ("margin", str(path), "--dry-run"),
        ):
            outputs[" ".join(words)] = _brownout(stage, *words)
        journal = next((stage.root / ".brownout" / "runs").glob("*/journal.jsonl")).read_text()
        assert "***" in journal
        _check(stage, outputs)
