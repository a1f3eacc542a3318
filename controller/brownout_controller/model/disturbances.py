"""What others did to the targets of a run while it measured: pure, from the records of what was watched.

The targets are looked at each second from the plan to the end of the recovery. A fault that is not ours, a proxy that
was disabled, moved, restarted, stopped for a while or not reachable, and a fault of ours that somebody changed: with
any of them nothing may be concluded, and nobody is blamed for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from brownout_controller.model.journal import Entered, Entry, Injected, Outage, Plan, Run, TargetState
from brownout_controller.model.reasons import Number, Reason

FROZEN: Final = 2.0
"""Seconds that a proxy's process may do nothing, by its own clock. All its connections stood still for as long,
whatever the cause: stopped, or starved of its core."""
SILENT: Final = 3.0
"""Seconds without an answer from a target, those not counted in which this process itself was late. A refused
connection is an outage at once."""

DISTURBANCES: Final = (
    "foreign-fault", "proxy-disabled", "proxy-enabled", "upstream-changed", "fault-changed", "proxy-restarted",
    "proxy-frozen", "proxy-unreachable", "proxy-missing",
)  # fmt: skip
"""The codes of the reasons that this module gives."""
_OUTAGES: Final = {"frozen": "proxy-frozen", "unreachable": "proxy-unreachable", "missing": "proxy-missing"}


class Strength(NamedTuple):
    """A fault of the run as it was in force on one target. Times are in seconds since the run began."""

    target: str
    fault: str
    kind: str
    direction: str
    attributes: Mapping[str, Any]
    selection: Mapping[str, Any]
    since: float
    until: float

    @property
    def measure(self) -> tuple[str, str, Mapping[str, Any], Mapping[str, Any]]:
        """What must not change."""
        return self.kind, self.direction, self.attributes, self.selection


class _Look(NamedTuple):
    """What a target was like, from one look until the next that found it different."""

    since: float
    until: float
    state: TargetState


def disturbances(entries: Sequence[Entry]) -> list[Reason]:
    """What happened to the ground, in the order of its beginning: each with when, for how long, and by whom if that is
    known. `subject` is the target."""
    run_id = next((entry.record.run_id for entry in entries if isinstance(entry.record, Run)), "")
    asked = _asked(entries)
    found, planned = _outages(entries), _planned(entries)
    for target, looks in _looks(entries).items():
        found += _foreign(target, looks, run_id, set(asked.get(target, {})))
        found += _differing(target, [*_before(looks[0], planned.get(target)), *looks])
    found += _changes(strengths(entries), asked)
    return sorted(found, key=lambda reason: reason.numbers["at"].value)


def strengths(entries: Sequence[Entry]) -> list[Strength]:
    """The run's own faults as they were in force, one for each time in which a fault did not change."""
    asked, found = _asked(entries), []
    for target, looks in _looks(entries).items():
        for name in asked.get(target, {}):
            spans: list[Strength] = []
            for since, until, state in looks:
                for fault in state.faults:
                    if fault.get("name") != name:
                        continue
                    here = Strength(target, name, *_measure(fault), since, until)
                    if spans and spans[-1].measure == here.measure and spans[-1].until == since:
                        spans[-1] = spans[-1]._replace(until=until)
                    else:
                        spans.append(here)
            found += spans
    return found


def _looks(entries: Sequence[Entry]) -> dict[str, list[_Look]]:
    """What each target was like, over time."""
    end = _end(entries)
    states: dict[str, list[tuple[float, TargetState]]] = {}
    for entry in entries:
        if isinstance(entry.record, TargetState) and entry.at <= end:
            states.setdefault(entry.record.target, []).append((entry.at, entry.record))
    return {
        target: [
            _Look(at, following, state)
            for (at, state), following in zip(seen, [*(at for at, _ in seen[1:]), end], strict=True)
        ]
        for target, seen in states.items()
    }


def _planned(entries: Iterable[Entry]) -> dict[str, tuple[float, TargetState]]:
    """What each target was like when the plan was made, and when that was; nothing from older journals."""
    return {
        name: (
            entry.at,
            TargetState(name, target.get("instance", ""), name not in plan.disabled, target.get("upstream", "")),
        )
        for entry in entries
        if isinstance(plan := entry.record, Plan) and plan.disabled is not None
        for target in plan.targets
        if (name := target.get("id", ""))
    }


def _before(first: _Look, planned: tuple[float, TargetState] | None) -> list[_Look]:
    """The look that the plan took: what is different at the first look of the watch was changed in between. Where a
    backend does not list an upstream, the plan has none."""
    if planned is None:
        return []
    at, state = planned
    return [_Look(at, first.since, replace(state, upstream=state.upstream or first.state.upstream))]


def _end(entries: Sequence[Entry]) -> float:
    """When nothing more was measured."""
    over = (entry.at for entry in entries if isinstance(entry.record, Entered) and entry.record.state == "judged")
    return next(over, max((entry.at for entry in entries), default=0.0))


def _asked(entries: Iterable[Entry]) -> dict[str, dict[str, tuple[Any, ...]]]:
    """By target the faults that were injected, each as it was asked for; of an older journal nothing."""
    found: dict[str, dict[str, tuple[Any, ...]]] = {}
    for entry in entries:
        if isinstance(entry.record, Injected):
            specs = {str(spec.get("name")): _measure(spec) for spec in entry.record.specs}
            found.setdefault(entry.record.target, {}).update(specs)
    return found


def _measure(fault: Mapping[str, Any]) -> tuple[str, str, Mapping[str, Any], Mapping[str, Any]]:
    return (
        str(fault.get("kind", "")), str(fault.get("direction", "")), _mapping(fault, "attributes"),
        _mapping(fault, "selection"),
    )  # fmt: skip


def _mapping(fault: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    content = fault.get(key)
    return content if isinstance(content, Mapping) else {}


def _foreign(target: str, looks: Sequence[_Look], run_id: str, ours: set[str]) -> Iterator[Reason]:
    """Faults of others. Those that were there at the first look were allowed by whoever switched the net off."""
    allowed = {_who(fault) for fault in looks[0].state.faults}
    since: dict[tuple[str, str], float] = {}
    kinds: dict[tuple[str, str], str] = {}
    for look in (*looks, None):
        here = set()
        for fault in () if look is None else look.state.faults:
            name, lease = who = _who(fault)
            if who in allowed or name in ours or lease.startswith(f"{run_id}/"):
                continue
            here.add(who)
            kinds[who] = str(fault.get("kind", ""))
            since.setdefault(who, look.since if look is not None else 0.0)
        now = look.since if look is not None else looks[-1].until
        for who in [who for who in since if who not in here]:
            name, lease = who
            words = {"fault": name, "kind": kinds[who], **({"lease": lease, "run": _run_of(lease)} if lease else {})}
            yield _reason("foreign-fault", target, since[who], now, words)
            del since[who]


def _who(fault: Mapping[str, Any]) -> tuple[str, str]:
    return str(fault.get("name", "")), str(fault.get("lease", ""))


def _run_of(lease: str) -> str:
    """The run or owner that a lease is named after."""
    return lease.partition("/")[0]


def _differing(target: str, looks: Sequence[_Look]) -> Iterator[Reason]:
    """What the target itself was, other than at the first of these looks."""
    first = looks[0].state
    for since, until, _ in _merged(looks, lambda state: state.enabled, first.enabled):
        yield _reason("proxy-disabled" if first.enabled else "proxy-enabled", target, since, until, {})
    for since, until, upstream in _merged(looks, lambda state: state.upstream, first.upstream):
        yield _reason("upstream-changed", target, since, until, {"before": first.upstream, "after": str(upstream)})
    known = first.instance
    for look in looks[1:]:
        if look.state.instance and known and look.state.instance != known:
            yield _reason("proxy-restarted", target, look.since, look.since, {})
        known = look.state.instance or known


def _merged(looks: Sequence[_Look], of: Any, usual: object) -> Iterator[tuple[float, float, object]]:
    """The times in which a property was another than the usual, neighbours with the same value as one."""
    spans: list[tuple[float, float, object]] = []
    for since, until, state in looks:
        value = of(state)
        if spans and spans[-1][1] == since and spans[-1][2] == value:
            spans[-1] = (spans[-1][0], until, value)
        else:
            spans.append((since, until, value))
    return (span for span in spans if span[2] != usual)


def _changes(found: Sequence[Strength], asked: Mapping[str, Mapping[str, tuple[Any, ...]]]) -> Iterator[Reason]:
    """Faults of ours that were not as strong as they had been asked for."""
    for here in found:
        before = asked[here.target][here.fault]
        if here.measure == before:
            continue
        was, now = _flat(before), _flat(here.measure)
        names = [name for name in {**was, **now} if was.get(name) != now.get(name)]
        words = {"fault": here.fault, "kind": here.kind} | {
            f"{when}:{name}": _text(values.get(name)) for name in names for when, values in (("was", was), ("now", now))
        }
        yield _reason("fault-changed", here.target, here.since, here.until, words)


def _flat(measure: tuple[Any, ...]) -> Mapping[str, Any]:
    kind, direction, attributes, selection = measure
    return {"kind": kind, "direction": direction, **attributes, **selection}


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else "" if value is None else str(value)


def _outages(entries: Iterable[Entry]) -> list[Reason]:
    """Each once: two looks at one target may both have seen the same, which began where the first one saw it."""
    found: list[Reason] = []
    for entry in entries:
        if isinstance(entry.record, Outage):
            here = _outage(entry.at, entry.record)
            same = next((at for at, other in enumerate(found) if _overlap(here, other)), None)
            if same is None:
                found.append(here)
            elif here.value("seconds") > found[same].value("seconds"):
                begun = {"at": found[same].numbers["at"], "seconds": here.numbers["seconds"]}
                found[same] = replace(found[same], numbers=begun)
    return found


def _overlap(later: Reason, earlier: Reason) -> bool:
    same = (later.code, later.subject) == (earlier.code, earlier.subject)
    return same and later.value("at") < earlier.value("at") + earlier.value("seconds")


def _outage(at: float, outage: Outage) -> Reason:
    words = {"why": outage.why} if outage.why else {}
    return _reason(_OUTAGES.get(outage.cause, "proxy-unreachable"), outage.target, at - outage.seconds, at, words)


def _reason(code: str, target: str, since: float, until: float, words: Mapping[str, str]) -> Reason:
    numbers = {"at": Number(max(0.0, since), "s"), "seconds": Number(max(0.0, until - since), "s")}
    return Reason(code, subject=target, numbers=numbers, words=words)
