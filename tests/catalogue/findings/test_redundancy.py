"""Rules about what stands in when something is gone."""

from __future__ import annotations

from datetime import date

import pytest

from brownout_catalogue.findings import findings
from brownout_catalogue.findings.redundancy import days_left
from tests.support.builders.findings import missing, of, read

_FLOW = """\
services:
  gateway: {replicas: 1, calls: {orders: , search: {fallback: bestsellers}}}
  orders: {replicas: %s, calls: [postgres]}
  search: {replicas: 1}
  postgres: {replicas: 2}
flows:
  buy: {path: [gateway, orders, postgres], revenue: %s, users: 4%%}
  find: {path: [gateway, search], revenue: 5%%}
"""


def test_a_single_replica_on_a_revenue_path_is_told() -> None:
    found = of("single-replica", _FLOW % (1, "80%"))
    assert [(one.level, one.path[1]) for one in found] == [("warning", "gateway"), ("warning", "orders")]
    assert found[1].sentence == "orders has 1 replica: while it restarts, all of buy (80% of the revenue) fails"
    assert found[1].fixes[0].text == "services.orders.replicas: 2 or more"


def test_on_another_flow_it_is_a_note() -> None:
    assert [one.level for one in of("single-replica", _FLOW % (0, "0%"))] == ["warning", "note"]


def test_two_are_enough_and_what_nobody_has_said_is_not_told() -> None:
    assert [one.path[1] for one in of("single-replica", _FLOW % (2, "80%"))] == ["gateway"]
    assert [one.path[1] for one in of("single-replica", _FLOW % ("null", "80%"))] == ["gateway"]


def test_what_keeps_data_is_told_once() -> None:
    text = (_FLOW % (2, "80%")).replace("postgres: {replicas: 2}", "postgres: {replicas: 1}")
    assert [one.path[1] for one in of("single-replica", text)] == ["gateway"]
    (one,) = of("single-store", text)
    assert one.sentence == (
        "postgres keeps its data in 1 replica: losing it loses what was written since the last backup, and stops buy "
        "(80% of the revenue)"
    )


def test_data_in_one_replica_is_told_on_whatever_path() -> None:
    text = "services: {a: {calls: [db, rabbit, redis, c]}, db: %s, rabbit: {replicas: 1}, redis: {replicas: 1}, c: %s}"
    found = of("single-store", text % ("{replicas: 1}", "{replicas: 1, stateful: true}"))
    assert [one.path[1] for one in found] == ["c", "db", "rabbit"]
    assert [one.fixes[0].changes[0].value for one in found] == [2, 2, 3]
    assert [one.path[1] for one in of("single-store", text % ("", "{replicas: 1}"))] == ["rabbit"]


def test_other_probes_without_readiness_are_told() -> None:
    text = "services: {gateway: {probes: %s, calls: {b: }}, b: {probes: %s}}"
    (one,) = of("readiness-missing", text % ("[readiness]", "[liveness]"))
    assert one.sentence == "b has probes (liveness) but none for readiness: each start gets requests too soon"
    assert one.fixes[0].text == "services.b.probes: [liveness, readiness]"
    assert len(of("readiness-missing", text % ("[startup]", "[startup]"))) == 2
    assert of("readiness-missing", text % ("[]", "[startup, readiness]")) == []
    assert of("readiness-missing", "services: {mail-worker: {probes: [liveness]}}") == []


@pytest.mark.parametrize(
    ("call", "cache", "count"),
    [
        ("", "", 1), ("{fallback: false}", "", 1), ("{timeout: 50ms}", "", 1), ("{fallback: the database}", "", 0),
        ("{required: false}", "", 0), ("", "{stateful: true}", 0), ("", "{kind: database}", 0),
    ],
)  # fmt: skip
def test_a_cache_needs_something_that_stands_in(call: str, cache: str, count: int) -> None:
    found = of("cache-without-fallback", f"services: {{a: {{calls: {{redis: {call}}}}}, redis: {cache}}}")
    assert len(found) == count


def test_what_is_not_said_is_told_as_that() -> None:
    text = "services: {a: {calls: {redis: %s}}, redis: }"
    assert of("cache-without-fallback", text % "")[0].sentence.startswith("a says no fallback for the cache redis: ")
    assert of("cache-without-fallback", text % "{fallback: false}")[0].sentence.startswith("a has no fallback for ")


def test_how_soon_the_calls_of_a_cache_fail_is_told() -> None:
    (one,) = of("cache-without-fallback", "services: {a: {calls: {redis: {timeout: 50ms, retries: 1}}}, redis: }")
    assert one.sentence == (
        "a says no fallback for the cache redis: when it is gone, 100% of these calls fail, each after 100ms at most"
    )


def test_what_others_run_needs_a_fallback_on_a_revenue_path() -> None:
    text = "services: {a: {calls: {bank: %s}}}\nexternal: [bank]\nflows: {buy: {path: [a, bank], revenue: %s}}"
    (one,) = of("external-without-fallback", text % ("", "80%"))
    assert one.sentence == (
        "a says no fallback for bank, which others run: when it is gone, 100% of these calls fail, and with it "
        "buy (80% of the revenue)"
    )
    assert of("external-without-fallback", text % ("", "0%")) == []
    assert of("external-without-fallback", text % ("{fallback: queued}", "80%")) == []


_CERTIFICATE = "services: {a: {calls: {b: {mtls: true}}}, b: {certificate: {%s}}}"


@pytest.mark.parametrize(
    ("certificate", "level", "sentence"),
    [
        ("rotation: manual", "warning", "the certificate of b is replaced by hand; "),
        ("rotation: manual, expires: 2027-11-25", "warning", "by hand, and ends on 2027-11-25, in 365 days; "),
        ("rotation: manual, expires: 2026-12-25", "error", "in 30 days; 1 mutual TLS call to it will fail in all"),
        ("rotation: manual, expires: 2026-12-26", "warning", "in 31 days; "),
        ("rotation: automatic, expires: 2026-11-20", "error", "ended on 2026-11-20, 5 days ago; "),
    ],
)  # fmt: skip
def test_a_certificate_that_a_person_must_replace_is_told_with_its_days(
    certificate: str, level: str, sentence: str
) -> None:
    found = findings(read(_CERTIFICATE % certificate), date(2026, 11, 25))
    (one,) = [one for one in found if not one.missing]
    assert one.level == level
    assert sentence in one.sentence


def test_one_that_replaces_itself_is_fine_until_it_has_ended() -> None:
    assert findings(read(_CERTIFICATE % "rotation: automatic, expires: 2026-11-26"), date(2026, 11, 25)) == ()


def test_what_is_not_known_of_certificates_is_named() -> None:
    rule = "certificate-without-rotation"
    assert missing(rule, _CERTIFICATE % "expires: 2030-01-01") == ["services.b.certificate.rotation"]
    assert missing(rule, _CERTIFICATE % "rotation: manual") == ["services.b.certificate.expires"]
    assert missing(rule, "services: {a: {calls: {b: {mtls: true}, c: }}, b: , c: }") == ["services.b.certificate"]


def test_a_day_that_is_none_is_not_counted() -> None:
    assert days_left("next spring", date(2026, 1, 1)) is None
    assert days_left("2026-01-02", None) is None


def test_without_flows_a_single_replica_that_is_called_is_a_note() -> None:
    text = "services:\n  a: {replicas: 1, calls: [b]}\n  b: {replicas: 1}\n"
    assert [(one.level, one.path[1]) for one in of("single-replica", text)] == [("note", "b")]


_WORKLOAD = "services:\n  a: {calls: [b]}\n  b: {kind: %s, where: {workload: deployment/b}, %s}\n"


@pytest.mark.parametrize(
    ("rule", "kind", "bad", "good"),
    [
        ("probes-missing", "service", "probes: []", "probes: [liveness]"),
        ("memory-unlimited", "service", "memory:", "memory: 1Gi"),
        ("storage-lost", "database", "storage: lost", "storage: lasting"),
        ("replication-one", "queue", "replication: 1", "replication: 3"),
    ],
)
def test_rules_of_a_workload_need_no_flow(rule: str, kind: str, bad: str, good: str) -> None:
    assert "b" in [one.path[1] for one in of(rule, _WORKLOAD % (kind, bad))]
    assert "b" not in [one.path[1] for one in of(rule, _WORKLOAD % (kind, good))]


def test_a_cache_may_lose_its_data() -> None:
    assert of("storage-lost", _WORKLOAD % ("cache", "storage: lost")) == []
