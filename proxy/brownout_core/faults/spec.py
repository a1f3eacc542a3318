"""How a fault declares itself, and what it may do to one direction of a connection.

A fault is a pydantic model in a file of its own: its fields carry units and bounds, its docstring the prose. From that
the HTTP attributes, the configuration, the command line and docs/faults.md are computed. What it does is a `Stage`:
arithmetic on times, offsets and sizes. Nothing here, and nothing below this package, knows of sockets or clocks.
"""

from __future__ import annotations

import ipaddress
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo
from pydantic.fields import FieldInfo

from brownout_core import limits
from brownout_core.errors import InvalidSpec
from brownout_core.faults.seeded_random import SeededRandom, chosen
from brownout_core.units import BYTES, COUNT, KILOBYTES_PER_SECOND, MICROSECONDS, MILLISECONDS, SHARE, Unit, plain

Direction = Literal["upstream", "downstream"]
"""`upstream` is client to server, `downstream` server to client."""

UPSTREAM: Direction = "upstream"
DOWNSTREAM: Direction = "downstream"

Ending = Literal["close", "reset"]
"""How a fault ends a connection: with FIN on both sides, or with RST."""

Worse = Literal["more", "less"]
"""Whether more or less of an attribute is worse."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _network(value: object) -> object:
    """Takes text only: a number would name an address as well."""
    if isinstance(value, Network):
        return value
    if not isinstance(value, str):
        raise ValueError(f"must be text like 10.0.0.0/8, not {_json_type(value)}")
    try:
        return ipaddress.ip_network(value)
    except ValueError as error:
        raise ValueError(f"{error}; write it like 10.0.0.0/8 or fd00::/8") from None


def _reader(unit: Unit) -> BeforeValidator:
    """Takes a JSON number; text with a unit only where the context marks it as written by a person."""

    def read(value: object, info: ValidationInfo) -> object:
        if isinstance(value, str) and info.context and info.context.get("text"):
            value = unit.parse(value)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"must be a number of {unit.symbol}, not {_json_type(value)}")
        if not abs(value) <= sys.float_info.max:  # NaN is not, nor an integer that no float can hold
            raise ValueError("must be a finite number")
        if value != int(value):
            if unit.whole:
                raise ValueError("must be a whole number")
            return value
        return int(value)

    return BeforeValidator(read)


def _json_type(value: object) -> str:
    names = {str: "text", bool: "true or false", list: "a list", dict: "an object", type(None): "null"}
    return names.get(type(value), type(value).__name__)


Millis = Annotated[float, _reader(MILLISECONDS), Field(ge=0), MILLISECONDS]
Micros = Annotated[float, _reader(MICROSECONDS), Field(ge=0), MICROSECONDS]
Size = Annotated[int, _reader(BYTES), Field(ge=0), BYTES]
Rate = Annotated[float, _reader(KILOBYTES_PER_SECOND), Field(ge=0), KILOBYTES_PER_SECOND]
Share = Annotated[float, _reader(SHARE), Field(ge=0, le=1), SHARE]
Count = Annotated[int, _reader(COUNT), Field(ge=1), COUNT]
Segment = Annotated[int, _reader(BYTES), Field(ge=1), BYTES]


class Pace:
    """The schedule of a rate: when the next byte may leave. One for a link, or one that a proxy's links share."""

    __slots__ = ("next_free", "rate")

    def __init__(self) -> None:
        self.next_free = -math.inf
        self.rate = 0.0
        """For which it was planned, in bytes per second."""


@dataclass(slots=True)
class StageContext:
    """Where and since when a fault works: one direction of one connection.

    `start` is the time in seconds and `offset` the number of bytes that had passed when the fault met the connection,
    `shared` the schedule that all connections of the proxy have in common.
    """

    start: float
    offset: int
    draws: SeededRandom
    shared: Pace = field(default_factory=Pace)


class Stage:
    """What one fault does to one link. Each hook does nothing here; a fault overrides those that it needs.

    Offsets count bytes from the connection's first; times are seconds on the caller's clock.
    """

    __slots__ = ()

    swallows: Ending | None = None
    """The bytes vanish; how a connection ends that has lost some when the fault is removed."""
    separates: bool = False
    """Each admitted piece leaves in a TCP segment of its own."""
    turn: int = 0
    """When this rate is asked, lowest first; among equals in the order in which their faults were added."""

    def narrow(self, offset: int, size: int) -> int:
        """How many of the `size` bytes at `offset` (at least one) share one fate."""
        return size

    def grain(self, size: int) -> int:
        """How many of `size` bytes a rate lets go in one piece (at least one)."""
        return size

    def end(self) -> float:
        """The offset at which the link closes; infinity if it does not."""
        return math.inf

    def pace(self, now: float, size: int) -> float:
        """When `size` bytes that could go at `now` may go; infinity for not at all. Called once for each piece."""
        return now

    def rewind(self, now: float) -> None:
        """Pieces that were paced for later than `now` come back: they will be paced again."""

    def delay(self, offset: int) -> float:
        """Seconds by which the piece at `offset` is held back."""
        return 0.0

    def close_delay(self) -> float:
        """Seconds by which the end of the stream is held back, on top of `delay`."""
        return 0.0

    def transform(self, offset: int, data: bytes) -> bytes:
        """What arrives in place of `data`; the same number of bytes."""
        return data

    def alarm(self) -> tuple[float, Ending] | None:
        """When the whole connection ends, and how, whatever its traffic."""
        return None


class Fault(BaseModel):
    """Base of every fault: a model of its attributes. Immutable; a change is a new value."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    kind: ClassVar[str]
    refuses: ClassVar[bool] = False
    """New connections are reset instead of served."""
    in_toxiproxy: ClassVar[bool] = False
    """Toxiproxy 2.12 has a toxic of this kind."""
    unlike_toxiproxy: ClassVar[str] = ""
    """What Toxiproxy's does otherwise, in sentences."""
    severities: ClassVar[Mapping[str, Worse]] = {}
    """Sizes that make it worse, and which way; the one that matters most comes first."""

    def stage(self, site: StageContext) -> Stage | None:
        """What this fault does to the bytes of one link; None if it has no business with bytes."""
        return None

    def dial_delay(self) -> float:
        """Seconds before the upstream is dialled."""
        return 0.0

    @classmethod
    def summary(cls) -> str:
        """The first line of the declaration's docstring."""
        return (cls.__doc__ or "").strip().partition("\n")[0]

    @classmethod
    def fields(cls) -> dict[str, FieldInfo]:
        """The declared attributes by the name that users write."""
        return {info.alias or name: info for name, info in cls.model_fields.items()}

    def attributes(self) -> dict[str, int | float | str]:
        """The attributes as the API shows them: Toxiproxy's own always, ours only where somebody set them."""
        content: dict[str, int | float | str] = {}
        for name, info in type(self).model_fields.items():
            if not is_extension(info) or name in self.model_fields_set:
                value = getattr(self, name)
                content[info.alias or name] = value if isinstance(value, str) else plain(value)
        return content


def extension(default: Any) -> Any:
    """A field that Toxiproxy's fault of the same name does not have; answers have it only where it was set."""
    return Field(default, json_schema_extra={"extension": True})


def is_extension(info: FieldInfo) -> bool:
    extra = info.json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("extension"))


def unit_of(info: FieldInfo) -> Unit | None:
    """The unit that a field was declared with; None for words."""
    return next((item for item in info.metadata if isinstance(item, Unit)), None)


class Selection(BaseModel):
    """Which connections of a proxy a fault hits; all of the conditions must hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    toxicity: Share = 1
    clients: Annotated[tuple[Annotated[Network, BeforeValidator(_network)], ...], Field(max_length=limits.BLOCKS)] = ()
    first: Count | None = None
    every: Count | None = None

    @property
    def counts(self) -> bool:
        """Whether it depends on how many connections there were before."""
        return self.first is not None or self.every is not None

    def leaves(self, *, seed: int, proxy: str, fault: str, ordinal: int, client: str) -> bool:
        """Whether the conditions that do not count leave a connection.

        `ordinal` counts the proxy's connections from 1. `client` is the client's IP address, "" for a Unix socket.
        """
        if self.clients and not self._includes(client):
            return False
        return chosen(self.toxicity, seed, proxy, fault, ordinal)

    def picks(self, number: int | None) -> bool:
        """Whether the conditions that count hold: for the `number`th connection that the others leave, counted from 1;
        for one without a number they do not."""
        if not self.counts:
            return True
        if number is None or (self.first is not None and number > self.first):
            return False
        return self.every is None or number % self.every == 0

    def _includes(self, client: str) -> bool:
        if not client:
            return False
        address = ipaddress.ip_address(client.partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self.clients)


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """A fault as it is asked for: its name on the proxy, direction, selection and attributes."""

    name: str
    fault: Fault
    stream: str = DOWNSTREAM  # as it was written: Toxiproxy's clients expect their own spelling back
    selection: Selection = field(default_factory=Selection)

    @property
    def kind(self) -> str:
        return self.fault.kind

    @property
    def direction(self) -> Direction:
        return UPSTREAM if self.stream.lower() == UPSTREAM else DOWNSTREAM


Model = TypeVar("Model", bound=BaseModel)


def validated(model: type[Model], values: Mapping[str, Any], *, text: bool = False) -> Model:
    """`values` as a `model`. With `text`, quantities may be text with a unit. Raises InvalidSpec naming the field."""
    try:
        return model.model_validate(dict(values), context={"text": text})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = ".".join(str(part) for part in first["loc"])
        raise InvalidSpec(path, _reason(first["type"], first["msg"], path, model)) from None


def _reason(kind: str, message: str, path: str, model: type[BaseModel]) -> str:
    if kind == "extra_forbidden":
        known = ", ".join(info.alias or name for name, info in model.model_fields.items()) or "none"
        return f"unknown attribute; known are: {known}"
    reason = message.removeprefix("Value error, ").replace("Input should be", "must be")
    return reason.replace("a valid tuple", "a list")
