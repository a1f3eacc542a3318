"""The HTML report in a real browser, opened from a file as an attachment of a mail would be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import pytest

from brownout_controller.report.run import run_page
from brownout_controller.report.run.run_report import RunReport
from tests.support.builders import journals
from tests.support.builders.journals import TERMS, Story
from tests.support.processes.browser import Tab, tab
from tests.support.requirements import needs

pytestmark = [needs("chromium"), pytest.mark.timeout(500)]

_SMALL: Final = 360

# What sticks out of the window to the right, but for what a box of its own cuts off or scrolls.
_STICKING_OUT = """
[...document.querySelectorAll('body *')].filter(element => !element.closest('svg svg, details:not([open])')
  && element.getBoundingClientRect().right > window.innerWidth + 1).map(element => element.outerHTML.slice(0, 200))
"""
_COVERED = """
[...document.querySelectorAll('svg.plot')].flatMap(plot => {
  const texts = [...plot.querySelectorAll(':scope > text')].filter(text => text.textContent);
  const boxes = texts.map(text => text.getBoundingClientRect());
  return texts.flatMap((text, i) => texts.slice(i + 1).filter((_, k) => {
    const a = boxes[i], b = boxes[i + 1 + k];
    return a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 4 && b.top < a.bottom - 4;
  }).map(other => text.textContent + ' / ' + other.textContent));
})
"""


def _story() -> RunReport:
    """One with everything that a page may show."""
    terms: list[dict[str, Any]] = [
        {**TERMS, "stop": "> 250ms", "no_data": "fail", "because": "people leave"},
        {**TERMS, "name": "errors stay low", "expect": "< 1%", "stop": "> 50%"},
        {**TERMS, "name": "within a range", "expect": "between 0.2 and 0.8"},
        {**TERMS, "name": "no worse than before", "expect": "<= 1.2 * baseline + 20ms"},
    ]
    story = Story(terms=terms, nets_off={"overlap": "two teams agreed on it"}).planned()
    for number, claim in enumerate(terms):
        story.samples("baseline", 1, 0.05 * number, 0.06 * number, name=claim["name"])
    story.injected()
    for claim in terms:
        story.samples("during", 6, 0.1, None, 4.0, 0.305, name=claim["name"])
    story.hit().reverted()
    for claim in terms:
        story.samples("recovery", 11, 0.3, 0.005, 0.006, name=claim["name"])
    return story.load().judged().report()


def _see(tmp_path: Path, look: Callable[[Tab, Path], Awaitable[None]], *report: RunReport) -> None:
    """Opens the page of these runs in a browser and looks."""
    page = tmp_path / "report.html"
    page.write_text(run_page.render(*report), encoding="utf-8")

    async def seen() -> None:
        async with tab() as opened:
            await opened.open(page)
            await look(opened, page)

    asyncio.run(seen())


@pytest.mark.parametrize("report", [_story(), journals.nasty().report()], ids=["everything", "hostile"])
def test_nothing_is_loaded_and_the_console_is_silent(tmp_path: Path, report: RunReport) -> None:
    async def look(opened: Tab, page: Path) -> None:
        assert opened.requests == [page.as_uri()]
        assert opened.complaints == []
        assert "Hypotheses" in await opened.value("document.body.innerText")
        assert await opened.value("getComputedStyle(document.querySelector('h1')).fontWeight") == "700", "no style"

    _see(tmp_path, look, report)


def test_the_policy_lets_nothing_in_that_a_text_might_bring(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    harm = '<img src="http://127.0.0.1:9/x"><script>document.title = "taken"</script><p id="p" style="color: red">x</p>'
    page.write_text(run_page.render(journals.refuted().report()).replace("</main>", f"{harm}</main>"), encoding="utf-8")

    async def seen() -> None:
        async with tab() as opened:
            await opened.open(page)
            assert await opened.value("document.title") == "refuted: database-latency"
            assert await opened.value("document.getElementById('p').style.color") == ""
            assert len([text for text in opened.complaints if "Content Security Policy" in text]) == 3
            page.write_text('<img src="http://127.0.0.1:9/x">')  # what a page without the policy would do
            await opened.open(page)
            assert "http://127.0.0.1:9/x" in opened.requests

    asyncio.run(seen())


@pytest.mark.parametrize("report", [_story(), *(story().report() for story in journals.ALL.values())],
                         ids=["everything", *journals.ALL])  # fmt: skip
def test_on_a_small_screen_nothing_sticks_out_and_no_letters_cover_others(tmp_path: Path, report: RunReport) -> None:
    async def look(opened: Tab, _: Path) -> None:
        for width in (_SMALL, 1280):
            await opened.screen(width)
            assert await opened.value(_STICKING_OUT) == [], width
            assert await opened.value(_COVERED) == [], width

    _see(tmp_path, look, report)


def test_it_is_dark_for_who_wants_it_dark_and_white_on_paper(tmp_path: Path) -> None:
    async def look(opened: Tab, _: Path) -> None:
        papers = []
        for dark, media in ((False, ""), (True, ""), (True, "print")):
            await opened.screen(800, dark=dark, media=media)
            papers.append(await opened.value("getComputedStyle(document.body).backgroundColor"))
            assert (await opened.picture()).startswith(b"\x89PNG")
        assert papers[0] == papers[2] == "rgb(255, 255, 255)"
        assert papers[1] == "rgb(20, 23, 27)"

    _see(tmp_path, look, _story())
