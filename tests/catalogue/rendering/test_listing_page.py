"""The catalogue as a page: one file, with everything of each row, and names that stay text."""

from __future__ import annotations

from html.parser import HTMLParser

from brownout_catalogue.rendering.listing import listing
from brownout_catalogue.rendering.listing_page import render
from tests.support.builders.architectures import SHOP, example, read


class _Page(HTMLParser):
    """Collects tags and targets, and holds that what is opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in ("meta", "br", "link", "img"):
            self.open.append(tag)
        for name, value in attributes:
            if name == "href":
                self.links.append(value or "")
            if name == "id":
                self.ids.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_every_row_of_the_table_leads_to_its_section() -> None:
    page = _Page(render(listing(example("fintech")), 10))
    assert page.links == [f"#row-{n}" for n in range(1, 11)]
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert "script" not in page.tags


def test_it_tells_reasons_and_the_missing_lines() -> None:
    shown = listing(read(SHOP))
    text = render(shown, 5)
    assert shown.rows[0].scenario.title in text
    assert f"<p>{len(shown.rows)} scenarios, the 5 that are most worth a test.\n" in text
    assert f"<code>{shown.missing.effects[0].path}</code>" in text
    assert "of the revenue" in text
    assert "database-slow 2" in text


def test_names_are_text_and_no_markup() -> None:
    page = _Page(
        render(
            listing(read(SHOP.replace("name: shop", "name: '<script>x</script>'").replace("redis", '"<b>redis"'))), 50
        )
    )
    assert not {"script", "b"} & page.tags


def test_a_search_that_was_cut_short_is_told() -> None:
    shown = listing(read(SHOP))
    assert "cut short" not in render(shown, 3)
    shown = shown._replace(missing=shown.missing._replace(tried=3))
    assert "cut short: tried 3 of " in render(shown, 3)
