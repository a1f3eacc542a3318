"""`brownout run` cut short: signals, closed terminals, full disks, a proxy that hangs. The fault is gone anyway."""

from __future__ import annotations

import os
import resource
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.processes.system_under_test import Ended, Stage, Started, staged
from tests.support.running import eventually

pytestmark = pytest.mark.timeout(500)  # several runs, each a process
_SIGNALS: Final = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 5}
_LONG: Final = {"baseline": "baseline", "observing": "duration", "recovering": "recovery"}


@pytest.fixture
def three(tmp_path: Path) -> Iterator[list[Stage]]:
    """For runs side by side."""
    with staged(tmp_path, 3) as stages:
        yield stages


def _blind(**changes: Any) -> dict[str, Any]:
    """A hypothesis that does not look at the proxy."""
    return {"name": "blind", "command": "true", "expect": "== 0", "every": "0.2s", **changes}


def _states(ended: Ended) -> list[str]:
    return [record["state"] for record in ended.of("state")]


@pytest.mark.parametrize("state", ["baseline", "observing", "recovering"])
def test_f9_a_signal_reverts_and_says_so(three: list[Stage], state: str) -> None:
    # What is claimed has no part in it, and holds on a busy machine as well.
    runs = [stage.start(stage.write(**{_LONG[state]: "60s"}, hypotheses=[_blind(every="0.5s")])) for stage in three]
    for run, number in zip(runs, _SIGNALS, strict=True):
        run.until_state(state)
        run.signal(number)
        run.signal(number)  # impatience changes nothing
    for run, stage, code in zip(runs, three, _SIGNALS.values(), strict=True):
        ended = run.end()
        assert ended.status == code, ended.told
        assert ended.records[-1]["kind"] == "verdict"
        assert ended.verified
        assert stage.faults() == []


def test_f10_a_signal_while_a_probe_blocks_ends_it_and_takes_no_further_step(tmp_path: Path) -> None:
    with staged(tmp_path) as [stage]:
        blocking = {"name": "blocks", "command": "sleep 60", "expect": "== 0", "timeout": "60s", "when": ["during"]}
        run = stage.start(stage.write(duration="60s", hypotheses=[stage.claim(), blocking]))
        run.until_hit()
        run.signal(signal.SIGTERM)
        ended = run.end()
        assert ended.status == 143, ended.told
        assert _states(ended)[-2:] == ["reverting", "judged"]
        assert ended.verified
        assert stage.faults() == []


def test_f9_a_signal_before_anything_has_begun_injects_nothing(tmp_path: Path) -> None:
    with staged(tmp_path) as [stage]:
        stage.proxy.process.send_signal(signal.SIGSTOP)  # so that the plan takes its time
        run = stage.start(stage.write())
        run.until("the run", kind="run")
        run.signal(signal.SIGINT)
        stage.proxy.process.send_signal(signal.SIGCONT)
        ended = run.end()
        assert ended.status == 130, ended.told
        assert not ended.of("undo")


def _freeze(stage: Stage) -> None:
    stage.proxy.process.send_signal(signal.SIGSTOP)


def _thaw(stage: Stage) -> None:
    stage.proxy.process.send_signal(signal.SIGCONT)


def test_a_signal_while_the_proxy_hangs_is_answered_when_it_is_known_what_became_of_the_fault(tmp_path: Path) -> None:
    for name in ("injecting", "reverting", "never"):
        (tmp_path / name).mkdir()
    with (
        staged(tmp_path / "injecting") as [injecting], staged(tmp_path / "reverting") as [reverting],
        staged(tmp_path / "never") as [never],
    ):  # fmt: skip
        # Frozen in the baseline, which does not see it, so that the injection hangs.
        blind = injecting.start(injecting.write(hypotheses=[_blind()], baseline="2s", lease="10s"))
        others = [stage.start(stage.write(duration="60s", lease="2s")) for stage in (reverting, never)]
        blind.until_state("baseline")
        _freeze(injecting)
        for stage, run in zip((reverting, never), others, strict=True):
            run.until_hit()
            _freeze(stage)
            run.signal(signal.SIGTERM)  # F5: the revert fails
        blind.until("the undo", kind="undo")
        blind.signal(signal.SIGTERM)
        _thaw(injecting)
        others[0].until_state("reverting")
        others[0].signal(signal.SIGTERM)
        _thaw(reverting)
        for stage, run in ((injecting, blind), (reverting, others[0])):
            ended = run.end()
            assert ended.status == 143, ended.told
            assert ended.verified
            assert stage.faults() == []
            assert "recovering" not in _states(ended)
        ended = others[1].end()
        assert ended.status == 6, ended.told
        assert "not verified" in ended.out
        assert not ended.verified
        _thaw(never)
        eventually(lambda: never.faults() == [])  # the lease does what the revert could not


def test_f5_a_revert_that_cannot_be_verified_is_the_gravest_verdict(tmp_path: Path) -> None:
    with staged(tmp_path) as [stage]:
        bad = stage.claim(name="p99", traffic="p99", expect="< 200ms")
        run = stage.start(stage.write(duration="2s", hypotheses=[bad]))
        run.until_hit()
        eventually(lambda: any((r.get("value") or 0) > 0.2 for r in run.records() if r["kind"] == "sample"))
        _freeze(stage)
        ended = run.end()
        assert ended.status == 6, ended.told  # not 1, though the hypothesis is refuted
        assert "broke" in ended.out


def test_a_controller_that_is_frozen_for_longer_than_its_lease_claims_nothing(tmp_path: Path) -> None:
    with staged(tmp_path) as [stage]:  # a laptop that sleeps, a machine that swaps
        run = stage.start(stage.write(duration="60s", lease="1s"))
        run.until_hit()
        run.signal(signal.SIGSTOP)
        eventually(lambda: stage.faults() == [])
        run.signal(signal.SIGCONT)
        ended = run.end()
        assert ended.status == 3, ended.told
        assert "vanished half-way" in ended.out
        assert ended.verified


def test_traffic_that_goes_nowhere_is_a_baseline_that_is_not_met(three: list[Stage]) -> None:
    # A name without an address, a port where nobody is, and what is no address at all.
    urls = {"http://nowhere.invalid/": 3, "http://127.0.0.1:9/": 3, "nowhere": 2}
    runs = []
    for stage, url in zip(three, urls, strict=True):
        runs.append(stage.start(stage.write(traffic={"url": url, "rate": 10, "timeout": "1s"})))
    for run, status in zip(runs, urls.values(), strict=True):
        ended = run.end()
        assert ended.status == status, ended.told
        assert not ended.of("undo")
        assert "Traceback" not in ended.err
    assert "traffic.url" in ended.err


# Nobody there to be told.


def test_a_reader_that_has_left_changes_neither_the_verdict_nor_the_revert(three: list[Stage]) -> None:
    ends = []
    runs: list[Started] = []
    for stage, way in zip(three, ("stdout", "stderr", "full"), strict=True):
        out, into = os.pipe()
        os.close(out)
        full = os.open("/dev/full", os.O_WRONLY)
        path = stage.write()
        runs.append(stage.start(path, stdout=full if way == "full" else into, stderr=into if way == "stderr" else None))
        os.close(into)
        os.close(full)
    for run in runs:
        ends.append(run.end())
    for ended, stage in zip(ends, three, strict=True):
        assert ended.status == 0, ended.told
        assert ended.records[-1]["verdict"] == "passed"
        assert stage.faults() == []
    assert "Traceback" not in "".join(ended.told for ended in ends)
    assert "no space left" in ends[2].err


def test_a_terminal_that_closes_reverts(tmp_path: Path) -> None:
    with staged(tmp_path) as [stage]:
        ours, theirs = os.openpty()
        run = stage.start(stage.write(duration="60s", lease="60s"), stdout=theirs, stderr=theirs, terminal=True)
        os.close(theirs)
        run.until_hit()
        os.close(ours)  # the kernel sends SIGHUP, and every write fails from now on
        ended = run.end()
        assert ended.status == 5, ended.records[-1]
        assert ended.verified
        assert stage.faults() == []


# F27: the runner itself fails.


def _fill(run: Started) -> None:
    """No file of that process grows any more, as on a full disk."""
    size = sum(path.stat().st_size for path in run.journals())
    resource.prlimit(run.process.pid, resource.RLIMIT_FSIZE, (size + 20, size + 20))


def _take_away(run: Started) -> None:
    for journal in run.journals():
        shutil.rmtree(journal.parent)


def test_f27_a_journal_that_is_lost_under_the_fault_reverts_at_once_and_is_no_verdict(three: list[Stage]) -> None:
    runs = [
        stage.start(stage.write(duration=seconds, lease=lease))
        for stage, seconds, lease in zip(three, ("60s", "4s", "60s"), ("60s", "10s", "60s"), strict=True)
    ]
    for run, spoil in zip(runs, (_fill, _take_away, _fill), strict=True):
        run.until_hit()
        spoil(run)
    runs[2].signal(signal.SIGTERM)  # as well
    for run, stage in zip(runs, three, strict=True):
        ended = run.end()
        assert ended.status == 3, ended.told
        assert "the journal cannot be" in ended.out
        assert "Traceback" not in ended.err
        assert stage.faults() == []  # though its lease had long to go


def test_f27_what_cannot_even_begin_is_no_verdict_either(tmp_path: Path) -> None:
    with staged(tmp_path) as [stage]:
        path = stage.write()
        (stage.root / "file").write_text("")
        ended = stage.run(path, "--runs", "file/runs")
        assert ended.status == 3, ended.told
        assert "file/runs" in ended.err
        assert "Traceback" not in ended.err
        # And what nobody can read is no reason to run nothing.
        broken = stage.runs / "20000101-000000-broken-0000"
        broken.mkdir(parents=True)
        (broken / "journal.jsonl").write_text("not JSON\nat all\n")
        ended = stage.run(path)
        assert ended.status == 0, ended.told
        assert broken.name in ended.err
