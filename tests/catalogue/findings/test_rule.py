"""Findings are ordered and folded; places are exact; changes are written as the file has them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from brownout_catalogue.architecture import dotted
from brownout_catalogue.findings.rule import (  # fmt: skip
    Change,
    Check,
    Fix,
    Found,
    Level,
    Missing,
    Path,
    Rule,
    find,
    idle,
    position,
    rule,
)
from brownout_catalogue.findings.rule_context import RuleContext
from brownout_core import document
from tests.support.builders.findings import of, read

_FILE = """\
name: shop
services:
  gateway:
    calls:
      orders: {timeout: 2s}
      "stock.eu": {}
  orders: {calls: [postgres, redis]}
  stock.eu:
  postgres:
  redis:
flows:
  buy: {path: [gateway, orders]}
"""
_GROUND = RuleContext(read(_FILE))


def _rule(level: Level, *items: Found | Missing) -> Rule:
    def check(_: RuleContext) -> Iterator[Found | Missing]:
        """Because."""
        yield from items

    return Rule(f"rule-{level}", level, "A title", (), check)


def test_a_check_becomes_a_rule_with_its_docstring_for_a_reason() -> None:
    def check(ground: RuleContext) -> Iterator[Found | Missing]:
        """Why.

        How.
        """
        yield from ()

    typed: Check = check
    assert rule("a-b", "note", "T")(typed).reason == "Why.\n\nHow."


def test_the_gravest_first_whatever_the_order_of_rules_and_of_what_they_yield() -> None:
    warning = _rule("warning", Found(("b",), "2", ()), Found(("a",), "1", ()), Found(("c",), "0", (), "error"))
    found = find([warning, _rule("error", Found(("z",), "3", ()))], _GROUND)
    assert [(one.level, one.sentence) for one in found] == [
        ("error", "0"),
        ("error", "3"),
        ("warning", "1"),
        ("warning", "2"),
    ]


def test_missing_lines_of_a_rule_are_one_note() -> None:
    paths: list[Path] = [("services", name, "replicas") for name in "dcbae"]
    (note,) = find([_rule("error", *map(Missing, [*paths, paths[0]]))], _GROUND)
    assert (note.level, note.path, note.missing) == ("note", paths[3], tuple(sorted(paths)))
    assert note.sentence == (
        "rule-error cannot be told without services.a.replicas, services.b.replicas, services.c.replicas and 2 more"
    )


def test_what_is_about_a_call_that_is_a_guess_is_a_note() -> None:
    text = "services: {a: {calls: {redis: %s}}, redis: }"
    (sure,) = of("cache-without-fallback", text % "")
    (guessed,) = of("cache-without-fallback", text % "{guess: REDIS_URL}")
    assert (sure.level, guessed.level) == ("warning", "note")
    assert guessed.sentence == f"{sure.sentence}; that there is such a call is a guess: REDIS_URL"


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("services", "gateway", "calls", "orders", "timeout"), (5, 16)),
        (("services", "gateway", "calls", "orders", "retries"), (5, 7)),
        (("services", "gateway", "calls", "stock.eu"), (6, 7)),
        (("services", "orders", "calls", "redis"), (7, 30)),
        (("services", "orders", "calls", "redis", "fallback"), (7, 30)),
        (("services", "orders", "replicas"), (7, 3)),
        (("services", "redis", "replicas"), (10, 3)),
        (("flows", "buy", "path", 1), (12, 25)),
        (("flows", "buy", "tolerance"), (12, 3)),
        (("nothing",), (1, 1)),
    ],
)  # fmt: skip
def test_a_line_is_where_it_stands_or_where_it_would_be_added(path: Path, place: tuple[int, int]) -> None:
    root = document.parse(_FILE, "x.yaml")
    assert root is not None
    assert position(root, path) == place


def test_changes_are_written_as_the_file_has_them() -> None:
    path = ("services", "a", "calls", "b")
    fix = Fix(
        (
            Change((*path, "timeout"), 0.66, at_most=True), Change((*path, "retry_budget"), 0.1, at_most=True),
            Change((*path, "pool"), 12, at_most=False), Change((*path, "required"), False),
            Change(("services", "a", "probes"), ("liveness", "readiness")), Change((*path, "fallback"), "<it>"),
        ),
        "why",
    )  # fmt: skip
    assert fix.text == (
        "services.a.calls.b.timeout: 660ms or less, services.a.calls.b.retry_budget: 10% or less, "
        "services.a.calls.b.pool: 12 or more, services.a.calls.b.required: false, "
        "services.a.probes: [liveness, readiness], services.a.calls.b.fallback: <it> (why)"
    )
    assert Fix((), "why").text == "why"
    assert Fix((Change(("a",), 1),) * 9).text == "a: 1, " * 5 + "and 4 more like these"


def test_paths_are_written_with_dots_and_brackets() -> None:
    assert dotted(("flows", "buy", "path", 1)) == "flows.buy.path[1]"


def test_a_rule_without_a_line_of_a_kind_that_it_needs_has_nothing_to_look_at() -> None:
    rules = [
        Rule("waits", "note", "T", ("timeouts",), lambda ground: iter(())),
        Rule("pools", "note", "T", ("pools", "replicas"), lambda ground: iter(())),
        Rule("alone", "note", "T", ("replicas",), lambda ground: iter(())),
    ]
    found = idle(rules, _GROUND)
    assert [one.id for one in found.rules] == ["pools", "alone"]
    assert (found.of, found.needs) == (3, ("replicas", "pools"))
