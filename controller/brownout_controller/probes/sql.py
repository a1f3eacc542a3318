"""sql: the one number that a query of PostgreSQL gives."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar, Final
from urllib.parse import unquote, urlsplit

import asyncpg
from pydantic import ConfigDict, Field, field_validator

from brownout_controller import clock
from brownout_controller.model.endpoint import Endpoint, endpoint_of, endpoints_of
from brownout_controller.model.probe import NoAnswerError, Probe, ProbeContext, ProbeError, ProbeSpec, Reading
from brownout_controller.model.secrets import Masker
from brownout_controller.probes.failure_reason import unmeasured
from brownout_core.connection_failure import place, sentence
from brownout_core.strict_model import SomeTime

_UNABLE: Final = {"53", "57", "58", "XX"}
"""Classes of SQLSTATE (PostgreSQL, appendix A): no connections, disk or memory left, shutting down or starting, errors
of the system or of the server itself."""


class SqlProbe(ProbeSpec):
    """The number in the one row of a query's answer: true is 1, an interval is seconds, null is no data.

    The query runs in a transaction that may only read, and PostgreSQL itself ends it after `statement_timeout`, so that
    nothing of it stays behind when nobody waits for it any more. The connection is kept for the next time.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    kind: ClassVar[str] = "sql"
    scalar: ClassVar[str] = "query"
    at_once: ClassVar[int] = 4
    example: ClassVar[str] = (
        '{name: nobody pays twice, sql: {dsn: "${PAYMENTS_DSN}", '
        'query: "select count(*) - count(distinct key) from payments"}, expect: == 0}'
    )

    dsn: str = Field(repr=False, examples=["postgresql://reader:${PASSWORD}@db/shop"])
    """The database, best as a variable."""
    query: str = Field(min_length=1, examples=["select count(*) from payments where state = 'pending'"])
    """One statement that gives one number."""
    read_only: bool = True
    """In a transaction that may only read; false commits what the query wrote."""
    statement_timeout: SomeTime = Field(default=5.0, examples=["5s"])
    """After so long PostgreSQL itself ends the query."""

    @property
    def asks_service(self) -> bool:
        return True

    @field_validator("dsn")
    @classmethod
    def _of_postgresql(cls, dsn: str) -> str:
        if not dsn.startswith(("postgres://", "postgresql://")):
            raise ValueError(
                "must be like postgresql://reader:${PASSWORD}@db/shop, as only PostgreSQL is asked; for another "
                "database use command with measure: number"
            )
        return dsn

    def local_powers(self) -> str:
        """asyncpg fills in what a DSN lacks: from PG* variables, from ~/.pgpass, from the socket on this machine."""
        parts = urlsplit(self.dsn)
        hosts = unquote(parts.hostname or "").split(",")
        if any(not host or host.startswith("/") for host in hosts):
            return "connects to a Unix socket, as its DSN lacks a host"
        if not parts.password:
            return "uses passwords of the machine, as its DSN has none (give any if the server asks for none)"
        return "names options of the client in its DSN" if parts.query else ""

    def endpoint(self) -> Endpoint | None:
        return endpoint_of(self.dsn)

    def endpoints(self) -> Sequence[Endpoint]:
        return endpoints_of(self.dsn)

    def open(self, context: ProbeContext) -> Probe:
        return _OpenSql(self, context)


class _OpenSql:
    def __init__(self, spec: SqlProbe, context: ProbeContext) -> None:
        self._spec = spec
        self._where = f"PostgreSQL at {place(spec.dsn)}"
        self._masker = Masker(context.secrets.values(), urls=[spec.dsn])
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    async def measure(self, window: float) -> Reading:
        began = clock.now()
        try:
            if self._connection is None or self._connection.is_closed():
                self._connection = await asyncpg.connect(self._spec.dsn, statement_cache_size=0)
            rows = await self._rows(self._connection)
        except asyncpg.ReadOnlySQLTransactionError:
            self._drop()
            raise ProbeError("the query writes; that needs `read_only: false`") from None
        except (asyncpg.PostgresConnectionError, asyncpg.InternalClientError):
            # The latter is how asyncpg takes the farewell of a server that ends the session while nothing is asked.
            self._drop()
            raise NoAnswerError("closed", f"{self._where} closed the connection") from None
        except asyncpg.PostgresError as error:
            self._drop()
            why = f"{self._where} refused: {self._masker.line(str(error.args[0]))}"
            if isinstance(error, asyncpg.QueryCanceledError):
                raise NoAnswerError("timeout", why, clock.now() - began) from None
            raise (NoAnswerError("refused", why) if _is_unable(error) else ProbeError(why)) from None
        except (asyncpg.InterfaceError, OSError, EOFError, ValueError, OverflowError) as error:
            self._drop()
            why, waited = f"{self._where} could not be asked: {sentence(error)}", clock.now() - began
            raise unmeasured(error, why, waited) from None
        return _reading(rows)

    async def _rows(self, connection: asyncpg.Connection[asyncpg.Record]) -> list[asyncpg.Record]:
        """When we are cancelled the connection goes at once: a cancelled query would make asyncpg open another
        connection in the background to cancel it, through the same network that is broken just now."""
        asking = asyncio.create_task(self._ask(connection))
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            connection.terminate()
            with suppress(Exception):
                await asking
            raise

    async def _ask(self, connection: asyncpg.Connection[asyncpg.Record]) -> list[asyncpg.Record]:
        spec = self._spec
        mode = "read only" if spec.read_only else "read write"
        millis = max(1, round(spec.statement_timeout * 1000))
        await connection.execute(f"begin {mode}; set local statement_timeout = {millis}")
        # Through the extended protocol, which takes one statement only: none can lift the mode and then write.
        cursor = await connection.cursor(spec.query)
        rows: list[asyncpg.Record] = await cursor.fetch(2)
        await connection.execute("rollback" if spec.read_only else "commit")
        return rows

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                await connection.close()
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                connection.terminate()


def _is_unable(error: asyncpg.PostgresError) -> bool:
    """Whether the server answers that it cannot serve now, to whatever query."""
    return str(error.sqlstate)[:2] in _UNABLE


def _reading(rows: list[asyncpg.Record]) -> Reading:
    if not rows:
        return Reading(None, "the query gave no row")
    if len(rows) > 1 or len(rows[0]) != 1:
        raise ProbeError(f"the query gives {len(rows[0])} columns, or many rows; ask for one number, like count(*)")
    value = rows[0][0]
    if value is None:
        return Reading(None, "the query gave null")
    number = _number(value)
    return Reading(None, "the query gave NaN") if math.isnan(number) else Reading(number)


def _number(value: Any) -> float:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, int | float | Decimal):
        return float(value)
    raise ProbeError(f"the query gives a {type(value).__name__}, not a number")
