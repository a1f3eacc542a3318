"""How a probe declares itself, and what it answers.

A probe is a pydantic model in a file of its own under `probes/`: its fields are what an experiment file may say, its
docstring the prose. Opening one gives something that measures; what a measurement means is a hypothesis's business.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final, Literal, NamedTuple, Protocol, Self

from pydantic import BaseModel, ConfigDict, PrivateAttr

from brownout_controller.model.endpoint import Endpoint
from brownout_controller.model.prometheus_server import PrometheusServer
from brownout_core.errors import BrownoutError
from brownout_core.units import SECONDS, SHARE, Unit

if TYPE_CHECKING:
    from brownout_controller.model.hypothesis import Terms

Failure = Literal["", "refused", "reset", "closed", "unreachable", "malformed", "timeout", "failed"]
"""How a service that was asked itself did not answer: it refused the connection, reset it, closed it without a whole
answer, there is no way to it, it answered nonsense, nobody waited any longer, or a command that asks it failed."""
Waits = Literal["", "value", "bad"]
"""What it means that there is no answer yet: nothing, that the value is at least as long, or that all is not well."""

_SHARE_OF_TIMEOUT: Final = 0.95


class ProbeError(BrownoutError):
    """A probe could not measure: its server is away, too slow, or answers nonsense. That is no data, never a pass."""


class NoAnswerError(ProbeError):
    """The service that was asked did not answer. From one that answered before the fault that is bad."""

    def __init__(self, kind: Failure, why: str, waited: float | None = None) -> None:
        """`waited` is for how many seconds there was no answer, where that is what went wrong."""
        super().__init__(why)
        self.kind: Failure = kind
        self.waited = waited


class Reading(NamedTuple):
    """One measurement. `value` is in the probe's unit; None is no data, and `why` is the reason.

    `events` is how many events the value rests on, where the probe knows. `series` holds labelled values where there
    are several; then `value` is None and the hypothesis's series rule decides. `failure` is how the service itself did
    not answer, and `waited` for how many seconds there was no answer.
    """

    value: float | None
    why: str = ""
    events: float | None = None
    series: tuple[tuple[str, float], ...] = ()
    failure: Failure = ""
    waited: float | None = None


class Counters(NamedTuple):
    """What the data plane has counted on an edge since some moment; monotonic while the proxy lives.

    `hits` is by fault name. `bytes_up` is client to server.
    """

    connections: int
    dial_failures: int
    bytes_up: int
    bytes_down: int
    hits: Mapping[str, int]


class EdgeCounters(Protocol):
    """The counters of the edge that an experiment is about."""

    async def read(self) -> Counters:
        """Raises ProbeError."""


class LoadMeter(Protocol):
    """The load that runs through all phases of an experiment."""

    def measure(self, what: str, window: float) -> Reading:
        """`what` over the last `window` seconds: p50, p90, p99, p99.9, max (seconds), errors (share), rate (per s)."""


@dataclass(frozen=True, slots=True)
class ProbeContext:
    """What an environment and a run give to their probes."""

    prometheus: str | PrometheusServer | None = None
    """The environment's server."""
    edge: EdgeCounters | None = None
    traffic: LoadMeter | None = None
    allowed_commands: frozenset[str] | None = None
    """None for any command; a run that came over the network has a list."""
    secrets: Mapping[str, str] = field(default_factory=dict)


class Probe(Protocol):
    """Takes measurements until it is closed."""

    async def measure(self, window: float) -> Reading:
        """One measurement over the last `window` seconds, where that means something. Raises ProbeError.

        The caller limits its time and cancels it.
        """

    async def close(self) -> None: ...


class Scale(NamedTuple):
    """What the values of a probe can be: a claim that all of them meet, or none, tests nothing.

    `unit` None is whatever the expectation is written in.
    """

    unit: Unit | None = None
    lowest: float = -math.inf
    highest: float = math.inf


TIME: Final = Scale(SECONDS, 0.0)
SHARES: Final = Scale(SHARE, 0.0, 1.0)


class ProbeSpec(BaseModel):
    """Base of every probe's declaration. Immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)

    kind: ClassVar[str]
    """The key by which a hypothesis names it."""
    scalar: ClassVar[str]
    """The field that is meant where the key has text instead of a mapping."""
    looks_back: ClassVar[bool] = False
    """A measurement covers its window: right after a change of phase it still sees the one before."""

    _terms: Terms | None = PrivateAttr(default=None)

    example: ClassVar[str]
    """A hypothesis's line with this probe, as documentation shows it."""
    only_in_runs: ClassVar[bool] = False
    """What it measures exists during a run only."""
    at_once: ClassVar[int] = 1
    """So many measurements may be under way at the same time, each by a probe of its own."""

    @property
    def asks_service(self) -> bool:
        """Whether it asks the service under test itself, so that no answer is an answer."""
        return False

    @property
    def waits(self) -> Waits:
        """What it means that a measurement has no answer yet."""
        return ""

    def scale(self) -> Scale:
        """What it can measure."""
        return Scale()

    def judged_by(self, terms: Terms) -> Self:
        """Itself, knowing what its values have to be. Raises ValueError where it cannot measure for such terms."""
        copy = self.model_copy()
        copy._terms = terms
        return copy

    @property
    def limits(self) -> Sequence[float]:
        """The values at which it is decided whether a measurement is good, as far as they are known beforehand."""
        terms = self._terms
        expected = () if terms is None else (terms.expected, *([terms.stop_at] if terms.stop_at is not None else []))
        return [limit for one in expected for limit in one.limits() if limit is not None]

    @property
    def patience(self) -> float:
        """Seconds after which a measurement has to be over if the probe itself is to report that it took too long."""
        return math.inf if self._terms is None else self._terms.timeout * _SHARE_OF_TIMEOUT

    def endpoint(self) -> Endpoint | None:
        """Where it connects to; None where it does not, or where that is not in the file."""
        return None

    def endpoints(self) -> Sequence[Endpoint]:
        """All places that it connects to, as far as the file has them; Unix sockets among them."""
        found = self.endpoint()
        return () if found is None else (found,)

    def open(self, context: ProbeContext) -> Probe:
        """Raises ProbeError when the context lacks what the probe needs."""
        raise NotImplementedError

    def local_powers(self) -> str:
        """What it would use of the machine that it runs on beyond its network, in words; empty for nothing.

        Whoever sends an experiment over the network has no right to it.
        """
        return ""

    @classmethod
    def summary(cls) -> str:
        """The first line of the declaration's docstring."""
        return (cls.__doc__ or "").strip().partition("\n")[0]
