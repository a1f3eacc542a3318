"""The four factors: each rises and falls with what it should, stays in (0, 1], and says why."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brownout_catalogue.architecture import Architecture
from brownout_catalogue.rendering.reasons import reasons
from brownout_catalogue.scoring import factors
from brownout_catalogue.scoring.factors import Exposure, Ignorance, Impact, Safety
from brownout_catalogue.scoring.past_trials import KNOWN, PastTrial, PastTrials
from tests.support.builders.architectures import SHOP, fault, found, read, tried

_PG = "database-slow/orders/postgres"


def _impact(text: str, scenario: str) -> Impact:
    architecture = read(text)
    return factors.impact(found(architecture)[scenario], architecture)


def _exposure(text: str, scenario: str) -> Exposure:
    architecture = read(text)
    return factors.exposure(found(architecture)[scenario], architecture)


def _safety(text: str, scenario: str) -> Safety:
    architecture = read(text)
    return factors.safety(found(architecture)[scenario], architecture)


def _ignorance(scenario: str, *runs: PastTrial) -> Ignorance:
    return factors.ignorance(found(read(SHOP))[scenario], PastTrials(runs))


def test_impact_is_what_goes_over_it_in_numbers() -> None:
    impact = _impact(SHOP, "service-slow/orders")
    assert impact.value == pytest.approx(0.6 * 0.8 + 0.4 * 0.1)
    assert reasons(impact) == (
        "80 % of the revenue and 10 % of the users go through it (flow buy)", "an answer of buy may take 2s",
    )  # fmt: skip


def test_revenues_of_flows_add_up_and_users_are_the_same_people() -> None:
    impact = _impact(SHOP + "  pay: {path: [gateway, orders], revenue: 20%, users: 60%}\n", "service-slow/orders")
    assert (impact.revenue, impact.users) == (1, 0.6)
    assert reasons(impact)[0] == "all of the revenue and 60 % of the users go through it (flow buy, flow pay)"


def test_what_nobody_has_said_of_a_flow_is_marked_as_assumed() -> None:
    impact = _impact("services:\n  a: {calls: [b]}\n  b:\n", "service-slow/b")
    assert reasons(impact)[0] == (
        "80 % of the revenue (assumed) and 40 % of the users (assumed) go through it (80 % of flow a)"
    )
    assert "10s (assumed)" in reasons(impact)[1]


def test_impatient_flows_weigh_more() -> None:
    values = [
        _impact(SHOP.replace("users: 10%, tolerance: 2s", f"users: 10%, tolerance: {time}"), _PG).value
        for time in ("500ms", "2s", "30s", "5m", "1h")
    ]
    assert values[0] == values[1] > values[2] > values[3] == values[4] == pytest.approx(values[0] * factors.PATIENT)


def test_what_no_flow_goes_over_has_some_impact() -> None:
    alone = _impact("services:\n  a:\n  b: {calls: [db]}\n  db:\nflows:\n  f: {path: [a]}\n", "database-gone/db")
    assert alone.value == factors.LEAST
    assert reasons(alone)[0] == "no flow that was named goes over it"


def test_an_instance_is_a_part_of_what_fails_and_wrong_data_counts_on_top() -> None:
    gateway = _impact(SHOP, "memory-pressure/gateway")
    assert gateway.bite == pytest.approx(1 / 2)
    assert "hits one of 2 instances" in reasons(gateway)
    dying = _impact(SHOP, "dies-in-transaction/orders")
    assert dying.bite == pytest.approx((1 + 1 / 3) / 2)
    assert "what it breaks may stay broken afterwards" in reasons(dying)
    assert "hits the only instance" in reasons(_impact(SHOP, "memory-pressure/auth-service"))
    assert "hits one instance (of 2, assumed)" in reasons(_impact(SHOP, "memory-pressure/catalogue"))


@pytest.mark.parametrize("line", ["timeout: 1s", "breaker: true", "fallback: cached"])
def test_what_a_caller_has_against_it_lowers_its_exposure(line: str) -> None:
    bare = "services:\n  a: {calls: {db: {%s}}}\n  db:\n"
    before, after = _exposure(bare % "", "database-slow/a/db"), _exposure(bare % line, "database-slow/a/db")
    assert after.value < before.value
    word = line.partition(":")[0]
    assert f"the caller has a {word}" in reasons(after)
    assert "it has no timeout, breaker or fallback (not stated)" in reasons(before)


def test_what_is_said_to_be_missing_is_told_apart_from_what_is_not_said() -> None:
    exposure = _exposure("services:\n  a: {calls: {db: {breaker: false}}}\n  db:\n", "database-slow/a/db")
    assert "it has no timeout, breaker or fallback (timeout and fallback not stated)" in reasons(exposure)


def test_what_is_idempotent_is_told_in_words_that_fit_into_a_sentence() -> None:
    text = "services:\n  a: {calls: [b]}\n  b: {calls: {db: {%s}}}\n  db:\n"
    assert "1 caller, without idempotence (not stated)" in reasons(_exposure(text % "", "dies-in-transaction/b"))
    assert "the caller has idempotence" in reasons(_exposure(text % "idempotent: true", "answer-lost/b/db"))


def test_more_callers_are_more_exposure_and_are_counted_with_what_they_lack() -> None:
    one = _exposure(SHOP.replace("  catalogue: {calls: [postgres]}", "  catalogue: {}"), "database-gone/postgres")
    two = _exposure(SHOP, "database-gone/postgres")
    assert two.value > one.value
    assert "2 callers, both without breaker or fallback (not stated)" in reasons(two)
    three = _exposure(SHOP.replace("[rabbit]", "{rabbit: {fallback: true}}"), "queue-gone/rabbit")
    assert "2 callers, both without breaker (not stated), 1 of them without fallback (not stated)" in reasons(three)


def test_retries_make_it_worse_by_as_much_as_their_budget_lets_them_add() -> None:
    calls = "services:\n  a: {calls: {db: {%s}}}\n  db:\n"
    lines = ("", "retries: 3, retry_budget: 0%", "retries: 3, retry_budget: 10%", "retries: 3, retry_budget: 100%",
             "retries: 1", "retries: 3")  # fmt: skip
    bare, none, tenth, doubled, once, retried = (_exposure(calls % line, "database-slow/a/db") for line in lines)
    assert bare.value == none.value < tenth.value < doubled.value == once.value < retried.value
    assert "up to 3 retries without a budget add load" in reasons(retried)
    assert "retries may add 100 % to the load, as their budget allows" in reasons(doubled)
    assert not [reason for reason in reasons(none) if "retries" in reason]


def test_retries_help_against_what_is_short() -> None:
    calls = "services:\n  a: {calls: {db: {%s}}}\n  db:\n"
    assert (
        _exposure(calls % "retries: 2", "database-reset/a/db").value
        < _exposure(calls % "", "database-reset/a/db").value
    )


def test_who_else_can_do_the_work_lowers_exposure_and_less_so_with_state() -> None:
    def with_replicas(name: str, count: str, scenario: str) -> Exposure:
        return _exposure(SHOP.replace(f"  {name}:\n", f"  {name}: {{replicas: {count}}}\n"), scenario)

    unsaid, one, three = (
        _exposure(SHOP.replace("  postgres:\n", f"  postgres: {text}\n"), "database-gone/postgres")
        for text in ("", "{replicas: 1}", "{replicas: 3}")
    )
    assert unsaid.value == one.value > three.value
    assert three.value == pytest.approx(one.value * factors.SPARE_WITH_STATE)
    assert with_replicas("redis", "3", "cache-gone/redis").standing == factors.SPARE
    assert "how many instances postgres has is not stated; none is counted on to stand in" in reasons(unsaid)
    assert "postgres is a single instance" in reasons(one)


def test_more_consumers_help_against_a_backlog() -> None:
    more = SHOP.replace("mail-worker: {", "mail-worker: {replicas: 3, ")
    name = "queue-backlog/mail-worker/rabbit"
    assert _exposure(more, name).value < _exposure(SHOP, name).value


def test_health_probes_take_an_instance_out_of_the_way() -> None:
    probed = SHOP.replace("auth-service: {replicas: 1}", "auth-service: {replicas: 1, probes: [readiness, liveness]}")
    exposure = _exposure(probed, "instance-dies/auth-service")
    assert exposure.value == pytest.approx(_exposure(SHOP, "instance-dies/auth-service").value * factors.PROBED)
    assert "readiness and liveness probes take it out of the way" in reasons(exposure)
    one = _exposure(probed.replace(", liveness", ""), "instance-dies/auth-service")
    assert "readiness probe takes it out of the way" in reasons(one)


def test_users_are_callers_without_protection_and_nobody_waits_for_a_worker() -> None:
    assert "its users call it" in reasons(_exposure(SHOP, "instance-dies/gateway"))
    assert "nobody waits for its answers" in reasons(_exposure(SHOP, "dies-in-transaction/mail-worker"))


def test_certificates_that_are_renewed_by_themselves_are_less_exposed() -> None:
    text = (
        "services:\n  a: {certificate: {rotation: %s}, calls: {b: {mtls: true}}}\n  b: {certificate: {rotation: %s}}\n"
    )
    automatic = _exposure(text % ("automatic", "automatic"), "certificate-expired/all-services")
    by_hand = _exposure(text % ("automatic", "manual"), "certificate-expired/all-services")
    assert automatic.value == pytest.approx(by_hand.value * factors.ROTATED)
    assert "of 2 certificates 1 are renewed by hand or do not state it (b)" in reasons(by_hand)


def test_ignorance_is_whole_where_nothing_was_tried() -> None:
    assert _ignorance(_PG).value == 1
    assert reasons(_ignorance(_PG)) == ("never tested",)
    assert reasons(_ignorance("disk-pressure/postgres")) == ("never tested, and the proxy cannot",)


def test_a_passed_run_lowers_it_for_this_edge_and_this_fault_only() -> None:
    run = tried("orders -> postgres", fault(latency="4s"), "passed", 0, "staging")
    assert _ignorance(_PG, run).value == pytest.approx(KNOWN)
    assert reasons(_ignorance(_PG, run)) == (
        "orders -> postgres passed today with latency 4s in staging, and counts for 90 more days",
    )
    assert _ignorance("database-slow/catalogue/postgres", run).value == 1
    assert _ignorance("database-reset/orders/postgres", run).value == 1
    expired = run._replace(days=100)
    assert _ignorance(_PG, expired).value == 1
    assert "passed 100 days ago with latency 4s in staging, which has expired" in reasons(_ignorance(_PG, expired))[0]


def test_each_caller_is_tested_by_itself() -> None:
    run = tried("orders -> postgres", fault(cut="0s"), "passed", 0)
    half = _ignorance("database-gone/postgres", run)
    assert half.value == pytest.approx((1 + KNOWN) / 2)
    assert "1 of 2 callers were never tested" in reasons(half)


def test_a_refuted_run_leaves_it_whole_with_a_mark() -> None:
    ignorance = _ignorance(_PG, tried("orders -> postgres", fault(latency="4s"), "refuted", 3))
    assert (ignorance.value, ignorance.broken) == (1, True)
    assert reasons(ignorance) == ("known to be broken: orders -> postgres was refuted 3 days ago with latency 4s",)


@pytest.mark.parametrize(
    ("delay", "left", "said"),
    [
        ("10ms", 1 - 0.9 * 0.0025, "passed today with latency 10ms, which proves next to nothing about latency 4s"),
        ("1s", 1 - 0.9 * 0.25, "with latency 1s, which is weaker than latency 4s: counts to 25 % for 90 more days"),
        ("30s", KNOWN, "orders -> postgres passed today with latency 30s, and counts for 90 more days"),
    ],
)
def test_a_run_under_a_weaker_fault_counts_as_far_as_it_goes(delay: str, left: float, said: str) -> None:
    ignorance = _ignorance(_PG, tried("orders -> postgres", fault(latency=delay), "passed", 0))
    assert ignorance.value == pytest.approx(left)
    assert said in reasons(ignorance)[0]


def test_a_run_of_which_the_strength_is_not_known_counts_for_nothing_and_is_told() -> None:
    ignorance = _ignorance(_PG, PastTrial("orders -> postgres", "latency", None, "passed", 0))
    assert ignorance.value == 1
    assert "passed today with a latency of unknown strength, which proves next to nothing" in reasons(ignorance)[0]


def test_the_modes_of_a_queue_are_told_apart_by_direction_and_rate() -> None:
    publish, deliver = "orders -> rabbit", "mail-worker -> rabbit"
    blocked = tried(publish, fault(bandwidth={"rate": 0}, direction="upstream"), "passed", 0)
    assert _ignorance("queue-blocks/orders/rabbit", blocked).value == pytest.approx(KNOWN)
    assert _ignorance("queue-split/rabbit", blocked).value == 1
    split = tried(publish, fault(bandwidth={"rate": 0}, direction="downstream"), "passed", 0)
    assert _ignorance("queue-blocks/orders/rabbit", split).value == 1
    assert _ignorance("queue-split/rabbit", split).value == pytest.approx((1 + KNOWN) / 2)
    trickle = tried(deliver, fault(bandwidth="2KB/s"), "passed", 0)
    assert _ignorance("queue-backlog/mail-worker/rabbit", trickle).value == pytest.approx(KNOWN)
    assert _ignorance("queue-split/rabbit", trickle).value == 1


def test_what_spreads_or_lasts_is_less_safe_to_try() -> None:
    values = [
        _safety(SHOP, name).value
        for name in (
            _PG,
            "database-gone/postgres",
            "instance-dies/gateway",
            "dns-fails/all-services",
            "disk-pressure/postgres",
        )
    ]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 5


def test_what_hits_the_only_instance_is_less_safe() -> None:
    safety = _safety(SHOP, "instance-dies/auth-service")
    assert safety.value == pytest.approx(_safety(SHOP, "instance-dies/gateway").value * factors.ALONE)
    assert "it is the only instance: nothing is left standing beside it" in reasons(safety)


_LINES = st.fixed_dictionaries({}, optional={
    "timeout": st.sampled_from(["10ms", "5s"]), "retries": st.integers(0, 20), "breaker": st.booleans(),
    "fallback": st.booleans(), "required": st.booleans(), "idempotent": st.booleans(), "mtls": st.booleans(),
    "retry_budget": st.sampled_from([0, 0.5]),
})  # fmt: skip
_KIND = st.sampled_from(["gateway", "service", "worker", "database", "cache", "queue", None])


@settings(deadline=None)
@given(st.data())
def test_every_factor_of_any_architecture_is_above_0_and_at_most_1_and_has_reasons(data: st.DataObject) -> None:
    names = ["a", "b", "c", "d"]
    services = {
        name: {
            "kind": data.draw(_KIND), "replicas": data.draw(st.sampled_from([None, 0, 1, 5])),
            "calls": {to: data.draw(_LINES) for to in data.draw(st.sets(st.sampled_from(names))) if to != name},
        }
        for name in names
    }  # fmt: skip
    share = st.sampled_from([None, 0, 0.3, 1])
    flows = {"f": {"path": ["a"], "revenue": data.draw(share), "users": data.draw(share), "tolerance": 3}}
    architecture = Architecture.model_validate({"services": services, "flows": data.draw(st.sampled_from([{}, flows]))})
    for scenario in found(architecture).values():
        made = (
            factors.impact(scenario, architecture), factors.exposure(scenario, architecture),
            factors.ignorance(scenario, PastTrials()), factors.safety(scenario, architecture),
            factors.certainty(scenario, architecture),
        )  # fmt: skip
        for factor in made:
            assert 0 < factor.value <= 1, (scenario.id, factor)
            assert reasons(factor)
            assert all(reasons(factor))


def test_the_weaker_the_evidence_of_a_call_the_less_it_counts() -> None:
    text = "services:\n  a: {calls: {b: %s}}\n  b: {kind: service}\n"
    values = []
    for line in ("{}", "{guess: 'strong: x'}", "{guess: 'likely: x'}", "{guess: 'weak: x'}", "{guess: my own words}"):
        architecture = read(text % line)
        values.append(factors.certainty(found(architecture)["cut-off/a/b"], architecture).value)
    assert values[0] == 1
    assert values[:4] == sorted(values[:4], reverse=True)
    assert values[3] == values[4]
    assert len(set(values)) == 4


def test_a_component_is_as_sure_as_the_surest_call_of_it() -> None:
    text = "services:\n  a: {calls: {c: {guess: 'weak: x'}}}\n  b: {calls: {c: {guess: 'strong: y'}}}\n"
    text += "  c: {kind: cache}\n"
    architecture = read(text)
    assert factors.certainty(found(architecture)["cache-gone/c"], architecture).level == "strong"
