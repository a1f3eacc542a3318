"""redis: the number that a command gives."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, field_validator
from redis.asyncio import Redis as Client
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    BusyLoadingError,
    ClusterDownError,
    InvalidResponse,
    MasterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as Lost
from redis.exceptions import TimeoutError as Late

from brownout_controller import clock
from brownout_controller.model.endpoint import Endpoint, endpoint_of, endpoints_of
from brownout_controller.model.probe import NoAnswerError, Probe, ProbeContext, ProbeError, ProbeSpec, Reading
from brownout_controller.model.secrets import Masker
from brownout_controller.probes.failure_reason import unmeasured
from brownout_core.connection_failure import place, sentence

_UNABLE: Final = (ClusterDownError, MasterDownError, OutOfMemoryError, ReadOnlyError, TryAgainError)
"""The server answers that it cannot serve now."""


class RedisProbe(ProbeSpec):
    """The number that a command answers, also as text; 1 for OK and PONG. No such key is no data.

    The command is a list, or text that is split as a shell would. The connection is kept for the next time.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    kind: ClassVar[str] = "redis"
    scalar: ClassVar[str] = "command"
    at_once: ClassVar[int] = 4
    example: ClassVar[str] = "{name: the queue is drained, redis: LLEN jobs, expect: == 0, when: [recovery]}"

    url: str = Field(
        default="redis://127.0.0.1:6379", pattern=r"^(rediss?|unix)://", repr=False,
        examples=["redis://:${PASSWORD}@cache:6379/0"],
    )  # fmt: skip
    """The server: `redis://`, with TLS `rediss://`, or `unix://`."""
    command: list[str] = Field(min_length=1, examples=["LLEN jobs"])
    """What is asked; a list, or text that is split as a shell would."""

    @field_validator("command", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return shlex.split(value)
        if isinstance(value, list):  # YAML makes numbers of what Redis takes as text
            return [str(part) if isinstance(part, int | float) else part for part in value]
        return value

    @property
    def asks_service(self) -> bool:
        return True

    def local_powers(self) -> str:
        parts = urlsplit(self.url)
        if parts.scheme == "unix":
            return "connects to a Unix socket"
        # redis-py takes arguments of its connection from there, such as ssl_ca_certs and ssl_keyfile.
        return "names options of the client in its URL" if parts.query else ""

    def endpoint(self) -> Endpoint | None:
        return endpoint_of(self.url)

    def endpoints(self) -> Sequence[Endpoint]:
        return endpoints_of(self.url)

    def open(self, context: ProbeContext) -> Probe:
        return _OpenRedis(self, context)


class _OpenRedis:
    def __init__(self, spec: RedisProbe, context: ProbeContext) -> None:
        self._spec = spec
        self._where = f"Redis at {place(spec.url)}"
        self._masker = Masker(context.secrets.values(), urls=[spec.url])
        try:
            self._client = Client.from_url(
                spec.url,
                protocol=2,  # which servers before Redis 6 speak as well
                # One try and no limit of time: both are the caller's.
                retry=Retry(NoBackoff(), 0),
                socket_timeout=None,
                socket_connect_timeout=None,
            )
        except ValueError:
            raise ProbeError(f"{self._where}: the url is not like redis://:password@host:6379/0") from None

    async def measure(self, window: float) -> Reading:
        began = clock.now()
        try:
            answer = await self._client.execute_command(*self._spec.command)  # type: ignore[no-untyped-call]
        except ResponseError as error:
            why = f"{self._where} refused: {self._masker.line(str(error))}"
            raise (NoAnswerError("refused", why) if isinstance(error, _UNABLE) else ProbeError(why)) from None
        except InvalidResponse:
            raise NoAnswerError("malformed", f"{self._where} answers, but not as Redis does") from None
        except (RedisError, OSError, ValueError, TypeError) as error:
            # A TypeError is how CPython 3.12 and later write to a connection that was lost (python/cpython, asyncio's
            # writelines); the command itself has been checked.
            cause, waited = _cause(error), clock.now() - began
            raise unmeasured(cause, f"{self._where} could not be asked: {sentence(cause)}", waited) from None
        return _reading(answer)

    async def close(self) -> None:
        await self._client.aclose()


def _cause(error: Exception) -> BaseException:
    """The error of the socket, which redis-py wraps."""
    cause = error.__cause__ or error.__context__
    if isinstance(cause, OSError | EOFError):
        return cause
    if isinstance(error, BusyLoadingError):
        return ConnectionRefusedError()
    if isinstance(error, Late):
        return TimeoutError()
    if isinstance(error, TypeError):
        return ConnectionResetError()
    return EOFError() if isinstance(error, Lost) else error


def _reading(answer: Any) -> Reading:
    if answer is None:
        return Reading(None, "Redis has nothing there")
    if isinstance(answer, bytes | str):
        text = answer.decode(errors="replace") if isinstance(answer, bytes) else answer
        if text in {"OK", "PONG"}:
            return Reading(1.0)
        try:
            answer = float(text)
        except ValueError:
            raise ProbeError("the command answers text that is no number") from None
    if not isinstance(answer, int | float):
        raise ProbeError(f"the command answers a {type(answer).__name__}, not a number")
    return Reading(None, "Redis gave NaN") if math.isnan(answer) else Reading(float(answer))
