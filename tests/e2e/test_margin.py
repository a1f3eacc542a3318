"""The margin of a real shop is the timeout that its code has, and a search that is stopped leaves nothing behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from deploy.demo import margins
from deploy.demo.margins import CASES, Case
from deploy.demo.servers import environment
from deploy.demo.shop import auth, gateway, resilient
from deploy.demo.story import Shop
from tests.support.running import eventually


def _brownout(running: Shop, folder: Path, *words: str) -> str:
    """What a command of ours prints in the environment of the shop."""
    (folder / "brownout.yaml").write_text(margins.config(running))
    command = margins.command(CASES["payment-db"], running, folder / "runs", "x")[:3]
    done = subprocess.run(
        [*command, *words], cwd=folder, env=environment(), capture_output=True, text=True, check=False, timeout=180
    )
    assert not done.stderr, done.stderr
    return done.stdout


def _nothing_is_left(running: Shop, folder: Path) -> bool:
    places = json.loads(_brownout(running, folder, "targets", "--json"))
    return len(places) == 4 and not any(place["faults"] or place["trouble"] for place in places)


@pytest.mark.timeout(500)
def test_the_margin_of_a_payment_is_the_timeout_in_the_code_over_its_two_round_trips(
    resilient_shop: Shop, tmp_path: Path
) -> None:
    """payment-service -> postgres: a statement, and the reset of its connection, both within `_PATIENCE`."""
    patience, trips, resolution = resilient._PATIENCE, 2, 1.15
    case = Case("margin-payment-db", patience, trips, ("--from", "40ms", "--to", "200ms", "--resolution", "15%"))
    outcome = margins.search(case, resilient_shop, tmp_path / "runs")
    assert outcome["finding"] == "found", outcome
    assert outcome["exit"] == 0
    held, broke = outcome["held"]["seconds"], outcome["broke"]["seconds"]
    assert broke / held <= resolution * 1.001
    assert held < patience / trips < broke * resolution
    assert case.agrees(outcome)
    assert (outcome["comparison"]["relation"], outcome["comparison"]["round_trips"]) == ("round-trips", trips)

    trials = outcome["trials"]
    assert len(trials) <= outcome["runs_at_most"]
    assert {trial["run"] for trial in trials} == {path.name for path in (tmp_path / "runs").iterdir()}
    assert all((tmp_path / "runs" / trial["run"] / "report.html").exists() for trial in trials)
    assert {trial["verdict"] for trial in trials} == {"passed", "refuted"}
    assert json.loads(_brownout(resilient_shop, tmp_path, "history", "--runs", "runs", "--json"))["runs"] == []
    assert _nothing_is_left(resilient_shop, tmp_path)


@pytest.mark.timeout(400)
def test_a_signal_ends_the_run_with_its_revert_and_tells_what_is_known(resilient_shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "brownout.yaml").write_text(margins.config(resilient_shop))
    words = margins.command(CASES["payment-db"], resilient_shop, tmp_path / "runs", str(tmp_path / "brownout.yaml"))
    process = subprocess.Popen(
        [word for word in words if word != "--json"], cwd=tmp_path, env=environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    with process:
        assert process.stderr is not None
        assert process.stdout is not None
        while not process.stderr.readline().startswith("brownout: run 2:"):
            assert process.poll() is None
        _until_injected(tmp_path / "runs")
        os.kill(process.pid, signal.SIGINT)
        out = process.stdout.read()
    assert process.returncode == 130
    assert re.search(r"not found; the hypotheses hold at 80ms, and worse values are not known", out), out
    assert [line.split()[1] for line in out.splitlines() if re.match(r" +\d  +\d+ms  2", line)] == ["80ms", "200ms"]
    assert _nothing_is_left(resilient_shop, tmp_path)


def _until_injected(runs: Path) -> None:
    def injected() -> bool:
        journals = sorted(runs.glob("*/journal.jsonl"))  # a run's folder is there a moment before its journal
        return len(journals) == 2 and '"state":"observing"' in journals[-1].read_text()

    eventually(injected, "the fault of the second run", seconds=120)


def test_each_case_is_held_to_the_constant_of_the_code() -> None:
    assert {name: case.timeout for name, case in CASES.items()} == {
        "payment-db": resilient._PATIENCE, "session-redis": auth._REDIS_PATIENCE, "gateway-auth": gateway._TIMEOUT,
    }  # fmt: skip
    assert all(case.file.is_file() for case in CASES.values())


@pytest.mark.parametrize(
    ("held", "broke", "good"), [(0.18, 0.2, True), (0.17, 0.185, True), (0.16, 0.17, False), (0.21, 0.22, False)]
)
def test_a_margin_that_is_not_the_timeout_does_not_agree(held: float, broke: float, good: bool) -> None:
    case = Case("x", 0.2, 1, ())
    outcome: dict[str, Any] = {"finding": "found", "held": {"seconds": held}, "broke": {"seconds": broke}}
    assert case.agrees(outcome) is good
    assert not case.agrees({**outcome, "finding": "more"})
