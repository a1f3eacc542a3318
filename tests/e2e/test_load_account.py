"""The experiment's own load under faults: what its clients would call a failure, and what it cannot send."""

from __future__ import annotations

import json
import resource
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes.system_under_test import Ended, staged

pytestmark = pytest.mark.timeout(500)  # several runs, or a dozen commands


def _errors(ended: Ended) -> Counter[str]:
    found: Counter[str] = Counter()
    for second in ended.of("traffic"):
        found.update(second["errors"])
    return found


@contextmanager
def _answering(status: int, body: bytes = b"", **headers: str) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def test_half_of_all_requests_that_hang_until_the_revert_are_errors(tmp_path: Path) -> None:
    """The load gives them up after 10 s, long after the fault is over."""
    with staged(tmp_path) as [stage]:
        path = stage.write(
            fault={"latency": "30s", "toxicity": "50%"}, duration="4s", recovery="8s",
            traffic={"url": stage.shop.url, "rate": 30, "timeout": "10s"},
            hypotheses=[stage.claim(when=["baseline", "during"])],
        )  # fmt: skip
        ended = stage.run(path)
        assert ended.status == 1, ended.told
        assert max(second["unanswered"] for second in ended.of("traffic")) > 5
        during = [sample for sample in ended.of("sample") if sample["phase"] == "during" and not sample["settling"]]
        assert max(sample["value"] or 0 for sample in during) > 0.05


def test_a_percentile_says_nothing_of_a_service_that_answers_with_errors_only(tmp_path: Path) -> None:
    """Each of them comes at once: a claim on latency alone must not pass."""
    with staged(tmp_path) as [stage]:
        claim = stage.claim(name="p99", traffic="p99", expect="< 1s", when=["baseline", "during"])
        path = stage.write(fault="refuse", hypotheses=[claim])
        ended = stage.run(path, "--report", "r.json")
        assert ended.status == 3, ended.told
        assert _errors(ended)["5xx"] > 20
        phases = {load["phase"]: load for load in json.loads((stage.root / "r.json").read_text())["traffic"]}
        assert phases["during"]["errors"]["5xx"] > 20
        assert phases["during"]["failed"] >= phases["during"]["errors"]["5xx"]
        assert not phases["baseline"]["failed"]
        whole = phases["whole run"]
        assert whole["sent"] == whole["ok"] + whole["failed"] + whole["unanswered"]
        assert whole["sent"] == sum(load["sent"] for load in phases.values()) - whole["sent"]
        assert ended.of("traffic")[-1]["seconds"] < 1


def test_redirects_and_wrong_bodies_are_no_baseline(tmp_path: Path) -> None:
    with staged(tmp_path) as [stage], _answering(302, Location="/error") as moved, _answering(200, b"sorry") as page:
        for url, more, kind in ((moved, {}, "3xx"), (page, {"body_contains": "paid"}, "body")):
            path = stage.write(traffic={"url": url, "rate": 30, **more}, baseline="3s")
            ended = stage.run(path)
            assert ended.status == 3, ended.told
            assert set(_errors(ended)) == {kind}
            assert not ended.of("undo")
        ended = stage.run(stage.write(traffic={"url": moved, "rate": 30, "status": 302}))
        (reason,) = ended.records[-1]["reasons"]
        assert reason["code"] == "no-traffic", "it is not behind the edge"
        assert not _errors(ended), "its status is named"


def test_a_machine_that_cannot_send_the_rate_is_not_taken_for_the_service(tmp_path: Path) -> None:
    with staged(tmp_path) as [stage]:
        claim = stage.claim(expect="< 99%", when=["during"])
        run = stage.start(
            stage.write(duration="6s", traffic={"url": stage.shop.url, "rate": 400, "timeout": "5s"},
                        fault={"latency": "3s"}, hypotheses=[claim], baseline="2s", lease="10s"),
            "--report", "r.md",
        )  # fmt: skip
        run.until_state("observing")
        usual = resource.prlimit(run.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(run.process.pid, resource.RLIMIT_NOFILE, (60, usual[1]))  # as a machine with few descriptors
        run.until_state("reverting")
        resource.prlimit(run.process.pid, resource.RLIMIT_NOFILE, usual)  # its reports want some, too
        ended = run.end()
        assert ended.status == 3, ended.told
        assert "requests a second" in ended.told
        assert "lower traffic.rate" in ended.told
        assert "requests a second" in (stage.root / "r.md").read_text()
        assert not {"overload"} & set(_errors(ended))
