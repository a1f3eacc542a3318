"""`brownout run` as a CI job has it: real processes, a real service behind a real proxy, and the exit status.

The cases are those in which other tools give a false green; whatever happens, no fault may be left behind.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.proxy_process import ProxyProcess, proxy_process
from tests.support.running import SECONDS, echoing, eventually, said_back

_PATIENCE: Final = 60.0


class Shop:
    """A service that asks its backend, through the proxy, on a new connection for each request.

    `healthy` False makes it fail on its own account.
    """

    def __init__(self, backend: str) -> None:
        self.healthy = True
        self.sticky = False
        """Once it was slow it stays broken."""
        self._broken = False
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                good = shop.ask(backend)
                self.send_response(200 if good else 503)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def ask(self, backend: str) -> bool:
        began = time.monotonic()
        try:
            answered = said_back(backend, b"hello") == b"hello"
        except OSError:
            return False
        if self.sticky and time.monotonic() - began > 0.2:
            self._broken = True
        return answered and self.healthy and not self._broken

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass
class Stage:
    """Everything that a run needs, and the folder that it runs in."""

    proxy: ProxyProcess
    shop: Shop
    root: Path

    def write(self, **changes: Any) -> Path:
        """An experiment file with a latency of 400 ms on the backend, and hypotheses about latency and errors."""
        content = {
            "name": "backend-latency",
            "edge": "shop -> backend",
            "fault": {"latency": "400ms"},
            "duration": "2s",
            "baseline": "1s",
            "recovery": "2s",
            "lease": "1s",
            "traffic": {"url": self.shop.url, "rate": 30, "timeout": "2s"},
            "hypotheses": [self.claim()],
            **changes,
        }
        path = self.root / "experiment.json"
        path.write_text(json.dumps(content))
        return path

    def claim(self, **changes: Any) -> dict[str, Any]:
        """By default that fewer than 1 % of the requests fail."""
        return {
            "name": "errors stay low", "traffic": "errors", "expect": "< 1%", "window": "0.5s", "every": "0.1s",
            **changes,
        }  # fmt: skip

    def start(self, path: Path, *flags: str, **environment: str) -> subprocess.Popen[str]:
        (self.root / "brownout.yaml").write_text(f"environments: {{local: {{control: '{self.proxy.control}'}}}}")
        return subprocess.Popen(
            [sys.executable, "-c", "from brownout_proxy.cli import main; main()", "run", str(path), *flags],
            cwd=self.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "XDG_STATE_HOME": str(self.root / "state"), **environment},
        )  # fmt: skip

    def run(self, path: Path, *flags: str) -> Ended:
        process = self.start(path, *flags)
        out, err = process.communicate(timeout=_PATIENCE)
        return Ended(process.returncode, out, err)

    def faults(self) -> list[str]:
        """What the proxy itself lists."""
        with urllib.request.urlopen(f"http://{self.proxy.api}/proxies/backend") as answer:
            return [toxic["name"] for toxic in json.load(answer)["toxics"]]

    def journal(self) -> list[Mapping[str, Any]]:
        """The records of the newest run so far."""
        runs = sorted((self.root / ".brownout" / "runs").glob("*/journal.jsonl"))
        lines = runs[-1].read_text().splitlines() if runs else []
        return [json.loads(line) for line in lines if line.endswith("}")]

    def until_state(self, state: str) -> None:
        eventually(lambda: any(record.get("state") == state for record in self.journal()), f"state {state}")


@dataclass
class Ended:
    status: int
    out: str
    err: str

    @property
    def told(self) -> str:
        return self.out + self.err


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with _stage(tmp_path) as stage:
        yield stage


@contextmanager
def _stage(root: Path) -> Iterator[Stage]:
    with echoing() as echo, proxy_process(f"backend@0={echo}") as process:
        shop = Shop(process.listen("backend"))
        try:
            yield Stage(process, shop, root)
        finally:
            shop.close()


def test_a_system_that_copes_passes(stage: Stage) -> None:
    ended = stage.run(stage.write())
    assert ended.status == 0, ended.told
    assert "verdict: passed" in ended.out
    assert stage.faults() == []
    assert stage.journal()[-1]["verdict"] == "passed"


def test_a_system_that_does_not_is_refuted_with_the_samples_in_the_record(stage: Stage) -> None:
    slow = stage.claim(name="p99 stays low", traffic="p99", expect="< 200ms")
    ended = stage.run(stage.write(hypotheses=[slow]))
    assert ended.status == 1, ended.told
    assert re.search(r"p99 stays low +during +< 200ms +4\d\d(\.\d)?ms +broke", ended.out)
    bad = [record for record in stage.journal() if record["kind"] == "sample" and record["phase"] == "during"]
    assert len(bad) >= 5
    assert stage.faults() == []


def test_f1_a_baseline_that_is_not_met_injects_nothing(stage: Stage) -> None:
    stage.shop.healthy = False
    ended = stage.run(stage.write())
    assert ended.status == 3, ended.told
    assert not {"undo", "injected"} & {record["kind"] for record in stage.journal()}


def test_f2_a_fault_that_cannot_be_put_in_place_is_inconclusive(stage: Stage) -> None:
    # Two faults with attributes that only together are refused: the second has the name of the first.
    ended = stage.run(stage.write(fault={"latency": "400ms", "clients": ["10.0.0.0/8"]}))
    assert ended.status == 3, ended.told
    assert "no traffic met the fault" in ended.told  # F19: it was in place, and hit nobody


def test_f3_bad_samples_that_heal_before_the_end_are_refuted_all_the_same(stage: Stage) -> None:
    process = stage.start(stage.write(duration="3s"))
    stage.until_state("observing")
    eventually(lambda: any(r["kind"] == "counters" for r in stage.journal()))
    stage.shop.healthy = False
    eventually(lambda: any(r["kind"] == "sample" and (r["value"] or 0) > 0.5 for r in stage.journal()))
    stage.shop.healthy = True
    out, _ = process.communicate(timeout=_PATIENCE)
    assert process.returncode == 1, out


def test_f6_and_f12_a_stop_condition_ends_it_within_2_seconds_of_the_breach(stage: Stage) -> None:
    claim = stage.claim(name="p99", traffic="p99", expect="< 200ms", stop="> 300ms")
    ended = stage.run(stage.write(duration="60s", hypotheses=[claim]))
    assert ended.status == 5, ended.told
    records = stage.journal()
    stop = next(record for record in records if record["kind"] == "stop")
    reverted = next(record for record in records if record["kind"] == "reverted")
    assert reverted["verified"]
    assert reverted["at"] - stop["breached_at"] < 2
    assert stage.faults() == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("state", ["baseline", "observing", "recovering"])
def test_f9_a_signal_reverts_and_says_so(stage: Stage, number: signal.Signals, code: int, state: str) -> None:
    name = {"baseline": "baseline", "observing": "duration", "recovering": "recovery"}[state]
    process = stage.start(stage.write(**{name: "60s"}))
    stage.until_state(state)
    process.send_signal(number)
    process.send_signal(number)
    out, err = process.communicate(timeout=_PATIENCE)
    assert process.returncode == code, out + err
    assert stage.faults() == []


@pytest.mark.parametrize("state", ["baseline", "injecting", "observing", "reverting", "recovering"])
def test_f11_a_controller_that_is_killed_leaves_a_fault_that_ends_by_itself(stage: Stage, state: str) -> None:
    process = stage.start(stage.write(duration="3s"))
    stage.until_state(state)
    process.kill()
    process.communicate()
    killed = time.monotonic()
    eventually(lambda: stage.faults() == [])
    assert time.monotonic() - killed < 5
    assert stage.journal()[-1]["kind"] != "verdict"
    first = sorted((stage.root / ".brownout" / "runs").iterdir())[0]
    ended = stage.run(stage.write(duration="1s"))  # finds the other
    assert ended.status == 0, ended.told
    closed = [json.loads(line) for line in (first / "journal.jsonl").read_text().splitlines()]
    assert (closed[-1]["kind"], closed[-1]["verdict"]) == ("verdict", "inconclusive")


def test_f14_a_service_that_stays_broken_after_the_revert_is_refuted(stage: Stage) -> None:
    stage.shop.sticky = True
    recovery = stage.claim(when=["baseline", "recovery"])
    ended = stage.run(stage.write(hypotheses=[recovery]))
    assert ended.status == 1, ended.told
    assert "did not hold again within 2 s of the revert" in ended.out


def test_f20_an_edge_that_nothing_carries_is_refused(stage: Stage) -> None:
    ended = stage.run(stage.write(edge="shop -> nothing"))
    assert ended.status == 4, ended.told
    assert "zero-targets" in ended.told


def test_f21_a_fault_that_somebody_removes_half_way_is_inconclusive(stage: Stage) -> None:
    process = stage.start(stage.write(duration="60s"))
    stage.until_state("observing")
    eventually(lambda: any(record["kind"] == "counters" for record in stage.journal()))
    _ask(stage, "POST", "/reset")
    out, err = process.communicate(timeout=_PATIENCE)
    assert process.returncode == 3, out + err
    assert "vanished half-way" in out


def test_f25_a_proxy_that_is_gone_for_good_is_not_known_to_be_reverted(stage: Stage) -> None:
    process = stage.start(stage.write(duration="60s"))
    stage.until_state("observing")
    stage.proxy.kill()
    out, err = process.communicate(timeout=_PATIENCE)
    assert process.returncode == 6, out + err
    assert "not verified" in out


def test_two_runs_on_one_target_exclude_each_other(stage: Stage) -> None:
    path = stage.write(duration="60s")
    first = stage.start(path)
    stage.until_state("observing")
    second = stage.run(path)
    assert second.status == 4, second.told
    first.terminate()
    first.communicate(timeout=_PATIENCE)
    assert stage.faults() == []


def test_of_several_experiments_the_worst_verdict_wins_and_a_bad_file_runs_none(stage: Stage) -> None:
    good = stage.write(duration="1s", recovery="1s")
    other = stage.root / "other.json"
    other.write_text(good.read_text().replace("shop -> backend", "shop -> nothing"))
    ended = stage.run(good, str(other), "--json")
    assert ended.status == 4, ended.told
    assert [run["verdict"] for run in json.loads(ended.out)] == ["passed", "refused"]
    before = len(list((stage.root / ".brownout" / "runs").iterdir()))
    other.write_text(good.read_text().replace("expect", "expct"))
    ended = stage.run(good, str(other))
    assert ended.status == 2, ended.told
    assert re.search(r"other\.json:1:\d+: hypotheses\[0\]\.expct: unknown key; did you mean expect\?", ended.err)
    assert len(list((stage.root / ".brownout" / "runs").iterdir())) == before


def test_a_dry_run_tells_targets_undo_and_what_hypotheses_read_and_touches_nothing(stage: Stage) -> None:
    tcp = {"name": "it listens", "tcp": stage.proxy.listen("backend"), "expect": "< 1s"}
    ended = stage.run(stage.write(hypotheses=[tcp]), "--dry-run")
    assert ended.status == 0, ended.told
    for told in (f"{stage.proxy.control}/backend", "latency on answers (latency 400ms)", "lease"):
        assert told in ended.out
    assert re.search(r"it listens +< 1s +\S+(ms|us) +ok", ended.out)
    assert not (stage.root / ".brownout").exists()


def test_secrets_are_nowhere(stage: Stage) -> None:
    dsn = {"name": "sql", "sql": {"dsn": "${DSN}", "query": "select 1"}, "expect": "== 1", "timeout": "1s"}
    path = stage.write(hypotheses=[stage.claim(), dsn])
    secret = "postgresql://me:hunter22@127.0.0.1:1/db"
    ended = stage.run(path, "--var", f"DSN={secret}")
    assert ended.status == 3, ended.told
    journals = "".join(path.read_text() for path in (stage.root / ".brownout" / "runs").glob("*/*"))
    assert "hunter22" not in ended.told + journals


def _ask(stage: Stage, method: str, path: str) -> None:
    request = urllib.request.Request(f"http://{stage.proxy.api}{path}", method=method)
    with urllib.request.urlopen(request, timeout=SECONDS):
        pass
