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
    Run,
    Sample,
    Stop,
)


def _told(*records: tuple[float, Record], terminal: bool = False) -> str:
    out = io.StringIO()
    progress = Progress(out, terminal=terminal)
    for number, (at, record) in enumerate(records):
        progress(Entry(number, at, record))
    progress.end()
    return out.getvalue()


_STORY: tuple[tuple[float, Record], ...] = (
    (
        0.0,
        Run(
            "run-1",
            "1",
            "",
            {"name": "try"},
            [{"name": "value is low", "expect": "< 10"}],
            {},
            7,
            "",
            0.0,
            lasting={"observing": 60.0},
        ),
    ),
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
    assert lines.pop(0) == "try: run run-1"
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


def test_faults_without_hypotheses_have_a_status_too_and_quiet_says_nothing() -> None:
    records = (
        (0.0, Run("run-1", "1", "", {"name": "ad-hoc latency"}, [], {}, 7, "", 0.0, lasting={"observing": 60.0})),
        (0.1, Entered("observing", "injecting")),
        (6.1, Counted("here/db", 1, 1, 1, {"latency_downstream.run-1": 7}, {})),
    )
    assert _told(*records).splitlines()[-1].endswith("observing  54s left; 7 hits")
    out = io.StringIO()
    progress = Progress(out, quiet=True)
    for at, record in records:
        progress(Entry(0, at, record))
    assert out.getvalue() == ""
