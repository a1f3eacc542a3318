"""Flows from published ports and gateways: people's ways in, and nobody else's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from brownout_catalogue.generate.guessed_flows import guessed_flows
from brownout_catalogue.importers.imported import Component, Evidence, Imported, Strength


def _flows(names: str, published: Sequence[str], calls: Sequence[str] = ()) -> Mapping[str, str]:
    imported = Imported("compose.yaml")
    for name in names.split():
        imported.services[name] = Component(name)
    for call in calls:
        source, _, sink = call.partition(" ")
        imported.call(source, sink, Evidence(Strength.STRONG, "said"))
    found = guessed_flows(imported, {name: {80: 8000 + place} for place, name in enumerate(published)})
    assert all(flow["path"] == [name] and flow["guess"] for name, flow in found.items())
    return {name: flow["guess"] for name, flow in found.items()}


@pytest.mark.parametrize(
    ("names", "published", "calls", "expected"),
    [
        ("vote result db", ["vote", "result", "db"], [], ["vote", "result"]),
        ("web-frontend orders", ["web-frontend", "orders"], ["web-frontend orders"], ["web-frontend"]),
        ("orders pay", ["orders", "pay"], ["orders pay"], ["orders"]),
        ("otel-collector shop ads", ["shop"], ["otel-collector shop", "shop ads"], ["shop"]),
        ("shop grafana kafka-ui adminer", ["grafana", "kafka-ui", "adminer", "shop"], [], ["shop"]),
        ("a b", ["a", "b"], ["a b", "b a"], ["a", "b"]),
        ("orders db", [], ["orders db"], []),
        ("nginx orders", [], ["nginx orders"], ["nginx"]),
    ],
)
def test_a_flow_begins_where_people_come_in(
    names: str, published: Sequence[str], calls: Sequence[str], expected: Sequence[str]
) -> None:
    assert list(_flows(names, published, calls)) == expected


def test_the_guess_has_the_port_that_is_its_reason() -> None:
    assert "8000" in _flows("vote", ["vote"])["vote"]
