"""`brownout margin`: what it prints and how it ends; with real runs it is in tests/e2e/test_margin.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from brownout_controller.cli.client.run_client import ClientOptions
from brownout_controller.cli.commands.margin import margin
from brownout_core.errors import InvalidSpec, Unavailable
from tests.support.builders import journals
from tests.support.fakes.run_client import TEXT, Proving
from tests.support.parsing import count_parses


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pay.yaml").write_text(TEXT)
    return tmp_path / "pay.yaml"


def ran(monkeypatch: pytest.MonkeyPatch, venue: Proving, *words: str) -> Result:
    monkeypatch.setattr(ClientOptions, "open", venue.opened())
    return CliRunner().invoke(margin, ["pay.yaml", "--controller", "127.0.0.1:1", *words])


def test_the_trials_come_one_by_one_then_the_answer_and_the_journals(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = ran(monkeypatch, Proving(1250.0), "--timeout", "1.3s")
    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines()[0] == (
        "brownout: pay: latency from 50ms to 3.2s, and the file has 800ms; at most 8 runs of 9.0 s, 76.0 s in all; one "
        "that is inconclusive is repeated once"
    )
    lines = result.stdout.splitlines()
    assert lines[0] == "  1      800ms  held          passed        p99 stays low: 120ms (< 200ms)"
    assert lines[1] == "  2       3.2s  broke         refuted       p99 stays low: 306ms (< 200ms)"
    assert "latency: the hypotheses hold up to 1.2s and break at 1.26s" in lines
    assert any("1.3s (--timeout)" in line for line in lines)
    assert lines[-1].split()[1:] == ["1.26s", "run-7"]
    assert "journals at 127.0.0.1:1:" in lines


def test_the_experiment_is_parsed_once_and_each_trial_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("brownout.yaml").write_text("environments: {local: {backend: memory, edges: {shop -> db: {proxy: db}}}}\n")
    file.write_text(
        "{name: pay, edge: shop -> db, fault: {latency: 8ms}, baseline: 0.1s, duration: 0.2s, recovery: 0.1s, "
        'hypotheses: [{name: h, command: {run: [echo, "1"], measure: number}, expect: == 1, every: 50ms}]}'
    )
    parses = count_parses(monkeypatch)
    content = json.loads(CliRunner().invoke(margin, ["pay.yaml", "--json"]).stdout)
    assert parses == {"brownout.yaml": 1, "pay.yaml": 1 + len(content["trials"])}


def test_json_has_nothing_beside_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = ran(monkeypatch, Proving(300.0), "--json")
    content = json.loads(result.stdout)
    assert result.stderr == ""
    assert result.exit_code == content["exit"] == 1
    assert content["holds_at_own"] is False
    assert content["held"]["seconds"] < 0.3 <= content["broke"]["seconds"]
    assert [trial["answer"] for trial in content["trials"][:2]] == ["broke", "held"]
    assert len(content["trials"]) <= content["runs_at_most"]
    assert content["part_of"].startswith("margin-")


def test_a_dry_run_runs_nothing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venue = Proving(300.0)
    result = ran(monkeypatch, venue, "--dry-run", "--json", "--from", "100ms", "--resolution", "100ms", "--confirm")
    assert json.loads(result.stdout)["runs_at_most"] == 9
    assert result.exit_code == 0
    assert venue.values == []


def test_what_was_found_is_told_although_a_run_could_not_begin(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venue = Proving(300.0)

    def gone() -> journals.Story:
        raise Unavailable("the disk is full")

    venue._tales = {200.0: [gone]}
    result = ran(monkeypatch, venue)
    assert result.exit_code == 3
    assert "latency: the hypotheses hold up to 50ms and break at 800ms" in result.stdout
    assert "the disk is full" in result.stderr


def test_an_unverified_revert_ends_the_search_with_a_word_for_a_person(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = ran(monkeypatch, Proving(300.0, {50.0: [journals.not_reverted]}))
    assert result.exit_code == 6
    assert "ended by run 2: not-reverted, the system may still be under a fault; a person must look" in result.stdout


def test_a_system_that_does_not_come_back_is_named_as_the_reason(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = ran(monkeypatch, Proving(300.0, {50.0: [journals.untouched, journals.untouched]}))
    assert result.exit_code == 3
    assert "the system has not come back from 800ms; restart it, and begin below that (--to)" in result.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--from", "4s"], "--from: 3.2s is no worse than 4s, where the search begins; more is worse"),
        (["--from", "50ms", "--to", "20ms"], "--to: 20ms is no worse than 50ms"),
        (["--to", "soon"], "--to: 'soon' is not a quantity; write it like 300ms or 1.5s"),
        (["--from", "0"], "--from: '0': a search goes over values above 0"),
        (["--resolution", "5"], "--resolution: '5' has no unit; write a share like 5%, or a step like 300ms"),
        (["--resolution", "0.1%"], "--resolution: '0.1%': a share is from 1% to 1000%"),
        (["--resolution", "1us"], "--resolution: the resolution is too fine"),
        (["--attribute", "rate"], "--attribute: 'rate': unknown attribute; known are: latency, jitter"),
        (["--architecture", "pay.yaml"], "pay.yaml:2:1: edge: unknown key; known are: name, services"),
        (["--architecture", "none.yaml"], "none.yaml: no such file or directory"),
    ],
)
def test_a_flag_that_makes_no_sense_is_told_before_anything_is_run(
    file: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    venue = Proving(300.0)
    result = ran(monkeypatch, venue, *words)
    assert isinstance(result.exception, InvalidSpec), result.output
    assert said in str(result.exception)
    assert venue.values == []


def test_the_timeout_is_taken_from_an_architecture_that_is_there(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declared = "services:\n  shop:\n    calls:\n      db: {timeout: 1300ms}\n  db:\n"
    file.with_name("architecture.yaml").write_text(declared)
    content = json.loads(ran(monkeypatch, Proving(1250.0), "--json").stdout)
    assert content["timeout"] == {"seconds": 1.3, "source": "architecture.yaml:4:12: services.shop.calls.db.timeout"}
    file.with_name("architecture.yaml").write_text("services: {shop: {calls: [db]}, db: {}}\n")
    refused = ran(monkeypatch, Proving(1250.0), "--architecture", "architecture.yaml")
    assert isinstance(refused.exception, InvalidSpec)
    assert (refused.exception.path, "shop -> db" in refused.exception.reason) == ("architecture.yaml", True)
    assert json.loads(ran(monkeypatch, Proving(1250.0), "--json").stdout)["timeout"] is None
    assert json.loads(ran(monkeypatch, Proving(1250.0), "--json", "--timeout", "1s").stdout)["timeout"]["seconds"] == 1


def test_what_variables_held_is_in_no_output(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(TEXT.replace("name: pay", "name: pay ${SECRET}").replace("shop -> db", "shop-${SECRET} -> db"))
    for words in ([], ["--json"], ["--dry-run", "--json"]):
        result = ran(monkeypatch, Proving(300.0), "--var", "SECRET=tell-nobody", *words)
        assert "***" in result.output
        assert "tell-nobody" not in result.output


def test_all_trials_choose_the_same_targets(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venue = Proving(300.0)
    ran(monkeypatch, venue, "--from", "50ms")
    assert len({order.seed for order in venue.orders}) == 1
    assert venue.orders[0].seed is not None
    assert venue.orders[0].replay.startswith(
        "brownout margin pay.yaml --from 50ms --resolution 10% --env local --controller"
    )
