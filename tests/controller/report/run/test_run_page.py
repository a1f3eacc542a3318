"""A run as a page."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from brownout_controller.model.journal import Record
from brownout_controller.report.run import run_page
from brownout_controller.report.run.run_report import RunReport, run_report
from brownout_core.verdict import Verdict
from tests.support.builders import journals
from tests.support.builders.journals import NASTY, RUN_ID, TERMS, Story

_LOADING = (
    "href",
    "src",
    "srcset",
    "xlink:href",
    "action",
    "data",
    "poster",
    "background",
    "formaction",
    "ping",
    "style",
)
_VOID = frozenset({"meta", "br", "hr", "img", "link", "input"})


class Page(HTMLParser):
    """What a browser would see: elements with their attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == [], "something was not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def tags(self) -> set[str]:
        return {tag for tag, _ in self.elements}


def _page(*report: RunReport) -> Page:
    return Page(run_page.render(*report))


@pytest.mark.parametrize("verdict", journals.ALL)
def test_the_verdict_and_why_come_first(verdict: str) -> None:
    report = journals.ALL[verdict]().report()
    text = _page(report).text
    assert f"{verdict}: database-latency" in text[:60], "the title"
    head = text[: text.index("What happened")]
    for wanted in (Verdict(verdict).meaning, report.sentence, "latency (delay 300ms)", "payment -> postgresql"):
        assert wanted in head
    assert "2026-11-24 10:00:00 UTC, took " in head


def test_a_phase_that_was_accepted_without_data_is_not_held_and_has_its_reason() -> None:
    quiet = Story(terms=[{**TERMS, "no_data": {"pass": "nobody pays at night"}}]).planned()
    quiet.samples("baseline", 1, None, None).injected().samples("during", 6, None, None).hit().reverted()
    text = _page(quiet.samples("recovery", 11, None, None).judged().report()).text
    assert "accepted without data: nobody pays at night" in text
    assert "2 accepted, of 2" in text


def test_it_has_what_a_mail_must_tell() -> None:
    text = _page(journals.refuted(terms=[{**TERMS, "because": "people leave"}]).report()).text
    for wanted in (
        "p99 stays low (during): 306ms at worst, expected < 200ms: 1 good, 2 bad, of 3",
        "425 times on 251 connections",
        "verified 5.0 s after the injection",
        "990 ms after the revert, every hypothesis held",
        "held , worst 6ms; 2 good, of 2",
        "broke , worst 306ms; 1 good, 2 bad, of 3",
        "gone by a listing",
        "brownout run exp.yaml --env local --seed 7",
        "brownout 0.1.0, from exp.yaml",
        "because: the database was slow once",
        "expected < 200ms; people leave",
        RUN_ID,
    ):
        assert wanted in text, wanted


def test_a_stop_has_its_time_from_the_breach_to_the_revert() -> None:
    assert "breach to verified revert 510 ms" in _page(journals.stopped().report()).text


def test_a_revert_that_is_not_verified_cannot_be_overlooked() -> None:
    page = _page(journals.not_reverted().report())
    assert "undone NOT VERIFIED a person must look" in page.text
    assert "! not-reverted" in page.text
    assert any("tile bad" in (attributes.get("class") or "") for _, attributes in page.elements)


def test_each_hypothesis_has_its_plot_and_the_load_and_the_hits_have_theirs() -> None:
    terms = [{**TERMS, "name": name} for name in ("one", "two", "three")]
    story = journals.passed(terms=terms)
    for name in ("one", "two"):
        story.samples("during", 6, 0.1, 0.2, name=name)
    page = _page(story.report())
    titles = [attributes.get("id") for tag, attributes in page.elements if tag == "figure" and attributes.get("id")]
    assert titles == ["run1-h1", "run1-h2"], "of three nothing was measured"
    plots = [
        attributes for tag, attributes in page.elements if tag == "svg" and "plot" in (attributes.get("class") or "")
    ]
    assert len(plots) == 1 + 2 + 2 + 1
    targets = {attributes["href"] for tag, attributes in page.elements if tag == "a"}
    assert targets == {"#run1-h1", "#run1-h2"}


@pytest.mark.parametrize("story", [journals.killed(), Story(), Story().planned()])
def test_a_journal_without_end_is_told_as_such(story: Story) -> None:
    assert "The journal has no end" in _page(story.report()).text


def test_a_journal_that_does_not_say_what_was_run_is_a_page_too() -> None:
    page = _page(run_report([], "the-directory"))
    assert "the journal does not name what was run" in page.text
    assert "the-directory" in page.text


@pytest.mark.parametrize("story", [journals.stopped(), journals.not_reverted(), journals.nasty()])
def test_a_journal_that_ends_anywhere_is_a_page(story: Story) -> None:
    for number in range(len(story.entries)):
        report = run_report(story.entries[:number], RUN_ID)
        assert report.judgement.verdict in _page(report).text


def test_a_run_that_a_later_start_closed_ends_when_it_died() -> None:
    text = _page(journals.closed_later().report()).text
    assert "took 6.0 s" in text
    assert "closed by a later start" in text


def test_nets_that_were_off_are_told_with_their_reasons() -> None:
    text = _page(journals.passed(nets_off={"overlap": "two teams agreed on it"}).report()).text
    assert "Safety nets that were off overlap two teams agreed on it" in text
    assert "safety nets all on" in _page(journals.passed().report()).text


def test_texts_of_others_make_no_markup() -> None:
    hostile = journals.nasty().report()
    calm = run_report([entry._replace(record=_calmed(entry.record)) for entry in hostile.entries], RUN_ID)
    shapes = [[(tag, sorted(attributes)) for tag, attributes in _page(report).elements] for report in (hostile, calm)]
    assert shapes[0] == shapes[1]
    text = run_page.render(hostile)
    assert not set("\x00\x1b\ud800\u202e") & set(text)
    text.encode()


def _calmed(record: Record) -> Record:
    """The same record with harmless texts instead of the nasty ones."""

    def calmed(value: Any) -> Any:
        if isinstance(value, str):
            return value.replace(NASTY, "harmless").replace(NASTY.replace("\ud800", ""), "a name")
        if isinstance(value, dict):
            return {calmed(key): calmed(item) for key, item in value.items()}
        return type(value)(map(calmed, value)) if isinstance(value, (list, tuple)) else value

    names = [field.name for field in dataclasses.fields(record)]  # type: ignore[arg-type]  # every record is a dataclass
    return type(record)(**{name: calmed(getattr(record, name)) for name in names})


@pytest.mark.parametrize("report", [journals.passed().report(), journals.stopped().report(), journals.nasty().report()])
def test_nothing_in_it_runs_or_would_be_loaded(report: RunReport) -> None:
    page = _page(report, report)
    assert not page.tags & {
        "script",
        "link",
        "img",
        "image",
        "iframe",
        "object",
        "embed",
        "form",
        "video",
        "audio",
        "base",
    }
    for tag, attributes in page.elements:
        for name, value in attributes.items():
            assert not name.startswith("on"), tag
            assert name not in _LOADING or (name == "href" and re.fullmatch(r"#[\w-]+", value or "")), (
                tag,
                name,
                value,
            )


def test_places_in_a_page_are_there_once_and_every_link_finds_one() -> None:
    page = _page(*[story().report() for story in journals.ALL.values()])
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = {attributes["href"] for _, attributes in page.elements if "href" in attributes}
    assert links <= {f"#{name}" for name in ids}


def test_several_runs_are_one_page_with_a_list_of_verdicts() -> None:
    text = _page(*[story().report() for story in journals.ALL.values()]).text
    head = text[: text.index("What happened")]
    assert "7 runs" in head
    assert all(f"{verdict} database-latency" in head for verdict in journals.ALL)


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        (
            {"latency": {"delay": "1s", "jitter": "10ms"}, "toxicity": "25%"},
            "latency (delay 1s, jitter 10ms), toxicity 25%",
        ),
        ({"latency": "1s"}, "latency 1s"),
        ({"reset_peer": {}}, "reset_peer"),
        ("cut", "cut"),
        ({}, ""),
    ],
)
def test_a_fault_is_told_in_words(declared: object, words: str) -> None:
    assert run_page.fault(declared) == words


def test_an_hour_of_twenty_hypotheses_fits_into_a_mail() -> None:
    terms = [{**TERMS, "name": f"hypothesis {number}"} for number in range(20)]
    story = Story(terms=terms).planned().injected(600)
    for number in range(20):
        for second in range(3600):
            value = None if second % 7 == 0 else (second * 7919 + number) % 300 / 1000
            story.samples("during" if second > 600 else "baseline", second, value, name=f"hypothesis {number}")
    story.hit(3000).reverted(3500).load(3600).judged(3600)
    text = run_page.render(story.report())
    assert len(text.encode()) < 2_000_000
    assert text.count("of 3,600 samples") == 20
