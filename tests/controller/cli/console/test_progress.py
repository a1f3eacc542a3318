"""What a run prints while it works."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import pytest

from brownout_controller.cli.console.progress import Progress
from brownout_controller.model.journal import (
    Counted,
    Entered,
    Entry,
    Failure,
    Injected,
    Interrupted,
    LoadSecond,
    Plan,
    Record,
    Refusal,
    Reverted,
    Run,
    Sample,
    Stop,
)
from tests.support.builders.experiments import begun, claimed

Told = tuple[float, Record]


class _Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def _told(*records: Told, out: io.StringIO | None = None, claims: Sequence[dict[str, Any]] = ()) -> str:
    stream = out or io.StringIO()
    progress = Progress(stream)
    run = begun(claimed(*claims, duration="60s", baseline="10s"))
    for number, (at, record) in enumerate([(0.0, run), *records]):
        progress(Entry(number, at, record))
    progress.end()
    return stream.getvalue()


def _many(count: int) -> list[dict[str, Any]]:
    return [{"name": f"支払い number {n}", "told": "value", "expect": "< 10"} for n in range(count)]


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> _Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LINES", "24")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return _Terminal()


_STORY: tuple[Told, ...] = (
    (0.0, Plan([{"id": "here/db"}], ["latency_downstream.run-1"], ["release"])),
    (0.1, Entered("observing", "injecting")),
    (0.2, Injected("u0", "here/db", ["latency_downstream.run-1"], 10)),
    (6.0, Counted("here/db", 1, 1, 1, {"latency_downstream.run-1": 7}, {})),
    (6.4, Sample("value is low", "during", 31.4159)),
    (12.0, Sample("value is low", "during", None, "away")),
    (13.0, Stop("condition", "value is low was 99")),
    (13.1, Reverted("u0", "here/db", verified=True)),
)


def test_in_a_pipe_there_are_whole_lines_and_values_now_and_then() -> None:
    lines = _told(*_STORY).splitlines()
    assert lines.pop(0) == "try: run run-1"
    assert lines[0] == "    0.0s  plan       latency_downstream on here/db"
    assert "observing   for 1m" in lines[1]
    assert "54s of 1m left, 7 hits" in lines[3]
    assert any("value is low: no data (< 10, away), 1 bad, 1 unanswered, " in line for line in lines)
    assert lines[-1].endswith("reverted   here/db: verified")
    assert all("\r" not in line and "\x1b" not in line for line in lines)


def test_values_have_their_unit_and_are_marked_where_they_are_bad() -> None:
    claim = {"name": "quick", "tcp": "127.0.0.1:1", "expect": "< 300ms"}
    for value, shown in (
        (0.34, "quick: 340ms (< 300ms), 1 bad, 59 open, of 60 BAD"),
        (0.0123, "quick: 12.3ms (< 300ms), 1 good, 59 open, of 60"),
    ):
        told = _told((0, Entered("observing", "injecting")), (6, Sample("quick", "during", value)), claims=[claim])
        assert told.splitlines()[-1].endswith(shown)


def test_a_claim_about_the_baseline_is_good_or_bad_by_the_median_that_was_seen() -> None:
    claim = {"name": "steady", "tcp": "127.0.0.1:1", "expect": "<= 2 * baseline"}
    baseline = [(float(n), Sample("steady", "baseline", value)) for n, value in enumerate((0.1, 0.2, 9.0))]
    told = _told(
        (0, Entered("baseline", "planned")), *baseline, (9, Entered("observing", "injecting")),
        (16, Sample("steady", "during", 0.41)), (23, Sample("steady", "during", 0.4)), claims=[claim],
    )  # fmt: skip
    assert [line.endswith("BAD") for line in told.splitlines()[-2:]] == [True, False]


def test_what_settles_is_neither_good_nor_bad() -> None:
    told = _told(
        (0, Entered("observing", "injecting")), (6, Sample("value is low", "during", 99, "", None, (), True))
    )  # fmt: skip
    assert told.splitlines()[-1].endswith("value is low: 99 (< 10, settling), 60 open, of 60")


def test_on_a_terminal_a_picture_is_drawn_anew_that_no_line_of_is_too_wide(screen: _Terminal) -> None:
    text = _told(*_STORY, out=screen)
    assert "\x1b[1A" in text or "\x1b[2K" in text
    assert "BAD" in text
    assert "reverted   here/db: verified" in text


def test_the_picture_never_tells_of_the_phase_before(screen: _Terminal) -> None:
    sample = Sample("value is low", "baseline", 1.0)
    text = _told((0, Entered("baseline", "planned")), (6, sample), (10, Entered("observing", "injecting")), out=screen)
    assert "60s of 1m left, 0 hits" in text[text.rindex("baseline ") :]
    text = _told((0, Entered("baseline", "planned")), (6, sample), (10, Entered("injecting", "baseline")), out=screen)
    assert "baseline" not in text[text.rindex("injecting") :]


def test_twenty_claims_fit_a_small_terminal_with_the_bad_ones_first(screen: _Terminal) -> None:
    samples = [(6 + n, Sample(f"支払い number {n}", "during", 99.0 if n == 29 else 1.0)) for n in range(30)]
    text = _told((0, Entered("observing", "injecting")), *samples, out=screen, claims=_many(30))
    last = text[text.rindex("observing ") :]
    assert "and 10 more" in last
    assert last.count("\n") < 24
    assert last.count("ok ") == 19
    assert last.index("BAD") < last.index("ok ")
    assert "支払い number 29" in last


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_nobody_gets_colours_who_does_not_want_them(
    screen: _Terminal, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    assert "\x1b[1;31m" in _told(*_STORY, out=screen)
    monkeypatch.setenv(name, value)
    plain = _Terminal()
    text = _told(*_STORY, out=plain)
    assert "31m" not in text
    if name == "TERM":
        assert "\x1b" not in text


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
    loud, silent = io.StringIO(), io.StringIO()
    for out, quiet in ((loud, False), (silent, True)):
        progress = Progress(out, quiet=quiet)
        for at, record in records:
            progress(Entry(0, at, record))
        progress.end()
    assert loud.getvalue().splitlines()[-1].endswith("observing  54s of 1m left, 7 hits")
    assert silent.getvalue() == ""


def test_a_load_that_does_not_have_its_rate_is_told_once_a_phase() -> None:
    seconds = [(n / 10, LoadSecond(n, 1400, 1400, 0, due=4000)) for n in range(9)]
    text = _told((0.0, Entered("observing", "injecting")), *seconds)
    assert text.count("traffic    this machine sent 1,400 of 4,000 requests a second") == 1
