"""The payment shop's architectures say what its code does, number by number; so what is found in them is true there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from brownout_catalogue.architecture import Architecture, Call, read_architecture
from brownout_catalogue.findings import findings
from brownout_core import document
from deploy.demo.shop import auth, gateway, naive, resilient

_DEMO: Final = Path(__file__).parents[2] / "deploy" / "demo"


def _architecture(version: str) -> Architecture:
    path = _DEMO / f"architecture-{version}.yaml"
    return read_architecture(document.read(path, columns=True), str(path))


@pytest.mark.parametrize("version", ["naive", "resilient"])
def test_timeouts_in_front_of_payment_service_are_those_of_the_code(version: str) -> None:
    shop = _architecture(version)
    assert shop.edge("api-gateway", "auth-service").call == Call(timeout=gateway._TIMEOUT, retries=0)
    assert shop.edge("auth-service", "payment-service").call == Call(timeout=auth._TIMEOUT, retries=0)
    sessions = f"sessions seen within {auth._REMEMBERED:g}s"
    away = Call(timeout=auth._REDIS_PATIENCE, retries=0, breaker=True, fallback=sessions)
    assert shop.edge("auth-service", "redis").call == away


def test_the_naive_version_has_one_connection_and_no_timeout() -> None:
    call = _architecture("naive").edge("payment-service", "postgres").call
    source = Path(naive.__file__).read_text()
    assert (call.timeout, call.pool, call.breaker, call.fallback) == (None, 1, None, None)
    assert source.count("asyncpg.connect(") == 1
    assert not re.search("timeout|create_pool|wait_for|asyncio.wait", source)


def test_the_resilient_version_has_what_its_constants_say() -> None:
    call = _architecture("resilient").edge("payment-service", "postgres").call
    assert (call.timeout, call.pool) == (resilient._PATIENCE, resilient._CONNECTIONS)
    assert (call.breaker, call.fallback) == (True, "outbox")


def test_rate_and_tolerance_are_those_of_the_experiment() -> None:
    root = document.read(_DEMO / "experiments" / "payment-db-latency.yaml")
    assert root is not None
    traffic = root.plain()["traffic"]
    shop = _architecture("naive")
    rate, tolerance = shop.edge("payment-service", "postgres").call.rate, shop.flows["pay"].tolerance
    assert (f"{rate:g}/s", f"{tolerance:g}s") == (traffic["rate"], traffic["timeout"])


def _found(version: str) -> dict[tuple[str, ...], str]:
    return {(one.rule.id, *map(str, one.path[1::2])): one.sentence for one in findings(_architecture(version))}


def test_the_naive_version_is_found_out_before_any_fault() -> None:
    naive, resilient = _found("naive"), _found("resilient")
    only = {key: sentence for key, sentence in naive.items() if key not in resilient}
    assert only == {
        ("timeout-missing", "payment-service", "postgres"): (
            "payment-service says no timeout for postgres, on the way of pay (100% of the revenue)"
        ),
        ("pool-too-small", "payment-service", "postgres"): (
            "payment-service has 1 connection to postgres in each replica and says no timeout: at 20/s the pool is "
            "used up as soon as postgres takes longer than 50ms"
        ),
    }


def test_of_the_resilient_version_only_single_replicas_are_left() -> None:
    assert {key[0] for key in _found("resilient")} == {"single-replica", "single-store"}
