"""How long things take, which flows are sure, how many calls become of one: the arithmetic of the rules."""

from __future__ import annotations

import pytest

from brownout_catalogue.findings.rule_context import RuleContext, attempts, down, exceeds, listed, up
from tests.support.builders.findings import read


def _ground(text: str) -> RuleContext:
    return RuleContext(read(text))


def _works(text: str, name: str) -> float | None:
    work = _ground(text).work(name)
    return None if work is None else work.seconds


@pytest.mark.parametrize(
    ("b", "seconds"),
    [
        ("{calls: {c: {timeout: 2s, retries: 2}, d: {timeout: 3s}}}", 6.0),  # the longest, not the sum
        ("{timeout: 1s, calls: {c: {timeout: 2s, retries: 2}}}", 1.0),  # its own ends all
        ("{calls: {c: {retries: 1}}}", 8.0),  # as long as c itself, twice
        ("{calls: {d: }}", None),
        ("{calls: {c: , d: {timeout: 9s}}}", 9.0),
    ],
)
def test_a_service_is_busy_as_long_as_its_longest_call(b: str, seconds: float | None) -> None:
    assert _works(f"services: {{b: {b}, c: {{calls: {{e: {{timeout: 4s}}}}}}, d: , e: }}", "b") == seconds


def test_in_a_circle_without_timeouts_the_other_calls_count() -> None:
    text = "services: {a: {calls: [b]}, b: {calls: {c: , d: {timeout: 2s}}}, c: {calls: [b]}, d: }"
    assert [_works(text, name) for name in "abcd"] == [None, 2.0, None, None]


_FLOWS = """\
services:
  gateway: {calls: {orders: , auth: {required: true}, search: }}
  auth: {calls: {redis: {fallback: sessions in memory}, keys: {required: true}, cache: {required: true, fallback: x}}}
  orders: {calls: {postgres: , bank: }}
  search:
  postgres:
  redis:
  keys:
  cache:
external: [bank]
flows:
  buy: {path: [gateway, orders, postgres], revenue: 80%}
  look: {path: [gateway, search], revenue: 0, users: 90%}
  ask: {path: [search]}
"""


def test_only_what_is_on_the_path_or_required_is_sure() -> None:
    ground = _ground(_FLOWS)
    over = {edge.name: ground.over(edge) for edge in ground.architecture.edges if ground.over(edge)}
    both = ("buy", "look")
    assert over == {
        "gateway -> orders": ("buy",), "gateway -> auth": both, "gateway -> search": ("look",),
        "auth -> keys": both, "auth -> cache": both, "orders -> postgres": ("buy",),
    }  # fmt: skip


def test_what_has_a_fallback_is_not_needed() -> None:
    ground = _ground(_FLOWS)
    assert {name: ground.on(name) for name in ("gateway", "keys", "cache", "redis", "bank", "search")} == {
        "gateway": ("buy", "look"), "keys": ("buy", "look"), "cache": (), "redis": (), "bank": (),
        "search": ("ask", "look"),
    }  # fmt: skip


def test_a_flow_pays_unless_it_says_that_it_does_not() -> None:
    ground = _ground(_FLOWS)
    assert ground.paying(("ask", "buy", "look")) == ("ask", "buy")
    assert ground.told(("ask", "buy", "look")) == "buy (80% of the revenue), look (90% of the users) and ask"


@pytest.mark.parametrize(
    ("lines", "allowed"),
    [
        ("", None),
        ("flows: {x: {path: [a, b, c], tolerance: 2s}}", (2.0, "people leave x after 2s")),
        (
            "flows: {x: {path: [b, c], tolerance: 5s}, y: {path: [a, b, c], tolerance: 3s}}",
            (3.0, "people leave y after 3s"),
        ),
    ],
)
def test_a_call_may_last_as_long_as_people_wait(lines: str, allowed: object) -> None:
    ground = _ground(f"services: {{a: {{calls: [b]}}, b: {{calls: [c]}}, c: }}\n{lines}")
    assert ground.allowed(ground.architecture.edge("b", "c")) == allowed


def test_a_call_may_last_as_long_as_its_caller_is_waited_for() -> None:
    flow = "flows: {x: {path: [a, b, c], tolerance: 5s}}"
    ground = _ground(f"services: {{a: {{calls: {{b: {{timeout: 1.5s}}}}}}, b: {{calls: [c]}}, c: }}\n{flow}")
    assert ground.allowed(ground.architecture.edge("b", "c")) == (1.5, "a waits 1.5s for b")
    ground = _ground(f"services: {{a: {{calls: {{b: {{retries: 1}}}}}}, b: {{calls: [c]}}, c: }}\n{flow}")
    words = "people leave x after 5s, and b may be called 2 times until then"
    assert ground.allowed(ground.architecture.edge("b", "c")) == (2.5, words)
    ground = _ground(f"services: {{a: {{calls: [b]}}, b: {{timeout: 1s, calls: [c]}}, c: }}\n{flow}")
    assert ground.allowed(ground.architecture.edge("b", "c")) == (1.0, "b works 1s on a request")


@pytest.mark.parametrize(("call", "factor"), [("", 1), ("retries: 3", 4), ("retries: 3, retry_budget: 20%", 1.2)])
def test_a_budget_limits_what_becomes_of_a_call(call: str, factor: float) -> None:
    ground = _ground(f"services: {{a: {{calls: {{b: {{{call}}}}}}}, b: }}")
    assert ground.factor(ground.architecture.edge("a", "b")) == factor


def test_times_are_rounded_to_milliseconds_on_the_safe_side() -> None:
    assert (up(0.0041), up(0.004), up(1e-9)) == (0.005, 0.004, 0.001)
    assert (down(2 / 3), down(0.004), down(0.0009)) == (0.666, 0.004, None)
    assert (3 * 0.1 > 0.3, exceeds(3 * 0.1, 0.3), exceeds(0.301, 0.3)) == (True, False, True)


def test_words() -> None:
    assert (attempts(3, 1.5), attempts(1, 0.1)) == ("3 attempts x 1.5s = 4.5s", "100ms")
    assert (listed("abc"), listed("a")) == ("a, b and c", "a")
