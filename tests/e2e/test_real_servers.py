"""Real PostgreSQL and real Redis through a proxy process of its own, with real clients, while faults come and go."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any, Final

import asyncpg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from deploy.demo import servers
from deploy.demo.clients import word_for

_NUMBERS: Final = itertools.count(1)
_LARGE: Final = "select string_agg(md5(n::text), '') from generate_series(1, 100000) n"
_WHO: Final = "select pg_backend_pid()"
"""As long as the answer stays the same, the connection is the same."""


class Proxy:
    """A proxy of the process, through its HTTP API."""

    def __init__(self, url: str, upstream: int) -> None:
        self._url, self._name = url, f"p{next(_NUMBERS)}"
        made = self._ask("POST", "", {"name": self._name, "listen": "127.0.0.1:0", "upstream": f"127.0.0.1:{upstream}"})
        self.port = int(made["listen"].rpartition(":")[2])

    def add(self, kind: str, stream: str = "downstream", **attributes: float) -> None:
        toxic = {"name": kind, "type": kind, "stream": stream, "attributes": attributes}
        self._ask("POST", f"/{self._name}/toxics", toxic)

    def remove(self, kind: str) -> None:
        self._ask("DELETE", f"/{self._name}/toxics/{kind}")

    def enable(self, enabled: bool) -> None:
        self._ask("PATCH", f"/{self._name}", {"enabled": enabled})

    def delete(self) -> None:
        self._ask("DELETE", f"/{self._name}")

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._url}/proxies{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None


@pytest.fixture(scope="module")
def process() -> Iterator[str]:
    with servers.proxy() as url:
        yield url


@pytest.fixture
def postgres(process: str, postgres_port: int) -> Iterator[Proxy]:
    proxy = Proxy(process, postgres_port)
    yield proxy
    proxy.delete()


@pytest.fixture
def sessions(process: str, redis_port: int) -> Iterator[Proxy]:
    proxy = Proxy(process, redis_port)
    yield proxy
    proxy.delete()


class Clients:
    """Connections to PostgreSQL that do not outlive the scenario, also when it fails."""

    def __init__(self) -> None:
        self._opened: list[asyncpg.Connection | asyncpg.Pool] = []

    async def connect(self, port: int) -> asyncpg.Connection:
        connection = await asyncpg.connect(host="127.0.0.1", port=port, user="postgres", ssl=False, timeout=10)
        self._opened.append(connection)
        return connection

    async def pool(self, port: int, size: int) -> asyncpg.Pool:
        pool = await asyncpg.create_pool(
            host="127.0.0.1", port=port, user="postgres", ssl=False, min_size=size, max_size=size
        )
        self._opened.append(pool)
        return pool

    def end(self) -> None:
        for opened in self._opened:
            opened.terminate()


def play(scenario: Callable[[Clients], Awaitable[None]]) -> None:
    async def to_the_end() -> None:
        clients = Clients()
        try:
            await scenario(clients)
        finally:
            clients.end()

    asyncio.run(to_the_end())


def _redis(port: int, patience: float = 10) -> redis.Redis:
    """Without retries, so that a test sees what happens."""
    return redis.Redis(port=port, socket_timeout=patience, retry=Retry(NoBackoff(), 0))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_large_result_is_what_the_server_sent_under_every_harmless_fault(postgres_port: int, postgres: Proxy) -> None:
    async def scenario(clients: Clients) -> None:
        direct, connection = await clients.connect(postgres_port), await clients.connect(postgres.port)
        text = await direct.fetchval(_LARGE)
        who = await connection.fetchval(_WHO)
        assert await connection.fetchval(_LARGE) == text
        for kind, attributes in (
            ("latency", {"latency": 5, "jitter": 5}),
            ("bandwidth", {"rate": 50_000}),
            ("slicer", {"average_size": 1000, "size_variation": 400}),
            ("stall", {"probability": 0.01, "duration": 5}),
        ):
            for stream in ("upstream", "downstream"):
                postgres.add(kind, stream, **attributes)
                assert _digest(await connection.fetchval(_LARGE)) == _digest(text), (kind, stream)
                assert await connection.fetchval("select md5($1)", text) == hashlib.md5(text.encode()).hexdigest()
                postgres.remove(kind)
        assert await connection.fetchval(_WHO) == who

    play(scenario)


@pytest.mark.alone
def test_a_transaction_survives_a_latency_that_comes_and_goes(postgres: Proxy) -> None:
    async def scenario(clients: Clients) -> None:
        connection = await clients.connect(postgres.port)
        async with connection.transaction():
            await connection.execute("create temporary table payments (amount int)")
            postgres.add("latency", latency=400)
            started = time.monotonic()
            await connection.execute("insert into payments values (1)")
            assert time.monotonic() - started >= 0.4
            postgres.remove("latency")
            started = time.monotonic()
            await connection.execute("insert into payments values (2)")
            assert time.monotonic() - started < 0.4
        assert await connection.fetchval("select sum(amount) from payments") == 3

    play(scenario)


def test_a_stalled_answer_comes_whole_once_the_rate_is_back(postgres: Proxy) -> None:
    async def scenario(clients: Clients) -> None:
        connection = await clients.connect(postgres.port)
        text = await connection.fetchval(_LARGE)
        postgres.add("bandwidth", rate=0)
        asked = asyncio.create_task(connection.fetchval(_LARGE))
        done, _ = await asyncio.wait([asked], timeout=0.3)
        assert not done
        postgres.remove("bandwidth")
        assert _digest(await asyncio.wait_for(asked, 10)) == _digest(text)

    play(scenario)


def test_a_result_is_no_faster_than_the_bandwidth(postgres: Proxy) -> None:
    async def scenario(clients: Clients) -> None:
        connection = await clients.connect(postgres.port)
        postgres.add("bandwidth", rate=1000)
        started = time.monotonic()
        assert await connection.fetchval("select repeat('x', 500000)") == "x" * 500_000
        assert time.monotonic() - started >= 0.48, "500 kB at 1 MB/s, less a burst of 20 ms"

    play(scenario)


def test_a_reset_reaches_postgres_clients_as_a_reset_and_the_next_connection_works(postgres: Proxy) -> None:
    async def scenario(clients: Clients) -> None:
        connection = await clients.connect(postgres.port)
        postgres.add("reset_peer")
        with pytest.raises((ConnectionError, asyncpg.PostgresConnectionError)) as caught:
            await connection.fetchval("select 1")
        assert word_for(caught.value) == "reset"
        postgres.remove("reset_peer")
        again = await clients.connect(postgres.port)
        assert await again.fetchval("select 1") == 1

    play(scenario)


def test_a_database_that_was_cut_off_takes_connections_again(postgres: Proxy) -> None:
    async def scenario(clients: Clients) -> None:
        connection = await clients.connect(postgres.port)
        postgres.enable(False)
        with pytest.raises((ConnectionError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError)):
            await connection.fetchval("select 1")
        with pytest.raises(ConnectionRefusedError):
            await clients.connect(postgres.port)
        postgres.enable(True)
        again = await clients.connect(postgres.port)
        assert await again.fetchval("select 1") == 1

    play(scenario)


def test_a_pool_keeps_its_connections_through_a_flapping_latency(postgres: Proxy) -> None:
    async def everyone(pool: asyncpg.Pool) -> set[int]:
        async with pool.acquire() as a, pool.acquire() as b, pool.acquire() as c:
            return {await connection.fetchval(_WHO) for connection in (a, b, c)}

    async def scenario(clients: Clients) -> None:
        pool = await clients.pool(postgres.port, 3)
        before = await everyone(pool)
        assert len(before) == 3
        for slow in (True, False) * 5:
            calls = [asyncio.create_task(pool.fetchval("select $1::int", n)) for n in range(50)]
            await asyncio.sleep(0)  # they are under way when it changes
            if slow:
                postgres.add("latency", latency=10)
            else:
                postgres.remove("latency")
            assert await asyncio.gather(*calls) == list(range(50))
        assert await everyone(pool) == before

    play(scenario)


def test_a_small_pool_runs_dry_while_the_database_is_slow_and_recovers(postgres: Proxy) -> None:
    async def scenario(clients: Clients) -> None:
        pool = await clients.pool(postgres.port, 2)
        assert await pool.fetchval("select 1") == 1
        postgres.add("bandwidth", rate=0)
        busy = [asyncio.create_task(pool.fetchval("select $1::int", n)) for n in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            await pool.acquire(timeout=0.2)
        postgres.remove("bandwidth")
        assert await asyncio.wait_for(asyncio.gather(*busy), 10) == [0, 1]
        assert await pool.fetchval("select 1") == 1

    play(scenario)


def test_redis_that_is_gone_comes_back_with_its_data(sessions: Proxy) -> None:
    with _redis(sessions.port) as client:
        client.set("session", "kept")
        sessions.enable(False)
        with suppress(redis.ConnectionError):  # the connection from before, which was closed
            assert client.get("session") is None
        with pytest.raises(redis.ConnectionError) as caught:
            client.get("session")
        assert word_for(caught.value) == "refused"
        sessions.enable(True)
        assert client.get("session") == b"kept"


def test_a_reset_reaches_redis_clients_as_a_reset(sessions: Proxy) -> None:
    with _redis(sessions.port) as client:
        assert client.ping()
        sessions.add("reset_peer")
        with pytest.raises(redis.ConnectionError) as caught:
            client.ping()
        assert word_for(caught.value) == "reset"
        sessions.remove("reset_peer")
        assert client.ping()


def test_in_a_partition_nothing_comes_back_and_nothing_ends(sessions: Proxy) -> None:
    with _redis(sessions.port, patience=0.3) as client:
        assert client.ping()
        sessions.add("timeout", timeout=0)
        for _ in range(2):  # a connection from before, and a new one
            with pytest.raises(redis.TimeoutError):
                client.ping()
        sessions.remove("timeout")
        assert client.ping()


def test_a_pipeline_is_delayed_once_and_not_by_each_command(sessions: Proxy) -> None:
    with _redis(sessions.port) as client:
        assert client.ping()
        sessions.add("latency", latency=200)
        pipeline = client.pipeline(transaction=False)
        for n in range(500):
            pipeline.set(f"n:{n}", n)
            pipeline.get(f"n:{n}")
        started = time.monotonic()
        answers = pipeline.execute()
        taken = time.monotonic() - started
        assert answers[1::2] == [str(n).encode() for n in range(500)]
        assert 0.2 <= taken < 500 * 0.2


def test_a_large_value_survives_a_narrow_and_sliced_network(sessions: Proxy) -> None:
    value = bytes(range(256)) * 2000
    for stream in ("upstream", "downstream"):
        sessions.add("bandwidth", stream, rate=5000)
        sessions.add("slicer", stream, average_size=700, size_variation=300)
        with _redis(sessions.port) as client:
            client.set("value", value)
            assert client.get("value") == value
        sessions.remove("slicer")
        sessions.remove("bandwidth")
