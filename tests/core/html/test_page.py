"""The frame of the HTML pages: closed to the world, and proof against the texts in it."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from jinja2 import DictLoader, UndefinedError

from brownout_core.html import page
from brownout_core.verdict import Verdict
from tests.support.builders.journals import NASTY


def _rendered(content: str, **values: object) -> str:
    """A page with that content, made as the real ones are."""
    body = '{% extends "base.html.j2" %}{% from "parts.html.j2" import badge %}{% block content %}'
    environment = page._made()
    assert environment.loader is not None
    templates = {name: environment.loader.get_source(environment, name)[0] for name in environment.list_templates()
                 if name.endswith(".j2")}  # fmt: skip
    environment.loader = DictLoader({**templates, "try.html.j2": f"{body}{content}{{% endblock %}}"})
    return environment.get_template("try.html.j2").render(values)


class _Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]


def test_a_page_says_that_nothing_may_be_loaded_or_run() -> None:
    text = _rendered("")
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert policy[1].replace("&#39;", "'").startswith("default-src 'none'; style-src 'sha256-")
    assert not {"script", "link", "img", "iframe", "object", "embed"} & set(_Tags(text).tags)


def test_the_policy_lets_the_one_style_in() -> None:
    text = _rendered("")
    style = re.search(r"(?s)<style>(.*?)</style>", text)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"sha256-{digest}" in text
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_texts_are_escaped_in_contents_and_in_attributes() -> None:
    empty = _Tags(_rendered('<p title=""></p>'))
    full = _Tags(_rendered('<p title="{{ text }}">{{ text }}</p>', text=NASTY))
    assert full.tags == empty.tags
    assert full.attributes == empty.attributes


def test_texts_are_cleaned_of_what_no_page_may_hold() -> None:
    text = _rendered("{{ text }}{{ text|line }}{{ text|clipped(300) }}", text=NASTY)
    assert not set("\x00\x1b\ud800\u202e") & set(text)
    text.encode()


def test_a_value_that_is_missing_is_our_mistake_and_not_an_empty_spot() -> None:
    with pytest.raises(UndefinedError):
        _rendered("{{ nothing }}")


@pytest.mark.parametrize("verdict", Verdict)
def test_a_verdict_is_told_by_a_word_and_a_sign_as_well_as_by_its_colour(verdict: Verdict) -> None:
    text = _rendered("{{ badge(verdict) }}", verdict=verdict)
    assert f"</span> {verdict}</span>" in text
    assert f">{page.MARKS[verdict]}</span>" in text
    assert re.search(rf"\.{verdict}\b[^}}]*{{ color", text), "the style has no colour for it"


def test_the_style_is_for_light_and_dark_and_paper_and_small_screens() -> None:
    text = _rendered("")
    for wanted in ("prefers-color-scheme: dark", "@media print", "max-width: 30rem", 'name="viewport"'):
        assert wanted in text
