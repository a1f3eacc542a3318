"""Architectures that the tests of the catalogue stand on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from brownout_catalogue.architecture import Architecture, Service, read_architecture
from brownout_catalogue.scoring.fault_coverage import fault_of
from brownout_catalogue.scoring.past_trials import PastTrial
from brownout_catalogue.scoring.ranking import Row, rank
from brownout_catalogue.scoring.scenario import Scenario, scenarios
from brownout_core import document
from brownout_core.faults.spec import FaultSpec

EXAMPLES: Final = Path(__file__).parents[3] / "examples" / "architectures"

SHOP: Final = """\
name: shop
services:
  gateway:
    replicas: 2
    calls: {orders: , catalogue: , auth-service: }
  orders:
    replicas: 3
    calls:
      postgres: {timeout: 2s}
      redis: {fallback: the database}
      rabbit:
      bank: {required: false}
  catalogue: {calls: [postgres]}
  auth-service: {replicas: 1}
  mail-worker: {calls: [rabbit]}
  postgres:
  redis:
  rabbit:
external: [bank]
flows:
  buy: {path: [gateway, orders, postgres], revenue: 80%, users: 10%, tolerance: 2s}
  look: {path: [gateway, catalogue], revenue: 0%, users: 100%, tolerance: 2s}
"""


def read(text: str) -> Architecture:
    return read_architecture(document.parse(text, "x.yaml", columns=True), "x.yaml")


def example(name: str) -> Architecture:
    path = EXAMPLES / f"{name}.yaml"
    return read_architecture(document.read(path, columns=True), str(path))


def fault(**written: Any) -> FaultSpec:
    """As `fault(latency="30s")`."""
    spec = fault_of(json.dumps(written))
    assert spec is not None
    return spec


def tried(
    edge: str, spec: FaultSpec, verdict: Literal["passed", "refuted"], days: float, environment: str = ""
) -> PastTrial:
    return PastTrial(edge, spec.kind, spec, verdict, days, environment=environment)


def found(architecture: Architecture) -> dict[str, Scenario]:
    """Scenarios by id."""
    return {scenario.id: scenario for scenario in scenarios(architecture)}


def rows(architecture: Architecture) -> dict[str, Row]:
    """Rows by the ids of their scenarios, in their order."""
    return {row.scenario.id: row for row in rank(architecture)}


def backwards(architecture: Architecture) -> Architecture:
    """The same, with everything in the opposite order."""

    def turned(services: Mapping[str, Service]) -> dict[str, Service]:
        return {
            name: service.model_copy(update={"calls": dict(reversed(list(service.calls.items())))})
            for name, service in reversed(list(services.items()))
        }

    return Architecture(
        name=architecture.name,
        services=turned(architecture.services),
        external=turned(architecture.external),
        flows=dict(reversed(list(architecture.flows.items()))),
    )
