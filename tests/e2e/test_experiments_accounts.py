"""`brownout run` accounts for every measurement: what hangs, is refused, is not there, or was so before."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from tests.support.processes.system_under_test import Ended, Stage, staged

LEASE = "10s"
"""Longer than a busy machine may forget to renew it."""


def _under_the_fault(ended: Ended, name: str) -> list[Mapping[str, Any]]:
    return [
        record
        for record in ended.of("sample")
        if (record["hypothesis"], record["phase"], record["settling"]) == (name, "during", False)
    ]


def _row(ended: Ended, name: str, phase: str) -> str:
    return next(line for line in ended.out.splitlines() if line.startswith(name) and phase in line)


def test_a_page_that_hangs_until_the_revert_is_bad_for_each_measurement_that_was_due(tmp_path: Path) -> None:
    """As when a pool has run dry: no answer comes under the fault, and nobody would wait less than a minute."""
    with staged(tmp_path) as [stage]:
        patient: dict[str, Any] = {"every": "0.25s", "timeout": "60s", "when": ["baseline", "during"]}
        page = {"name": "the page", "http": {"url": stage.shop.url, "measure": "ok"}, "expect": "== 1", **patient}
        fast = {"name": "fast", "http": stage.shop.url, "expect": "< 500ms", **patient}
        load = {"url": stage.shop.url, "rate": 10, "timeout": "10s"}
        ended = stage.run(
            stage.write(
                fault={"latency": "60s"},
                duration="3s",
                lease=LEASE,
                hypotheses=[page, fast, stage.claim()],
                traffic=load,
            )
        )
    assert ended.status == 1, ended.told
    for name in ("the page", "fast"):
        taken = _under_the_fault(ended, name)
        assert len(taken) >= 11, "twelve were due, whatever the last one came to"
        waits = [record["waited"] for record in taken if record["failure"] == "timeout"]
        assert len(waits) >= 10
        assert max(waits) > 2, "it waited for as long as the fault was there"
        assert "timed out" in _row(ended, name, "during")
        assert _row(ended, name, "during").endswith("broke")
        assert _row(ended, name, "baseline").endswith("held")


def test_a_service_that_refuses_connections_under_the_fault_is_refuted_by_every_probe(tmp_path: Path) -> None:
    with staged(tmp_path) as [stage]:
        often: dict[str, Any] = {"every": "0.2s", "when": ["baseline", "during"]}
        claims: list[dict[str, Any]] = [
            {"name": "answers fast", "http": {"url": stage.shop.url, "fresh": True}, "expect": "< 4s", **often},
            {"name": "takes connections", "tcp": f"127.0.0.1:{stage.shop.port}", "expect": "< 4s", **often},
        ]
        run = stage.start(stage.write(duration="4s", lease=LEASE, hypotheses=claims))
        run.until_hit()
        stage.shop.close()
        ended = run.end()
    assert ended.status == 1, ended.told
    for claim in claims:
        kinds = [record["failure"] for record in _under_the_fault(ended, claim["name"])]
        assert kinds.count("refused") >= 2, ended.told
        row = _row(ended, claim["name"], "during")
        assert f"{kinds.count('refused')} refused" in row
        assert row.endswith("broke")


@contextmanager
def _metrics() -> Iterator[tuple[str, dict[str, float]]]:
    """What answers Prometheus's query API: for each name in the mapping its value, and nothing for any other."""
    values: dict[str, float] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"])).decode()
            found = [value for name, value in values.items() if f"query={name}&" in f"{query}&"]
            result = [{"metric": {}, "value": [time.monotonic(), str(value)]} for value in found]
            self._answer({"status": "success", "data": {"resultType": "vector", "result": result}})

        def do_GET(self) -> None:
            self._answer({"status": "success", "data": {"activeTargets": []}})

        def _answer(self, content: object) -> None:
            body = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", values
    finally:
        server.shutdown()
        server.server_close()


def _metric(name: str, query: str, expect: str, **changes: Any) -> dict[str, Any]:
    quick = {"every": "0.2s", "window": "0.2s", "settle": "0s"}
    return {"name": name, "prometheus": query, "expect": expect, **quick, **changes}


def _written(stage: Stage, *claims: dict[str, Any]) -> Path:
    load = {"url": stage.shop.url, "rate": 20, "timeout": "5s"}
    return stage.write(
        duration="3s", lease=LEASE, hypotheses=[_metric("it is there", "alive", "== 1"), *claims], traffic=load
    )


def test_holes_that_only_the_fault_has_what_is_accepted_and_what_was_false_before(tmp_path: Path) -> None:
    accepted = {"pass": "nobody pays at night"}
    with _metrics() as (url, values), staged(tmp_path, 3) as stages:
        values |= {"alive": 1.0, "scraped": 1.0, "pending": 1.0}
        holes, quiet, before = (
            stage.start(path, prometheus=url)
            for stage, path in zip(
                stages,
                (
                    _written(stages[0], _metric("up", "scraped", "== 1", when=["baseline", "during"])),
                    _written(stages[1], _metric("payments", "paid", "> 0", no_data=accepted)),
                    _written(stages[2], _metric("nothing is pending", "pending", "== 0", when=["recovery"])),
                ),
                strict=True,
            )
        )
        holes.until_hit()
        del values["scraped"]
        ends = [run.end() for run in (holes, quiet, before)]
    hole, accept, false = ends
    assert hole.status == 3, hole.told
    (reason,) = hole.records[-1]["reasons"]
    assert (reason["code"], reason["words"]["why"]) == ("holes", "the query gave no series")
    assert accept.status == 0, accept.told
    assert "payments (during): accepted without data: nobody pays at night" in accept.out
    assert _row(accept, "payments", "during").endswith("accepted")
    assert " good" not in _row(accept, "payments", "during"), "it is never counted as measured"
    assert false.status == 3, false.told
    (reason,) = false.records[-1]["reasons"]
    assert (reason["code"], reason["hypothesis"]) == ("false-before", "nothing is pending")
    looks = [record for record in false.of("sample") if record["hypothesis"] == "nothing is pending"]
    assert [record["phase"] for record in looks].count("baseline") == 1
