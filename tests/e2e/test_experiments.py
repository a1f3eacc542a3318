"""`brownout run` as a CI job has it: real processes, a real service behind a real proxy, and the exit status.

The cases F1 and so on are those in which other tools give a false green; whatever happens, no fault may be left behind.
Those about data that is missing, about runs that are cut short and about processes that die have modules of their own.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.processes.proxy import proxy_process
from tests.support.processes.system_under_test import Stage, Started, staged
from tests.support.running import echoing, eventually

pytestmark = pytest.mark.timeout(500)  # several runs, each a process


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with staged(tmp_path) as [stage]:
        yield stage


@pytest.fixture
def three(tmp_path: Path) -> Iterator[list[Stage]]:
    """For runs side by side."""
    with staged(tmp_path, 3) as stages:
        yield stages


def test_a_system_that_copes_passes(stage: Stage) -> None:
    ended = stage.run(stage.write())
    assert ended.status == 0, ended.told
    assert "verdict: passed" in ended.out
    assert stage.faults() == []
    assert ended.records[-1]["verdict"] == "passed"
    assert ended.verified


def test_a_system_that_does_not_is_refuted_with_the_samples_in_the_record(stage: Stage) -> None:
    slow = stage.claim(name="p99 stays low", traffic="p99", expect="< 200ms")
    ended = stage.run(stage.write(hypotheses=[slow]))
    assert ended.status == 1, ended.told
    assert re.search(r"p99 stays low +during +< 200ms +4\d\d(\.\d)?ms +.*broke", ended.out)
    assert len([record for record in ended.of("sample") if record["phase"] == "during"]) >= 5
    assert stage.faults() == []


def test_f1_a_baseline_that_is_not_met_injects_nothing(stage: Stage) -> None:
    stage.shop.healthy = False
    ended = stage.run(stage.write())
    assert ended.status == 3, ended.told
    assert not {"undo", "injected", "reverted"} & {record["kind"] for record in ended.records}


def test_f2_a_fault_that_one_target_refuses_is_undone_on_the_other_and_inconclusive(stage: Stage) -> None:
    with echoing() as echo, proxy_process(f"backend@0={echo}") as second:
        stage.control = [stage.proxy.control, second.control]
        path = stage.write(
            blast_radius={"mode": "all"}, nets={"large-scope": "both targets are ours"}, duration="60s", lease="60s"
        )
        run = stage.start(path)
        run.until_state("baseline")
        Stage(second, stage.shop, stage.root).ask("DELETE", "/proxies/backend")  # the plan counts on it
        ended = run.end()
    assert ended.status == 3, ended.told
    assert "the fault was not in place" in ended.out
    assert "there is no proxy 'backend' any more" in ended.out
    assert len(ended.of("injected")) < len(ended.of("undo"))
    assert ended.verified
    assert stage.faults() == []


def _ail(stage: Stage, run: Started, *, heals: bool) -> None:
    """The shop fails under the fault; if it heals, before the fault ends."""
    run.until_hit()
    stage.shop.healthy = False
    if heals:
        failing = "a bad sample"
        eventually(lambda: any((r.get("value") or 0) > 0.5 for r in run.records() if r["kind"] == "sample"), failing)
        stage.shop.healthy = True


def test_f3_f4_and_f8_bad_samples_under_the_fault_are_refuted_healed_or_not(three: list[Stage]) -> None:
    claims: list[dict[str, Any]] = [{}, {"when": ["during"]}, {}]
    runs = [
        stage.start(stage.write(duration="4s", hypotheses=[stage.claim(**claim)]))
        for stage, claim in zip(three, claims, strict=True)
    ]
    for stage, run, heals in zip(three, runs, (True, True, False), strict=True):
        _ail(stage, run, heals=heals)
    for stage, run in zip(three, runs, strict=True):
        ended = run.end()
        assert ended.status == 1, ended.told
        assert re.search(r"errors stay low +during +< 1% +\S+ +.*broke", ended.out)
        bad = [
            r for r in ended.of("sample") if r["phase"] == "during" and not r["settling"] and (r["value"] or 0) > 0.01
        ]
        assert bad
        assert ended.verified
        assert stage.faults() == []
    assert re.search(r"errors stay low +recovery +< 1% +\S+ +.*broke", ended.out)  # the one that did not heal


def test_f6_f7_and_f12_a_stop_condition_reverts_within_2_seconds_of_the_breach(
    three: list[Stage], record_property: Callable[[str, object], None]
) -> None:
    stop: dict[str, Any] = {"name": "p99", "traffic": "p99", "expect": "< 200ms", "stop": "> 300ms"}
    blocking = {"name": "blocks", "command": "sleep 60", "expect": "== 0", "timeout": "60s", "when": ["during"]}
    # F7 looks back for longer than the run takes so far: it does not wait until that has settled.
    hypotheses = [[stop], [{**stop, "when": ["during"], "window": "20s"}], [stop, blocking]]
    runs = [
        stage.start(stage.write(duration="60s", hypotheses=[stage.claim(**claims[0]), *claims[1:]]))
        for stage, claims in zip(three, hypotheses, strict=True)
    ]
    for stage, run in zip(three, runs, strict=True):
        ended = run.end()
        assert ended.status == 5, ended.told
        assert ended.verified
        assert stage.faults() == []
        record_property("seconds from breach to verified revert", round(ended.stopping, 3))
        under = ended.of("reverted")[-1]["at"] - ended.of("injected")[0]["at"]
        record_property("seconds from injection to verified revert", round(under, 3))
        assert ended.stopping < 2
        assert under < 15
        assert "broke" in ended.out  # the hypothesis is refuted, the run stopped


def test_f13_what_the_file_cannot_mean_is_an_error_of_the_file(stage: Stage) -> None:
    hypotheses = [stage.claim(tolerance=5)]
    for changes in ({"hypotheses": hypotheses}, {"method": [{"type": "probe", "tolerance": 5}]}):
        ended = stage.run(stage.write(**changes))
        assert ended.status == 2, ended.told
        assert re.search(r"experiment\.json:1:\d+: .*(tolerance|method).*: unknown key", ended.err)
    assert not stage.runs.exists()


def test_f14_a_service_that_stays_broken_after_the_revert_is_refuted(stage: Stage) -> None:
    stage.shop.sticky = True
    ended = stage.run(stage.write(hypotheses=[stage.claim(when=["baseline", "recovery"])]))
    assert ended.status == 1, ended.told
    assert "did not hold again within 2s of the revert" in ended.out
    assert ended.verified


def test_f19_a_fault_that_no_traffic_met_is_inconclusive(stage: Stage) -> None:
    ended = stage.run(stage.write(fault={"latency": "400ms", "clients": ["10.0.0.0/8"]}))
    assert ended.status == 3, ended.told
    assert "no traffic met the fault" in ended.out
    assert len(ended.of("injected")) == 1


def test_f20_an_edge_that_nothing_carries_is_refused(stage: Stage) -> None:
    ended = stage.run(stage.write(edge="shop -> nothing"))
    assert ended.status == 4, ended.told
    assert "zero-targets" in ended.told


def test_f21_a_fault_that_somebody_removes_half_way_is_inconclusive(stage: Stage) -> None:
    run = stage.start(stage.write(duration="60s"))
    run.until_hit()
    stage.ask("POST", "/reset?force=true")
    ended = run.end()
    assert ended.status == 3, ended.told
    assert "vanished half-way" in ended.out
    assert ended.verified


class _Pulse:
    """A service whose answer to a probe is bad for `bad` seconds, from `after` seconds after the fault came on."""

    def __init__(self, stage: Stage, after: float, bad: float) -> None:
        self._stage, self._after, self._bad = stage, after, bad
        self._seen: float | None = None
        pulse = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(503 if pulse.is_bad() else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def is_bad(self) -> bool:
        if self._seen is None and self._stage.faults():
            self._seen = time.monotonic()
        return self._seen is not None and self._after <= time.monotonic() - self._seen < self._after + self._bad

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def test_f23_and_f24_what_is_tolerated_or_settling_is_no_reason_to_refute(three: list[Stage]) -> None:
    # A second of bad samples under the fault: in the middle and tolerated, at once and settling, and neither.
    ways: list[tuple[float, dict[str, Any], int]] = [
        (1.0, {"tolerate": {"failures": 9, "of": 12}}, 0), (0.0, {"settle": "2s"}, 0), (1.0, {}, 1),
    ]  # fmt: skip
    pulses = [_Pulse(stage, after, 0.8) for stage, (after, _, _) in zip(three, ways, strict=True)]
    runs = []
    for stage, pulse, (_, terms, _) in zip(three, pulses, ways, strict=True):
        claim = {"name": "answers", "http": {"url": pulse.url, "measure": "ok"}, "expect": "== 1", "every": "0.1s"}
        path = stage.write(duration="5s", recovery="3s", hypotheses=[{**claim, "when": ["during"], **terms}])
        runs.append(stage.start(path))
    for run, (_, _, status) in zip(runs, ways, strict=True):
        ended = run.end()
        assert ended.status == status, ended.told
        assert any(record["value"] == 0 for record in ended.of("sample")), "it was bad"
    for pulse in pulses:
        pulse.close()


def test_f26_an_inconclusive_run_is_an_error_in_a_junit_report(stage: Stage) -> None:
    ended = stage.run(stage.write(fault={"latency": "400ms", "clients": ["10.0.0.0/8"]}))
    assert ended.status == 3, ended.told
    command = [sys.executable, "-c", "from brownout_proxy.cli import main; main()", "report", "--format", "junit"]
    report = subprocess.run(command, cwd=stage.root, capture_output=True, text=True, check=True).stdout
    assert "<error" in report
    assert "<skipped" not in report


def test_two_runs_on_one_target_exclude_each_other(stage: Stage) -> None:
    path = stage.write(duration="60s")
    first = stage.start(path)
    first.until_state("observing")
    second = stage.run(path)
    assert second.status == 4, second.told
    first.process.terminate()
    first.end()
    assert stage.faults() == []


def test_a_fault_that_somebody_puts_there_during_the_baseline_refuses(stage: Stage) -> None:
    run = stage.start(stage.write(baseline="3s"))
    run.until_state("baseline")
    stage.ask("POST", "/proxies/backend/toxics", {"type": "latency", "name": "mine", "attributes": {"latency": 1}})
    ended = run.end()
    assert ended.status == 4, ended.told
    assert "since the plan was made: mine" in ended.out
    assert stage.faults() == ["mine"]


def test_of_several_experiments_the_worst_verdict_wins_and_a_bad_file_runs_none(stage: Stage) -> None:
    good = stage.write(duration="1s", recovery="1s")
    other = stage.root / "other.json"
    other.write_text(good.read_text().replace("shop -> backend", "shop -> nothing"))
    ended = stage.run(good, str(other), "--json")
    assert ended.status == 4, ended.told
    assert [run["verdict"] for run in json.loads(ended.out)] == ["passed", "refused"]
    before = len(list(stage.runs.iterdir()))
    other.write_text(good.read_text().replace("expect", "expct"))
    ended = stage.run(good, str(other))
    assert ended.status == 2, ended.told
    assert re.search(r"other\.json:1:\d+: hypotheses\[0\]\.expct: unknown key; did you mean expect\?", ended.err)
    assert len(list(stage.runs.iterdir())) == before


def test_a_dry_run_tells_targets_undo_and_what_hypotheses_read_and_touches_nothing(stage: Stage) -> None:
    tcp = {"name": "it listens", "tcp": urlsplit(stage.shop.url).netloc, "expect": "< 1s"}
    path = stage.write(hypotheses=[tcp])
    ended = stage.run(path, "--dry-run")
    assert ended.status == 0, ended.told
    for told in (f"{stage.proxy.control}/backend", "latency on answers (latency 400ms)", "lease"):
        assert told in ended.out
    assert re.search(r"it listens +< 1s +\S+(ms|us) +ok", ended.out)
    assert not (stage.root / ".brownout").exists()
    stage.proxy.kill()
    ended = stage.run(path, "--dry-run")
    assert ended.status == 3, ended.told
    assert "nobody listens there" in ended.out
    assert "a run would end inconclusive, exit 3" in ended.out


def test_secrets_are_nowhere_and_the_parts_of_names_are_no_reason_to_find_nothing(stage: Stage) -> None:
    dsn = {"name": "sql", "sql": {"dsn": "${DSN}", "query": "select 1"}, "expect": "== 1", "timeout": "1s"}
    path = stage.write(hypotheses=[stage.claim(), dsn])
    ended = stage.run(path, "--var", "DSN=postgresql://me:hunter22@127.0.0.1:1/db")
    assert ended.status == 3, ended.told
    journals = "".join(path.read_text() for path in stage.runs.glob("*/*"))
    assert "hunter22" not in ended.told + journals
    # The value of a variable that is a part of the run's name, of the fault's and of the proxy's address.
    ended = stage.run(stage.write(name="${WHAT}-backend"), "--var", "WHAT=latency", "--var", "PORT=127.0.0.1")
    assert ended.status == 0, ended.told
