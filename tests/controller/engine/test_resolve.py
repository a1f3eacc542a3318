"""What is asked for becomes what can be run, and strangers get no more of this machine than they may."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from brownout_controller.engine.experiment_file import ExperimentFile, read_experiment_file
from brownout_controller.engine.resolve import RequestResolver, ResolvedRun, Rights
from brownout_controller.engine.run_request import FaultRequest, RunRequest
from brownout_controller.engine.settings_file import SettingsFile
from brownout_controller.model.environment import Environment
from brownout_controller.model.variables import Variables
from brownout_core.errors import InvalidSpec
from brownout_core.faults import make
from brownout_core.faults.spec import FaultSpec
from brownout_core.strict_model import InvalidSpecs
from tests.controller.model.test_experiment import _SMALL

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
    ready = desk(tmp_path).resolve(order(name="${OWN} ${LENT}", variables={"LENT": "given"}))
    assert ready.experiment.name == "own-value given"
    assert ready.environment.token == "tell-nobody"
    assert ready.masker.text("own-value given tell-nobody") == "*** *** ***"


def test_a_stranger_has_the_variables_that_came_along_and_those_that_are_lent(tmp_path: Path) -> None:
    stranger = desk(tmp_path, Rights(variables=frozenset({"LENT", "NOT_SET"})))
    ready = stranger.resolve(order(name="${LENT} ${MINE}", variables={"MINE": "my-value", "TOKEN": "no effect"}))
    assert ready.experiment.name == "lent-value my-value"
    assert ready.environment.token == "tell-nobody"
    assert ready.masker.text("lent-value my-value tell-nobody") == "*** *** ***"
    for name in ("OWN", "TOKEN", "NOT_SET"):
        with pytest.raises(InvalidSpec, match=f"{name}.* is not set"):
            stranger.resolve(order(name=f"${{{name}}}"))


def test_an_error_does_not_tell_a_stranger_what_a_variable_holds(tmp_path: Path) -> None:
    stranger = desk(tmp_path, Rights(variables=frozenset({"LENT"})))
    with pytest.raises(InvalidSpec) as error:
        stranger.resolve(order(duration="${LENT}"))
    assert "lent-value" not in str(error.value)
    assert "***" in str(error.value)


def test_a_stranger_s_text_is_neither_long_nor_does_it_grow(tmp_path: Path) -> None:
    stranger = desk(tmp_path, Rights())
    with pytest.raises(InvalidSpec, match="is longer than"):
        stranger.resolve(order("#" * 300_000))
    bomb = "a: &a [1, 1]\nb: &b [*a, *a]\nc: [*b, *b]"
    with pytest.raises(InvalidSpec, match="aliases"):
        stranger.resolve(order(bomb))
    with pytest.raises(InvalidSpec, match="a name of an experiment file is needed"):
        stranger.resolve(RunRequest("x", "new\nline"))
    with pytest.raises(InvalidSpec, match="part_of: a name of a search is needed"):
        stranger.resolve(RunRequest("x", "x.json", part_of="new\nline"))
    with pytest.raises(InvalidSpec, match=r"x\.json:1: is not JSON"):
        stranger.resolve(order("{"))


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
            desk(tmp_path, rights).resolve(idle)
        # A warning is no mistake, and a search turns the size.
        for other in (order(fault={"latency": "1ms"}), replace(idle, part_of="margin-1")):
            assert desk(tmp_path, rights).resolve(other).experiment.name == "x"


def test_the_proxies_of_the_file_of_environments_are_known(tmp_path: Path) -> None:
    place = desk(tmp_path, None)
    (tmp_path / "brownout.yaml").write_text("proxies: {b: {listen: 18080, upstream: 'h:1'}}")
    claims = [{"name": "h", "tcp": "localhost:18080", "expect": "< 1s"}]
    with pytest.raises(InvalidSpec, match=r"asks-the-proxy"):
        place.resolve(order(hypotheses=claims))


def test_ad_hoc_faults_have_the_environment_and_its_secrets(tmp_path: Path) -> None:
    run = desk(tmp_path).resolve(FaultRequest(["a -> b"], [_SLOW], 60.0))
    assert (run.environment.token, run.masker.text("tell-nobody")) == ("tell-nobody", "***")


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
        desk(tmp_path, Rights()).resolve(order(variables=variables))


def test_the_hypotheses_of_a_stranger_are_bounded(tmp_path: Path) -> None:
    claims = [{"name": f"h{number}", "tcp": "h:1", "expect": "< 1s"} for number in range(101)]
    text = json.dumps({**json.loads(order().text), "hypotheses": claims})
    with pytest.raises(InvalidSpec, match="hypotheses: at most 100 hypotheses"):
        desk(tmp_path, Rights()).resolve(RunRequest(text, "x.json"))
    assert len(desk(tmp_path).resolve(RunRequest(text, "x.json")).experiment.hypotheses) == 101


# Files of this machine.


def files_of(folder: Path, given: dict[str, str] | None = None, **texts: str) -> list[ExperimentFile]:
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text)
    return [read_experiment_file(folder / f"{name}.yaml", Variables(given or {}, {}, lenient=True)) for name in texts]


def resolved(
    folder: Path, environments: str = "environments: {here: {}}", given: dict[str, str] | None = None, **texts: str
) -> list[ResolvedRun]:
    (folder / "brownout.yaml").write_text(environments)
    resolver = RequestResolver(SettingsFile(folder / "brownout.yaml", once=True), None, {})
    return resolver.resolve_files(files_of(folder, given, **texts), "here", given or {})


def test_a_file_becomes_what_runs_with_the_variables_that_it_uses(tmp_path: Path) -> None:
    given = {"NAME": "y", "WHERE": "h:1", "UNUSED": "z"}
    named, plain = _SMALL.replace("name: x", "name: ${NAME}"), _SMALL
    first, second = resolved(tmp_path, "environments: {here: {control: '${WHERE}'}}", given, a=named, b=plain)
    assert (first.environment.control, first.experiment.name) == (("h:1",), "y")
    assert (first.file, first.request.variables) == (str(tmp_path / "a.yaml"), given)
    assert [set(run.variables) for run in (first, second)] == [{"NAME", "WHERE"}, {"WHERE"}]


def test_what_is_masked_in_one_run_is_not_masked_in_another(tmp_path: Path) -> None:
    given = {"FIRST": "hunter22", "SHARED": "hunter33"}
    named = _SMALL.replace("name: x", "name: ${FIRST}")
    first, second = resolved(tmp_path, "environments: {here: {token: '${SHARED}'}}", given, a=named, b=_SMALL)
    assert first.masker.text("hunter22 hunter33") == "*** ***"
    assert second.masker.text("hunter22 hunter33") == "hunter22 ***"


def test_every_error_of_every_file_comes_at_once_with_the_variables_that_are_not_set(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpecs) as refusal:
        resolved(
            tmp_path,
            "environments: {here: {contrl: 1}}",
            a=_SMALL.replace("edge", "egde").replace("a -> b", "${EDGE}"),
            b="[",
            c=_SMALL.replace("{latency: 1s}", "{noop: true}"),
        )
    places = [error.path.removeprefix(f"{tmp_path}/").partition(": ")[0] for error in refusal.value.found]
    assert places == ["brownout.yaml:1:23", "b.yaml:1:2", "c.yaml:3:1", "a.yaml:2:1"]
    with pytest.raises(InvalidSpecs) as refusal:
        resolved(tmp_path, a=_SMALL.replace("{latency: 1s}", "{noop: true}"), b=_SMALL.replace("edge", "egde"))
    assert "fault-does-nothing" in str(refusal.value)
    assert "egde" in str(refusal.value)


def test_an_error_does_not_repeat_a_secret(tmp_path: Path) -> None:
    environments = "environments: {here: {edges: {'${PASSWORD}': {proxy: p}}}}"
    with pytest.raises(InvalidSpecs) as refusal:
        resolved(tmp_path, environments, {"PASSWORD": "hunter2"}, a=_SMALL.replace("a -> b", "${PASSWORD}"))
    assert "hunter2" not in str(refusal.value)
    assert "'***'" in str(refusal.value)


def test_what_proves_less_is_a_warning(tmp_path: Path) -> None:
    (run,) = resolved(tmp_path, a=_SMALL.replace("latency: 1s", "latency: 1ms"))
    assert [warning.code for warning in run.warnings] == ["fault-hardly-noticeable"]


def test_without_a_file_of_environments_there_is_the_local_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (run,) = RequestResolver(SettingsFile(), None, {}).resolve_files(files_of(tmp_path, a=_SMALL), "local", {})
    assert run.environment == Environment()
