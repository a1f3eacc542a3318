"""What a run would do, and why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from brownout_controller.engine.planning import LOCAL_POWERS, Planned, Setup, plan
from brownout_controller.model.environment import Environment, Limits
from brownout_controller.model.experiment import BlastRadius, read_experiment
from brownout_controller.probes import KINDS
from brownout_core import document
from tests.support.builders.runs import experiment, hypothesis
from tests.support.fakes.backends import EDGE, FailingBackend

pytestmark = pytest.mark.virtual_time


async def planned(setup: Setup) -> Planned:
    return await plan(setup)


def setup(backend: FailingBackend | None = None, **changes: object) -> Setup:
    return Setup(
        experiment(**changes), Environment(backend="memory", limits=Limits(max_percent=100)), "test",
        backend or FailingBackend(), 7, "",
    )  # fmt: skip


def of_hypotheses(*lines: str, allowed: frozenset[str] | None = None) -> Setup:
    text = "name: x\nedge: app -> db\nfault: {latency: 1s}\nduration: 99s\nhypotheses:\n"
    text += "".join(f"- {{name: h{number}, expect: < 1, {line}}}\n" for number, line in enumerate(lines))
    read = read_experiment(document.parse(text, "x.yaml", columns=True), "x.yaml", KINDS)
    return replace(setup(), experiment=read, allowed_commands=allowed)


async def test_each_edge_has_its_radius_and_a_target_is_hit_once() -> None:
    edges: dict[str, Sequence[str]] = {EDGE: ["a", "b"], "x -> y": ["b", "c"], "z -> y": ["c"]}
    wanted = replace(setup(FailingBackend(edges), blast_radius={"mode": "all"}), also=("x -> y", "z -> y", EDGE))
    assert wanted.edges == (EDGE, "x -> y", "z -> y")
    found = await planned(wanted)
    assert [target.id for target in found.chosen] == ["a", "b", "c"]
    assert found.refused == []
    assert BlastRadius().mode == "one"
    assert len((await planned(replace(setup(FailingBackend(edges)), also=("z -> y",)))).chosen) == 2


async def test_what_speaks_against_it_is_told_once_and_names_the_edge() -> None:
    wanted = replace(setup(duration="1000s"), also=("x -> nothing",))
    assert [(refusal.net, "nothing" in refusal.reason) for refusal in (await planned(wanted)).refused] == [
        ("max-duration", False),
        ("zero-targets", True),
    ]


@pytest.mark.parametrize(
    "probe",
    [
        "command: ls",
        "tcp: {address: 'h:1', tls: true, ca: /etc/shadow}",
        "redis: {url: 'unix:///run/redis.sock', command: PING}",
        "redis: {url: 'rediss://h?ssl_keyfile=/etc/x', command: PING}",
        "sql: {dsn: 'postgresql://u:p@/db', query: x}",
        "sql: {dsn: 'postgresql://u:p@%2Frun/db', query: x}",
        "sql: {dsn: 'postgresql://u@h/db', query: x}",
        "sql: {dsn: 'postgresql://u:p@h/db?passfile=/root/.pgpass', query: x}",
    ],
)
async def test_a_stranger_may_not_use_this_machine_and_a_person_on_it_may(probe: str) -> None:
    backend = FailingBackend()
    (refusal,) = (await planned(replace(of_hypotheses(probe, allowed=frozenset()), backend=backend))).refused
    assert refusal.net == LOCAL_POWERS
    assert "hypothesis 'h0' (x.yaml:6:3: hypotheses[0])" in refusal.reason
    assert "--controller" in refusal.remedy
    assert backend.asked == []
    assert (await planned(of_hypotheses(probe))).refused == []


async def test_what_only_needs_the_network_is_for_everybody_and_so_are_allowed_commands() -> None:
    harmless = (
        "tcp: {address: 'h:1', tls: true}",
        "redis: {url: 'redis://u:p@h', command: PING}",
        "sql: {dsn: 'postgresql://u:p@h,h2/db', query: x}",
        "http: 'http://h/'",
        "prometheus: up",
        "command: check  --strict",
    )
    assert (await planned(of_hypotheses(*harmless, allowed=frozenset({"check --strict"})))).refused == []
    (refusal,) = (
        await planned(of_hypotheses("command: check --strict x", allowed=frozenset({"check --strict"})))
    ).refused
    assert "--allow-command 'check --strict x'" in refusal.remedy


async def test_no_net_that_is_switched_off_lets_a_stranger_in(tmp_path: Path) -> None:
    wanted = of_hypotheses("command: ls", allowed=frozenset())
    nets = wanted.experiment.conditions.model_copy(update={"nets": {LOCAL_POWERS: "please"}})
    assert (await planned(replace(wanted, experiment=replace(wanted.experiment, conditions=nets)))).refused


async def test_a_stranger_does_not_take_the_whole_loop() -> None:
    busy = replace(setup(traffic={"url": "http://h/", "rate": 501}), allowed_commands=frozenset())
    (refusal,) = (await planned(busy)).refused
    assert (refusal.net, "500/s" in refusal.reason) == ("large-load", True)
    (refusal,) = (
        await planned(replace(setup(hypotheses=[hypothesis(every="0.004s")]), allowed_commands=frozenset()))
    ).refused
    assert "250 measurements a second" in refusal.reason
    assert (await planned(setup(traffic={"url": "http://h/", "rate": 501}))).refused == []
    fits = setup(traffic={"url": "http://h/", "rate": 500}, hypotheses=[hypothesis(every="0.005s")])
    assert (await planned(replace(fits, allowed_commands=frozenset()))).refused == []


async def test_targets_are_chosen_by_the_seed_and_nothing_is_touched() -> None:
    backend = FailingBackend({EDGE: ["a", "b", "c"]})
    found = await planned(setup(backend))
    assert [target.id for target in found.found] == ["a", "b", "c"]
    assert len(found.chosen) == 1
    assert found.chosen == (await planned(setup(backend))).chosen
    assert len({(await planned(replace(setup(backend), seed=seed))).chosen[0].id for seed in range(20)}) > 1
    assert found.refused == []
    assert backend.asked == []


async def test_every_reason_why_not_is_told() -> None:
    assert [refusal.net for refusal in (await planned(setup(FailingBackend({})))).refused] == ["zero-targets"]
    (refusal,) = (await planned(setup(blast_radius={"mode": "fixed-percent", "value": 10}))).refused
    assert refusal.net == "zero-targets"
    assert f"blast_radius chooses no target of {EDGE}" in refusal.reason
