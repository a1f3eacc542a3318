"""The missing line that matters most: found by trying each, and told as a path that can be written."""

from __future__ import annotations

from typing import Any

import pytest

from brownout_catalogue.architecture import Architecture
from brownout_catalogue.scoring.past_trials import PastTrials
from brownout_catalogue.scoring.ranking import rank
from brownout_catalogue.scoring.sensitivity import TOP, _Board, footrule, missing_lines, search
from tests.support.builders.architectures import SHOP, example, fault, read, tried

_SMALL = "services:\n  api: {calls: [one, two]}\n  one:\n  two:\n"


def _lines(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in missing_lines(read(text)):
        found.setdefault(line.path, []).append(line.value)
    return found


def test_the_footrule_counts_the_places_that_the_top_moves() -> None:
    same = {"a": 1, "b": 2, "c": 3}
    assert footrule(same, same, 2) == 0
    assert footrule(same, {"b": 1, "a": 2, "c": 3}, 2) == 2
    assert footrule(same, {"a": 1, "c": 2, "b": 3}, 2) == 2  # b falls to below the top, c comes from there
    assert footrule({"a": 1, "b": 2}, {"c": 1, "d": 2}, 2) == 6
    before, after = {str(n): n for n in range(1, 11)}, {str(n): n - 10 for n in range(11, 21)}
    assert footrule(before, after, 10) == 110


def test_what_is_said_is_not_missing() -> None:
    lines = _lines(SHOP)
    assert "services.orders.calls.postgres.timeout" not in lines
    assert "services.orders.calls.postgres.breaker" in lines
    assert "services.gateway.replicas" not in lines
    assert lines["services.postgres.replicas"] == ["1", "3"]
    assert "flows.buy.revenue" not in lines


def test_a_gateway_s_routes_are_not_asked_whether_they_are_required() -> None:
    lines = _lines(SHOP)
    assert "services.gateway.calls.orders.required" not in lines
    assert "services.gateway.calls.auth-service.required" in lines


def test_a_budget_is_missing_only_where_there_are_retries() -> None:
    path = "services.api.calls.one.retry_budget"
    assert path not in _lines(_SMALL)
    assert path in _lines(_SMALL.replace("[one, two]", "{one: {retries: 3}}"))


def test_one_line_about_certificates_is_asked_for_and_no_more() -> None:
    assert [path for path in _lines(SHOP) if path.endswith(".mtls")] == ["services.gateway.calls.auth-service.mtls"]
    encrypted = _lines(SHOP.replace("{timeout: 2s}", "{timeout: 2s, mtls: true}"))
    assert not [path for path in encrypted if path.endswith(".mtls")]
    assert encrypted["services.postgres.certificate"] == ["{rotation: automatic}"]


def test_without_flows_the_missing_line_is_flows() -> None:
    text = "services:\n  api: {calls: [one]}\n  one:\n  admin: {calls: [two]}\n  two:\n"
    assert _lines(text)["flows"] == ["90% of the business at api", "90% of the business at admin"]
    assert search(read(text)).effects[0].path == "flows"


def _written(architecture: Architecture, path: str, value: str) -> Architecture:
    """As a person would write the line, from the text of its path and value."""
    content = architecture.model_dump(mode="json", exclude_unset=True)
    *way, last = path.split(".")
    here: Any = content
    for step in way:
        here = here[step]
    values: dict[str, Any] = {"true": True, "false": False, "{rotation: automatic}": {"rotation": "automatic"}}
    here[last] = values.get(value, int(value) if value.isdecimal() else value)
    return Architecture.model_validate(content)


@pytest.mark.parametrize("name", ["fintech", "online-shop", "streaming-pipeline"])
def test_what_is_made_anew_in_part_is_what_the_whole_ranking_says(name: str) -> None:
    architecture = example(name)
    board = _Board(architecture, PastTrials())
    lines = list(missing_lines(architecture))
    assert len(lines) > 100
    for line in lines[::5]:
        whole = [row.scenario.id for row in rank(line.architecture)[:TOP]]
        assert list(board.places_with(line)) == whole, line.path
        assert [row.scenario.id for row in rank(_written(architecture, line.path, line.value))[:TOP]] == whole, (
            line.path
        )


def test_what_was_taken_for_far_comes_in_where_the_tenth_falls_below_it() -> None:
    architecture = example("fintech")
    board = _Board(architecture, PastTrials())
    scores = {index: one.mark.score for index, one in enumerate(board.rows)}
    board._near = frozenset(index for index, one in enumerate(board.rows) if one.scenario.id in board.places)
    board._far = max(score for index, score in scores.items() if index not in board._near)  # nearer than it ever is
    for line in list(missing_lines(architecture))[::3]:
        whole = [one.scenario.id for one in rank(line.architecture)[:TOP]]
        assert list(board.places_with(line)) == whole, line.path


def test_what_was_tested_counts_in_what_is_made_anew_in_part() -> None:
    architecture = example("fintech")
    past = PastTrials([
        tried("auth-service -> postgresql", fault(latency="30s"), "passed", 10),
        tried("ledger-service -> postgresql", fault(latency="10s"), "passed", 60),
        tried("payment-service -> rabbitmq", fault(bandwidth=0, direction="upstream"), "refuted", 1),
    ])  # fmt: skip
    board = _Board(architecture, past)
    for line in list(missing_lines(architecture))[::4]:
        whole = [row.scenario.id for row in rank(line.architecture, past)[:TOP]]
        assert list(board.places_with(line)) == whole, line.path


def test_what_was_tested_far_below_still_takes_from_the_top() -> None:
    architecture = example("fintech")
    runs = [
        tried(edge.name, fault(**row.scenario.faults[0]), "passed", 0)
        for row in rank(architecture)[2 * TOP :]
        if row.scenario.faults
        for edge in row.scenario.edges
    ]
    board = _Board(architecture, PastTrials(runs))
    for line in list(missing_lines(architecture))[::4]:
        whole = [row.scenario.id for row in rank(line.architecture, PastTrials(runs))[:TOP]]
        assert list(board.places_with(line)) == whole, line.path


def test_a_search_is_cut_by_work_and_begins_with_the_highest_scores() -> None:
    architecture = example("fintech")
    whole = search(architecture)
    assert whole.tried == whole.values == len(list(missing_lines(architecture)))
    cut = search(architecture, work=20_000)
    assert 0 < cut.tried < cut.values == whole.values
    assert cut == search(architecture, work=20_000)
    assert cut.effects[0] == whole.effects[0]
    assert set(cut.effects) < set(whole.effects)
    assert search(architecture, work=0).tried == 1


@pytest.mark.timeout(900)  # 17 s of processor time
def test_a_chain_of_a_thousand_services_is_cut() -> None:
    text = "services:\n" + "".join(f"  s{n}: {{calls: [s{n + 1}]}}\n" for n in range(1000)) + "  s1000:\n"
    found = search(read(text))
    assert 0 < found.tried < found.values / 2


def test_the_line_that_changes_most_comes_first_and_what_changes_nothing_is_not_told() -> None:
    found = search(example("fintech")).effects
    assert [effect.change for effect in found] == sorted((effect.change for effect in found), reverse=True)
    assert all(effect.change > 0 and effect.moves > 0 for effect in found)
    assert len({effect.path for effect in found}) == len(found)


def test_an_effect_tells_what_moves_from_where_to_where() -> None:
    architecture = example("fintech")
    effect = search(architecture).effects[0]
    before = [row.scenario.title for row in rank(architecture)]
    after = [row.scenario.title for row in rank(_written(architecture, effect.path, effect.value))]
    assert before[effect.before - 1] == effect.title
    assert effect.after == (after.index(effect.title) + 1 if effect.title in after[:TOP] else 0)
    assert set(effect.enters) == set(after[:TOP]) - set(before[:TOP])


def test_a_scenario_that_there_is_only_with_the_line_has_its_title() -> None:
    small = "services:\n  a: {replicas: 3, calls: [b]}\n  b: {kind: worker, replicas: 3}\n"
    effects = {effect.path: effect for effect in search(read(small)).effects}
    assert "a certificate for mTLS has expired" in effects["services.a.calls.b.mtls"].enters


def test_the_architecture_stays_as_it_was() -> None:
    architecture = read(SHOP)
    before = architecture.model_dump_json()
    search(architecture)
    assert architecture.model_dump_json() == before
