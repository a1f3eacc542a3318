"""Requests come in where something is published; what only watches neither is an entry nor unmakes one."""

from __future__ import annotations

import pytest

from brownout_catalogue.architecture import Architecture
from brownout_catalogue.importers.entries import guess_entries
from brownout_catalogue.importers.imported import Component, Evidence, Imported, Strength


def entries(exposed: tuple[str, ...], calls: tuple[str, ...] = ()) -> list[str]:
    found = Imported("x")
    for name in {*exposed, *(end for call in calls for end in call.split(" -> "))}:
        found.services[name] = Component(name)
    for call in calls:
        source, sink = call.split(" -> ")
        found.call(source, sink, Evidence(Strength.STRONG, "x"))
    guess_entries(found, {name: Evidence(Strength.LIKELY, "publishes port 80") for name in exposed})
    assert list(Architecture.model_validate(found.content()).flows) == list(found.entries)
    return list(found.entries)


@pytest.mark.parametrize(
    ("exposed", "calls", "expected"),
    [
        (("shop", "ads"), ("shop -> ads",), ["shop"]),
        (("shop", "edge-gateway"), (), ["edge-gateway"]),
        (("shop", "otel-collector"), ("otel-collector -> shop",), ["shop"]),
        (("shop", "status-page"), ("status-page -> shop",), ["shop"]),
        (("shop", "db", "redis", "kafka", "grafana", "eureka", "adminer", "kafka-ui", "mail-worker"), (), ["shop"]),
        (("vote", "result"), (), ["vote", "result"]),
        (("a", "b"), ("a -> b", "b -> a"), ["a"]),
        (("db",), (), []),
    ],
)
def test_the_way_in_is_guessed(exposed: tuple[str, ...], calls: tuple[str, ...], expected: list[str]) -> None:
    assert entries(exposed, calls) == expected


def test_a_guessed_flow_gives_its_evidence() -> None:
    found = Imported("x")
    found.services["shop"] = Component("shop")
    guess_entries(found, {"shop": Evidence(Strength.LIKELY, "publishes port 80")})
    assert found.content()["flows"] == {"shop": {"path": ["shop"], "guess": "shop publishes port 80"}}
