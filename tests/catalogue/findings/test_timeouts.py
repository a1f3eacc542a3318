"""Rules about who waits how long for whom, by their sentences and their numbers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.builders.findings import missing, of

_CHAIN = """\
services:
  gateway: {calls: {payment: {timeout: 2s}}}
  payment: {calls: {postgres: {timeout: 1.5s, retries: 2}, redis: {timeout: 100ms}}}
  postgres:
  redis:
"""


def test_a_caller_that_gives_up_first_is_told_with_both_remedies() -> None:
    (one,) = of("timeout-inversion", _CHAIN)
    assert one.level == "error"
    assert one.sentence == (
        "gateway waits 2s for payment, which may be busy for 3 attempts x 1.5s = 4.5s on postgres: "
        "it works on when nobody waits any more"
    )
    assert [fix.text for fix in one.fixes] == [
        "services.payment.calls.postgres.timeout: 666ms or less",
        "services.gateway.calls.payment.timeout: 4.5s or more",
    ]


def test_equal_is_long_enough() -> None:
    assert of("timeout-inversion", _CHAIN.replace("timeout: 2s", "timeout: 4.5s")) == []
    assert len(of("timeout-inversion", _CHAIN.replace("timeout: 2s", "timeout: 4.499s"))) == 1


def test_the_callee_s_own_timeout_ends_its_calls() -> None:
    assert of("timeout-inversion", _CHAIN.replace("{calls: {postgres", "{timeout: 2s, calls: {postgres")) == []
    (one,) = of("timeout-inversion", _CHAIN.replace("{calls: {postgres", "{timeout: 3s, calls: {postgres"))
    assert "which may be busy for 3s on a request" in one.sentence
    assert one.fixes[0].text == "services.payment.timeout: 2s or less"


def test_a_longer_wait_is_no_remedy_where_people_leave_before() -> None:
    (one,) = of("timeout-inversion", _CHAIN + "flows: {pay: {path: [gateway, payment], tolerance: 4s}}")
    assert [fix.text for fix in one.fixes] == ["services.payment.calls.postgres.timeout: 666ms or less"]


def test_all_calls_that_are_too_long_are_lowered_together() -> None:
    (one,) = of("timeout-inversion", _CHAIN.replace("100ms", "5s"))
    assert one.fixes[0].text == (
        "services.payment.calls.postgres.timeout: 666ms or less, services.payment.calls.redis.timeout: 2s or less"
    )


def test_in_a_circle_waiting_longer_is_not_proposed() -> None:
    (one,) = of("timeout-inversion", "services: {a: {calls: {b: {timeout: 1s}}}, b: {calls: {a: {retries: 1}}}}")
    assert [fix.text for fix in one.fixes] == ["services.b.calls.a.timeout: 500ms or less"]


@given(st.floats(0.01, 20), st.floats(0.01, 20), st.integers(0, 5))
@settings(max_examples=100, deadline=None)
def test_the_longer_wait_that_is_proposed_is_the_shortest_in_milliseconds(
    waits: float, inner: float, retries: int
) -> None:
    text = "services: {a: {calls: {b: {timeout: %r}}}, b: {calls: {c: {timeout: %r, retries: %d}}}, c: }"
    for one in of("timeout-inversion", text % (waits, inner, retries)):
        value = one.fixes[-1].changes[0].value
        assert isinstance(value, float)
        assert of("timeout-inversion", text % (value, inner, retries)) == []
        assert of("timeout-inversion", text % (value - 0.0011, inner, retries))


_PAYS = """\
services:
  gateway: {calls: {payment: {timeout: 2s}, search: , auth: {required: true}}}
  payment: {calls: {postgres: {retries: 1}, audit: }}
  auth: {timeout: 1s}
  search:
  postgres:
  audit:
flows:
  pay: {path: [gateway, payment, postgres], revenue: 70%, tolerance: 3s}
  look: {path: [gateway, search], revenue: 0%, tolerance: 3s}
"""


def test_calls_on_a_revenue_path_need_a_timeout() -> None:
    found = of("timeout-missing", _PAYS)
    assert [one.sentence for one in found] == [
        "gateway says no timeout for auth, on the way of pay (70% of the revenue)",
        "payment says no timeout for postgres, on the way of pay (70% of the revenue)",
    ]
    assert [fix.text for one in found for fix in one.fixes] == [
        "services.gateway.calls.auth.timeout: 3s or less (people leave look after 3s)",
        "services.payment.calls.postgres.timeout: 1s or less (for each of 2 attempts: gateway waits 2s for payment)",
    ]


def test_without_any_time_above_none_is_proposed() -> None:
    (one,) = of("timeout-missing", "services: {a: {calls: [b]}, b: }\nflows: {x: {path: [a, b]}}")
    (fix,) = one.fixes
    assert not fix.changes
    assert fix.text == (
        "services.a.calls.b.timeout: a time of your choice; nothing in the file says how long its caller is waited for"
    )


_FLOW = "services: {a: {calls: {b: {%s}}}, b: {calls: {c: {%s}}}, c: }\nflows: {x: {path: [a, b, c], tolerance: 2s}}"


@pytest.mark.parametrize(
    ("first", "second", "fixes"),
    [
        ("timeout: 2s", "timeout: 9s", []),
        (
            "timeout: 900ms, retries: 2", "",
            ["services.a.calls.b.timeout: 666ms or less", "services.a.calls.b.retries: 1 or less"],
        ),
        ("timeout: 3s", "", ["services.a.calls.b.timeout: 2s or less"]),
        ("retries: 1", "timeout: 1.5s", ["services.b.calls.c.timeout: 1s or less"]),
        ("", "timeout: 2s", []),
        ("", "", []),
    ],
)  # fmt: skip
def test_the_first_timeout_on_a_flow_s_path_fits_into_its_tolerance(first: str, second: str, fixes: list[str]) -> None:
    found = of("timeout-over-tolerance", _FLOW % (first, second))
    assert [fix.text for one in found for fix in one.fixes] == fixes


def test_of_several_flows_the_one_that_leaves_least_is_told() -> None:
    flows = ", y: {path: [a, b], tolerance: 1s}, z: {path: [a, b], tolerance: 1s}}"
    (one,) = of("timeout-over-tolerance", (_FLOW % ("timeout: 3s", "")).removesuffix("}") + flows)
    assert one.sentence == "a may wait 3s for b, and people leave y after 1s"


def test_how_long_people_wait_has_to_be_said() -> None:
    text = (_FLOW % ("timeout: 3s", "")).replace(", tolerance: 2s", "")
    assert missing("timeout-over-tolerance", text) == ["flows.x.tolerance"]


def test_a_timeout_below_the_p99_fails_on_a_good_day() -> None:
    text = "services: {a: {calls: {b: {timeout: 200ms}}}, b: {answers_in: 300ms}}"
    (one,) = of("timeout-below-answer", text)
    assert one.sentence == "a waits 200ms for b, whose p99 is 300ms: more than 1% of the calls fail on a good day"
    assert [fix.text for fix in one.fixes] == ["services.a.calls.b.timeout: 300ms or more"]
    assert of("timeout-below-answer", text.replace("200ms", "300ms")) == []


def test_a_breaker_needs_a_timeout() -> None:
    text = "services: {a: {calls: {b: {breaker: %s}}}, b: }"
    assert len(of("breaker-without-timeout", text % "true")) == 1
    assert of("breaker-without-timeout", text % "true, timeout: 1s") == []
    assert of("breaker-without-timeout", text % "false") == []
