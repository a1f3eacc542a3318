"""What a verdict rests on, with real processes: how much met the fault, whose traffic it was, and what others did."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from tests.support.processes.proxy import proxy_process
from tests.support.processes.shop import Shop
from tests.support.processes.system_under_test import Ended, Stage, Started, staged
from tests.support.running import echoing, eventually, said_back

pytestmark = pytest.mark.timeout(500)  # two whole runs, on a busy machine

BEARABLE = {"expect": "< 99%", "every": "0.4s"}
"""A claim on errors that a busy machine keeps."""
COUNTED = {
    "name": "few connections", "edge": "connections", "expect": "< 10000/s", "window": "1s", "every": "2s",
}  # fmt: skip
"""A claim that does not depend on how fast anything is."""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with staged(tmp_path) as [stage]:
        yield stage


def written(stage: Stage, **changes: Any) -> Path:
    """With a lease that a busy machine renews in time."""
    plain = {"lease": "10s", "baseline": "4s", "duration": "5s", "recovery": "4s", "hypotheses": [COUNTED]}
    return stage.write(**{**plain, **changes})


def codes(ended: Ended) -> list[str]:
    return [reason["code"] for reason in ended.of("verdict")[0]["reasons"]]


def reason(ended: Ended, code: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(one for one in ended.of("verdict")[0]["reasons"] if one["code"] == code)
    return found


class Calm:
    """A service that asks its backend for one request in so many, and answers the others by itself."""

    def __init__(self, backend: str, every: int) -> None:
        count = iter(range(1 << 30))

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if next(count) % every == 0:
                    said_back(backend, b"hello")
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        Thread(target=self._server.serve_forever, args=[0.05], daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def test_a_run_that_passes_says_what_met_the_fault_and_what_moved(stage: Stage) -> None:
    slow = {"name": "p50", "traffic": "p50", "expect": "< 10s", "window": "1s", "every": "0.5s"}
    traffic = {"url": stage.shop.url, "rate": 30, "timeout": "11s"}
    ended = stage.run(
        written(stage, hypotheses=[slow], traffic=traffic, baseline="3s", duration="4s", recovery="3s"), "--json"
    )
    (run,) = json.loads(ended.out)
    assert run["verdict"] == "passed", ended.told
    evidence = run["evidence"]
    (met,) = evidence["met"]
    assert met["hits"] > 20
    assert met["exchanges"] > 20
    assert evidence["share"]["value"] > 0.5
    assert evidence["claimed"] is True
    assert evidence["moved"][0]["changed"] is True
    assert {flow["phase"] for flow in evidence["edge"]} == {"baseline", "during", "recovery"}
    assert evidence["strength"][0]["attributes"]["latency"] == 400
    assert evidence["disturbances"] == []


def test_a_fault_too_weak_to_notice_and_a_run_without_a_claim_on_it_say_so(stage: Stage) -> None:
    ended = stage.run(written(stage, fault={"latency": "1ms"}, hypotheses=[stage.claim(**BEARABLE)]))
    assert ended.status == 0, ended.told
    assert codes(ended)[0] == "passed-unmoved"
    assert "nothing measured changed" in ended.out
    ended = stage.run(written(stage, hypotheses=[stage.claim(**BEARABLE, when=["recovery"])]))
    assert ended.status == 0, ended.told
    assert codes(ended)[0] == "passed-unclaimed"
    assert "nothing was claimed for the time of the fault" in ended.out


@pytest.mark.parametrize(("min_share", "status"), [("5%", 3), ("0.1%", 0)])
def test_two_requests_of_many_are_no_proof_and_a_file_may_ask_for_less(
    stage: Stage, min_share: str, status: int
) -> None:
    calm = Calm(stage.proxy.listen("backend"), every=60)
    try:
        ended = stage.run(written(stage, traffic={"url": calm.url, "rate": 30}, min_share=min_share))
    finally:
        calm.close()
    assert ended.status == status, ended.told
    if status:
        assert "small-share" in codes(ended), ended.told
        numbers = reason(ended, "small-share")["numbers"]
        assert numbers["met"][0] <= 10
        assert numbers["possible"][0] > 60
        assert "Kafka" in ended.out


def test_a_health_checker_beside_a_service_that_goes_around_the_proxy_proves_nothing(stage: Stage) -> None:
    over = Event()

    def check() -> None:
        while not over.wait(1):
            said_back(stage.proxy.listen("backend"), b"well?")

    around = Calm("127.0.0.1:1", every=1 << 30)
    checker = Thread(target=check, daemon=True)
    checker.start()
    try:
        traffic = {"url": around.url, "rate": 60}
        ended = stage.run(written(stage, traffic=traffic))
    finally:
        over.set()
        around.close()
    assert ended.status == 3, ended.told
    assert "small-share" in codes(ended), ended.told


def test_one_target_of_two_that_meets_nothing_is_not_passed(tmp_path: Path) -> None:
    with ExitStack() as stack:
        echo = stack.enter_context(echoing())
        used, idle = (stack.enter_context(proxy_process(f"backend@0={echo}")) for _ in range(2))
        shop = Shop(used.listen("backend"))
        shop.start()
        stack.callback(shop.close)
        stage = Stage(used, shop, tmp_path, control=[used.control, idle.control])
        changes = {"blast_radius": {"mode": "all"}}
        limits = {"max_percent": 100}
        ended = stage.run(written(stage, **changes), limits=limits)
        assert ended.status == 3, ended.told
        assert "no-hits" in codes(ended), ended.told
        assert reason(ended, "no-hits")["subject"] == f"{idle.control}/backend"
        ended = stage.run(written(stage, **changes, met="any"), limits=limits)
        assert ended.status == 0, ended.told


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_a_probe_and_a_load_at_the_proxy_itself_are_refused(stage: Stage, host: str) -> None:
    port = stage.proxy.listen("backend").rpartition(":")[2]
    own = {"name": "it listens", "tcp": f"{host}:{port}", "expect": "< 1s"}
    for changes in ({"hypotheses": [own]}, {"traffic": {"url": f"http://{host}:{port}/", "rate": 30}}):
        for flags in (("--dry-run",), ()):
            ended = stage.run(written(stage, **changes), *flags)
            assert ended.status == 4, ended.told
            assert "own-traffic" in ended.told
    assert stage.faults() == []


# What others do.


def _toxic(stage: Stage) -> None:
    stage.ask("POST", "/proxies/backend/toxics", {"name": "theirs", "type": "latency", "attributes": {"latency": 900}})


def _no_toxic(stage: Stage) -> None:
    stage.ask("DELETE", "/proxies/backend/toxics/theirs")


def _set(stage: Stage, **changes: Any) -> None:
    stage.ask("POST", "/proxies/backend", changes)


def _looked(run: Started, wanted: Callable[[Mapping[str, Any]], bool]) -> None:
    """Waits until the run has seen its target so."""
    eventually(lambda: any(one["kind"] == "target" and wanted(one) for one in run.records()), "a look", seconds=120)


def _disturbed(stage: Stage, state: str, do: Callable[[Started], None]) -> Ended:
    run = stage.start(written(stage, baseline="3s", duration="5s", recovery="4s"))
    run.until_state(state)
    do(run)
    return run.end()


def test_a_fault_of_somebody_else_in_the_recovery_is_named_and_blamed_on_nobody(stage: Stage) -> None:
    def do(run: Started) -> None:
        _toxic(stage)
        _looked(run, lambda one: any(fault["name"] == "theirs" for fault in one["faults"]))
        _no_toxic(stage)

    ended = _disturbed(stage, "recovering", do)
    assert (ended.status, codes(ended)[0]) == (3, "foreign-fault"), ended.told
    assert reason(ended, "foreign-fault")["words"]["fault"] == "theirs"
    assert "theirs (latency)" in ended.out


@pytest.mark.parametrize("stays", [True, False])
def test_a_fault_of_somebody_else_under_ours_is_named_whether_or_not_it_stays(stage: Stage, stays: bool) -> None:
    """Without a lease, over the HTTP API, as Toxiproxy's clients add one."""

    def do(run: Started) -> None:
        run.until_hit()
        _toxic(stage)
        _looked(run, lambda one: any(fault["name"] == "theirs" for fault in one["faults"]))
        if not stays:
            _no_toxic(stage)

    ended = _disturbed(stage, "observing", do)
    assert (ended.status, codes(ended)[0]) == (3, "foreign-fault"), ended.told
    assert reason(ended, "foreign-fault")["words"]["fault"] == "theirs"
    assert "theirs (latency)" in ended.out
    assert stage.faults() == (["theirs"] if stays else []), "what is somebody else's is left alone"
    assert ended.verified


def test_what_happens_in_the_baseline_ends_the_run_before_anything_is_injected(stage: Stage) -> None:
    def do(run: Started) -> None:
        _looked(run, lambda one: one["enabled"])  # what it was like before
        _set(stage, enabled=False)
        _looked(run, lambda one: not one["enabled"])
        _set(stage, enabled=True)

    ended = _disturbed(stage, "baseline", do)
    assert (ended.status, codes(ended)[0]) == (3, "proxy-disabled"), ended.told
    assert ended.of("undo") == []


def test_another_upstream_is_named_with_both(stage: Stage) -> None:
    with echoing() as other:

        def do(run: Started) -> None:
            _set(stage, upstream=other)
            _looked(run, lambda one: one["upstream"] == other)

        ended = _disturbed(stage, "recovering", do)
    assert (ended.status, codes(ended)[0]) == (3, "upstream-changed"), ended.told
    assert reason(ended, "upstream-changed")["words"]["after"] == other


def test_a_process_that_stands_still_for_three_seconds_is_frozen_and_the_service_is_not_refuted(stage: Stage) -> None:
    def do(run: Started) -> None:
        run.until_hit()
        stage.proxy.process.send_signal(signal.SIGSTOP)
        Event().wait(3.2)  # how long it is frozen is what is tested
        stage.proxy.process.send_signal(signal.SIGCONT)

    claim = stage.claim(expect="< 1%")
    run = stage.start(written(stage, hypotheses=[claim], baseline="2s", duration="8s", recovery="2s", lease="10s"))
    run.until_state("observing")
    do(run)
    ended = run.end()
    assert (ended.status, codes(ended)[0]) == (3, "proxy-frozen"), ended.told
    assert reason(ended, "proxy-frozen")["numbers"]["seconds"][0] >= 2


def test_a_fault_that_somebody_forced_to_be_weaker_is_not_the_one_that_was_tested(stage: Stage) -> None:
    def do(run: Started) -> None:
        (name,) = stage.faults()
        stage.ask("POST", f"/proxies/backend/toxics/{name}?force=true", {"attributes": {"latency": 1}})
        _looked(run, lambda one: any(fault["attributes"].get("latency") == 1 for fault in one["faults"]))

    ended = _disturbed(stage, "observing", do)
    assert (ended.status, codes(ended)[0]) == (3, "fault-changed"), ended.told
    words = reason(ended, "fault-changed")["words"]
    assert (words["was:latency"], words["now:latency"]) == ("400", "1")


def test_a_proxy_that_is_away_and_back_is_restarted(stage: Stage, tmp_path: Path) -> None:
    def do(run: Started) -> None:
        stage.proxy.kill()
        stage.proxy.restart()

    ended = _disturbed(stage, "recovering", do)
    assert ended.status == 3, ended.told
    # By how long the start takes, and whether a look comes before its proxy is there.
    assert codes(ended)[0] in ("proxy-restarted", "proxy-unreachable", "proxy-missing")
