"""The story for real: a shop, a database that is slow, three versions of a service and the verdicts on them."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.demo import story
from tests.support.processes.demos import left_behind, scratch_folder, start_demo
from tests.support.running import eventually


@pytest.fixture
def scratch() -> Iterator[Path]:
    with scratch_folder() as folder:
        yield folder


@pytest.mark.timeout(600)
def test_the_naive_and_the_refactored_version_are_refuted_and_the_resilient_one_passes(
    scratch: Path, tmp_path: Path
) -> None:
    demo = start_demo(scratch, "-m", "deploy.demo.story", BROWNOUT_RUNS=str(tmp_path))
    out, err = demo.communicate(timeout=560)
    assert demo.returncode == 0, out + err
    assert left_behind(scratch) == []
    lines = [" ".join(line.split()) for line in out.splitlines()]
    for version, verdict in story.EXPECTED.items():
        assert f"{version} {verdict} as expected" in lines
    assert "3 of 3 verdicts as expected" in out
    assert len(list(tmp_path.glob("*/journal.jsonl"))) == 3
    assert sorted(f"  {page}" for page in tmp_path.glob("*/report.html")) == sorted(
        line for line in out.splitlines() if line.endswith("report.html")
    )


@pytest.mark.timeout(500)
def test_the_other_experiments_of_the_story_hold_on_the_resilient_shop(
    resilient_shop: story.Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(story.__file__).parent / "experiments"
    for name in ("redis-outage", "auth-latency"):
        monkeypatch.setattr(story, "_EXPERIMENT", folder / f"{name}.yaml")
        assert story.experiment("resilient", resilient_shop, tmp_path).verdict == "passed", name


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_story_that_is_stopped_leaves_nothing(scratch: Path, number: signal.Signals, status: int) -> None:
    with start_demo(scratch, "-m", "deploy.demo.story", BROWNOUT_RUNS=str(scratch / "runs")) as demo:
        assert demo.stderr is not None
        while demo.stderr.read(4) != "    ":  # the shop runs, and the experiment begins
            assert demo.stderr.readline()
        os.kill(demo.pid, number)
        rest = demo.stderr.read()
    assert demo.returncode == status, rest
    assert "Traceback" not in rest
    # The run wants to revert, and tries for as long as the lease may live, though the proxy may be gone by then.
    with contextlib.suppress(AssertionError):  # the next line tells better what is left
        eventually(lambda: set(left_behind(scratch)) <= {"runs"}, "the end of every server", seconds=40)
    assert set(left_behind(scratch)) <= {"runs"}


def test_a_verdict_that_differs_is_told() -> None:
    assert story.Told("naive", "refuted", "", "", 0).good
    assert not story.Told("naive", "passed", "", "", 0).good
