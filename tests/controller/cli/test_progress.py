"""What a run prints while it works."""

from __future__ import annotations

import io

from brownout_controller.cli.progress import Progress
from brownout_controller.model.journal import (
    Counted,
    Entered,
    Entry,
    Failure,
    Injected,
    Interrupted,
    Plan,
    Record,
    Refusal,
    Reverted,
    Sample,
    Stop,
)
from tests.controller.engine.ground import experiment


def _told(*records: tuple[float, Record], terminal: bool = False) -> str:
    out = io.StringIO()
    progress = Progress(experiment(duration="60s"), out, terminal=terminal)
    for number, (at, record) in enumerate(records):
        progress(Entry(number, at, record))
    progress.end()
    return out.getvalue()


_STORY: tuple[tuple[float, Record], ...] = (
    (0.0, Plan([{"id": "here/db"}], ["latency_downstream.run-1"], ["release"])),
    (0.1, Entered("observing", "injecting")),
    (0.2, Injected("u0", "here/db", ["latency_downstream.run-1"], 10)),
    (6.0, Counted("here/db", 1, 1, 1, {"latency_downstream.run-1": 7}, {})),
    (6.1, Sample("value is low", "during", 3.14159)),
    (12.0, Sample("value is low", "during", None, "away")),
    (13.0, Stop("condition", "value is low was 99")),
    (13.1, Reverted("u0", "here/db", verified=True)),
)


def test_in_a_pipe_there_are_whole_lines_and_values_now_and_then() -> None:
    lines = _told(*_STORY).splitlines()
    assert lines[0] == "    0.0s  plan       latency_downstream on here/db"
    assert "observing   for 1m" in lines[1]
    assert "7 hits" in lines[3]
    assert any("value is low no data (< 10)" in line for line in lines)
    assert lines[-1].endswith("reverted   here/db: verified")
    assert all("\r" not in line for line in lines)


def test_on_a_terminal_the_last_line_is_written_over() -> None:
    text = _told(*_STORY, terminal=True)
    assert "\r" in text
    assert max(len(line) for part in text.split("\r") for line in part.splitlines()) <= 120


def test_what_went_wrong_is_told() -> None:
    text = _told(
        (0.0, Refusal("zero-targets", "nothing carries it", "start it")),
        (0.0, Failure("injection", "away")),
        (0.0, Interrupted("SIGINT")),
        (0.0, Reverted("u0", "db", verified=False, why="no answer")),
    )
    for told in ("nothing carries it (zero-targets)", "error      away", "SIGINT", "NOT VERIFIED: no answer"):
        assert told in text
