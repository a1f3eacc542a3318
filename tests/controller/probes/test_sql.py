"""Numbers from a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import asyncpg
import pytest
from pydantic import ValidationError

from brownout_controller.model.probe import Probe, ProbeContext, ProbeError, Reading
from brownout_controller.probes.sql import SqlProbe
from brownout_core.connection_failure import place
from tests.controller.probes.ground import (
    SECONDS,
    cancelled_while,
    closed_port,
    complaint,
    measured,
    opened,
    silent,
)


@pytest.fixture
def dsn(postgres_port: int) -> str:
    return f"postgresql://postgres@127.0.0.1:{postgres_port}/postgres?sslmode=disable"


def _sql(dsn: str, query: str, **fields: object) -> SqlProbe:
    return SqlProbe.model_validate({"dsn": dsn, "query": query, **fields})


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("select count(*) from pg_database", 3),
        ("select 0.25::numeric", 0.25),
        ("select 1.5::float8", 1.5),
        ("select true", 1),
        ("select 1 = 2", 0),
        ("select interval '2 min 1 s'", 121),
    ],
)
async def test_the_number_in_the_one_row_is_the_measure(dsn: str, query: str, value: float) -> None:
    assert await measured(_sql(dsn, query)) == Reading(value, "", None)


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("select null::int", "the query gave null"),
        ("select max(oid::int8) from pg_database where false", "the query gave null"),
        ("select 1 where false", "the query gave no row"),
        ("select 'NaN'::numeric", "the query gave NaN"),
    ],
)
async def test_nothing_is_no_data(dsn: str, query: str, why: str) -> None:
    assert await measured(_sql(dsn, query)) == Reading(None, why, None)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("select 1, 2", "ask for one number"),
        ("select generate_series(1, 1000000)", "ask for one number"),
        ("select 'seven'", "gives a str, not a number"),
        ("select * from orders", 'refused: relation "orders" does not exist'),
        ("select 1; select 2", "refused: cannot insert multiple commands"),
    ],
)
async def test_what_is_not_one_number_is_an_error_and_the_next_measurement_works(
    dsn: str, query: str, told: str
) -> None:
    assert told in await complaint(_sql(dsn, query))


async def test_a_query_that_writes_is_refused_unless_it_is_declared(dsn: str) -> None:
    await measured(_sql(dsn, "create table if not exists seen (n int)", read_only=False))
    insert = "insert into seen values (1) returning n"
    assert await complaint(_sql(dsn, insert)) == "the query writes; that needs `read_only: false`"
    assert (await measured(_sql(dsn, "select count(*) from seen"))).value == 0
    assert (await measured(_sql(dsn, insert, read_only=False))).value == 1
    assert (await measured(_sql(dsn, "select count(*) from seen"))).value == 1


async def test_the_server_ends_a_query_that_takes_too_long(dsn: str) -> None:
    text = await complaint(_sql(dsn, "select 1 from pg_sleep(600)", statement_timeout="50ms"))
    assert text.endswith("refused: canceling statement due to statement timeout")


async def test_the_connection_is_kept_and_a_new_one_replaces_one_that_broke(dsn: str) -> None:
    async with opened(_sql(dsn, "select pg_backend_pid()")) as probe:
        first, second = await probe.measure(10), await probe.measure(10)
        assert first == second
        connection = await asyncpg.connect(dsn)
        await connection.fetchval("select pg_terminate_backend($1)", int(first.value or 0))
        await connection.close()
        async with asyncio.timeout(SECONDS):
            while (await _measured_or_none(probe)) in {None, first.value}:
                await asyncio.sleep(0.01)


async def _measured_or_none(probe: Probe) -> float | None:
    with suppress(ProbeError):
        return (await probe.measure(10)).value
    return None


async def test_a_cancelled_query_is_left_at_once_and_the_next_measurement_works(dsn: str) -> None:
    """It waits for a lock that another session has."""
    waiting = "select count(*) from pg_stat_activity where wait_event = 'advisory'"

    holder = await asyncpg.connect(dsn)
    await holder.execute("select pg_advisory_lock(7)")
    async with _forwarded(dsn) as (through, connections):
        spec = _sql(through, "select 1 from pg_advisory_xact_lock(7)", statement_timeout="2s")
        async with opened(spec) as probe:
            task = asyncio.create_task(probe.measure(10))
            async with asyncio.timeout(SECONDS):
                while not await holder.fetchval(waiting):
                    await asyncio.sleep(0.01)
                task.cancel()
                await asyncio.wait([task])
                assert task.cancelled()
                assert len(connections) == 1, "asyncpg would open another to say that it cancels"
                while await holder.fetchval(waiting):  # until the server's own timeout
                    await asyncio.sleep(0.01)
                await holder.close()
                assert (await probe.measure(10)).value == 1
    assert len(connections) == 2


@asynccontextmanager
async def _forwarded(dsn: str) -> AsyncIterator[tuple[str, list[int]]]:
    """The server through a port of ours, and a list that grows by each connection."""
    port = urlsplit(dsn).port
    connections: list[int] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, back), pump(there, writer))

    async with await asyncio.start_server(forward, "127.0.0.1", 0) as server:
        yield dsn.replace(f":{port}/", f":{server.sockets[0].getsockname()[1]}/"), connections


async def test_a_connection_that_hangs_leaves_nothing_when_it_is_cancelled() -> None:
    async with silent() as server:
        spec = _sql(f"postgresql://me:hunter22@127.0.0.1:{server.port}/shop", "select 1")
        await cancelled_while(measured(spec), lambda: server.heard)


async def test_no_secret_is_told(dsn: str) -> None:
    port = closed_port()
    for bad, told in (
        (
            f"postgresql://me:hunter22@127.0.0.1:{port}/shop?sslmode=disable",
            f"127.0.0.1:{port} could not be asked: ",
        ),
        ("postgresql://me:hunter22@127.0.0.1:70000/shop", "could not be asked"),
        (f"postgresql://me@127.0.0.1:{port}/shop?password=hunter22&sslmode=hunter22", "could not be asked"),
        ("postgresql://me:hunter22@no-such-host.invalid/shop", "its name has no address"),
    ):
        text = await complaint(_sql(bad, "select 1"))
        assert told in text
        assert "hunter22" not in text
        assert "hunter22" not in repr(_sql(bad, "select 1"))
    secrets = ProbeContext(secrets={"TABLE": "hunter22"})
    assert await complaint(_sql(dsn, "select * from hunter22"), secrets) == (
        f'PostgreSQL at {place(dsn)} refused: relation "***" does not exist'
    )


def test_only_postgresql_is_known() -> None:
    with pytest.raises(ValidationError):
        _sql("mysql://db/shop", "select 1")
