"""kill -9 of the controller, the proxy and the service in every state of a run: the fault ends, and nothing is claimed
that cannot be known."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.support.processes import shop as service
from tests.support.processes.proxy import ProxyProcess, proxy_process
from tests.support.processes.system_under_test import PATIENCE, Ended, Stage, Started, staged
from tests.support.running import eventually, said_back

pytestmark = pytest.mark.timeout(500)  # several runs, each a process
_STATES: Final = ("baseline", "injecting", "observing", "reverting", "recovering")
_LEASE: Final = 2.0
_PROPERTY = Callable[[str, object], None]


# The controller.


def _killed(stage: Stage, state: str) -> float:
    """Seconds from the kill of a controller in that state until the proxy has no fault."""
    run = stage.start(stage.write(duration="10s", recovery="10s", lease=f"{_LEASE:g}s"))
    run.until_state(state)
    if state == "observing":
        run.until_hit()
    run.process.kill()
    killed = time.monotonic()
    run.process.communicate()
    eventually(lambda: stage.faults() == [], "the end of the fault")
    gone = time.monotonic() - killed
    assert not any(record["kind"] == "verdict" for record in run.records())
    return gone


def test_f11_a_controller_that_is_killed_leaves_a_fault_that_ends_with_its_lease(
    tmp_path: Path, record_property: _PROPERTY
) -> None:
    with staged(tmp_path, len(_STATES)) as stages:
        with ThreadPoolExecutor() as pool:
            gone = dict(zip(_STATES, pool.map(_killed, stages, _STATES), strict=True))
        for state, seconds in gone.items():
            record_property(
                f"seconds until the fault was gone, killed when {state}, lease {_LEASE:g}", round(seconds, 3)
            )
            assert seconds < _LEASE + 15, state  # a busy machine; nothing else ends it
        first = {stage.name: sorted(stage.runs.iterdir())[0] for stage in stages}
        again = [stage.start(stage.write(duration="1s", recovery="3s")) for stage in stages]  # finds the other
        for stage, run in zip(stages, again, strict=True):
            ended = run.end()
            assert ended.status == 0, ended.told
            assert f"closed {first[stage.name].name}" in ended.err
            records = Started(run.process, first[stage.name].parent).records(first[stage.name])
            closed = Ended(0, "", "", records)
            assert (records[-1]["kind"], records[-1]["verdict"]) == ("verdict", "inconclusive")
            assert closed.verified
            assert stage.faults() == []


def test_f11_what_a_killed_run_left_is_undone_where_it_is_by_a_run_of_another_environment(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    with staged(tmp_path / "a") as [one], staged(tmp_path / "b") as [other]:
        other.root = one.root  # the same journals
        run = one.start(one.write(duration="60s", lease="60s"))
        run.until_hit()
        run.process.kill()
        run.process.communicate()
        assert one.faults() != []
        config = (
            f"environments: {{local: {{control: '{one.proxy.control}'}}, other: {{control: '{other.proxy.control}'}}}}"
        )
        (one.root / "brownout.yaml").write_text(config)
        ended = other.run(other.write(duration="1s"), "--env", "other", "--config", "brownout.yaml")
        assert ended.status == 0, ended.told
        assert one.faults() == [], "though its lease had most of a minute to go"
        killed = Ended(0, "", "", run.records(sorted(one.runs.iterdir())[0]))
        assert (killed.records[-1]["verdict"], killed.verified) == ("inconclusive", True)


# Cut apart.


def test_f25_a_controller_that_is_cut_off_loses_the_fault_and_says_what_it_knows(
    tmp_path: Path, record_property: _PROPERTY
) -> None:
    for name in ("back", "away"):
        (tmp_path / name).mkdir()
    with staged(tmp_path / "back") as [back], staged(tmp_path / "away") as [away], ExitStack() as stack:
        roads = []
        for stage in (back, away):
            # The controller's road to the proxy is another proxy: what dies is the road, and traffic goes on.
            road = stack.enter_context(proxy_process(f"road@0={stage.proxy.control}"))
            stage.control = road.listen("road")
            roads.append(road)
        runs = [stage.start(stage.write(duration="60s", lease=f"{_LEASE:g}s")) for stage in (back, away)]
        for run, road, stage in zip(runs, roads, (back, away), strict=True):
            run.until_hit()
            road.kill()
            cut = time.monotonic()
            eventually(lambda stage=stage: stage.faults() == [], "the end of the fault")  # type: ignore[misc]
            record_property(f"seconds until the fault was gone, cut off, lease {_LEASE:g}", time.monotonic() - cut)
            assert time.monotonic() - cut < _LEASE + 15  # of the 60 s that the fault is to last
        roads[0].restart()
        ended = runs[0].end()
        assert (ended.status, ended.verified) in ((5, True), (3, True)), ended.told  # 3: back before it gave up
        ended = runs[1].end()
        assert (ended.status, ended.verified) == (6, False), ended.told


# The proxy and the service. "For good" and "restarted on the same port" are different cases.


class Service:
    """The shop as a process that can be killed."""

    def __init__(self, backend: str, port: int) -> None:
        self._command = [sys.executable, service.__file__, backend, str(port)]
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self._command)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    restart = start


@contextmanager
def _with_service(root: Path) -> Iterator[tuple[Stage, Service]]:
    """A stage whose shop is a process of its own."""
    root.mkdir()
    with staged(root) as [stage]:
        stage.shop.close()
        running = Service(stage.proxy.listen("backend"), stage.shop.port)
        eventually(lambda: _answers(stage), "the shop")
        try:
            yield stage, running
        finally:
            running.kill()


def _answers(stage: Stage) -> bool:
    try:
        return b"200" in said_back(f"127.0.0.1:{stage.shop.port}", b"GET / HTTP/1.0\r\n\r\n")
    except OSError:
        return False


def _must_be(victim: str, state: str, *, back: bool, ended: Ended) -> set[int]:
    """The exit statuses that are right.

    A dead service is what an experiment is there to find. Nobody is refuted or praised in a run whose proxy was
    restarted. Such a proxy has no fault any more, which its listing proves; of one that stays away nobody can say so,
    and its clients have no backend: a person must look.
    """
    hit = any(sum(record["hits"].values()) for record in ended.of("counters"))
    counted = [record for record in ended.of("sample") if not record["settling"]]
    bad = {record["phase"] for record in counted if record["value"] is not None and record["value"] >= 0.01}
    if state == "baseline" and victim == "proxy":
        return {3}  # restarted or away: the ground was not the same
    if state == "baseline":  # back before anything counts, or not met, so that nothing was injected
        return {0} if back and "baseline" not in bad else {3}
    if victim == "service":
        if state in ("injecting", "observing"):
            if not hit:
                return {3}  # nothing was tested
            return {1} if "during" in bad else {0}
        if "during" in bad:
            return {1}  # whatever came later
        return {0} if back else {1}  # it is there again in time, or does not recover
    if state in ("injecting", "observing"):
        return {3, 5} if back else {6}  # it vanished; 5 if nobody answered for longer than a lease
    if not ended.verified:
        return {6}  # killed before the release was answered
    # Killed before it was released, or later: what became of the recovery is nobody's fault but the proxy's.
    return {3}


@pytest.mark.parametrize("state", _STATES)
def test_a_proxy_or_a_service_that_is_killed_in_any_state(tmp_path: Path, state: str) -> None:
    cases = [(victim, back) for victim in ("proxy", "service") for back in (False, True)]
    with ExitStack() as stack:
        stages = [stack.enter_context(_with_service(tmp_path / f"{victim}-{back}")) for victim, back in cases]

        def play(number: int) -> Ended:
            (victim, back), (stage, running) = cases[number], stages[number]
            doomed: ProxyProcess | Service = stage.proxy if victim == "proxy" else running
            lease = "10s" if back else "1s"  # what is restarted is back before the lease is over
            times = {"baseline": "2s", "duration": "4s", "recovery": "8s" if back else "2s"}
            run = stage.start(stage.write(**times, lease=lease))
            run.until_state(state)
            if state == "observing":
                run.until_hit()
            doomed.kill()
            if back:
                doomed.restart()
            return run.end()

        with ThreadPoolExecutor() as pool:
            plays = list(pool.map(play, range(len(cases))))
        for (victim, back), (stage, _), ended in zip(cases, stages, plays, strict=True):
            case = f"{victim} killed {'and restarted' if back else 'for good'} when {state}: {ended.told}"
            assert ended.status in _must_be(victim, state, back=back, ended=ended), case
            assert ended.verified == (ended.status != 6), case
            if (victim, state) == ("proxy", "recovering"):
                assert ended.of("outage") or back, case
                assert "proxy-" in str(ended.of("verdict")[0]["reasons"]), case
            if victim == "service" or back:
                eventually(lambda stage=stage: stage.faults() == [], case, seconds=PATIENCE)  # type: ignore[misc]
