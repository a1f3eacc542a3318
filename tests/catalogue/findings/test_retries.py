"""Rules about calls that are made again: budgets, storms, and what must not happen twice."""

from __future__ import annotations

import pytest

from tests.support.builders.findings import missing, of


def test_retries_without_a_budget_are_told_with_the_load() -> None:
    (one,) = of("retries-without-budget", "services: {a: {calls: {b: {retries: 3, rate: 50/s}}}, b: }")
    assert one.level == "warning"
    assert one.sentence == (
        "a tries b 4 times and says no budget: when it fails, it gets 4x the load, 200/s instead of 50/s"
    )
    assert [fix.text for fix in one.fixes] == [
        "services.a.calls.b.retry_budget: 10% or less (1.1x the load)", "services.a.calls.b.retries: 0",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "levels"),
    [
        ("retries: 3, retry_budget: 0", []), ("retries: 3, retry_budget: 50%", []), ("retries: 0", []), ("", []),
        ("retries: 1, breaker: true", ["note"]), ("retries: 1, breaker: false", ["warning"]),
    ],
)  # fmt: skip
def test_a_budget_is_enough_and_a_breaker_makes_it_a_note(call: str, levels: list[str]) -> None:
    found = of("retries-without-budget", f"services: {{a: {{calls: {{b: {{{call}}}}}}}, b: }}")
    assert [one.level for one in found] == levels


_STORM = """\
services:
  a: {calls: {b: {retries: 3}}}
  b: {calls: {c: %s}}
  c: {calls: {d: {retries: 3}}}
  d: {calls: [e]}
  e:
"""


def test_attempts_multiply_along_a_path_and_are_told_once() -> None:
    (one,) = of("retry-storm", _STORM % "{retries: 3}")
    assert one.path == ("services", "c", "calls", "d", "retries")
    assert one.sentence == (
        "when d fails, one request becomes 4 x 4 x 4 = 64 calls of it, by the retries of a -> b, b -> c and c -> d"
    )
    assert one.fixes[0].text == (
        "services.a.calls.b.retries: 0, services.b.calls.c.retries: 0 (only the last one repeats calls)"
    )


@pytest.mark.parametrize(
    ("middle", "factor"),
    [
        ("", "4 x 4 = 16"),  # a call that is made once passes it on
        ("{retries: 3, retry_budget: 10%}", "4 x 4 = 16"),
        ("{retries: 3, retry_budget: 100%}", "4 x 2 x 4 = 32"),
        ("{retries: 3, breaker: true}", None),
    ],
)
def test_budgets_do_not_multiply_and_a_breaker_ends_the_path(middle: str, factor: str | None) -> None:
    found = of("retry-storm", _STORM % middle)
    assert [one.sentence.partition("becomes ")[2].partition(" calls")[0] for one in found] == (
        [factor] if factor else []
    )


def test_the_worst_way_is_told_and_all_ways_are_mended() -> None:
    text = (
        "services: {a: {calls: {c: {retries: 4}}}, b: {calls: {c: {retries: 1}}}, c: {calls: {d: {retries: 2}}}, d: }"
    )
    (one,) = of("retry-storm", text)
    assert "5 x 3 = 15" in one.sentence
    assert [change.path[1] for change in one.fixes[0].changes] == ["a", "b"]


def test_what_goes_round_in_a_circle_does_not_multiply_for_ever() -> None:
    assert of("retry-storm", "services: {a: {calls: {b: {retries: 3}}}, b: {calls: {a: {retries: 3}}}}") == []


def test_what_must_not_happen_twice_is_not_repeated() -> None:
    text = "services: {a: {calls: {postgres: {%s}}}, postgres: }"
    (one,) = of("retries-not-idempotent", text % "retries: 2, idempotent: false")
    assert one.sentence == "a may do its call of postgres up to 3 times, and twice does harm"
    assert of("retries-not-idempotent", text % "retries: 0, idempotent: false") == []
    assert of("retries-not-idempotent", text % "retries: 2, idempotent: true") == []


def test_writes_that_are_repeated_have_to_say_whether_they_may_be() -> None:
    calls = "{postgres: {retries: 2}, redis: {retries: 2}, b: {retries: 2}}"
    text = f"services: {{a: {{calls: {calls}}}, postgres: , redis: , b: }}"
    assert of("retries-not-idempotent", text) == []
    assert missing("retries-not-idempotent", text) == ["services.a.calls.postgres.idempotent"]
