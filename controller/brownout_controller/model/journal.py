"""What a run writes down: the kinds of records, declared once, and a line of JSON for each.

The journal is the truth; verdict, report and history are computed from it. Readers keep what they do not know, and
believe nothing: a disk, a merge or another hand may have put anything there. What is no record as declared here is one
kind of error, `BadRecord`, whatever is wrong with it.
"""

from __future__ import annotations

import functools
import json
import math
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, ClassVar, Final, Literal, NamedTuple

from brownout_controller.model.json_shape import JsonShapeError, reader
from brownout_controller.model.lifecycle import State
from brownout_core.experiment_terms import Phase
from brownout_core.safe_text import safe_json

StopCause = Literal["condition", "blind", "lapsed", "cut-off", "unlocked", "asked"]
"""A stop condition was met; it could not be seen any more; the fault vanished; no target could be reached for as long
as the lease lives; the targets are not this run's alone any more; somebody wanted it."""

OutageCause = Literal["frozen", "unreachable", "missing"]
"""The proxy's process did nothing; it did not answer; it answered, but the proxy was not there."""


_DEEPEST: Final = 100
"""Brackets within brackets: our files have ten, and what is a hundred times as deep overflows whoever walks it."""
_DIGITS: Final = 300
"""Of a number: what has more is no float any more."""
_LATEST: Final = 1e10
"""Seconds since the run began, which is 300 years."""


class BadRecord(ValueError):
    """A line is no record. `line` is its number in its journal, from 1 on, where that is known."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason if line is None else f"line {line}: {reason}")
        self.reason, self.line = reason, line


class LeftOut(NamedTuple):
    """A journal that could not be read, which stays where and as it is: nothing of it is lost."""

    path: str
    line: int | None
    """Where it is wrong, from 1 on; None where that is no line."""
    reason: str


class Record:
    """One thing that happened."""

    kind: ClassVar[str]
    unmasked: ClassVar[frozenset[str]] = frozenset()
    """Fields in which no secret is masked: names of our own, addresses by which a fault is found again and undone, and
    words that the judge reads. The value of a variable may be a part of them, as in `${SHOP}-latency`."""


UNMASKED_ENVIRONMENT: Final = ("name", "control")
"""Keys of a run's environment in which no secret is masked: by these a later start finds what is left."""
MASKED_TERMS: Final = frozenset({"name", "because"})
"""Keys of a hypothesis's terms in which secrets are masked: free text. The others are expectations, numbers and our own
words, which the judge reads."""


@dataclass(frozen=True, slots=True)
class Run(Record):
    """The run, self-contained. `terms` are the hypotheses as the judge needs them, `started` wall time (RFC 3339)."""

    kind: ClassVar[str] = "run"
    unmasked: ClassVar[frozenset[str]] = frozenset({"run_id", "version", "started"})
    run_id: str
    version: str
    started: str
    experiment: Mapping[str, Any]
    terms: Sequence[Mapping[str, Any]]
    environment: Mapping[str, Any]
    seed: Annotated[int, range(-(10**_DIGITS), 10**_DIGITS)]
    replay: str
    recovery: float
    """Seconds after the revert in which everything must hold again."""
    source: str = ""
    nets_off: Mapping[str, str] = field(default_factory=dict)
    lasting: Mapping[str, float] = field(default_factory=dict)
    """Seconds of each state that has a duration."""
    part_of: str = ""
    """The search of which the run is one trial: the search, not the run, reports its result."""


@dataclass(frozen=True, slots=True)
class Plan(Record):
    """Where what will be injected, and what will undo it."""

    kind: ClassVar[str] = "plan"
    unmasked: ClassVar[frozenset[str]] = frozenset({"targets", "faults", "undo", "met"})
    targets: Sequence[Mapping[str, str]]
    faults: Sequence[str]
    undo: Sequence[str]
    found: int = 0
    """How many targets the edge has, those among them that are not hit."""
    reach: float | None = None
    """Share of the edge's traffic that blast radius and selectors let the faults meet; None where nobody can know."""
    min_share: float = 0.0
    """So much of that has to meet the fault."""
    met: str | int = "all"
    """On how many of the targets every fault has to meet traffic: all, any, or a number."""
    disabled: Sequence[str] | None = None
    """The ids of targets that were disabled then; None in older journals."""


@dataclass(frozen=True, slots=True)
class Refusal(Record):
    """A safety net refused the run: which, why, and what to change."""

    kind: ClassVar[str] = "refusal"
    unmasked: ClassVar[frozenset[str]] = frozenset({"net"})
    net: str
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Entered(Record):
    """A state of the lifecycle."""

    kind: ClassVar[str] = "state"
    unmasked: ClassVar[frozenset[str]] = frozenset({"state", "before"})
    state: State
    before: State
    why: str = ""


@dataclass(frozen=True, slots=True)
class Undo(Record):
    """What undoes the injection that follows; written before it."""

    kind: ClassVar[str] = "undo"
    unmasked: ClassVar[frozenset[str]] = frozenset({"id", "target", "what"})
    id: str
    target: Mapping[str, str]
    what: str


@dataclass(frozen=True, slots=True)
class Injected(Record):
    """The faults are in place on one target. `lease` is in seconds; `specs` are the faults as in `TargetState`."""

    kind: ClassVar[str] = "injected"
    unmasked: ClassVar[frozenset[str]] = frozenset({"id", "target", "faults", "specs"})
    id: str
    target: str
    faults: Sequence[str]
    lease: float
    specs: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Sample(Record):
    """A measurement of the phase in which it began. `settling`: so soon after a change of phase that it counts for
    nothing. `failure` is how the service did not answer, `waited` for how long there was no answer, `took` how long the
    measurement was under way; both in seconds. Of a hypothesis without a baseline, a sample there is a look at what was
    before."""

    kind: ClassVar[str] = "sample"
    unmasked: ClassVar[frozenset[str]] = frozenset({"phase"})
    hypothesis: str
    phase: Phase
    value: float | None
    why: str = ""
    events: float | None = None
    series: Sequence[tuple[str, float]] = ()
    settling: bool = False
    failure: str = ""
    waited: float | None = None
    took: float | None = None


@dataclass(frozen=True, slots=True)
class Counted(Record):
    """What a target has counted so far; `hits`, `met` (connections) and `met_exchanges` by fault of the run.

    `exchanges` are turns of clients: requests, whatever the protocol. `injected_delay` is in seconds, over all bytes.
    """

    kind: ClassVar[str] = "counters"
    unmasked: ClassVar[frozenset[str]] = frozenset({"target", "hits", "met", "met_exchanges"})
    target: str
    connections: int
    sent_upstream: int
    sent_downstream: int
    hits: Mapping[str, int]
    met: Mapping[str, int]
    live: int = 0
    dial_failures: int = 0
    exchanges: int = 0
    injected_delay: float = 0.0
    resets: int = 0
    ended_by_fault: int = 0
    met_exchanges: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TargetState(Record):
    """What a target is like from now on; written at the first look, and when it is found different.

    `faults` are all that are in force there, whoever added them, each with name, kind, direction, lease, attributes and
    selection.
    """

    kind: ClassVar[str] = "target"
    unmasked: ClassVar[frozenset[str]] = frozenset({"target", "instance", "upstream", "faults"})
    target: str
    instance: str
    """Of the proxy's process; empty where that is not known."""
    enabled: bool
    upstream: str
    faults: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Outage(Record):
    """A target that was frozen, unreachable or missing for so many seconds until now."""

    kind: ClassVar[str] = "outage"
    unmasked: ClassVar[frozenset[str]] = frozenset({"target", "cause"})
    target: str
    cause: OutageCause
    seconds: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class Stop(Record):
    """The run ends early. `breached_at` is when what led to it was first measured, in seconds since the run began.

    `why` is in words of somebody else; `reason` is typed (see reasons.read_reason) where the cause is a hypothesis.
    """

    kind: ClassVar[str] = "stop"
    unmasked: ClassVar[frozenset[str]] = frozenset({"cause"})
    cause: StopCause
    why: str = ""
    hypothesis: str = ""
    breached_at: float | None = None
    reason: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reverted(Record):
    """An undo was done, or not; `verified` by a listing."""

    kind: ClassVar[str] = "reverted"
    unmasked: ClassVar[frozenset[str]] = frozenset({"id", "target"})
    id: str
    target: str
    verified: bool
    how: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class LoadSecond(Record):
    """A second of the load: requests sent, good and failed ones, and quantiles in seconds.

    `unanswered` requests were under way at its end, and had waited for longer than `traffic` claims, see
    `probes.traffic.overdue_after`. `due` is what the rate asks for; `errors` are the failed ones by kind.
    """

    kind: ClassVar[str] = "traffic"
    second: int
    sent: int
    ok: int
    failed: int
    p50: float | None = None
    p90: float | None = None
    p99: float | None = None
    max: float | None = None
    due: int | None = None
    unanswered: int = 0
    errors: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 1.0
    """Less for the last one, which the end of the load cuts short: what is under way then is unanswered."""


@dataclass(frozen=True, slots=True)
class Failure(Record):
    """Something went wrong: `where` is injection, probe, lease, journal, or runner for a bug of ours."""

    kind: ClassVar[str] = "error"
    unmasked: ClassVar[frozenset[str]] = frozenset({"where"})
    where: str
    what: str


@dataclass(frozen=True, slots=True)
class Interrupted(Record):
    """A signal ended the run."""

    kind: ClassVar[str] = "interrupted"
    unmasked: ClassVar[frozenset[str]] = frozenset({"signal"})
    signal: str


@dataclass(frozen=True, slots=True)
class Closed(Record):
    """Another process found the run unfinished and made sure that nothing of it is left."""

    kind: ClassVar[str] = "closed"
    by: str


@dataclass(frozen=True, slots=True)
class Judged(Record):
    """The verdict, computed from what is above; the last line. Older journals have sentences as reasons."""

    kind: ClassVar[str] = "verdict"
    unmasked: ClassVar[frozenset[str]] = frozenset({"verdict"})
    verdict: str
    exit: Annotated[int, range(256)]
    reasons: Sequence[Mapping[str, Any] | str]


@dataclass(frozen=True, slots=True)
class Unknown(Record):
    """A record of a kind that this version does not know."""

    kind: ClassVar[str] = "unknown"
    content: Mapping[str, Any]


KINDS: Final[Mapping[str, type[Record]]] = {
    record.kind: record
    for record in (
        Run, Plan, Refusal, Entered, Undo, Injected, Sample, Counted, TargetState, Outage, Stop, Reverted, LoadSecond,
        Failure, Interrupted, Closed, Judged,
    )
}  # fmt: skip

NOT_AT_ONCE: Final = frozenset((Sample.kind, Counted.kind, LoadSecond.kind, TargetState.kind, Outage.kind))
"""Kinds that need not be on the disk before the run goes on."""

_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")


class Entry(NamedTuple):
    """A record with its number and its time in seconds since the run began."""

    n: int
    at: float
    record: Record


def encode(entry: Entry) -> str:
    """One line, without its end; what no text can hold, as half a surrogate pair, is a question mark."""
    content = asdict(entry.record)  # type: ignore[call-overload]  # every record is a dataclass
    content = {"n": entry.n, "at": round(entry.at, 6), "kind": entry.record.kind, **content}
    try:
        line = _dumped(content)
    except ValueError:  # as a server may give, whose histogram has no highest bucket
        line = _dumped(_without_infinities(content))
    return safe_json(line.encode(errors="replace").decode())  # whoever looks at the file has a terminal, too


def _dumped(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _without_infinities(content: Any) -> Any:
    """JSON has neither infinities nor NaN: what is beyond all bounds is as large as can be, what is no number null."""
    if isinstance(content, float) and not math.isfinite(content):
        return None if math.isnan(content) else math.copysign(sys.float_info.max, content)
    if isinstance(content, Mapping):
        return {key: _without_infinities(item) for key, item in content.items()}
    return [_without_infinities(item) for item in content] if isinstance(content, list | tuple) else content


def decode(line: str) -> Entry:
    """Raises BadRecord for what is no record."""
    content = _parsed(line)
    if not isinstance(content, dict) or not {"n", "at", "kind"} <= content.keys():
        raise BadRecord("is no record: it needs n, at and kind")
    number, at, kind = content.pop("n"), content.pop("at"), content.pop("kind")
    if type(number) is not int or not 0 <= number < 2**53:
        raise BadRecord("n must be a whole number")
    if type(at) not in (int, float) or not 0 <= at < _LATEST:
        raise BadRecord("at must be a time in seconds")
    if type(kind) is not str:
        raise BadRecord("kind must be text")
    if kind not in KINDS:
        return Entry(number, float(at), Unknown({"kind": kind, **content}))
    try:
        return Entry(number, float(at), _reader(kind)(content))
    except JsonShapeError as error:
        raise BadRecord(f"record {number} ({kind}): {error}") from None


@functools.cache
def _reader(kind: str) -> Callable[[Any], Record]:
    return reader(KINDS[kind])


def _parsed(line: str) -> Any:
    """Raises BadRecord."""
    try:
        content = _JSON.decode(line)
    except json.JSONDecodeError as error:
        reason = error.msg[:1].lower() + error.msg[1:].removesuffix(" at")
        raise BadRecord(f"is not JSON: {reason} at column {error.colno}") from None
    except ValueError as error:
        raise BadRecord(str(error)) from None
    except RecursionError:
        raise BadRecord(_TOO_DEEP) from None
    if line.count("[") + line.count("{") > _DEEPEST and _is_deep(content):
        raise BadRecord(_TOO_DEEP)
    return _whole(content) if _SURROGATE.search(line) else content


_TOO_DEEP: Final = f"has more than {_DEEPEST} brackets within each other"


def _is_deep(content: Any) -> bool:
    """Level by level, as it may be deeper than what calls itself could go."""
    level = [content]
    for _ in range(_DEEPEST + 1):
        level = [
            item
            for one in level
            if isinstance(one, (dict, list))
            for item in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return False
    return True


def _finite(text: str) -> float:
    """Raises ValueError: what is infinite, or no number, cannot be computed with."""
    number = float(text)
    if not -math.inf < number < math.inf:
        raise ValueError(f"{text[:20]} is no number that can be computed with")
    return number


def _short(text: str) -> int:
    """Raises ValueError for one that no float can hold."""
    if len(text) > _DIGITS:
        raise ValueError(f"a number has more than {_DIGITS} digits")
    return int(text)


_JSON: Final = json.JSONDecoder(parse_float=_finite, parse_int=_short, parse_constant=_finite)


def _whole(content: Any) -> Any:
    """The same with texts that can be written."""
    if isinstance(content, str):
        return content.encode(errors="replace").decode()
    if isinstance(content, dict):
        return {_whole(key): _whole(item) for key, item in content.items()}
    return [_whole(item) for item in content] if isinstance(content, list) else content


def read(lines: Iterable[str]) -> Iterator[Entry]:
    """The records of a journal, from lines with their ends; a last one without an end is what a crash cut off, and is
    left out if it is no record. Raises BadRecord for any other."""
    torn: BadRecord | None = None
    for number, line in enumerate(lines, 1):
        if torn is not None:
            raise torn
        if not line.strip():
            continue
        try:
            yield decode(line)
        except BadRecord as error:
            torn = BadRecord(error.reason, number)
            if line.endswith("\n"):
                raise torn from None
