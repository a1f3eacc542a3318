"""Real PostgreSQL and real Redis through the proxy, with real clients, while faults come and go."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator

import asyncpg
import pytest
import redis

from deploy.demo import servers
from tests.support.running import Running, eventually, fault, running


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with servers.postgres() as port:
        yield f"127.0.0.1:{port}"


@pytest.fixture(scope="module")
def cache() -> Iterator[str]:
    with servers.redis() as port:
        yield f"127.0.0.1:{port}"


@pytest.fixture
def harness() -> Iterator[Running]:
    with running() as harness:
        yield harness


def _port(listen: str) -> int:
    return int(listen.rpartition(":")[2])


async def _connect(listen: str) -> asyncpg.Connection:
    return await asyncpg.connect(host="127.0.0.1", port=_port(listen), user="postgres", ssl=False, timeout=10)


_LARGE = "select string_agg(md5(n::text), '') from generate_series(1, 100000) n"


def test_a_large_result_is_the_same_under_every_harmless_fault(harness: Running, database: str) -> None:
    proxy = harness.proxy(database)

    async def digests() -> set[str]:
        connection = await _connect(proxy.listen)
        seen = set()
        for spec in (
            None,
            fault("latency", latency="5ms", jitter="5ms"),
            fault("bandwidth", rate="50MB/s"),
            fault("slicer", average_size=1000),
            fault("stall", probability=0.01, duration="5ms"),
        ):
            if spec is not None:
                await asyncio.to_thread(harness.add, proxy, spec)
            seen.add(hashlib.sha256((await connection.fetchval(_LARGE)).encode()).hexdigest())
        await connection.close()
        return seen

    assert len(asyncio.run(digests())) == 1
    eventually(lambda: proxy.live == 0)


def test_a_reset_is_a_connection_error_for_the_client_and_the_next_connection_works(
    harness: Running, database: str
) -> None:
    proxy = harness.proxy(database)

    async def scenario() -> None:
        connection = await _connect(proxy.listen)
        await asyncio.to_thread(harness.add, proxy, fault("reset_peer"))
        with pytest.raises((ConnectionError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError)):
            await connection.fetchval("select 1")
        await asyncio.to_thread(harness.remove, proxy, "reset_peer")
        again = await _connect(proxy.listen)
        assert await again.fetchval("select 1") == 1
        await again.close()

    asyncio.run(scenario())


def test_many_clients_share_a_pool_through_a_flapping_latency(harness: Running, database: str) -> None:
    proxy = harness.proxy(database)

    async def scenario() -> None:
        pool = await asyncpg.create_pool(
            host="127.0.0.1", port=_port(proxy.listen), user="postgres", ssl=False, min_size=5, max_size=5
        )
        for _ in range(5):
            await asyncio.to_thread(harness.add, proxy, fault("latency", latency="10ms"))
            assert await asyncio.gather(*(pool.fetchval("select $1::int", n) for n in range(50))) == list(range(50))
            await asyncio.to_thread(harness.remove, proxy, "latency")
            assert await asyncio.gather(*(pool.fetchval("select $1::int", n) for n in range(50))) == list(range(50))
        await pool.close()

    asyncio.run(scenario())
    assert proxy.accepted == 5, "no connection was dropped by a change of faults"


def test_redis_that_is_gone_comes_back(harness: Running, cache: str) -> None:
    proxy = harness.proxy(cache)
    with redis.Redis(port=_port(proxy.listen), socket_timeout=5) as client:
        client.set("session", "kept")
        harness.call(harness.registry.update(proxy.name, enabled=False))
        with pytest.raises(redis.ConnectionError):
            client.get("session")
        harness.call(harness.registry.update(proxy.name, enabled=True))
        assert client.get("session") == b"kept"


def test_a_large_value_survives_a_narrow_and_sliced_network(harness: Running, cache: str) -> None:
    value = bytes(range(256)) * 2000
    proxy = harness.proxy(
        cache,
        fault("bandwidth", rate="5MB/s", stream="upstream"),
        fault("slicer", name="s", average_size=700, size_variation=300, stream="upstream"),
    )
    with redis.Redis(port=_port(proxy.listen), socket_timeout=10) as client:
        client.set("value", value)
        assert client.get("value") == value
