"""What is asked for becomes what can be run, and strangers get no more of this machine than they may."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from brownout_controller.engine.resolve import FaultRequest, RequestResolver, Rights, RunRequest
from brownout_controller.engine.settings_file import SettingsFile
from brownout_core.errors import InvalidSpec, TooMuch
from brownout_core.faults import make
from brownout_core.faults.spec import FaultSpec

_SLOW = FaultSpec("slow", make("latency", {"latency": 1}))


def order(text: str = "", variables: dict[str, str] | None = None, **changes: object) -> RunRequest:
    content = {
        "name": "x", "edge": "a -> b", "fault": {"latency": "1s"}, "duration": "9s", "baseline": "9s",
        "recovery": "9s", "hypotheses": [{"name": "h", "tcp": "h:1", "expect": "< 1s"}], **changes,
    }  # fmt: skip
    return RunRequest(text or json.dumps(content), "x.json", variables=variables or {})


def desk(root: Path, rights: Rights | None = None) -> RequestResolver:
    config = root / "brownout.yaml"
    config.write_text("environments: {local: {token: '${TOKEN}'}}")
    return RequestResolver(
        SettingsFile(config), rights, {"TOKEN": "tell-nobody", "LENT": "lent-value", "OWN": "own-value"}
    )


def test_on_this_machine_variables_are_those_given_before_those_of_the_process(tmp_path: Path) -> None:
    ready = desk(tmp_path).read(order(name="${OWN} ${LENT}", variables={"LENT": "given"}))
    assert ready.experiment.name == "own-value given"
    assert ready.environment.token == "tell-nobody"
    assert ready.masker.text("own-value given tell-nobody") == "*** *** ***"


def test_a_stranger_has_the_variables_that_came_along_and_those_that_are_lent(tmp_path: Path) -> None:
    stranger = desk(tmp_path, Rights(variables=frozenset({"LENT", "NOT_SET"})))
    ready = stranger.read(order(name="${LENT} ${MINE}", variables={"MINE": "my-value", "TOKEN": "no effect"}))
    assert ready.experiment.name == "lent-value my-value"
    assert ready.environment.token == "tell-nobody"
    assert ready.masker.text("lent-value my-value tell-nobody") == "*** *** ***"
    for name in ("OWN", "TOKEN", "NOT_SET"):
        with pytest.raises(InvalidSpec, match=f"{name}.* is not set"):
            stranger.read(order(name=f"${{{name}}}"))


def test_an_error_does_not_tell_a_stranger_what_a_variable_holds(tmp_path: Path) -> None:
    stranger = desk(tmp_path, Rights(variables=frozenset({"LENT"})))
    with pytest.raises(InvalidSpec) as error:
        stranger.read(order(duration="${LENT}"))
    assert "lent-value" not in str(error.value)
    assert "***" in str(error.value)


def test_a_stranger_s_text_is_neither_long_nor_does_it_grow(tmp_path: Path) -> None:
    stranger = desk(tmp_path, Rights())
    with pytest.raises(InvalidSpec, match="is longer than"):
        stranger.read(order("#" * 300_000))
    bomb = "a: &a [1, 1]\nb: &b [*a, *a]\nc: [*b, *b]"
    with pytest.raises(InvalidSpec, match="aliases"):
        stranger.read(order(bomb))
    with pytest.raises(InvalidSpec, match="a name of an experiment file is needed"):
        stranger.read(RunRequest("x", "new\nline"))
    with pytest.raises(InvalidSpec, match="part_of: a name of a search is needed"):
        stranger.read(RunRequest("x", "x.json", part_of="new\nline"))
    with pytest.raises(InvalidSpec, match=r"x\.json:1: is not JSON"):
        stranger.read(order("{"))


def test_a_file_of_environments_is_read_each_time(tmp_path: Path) -> None:
    place = desk(tmp_path, Rights())
    assert place.environment("local").token == "tell-nobody"
    (tmp_path / "brownout.yaml").write_text("environments: {local: {token: new}}")
    assert place.environment("local").token == "new"
    with pytest.raises(InvalidSpec, match="environment 'stagin'"):
        place.environment("stagin")


def test_what_proves_nothing_is_refused_from_here_and_over_the_network(tmp_path: Path) -> None:
    idle = order(fault={"latency": "0s"})
    for rights in (None, Rights()):
        with pytest.raises(InvalidSpec, match=r"fault-does-nothing"):
            desk(tmp_path, rights).read(idle)
        # A warning is no mistake, and a search turns the size.
        for other in (order(fault={"latency": "1ms"}), replace(idle, part_of="margin-1")):
            assert desk(tmp_path, rights).read(other).experiment.name == "x"


def test_the_proxies_of_the_file_of_environments_are_known(tmp_path: Path) -> None:
    place = desk(tmp_path, None)
    (tmp_path / "brownout.yaml").write_text("proxies: {b: {listen: 18080, upstream: 'h:1'}}")
    claims = [{"name": "h", "tcp": "localhost:18080", "expect": "< 1s"}]
    with pytest.raises(InvalidSpec, match=r"asks-the-proxy"):
        place.read(order(hypotheses=claims))


def test_a_wish_is_an_experiment_without_hypotheses(tmp_path: Path) -> None:
    wish = FaultRequest(["a->b", "c -> d"], [_SLOW], 60.0, mode="fixed", value=2, because="to see")
    experiment = desk(tmp_path).grant(wish).experiment
    assert (experiment.name, experiment.hypotheses) == ("ad-hoc latency", ())
    assert experiment.conditions.blast_radius.value == 2
    assert experiment.content["edges"] == ["a -> b", "c -> d"]
    assert experiment.content["faults"][0]["name"] == "slow"
    json.dumps(experiment.content)  # goes into a journal


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        (FaultRequest([], [_SLOW], 1.0), "edges: name from one to"),
        (FaultRequest(["a"], [_SLOW], 1.0), "edges: 'a' is not an edge"),
        (FaultRequest(["a -> b"], [], 1.0), "faults: name at least one"),
        (FaultRequest(["a -> b"], [_SLOW, _SLOW], 1.0), "a fault 'slow' twice"),
        (FaultRequest(["a -> b"], [_SLOW], 0.0), "duration: "),
        (FaultRequest(["a -> b"], [_SLOW], 1.0, lease=0.1), "lease: must be from 1s"),
        (FaultRequest(["a -> b"], [_SLOW], 1.0, mode="some"), "blast_radius.mode"),
        (FaultRequest(["a -> b"], [_SLOW], 1.0, mode="fixed"), "blast_radius: "),
    ],
)
def test_a_wish_that_makes_no_sense_is_told_where(wish: FaultRequest, told: str) -> None:
    with pytest.raises(InvalidSpec) as error:
        wish.experiment()
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({str(number): "x" for number in range(101)}, "variables: at most 100 variables"),
        ({"x" * 1001: "x"}, "variables: may have 1,000 characters"),
        ({"A": "x" * 10_001}, "variables.A: may have 10,000 characters"),
    ],
)
def test_the_variables_that_come_along_are_bounded(variables: dict[str, str], told: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidSpec, match=told):
        desk(tmp_path, Rights()).read(order(variables=variables))


def test_the_hypotheses_of_a_stranger_are_bounded(tmp_path: Path) -> None:
    claims = [{"name": f"h{number}", "tcp": "h:1", "expect": "< 1s"} for number in range(101)]
    text = json.dumps({**json.loads(order().text), "hypotheses": claims})
    with pytest.raises(InvalidSpec, match="hypotheses: at most 100 hypotheses"):
        desk(tmp_path, Rights()).read(RunRequest(text, "x.json"))
    assert len(desk(tmp_path).read(RunRequest(text, "x.json")).experiment.hypotheses) == 101


def test_a_wish_for_more_faults_than_a_proxy_takes_is_refused() -> None:
    with pytest.raises(TooMuch, match="at most 100 faults"):
        FaultRequest(["a -> b"], [_SLOW] * 101, 1.0).experiment()
