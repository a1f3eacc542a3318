"""The history as a page: what it says first, what it does not leave out, and what it does not let in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

from brownout_controller.model.run_summary import RunSummary
from brownout_controller.model.trend import recovery_trends, review
from brownout_controller.report.history.history_page import render, sentence, tiles
from brownout_core.html.page import Tile
from tests.controller.model.test_run_summary import past_run
from tests.support.builders.journals import NASTY

BEGIN = datetime(2026, 1, 20, tzinfo=UTC)


class _Read(HTMLParser):
    """Tags, and the texts outside of style and svg."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self._inside = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._inside += tag in ("style", "svg")
        for name, value in attrs:
            self.attributes.add(name)
            self.ids += [value or ""] if name == "id" else []
            self.links += [value or ""] if name in ("href", "src") else []

    def handle_endtag(self, tag: str) -> None:
        self._inside -= tag in ("style", "svg")

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.words += data.split()

    @property
    def text(self) -> str:
        return " ".join(self.words)


def _runs(findings: str, **changes: Any) -> list[RunSummary]:
    """A run every ten days; h held, b broke, n not reverted."""
    verdicts = {"h": "passed", "b": "refuted", "n": "not-reverted"}
    made = []
    for n, letter in enumerate(findings):
        started = BEGIN + timedelta(days=10 * n)
        finding = {"h": "held", "b": "broke"}.get(letter, "nothing")
        made.append(past_run(**{
            "run": f"{started:%Y%m%d-%H%M%S}-x-abcd", "started": started, "verdict": verdicts[letter],
            "finding": finding, "reason": "3.1 at worst", **changes,
        }))  # fmt: skip
    return made


def _page(runs: list[RunSummary], **more: Any) -> _Read:
    return _Read(render(review(runs, None, BEGIN + timedelta(days=300)), **more))


def test_a_regression_is_told_with_its_runs_and_what_became_of_it() -> None:
    text = _page(_runs("hbbh")).text
    assert "database-latency in local 3.1 at worst" in text
    assert "passed in 20260120-000000" in text
    assert "refuted in 20260130-000000" in text
    assert "passed in 20260219-000000" in text
    assert "not fixed yet" in _page(_runs("hb")).text
    assert "None: no test broke that had passed the time before" in _page(_runs("h")).text


def test_of_many_regressions_the_old_ones_that_are_fixed_are_folded() -> None:
    read = _page([*_runs("hb", experiment="open"), *_runs("hb" * 12 + "h")])
    before, _, after = read.text.partition("4 older ones, all fixed")
    assert "open in local 3.1 at worst" in before
    assert after.count("3.1 at worst") >= 4


def test_a_revert_that_is_not_verified_comes_first() -> None:
    text = _page(_runs("hn")).text
    assert text.index("Not verified as reverted, a person must look: 20260130-000000") < text.index(
        "regressions caught"
    )


def test_every_run_is_in_the_list_or_it_says_how_many_are() -> None:
    assert "all 3, newest first" in _page(_runs("hbh")).text
    assert "the newest 2, newest first" in _page(_runs("hbh"), limit=2).text
    assert "the newest 500, newest first" in _page(_runs("h" * 501)).text


def test_warnings_are_told() -> None:
    assert "Not read x/journal.jsonl: no" in _page(_runs("h"), warnings=["x/journal.jsonl: no"]).text


def test_an_empty_history_is_a_page_that_says_what_to_do() -> None:
    assert "brownout run EXPERIMENT.yaml" in _page([]).text


def test_names_in_a_page_are_unique_and_every_reference_leads_somewhere() -> None:
    read = _page(_runs("hbnh" * 3))
    assert len(set(read.ids)) == len(read.ids)
    assert {link.removeprefix("#") for link in read.links} <= set(read.ids)
    assert all(link.startswith("#") for link in read.links)


def test_texts_of_strangers_change_nothing_in_the_page() -> None:
    plain = _page(_runs("hbhb"), warnings=["x"])
    hostile = _page(
        _runs("hbhb", experiment=NASTY, environment=NASTY, reason=NASTY, edge=NASTY, source=NASTY, version=NASTY),
        warnings=[NASTY],
    )
    assert hostile.tags == plain.tags
    assert hostile.attributes == plain.attributes
    assert not {"script", "style"} & hostile.attributes
    assert hostile.ids == plain.ids
    assert not set("\x00\x1b\ud800\u202e") & set(hostile.text)


def test_the_figures_at_the_top_are_those_of_the_runs_below() -> None:
    report = review([*_runs("hbb"), *_runs("hh", environment="staging")], None, BEGIN + timedelta(days=300))
    assert tiles(report) == [
        Tile("regressions caught", "1", "1 not fixed yet", grave=True),
        Tile("held", "60 %", "3 of 5 conclusive runs"),
        Tile("runs", "5", "of 1 experiment in 2 environments"),
        Tile("out of date", "2", "no conclusive run for 90 days"),
    ]
    assert tiles(review(_runs("hbh"), None, BEGIN))[0].note == "all fixed"
    assert tiles(review(_runs("n"), None, BEGIN))[1].value == "nothing yet"


def test_the_recovery_times_are_told_in_a_sentence() -> None:
    def course(*times: float | None) -> str:
        runs = [
            past_run(started=BEGIN + timedelta(days=91 * n), recovery=time, unrecovered=time is None)
            for n, time in enumerate(times)
        ]
        return sentence(recovery_trends(runs)[0])

    assert course(2.0) == "2.0 s in 2026-Q1, the median of 1 run"
    assert course(2.0, 3.5) == "3.5 s in 2026-Q2, the median of 1 run; 2.0 s in 2026-Q1: +1.5 s"
    assert course(2.0, 2.0).endswith("2.0 s in 2026-Q1: as before")
    assert course(2.0, None).endswith("2.0 s in 2026-Q1: before it recovered; 1 run did not recover while watched")
    assert course(2.0, None).startswith("not seen in 2026-Q2, the median of 1 run;")
    assert course(None, 2.0).endswith("not seen in 2026-Q1: before it did not")
