"""The evidence of a verdict in words: what met the fault, what moved, and what others did to the targets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from brownout_controller.model.disturbances import Strength
from brownout_controller.model.evidence import Contact, Evidence, Flow
from brownout_controller.model.reasons import Reason
from brownout_core.faults import KINDS
from brownout_core.faults.spec import unit_of
from brownout_core.formatting import line, quantity, seconds
from brownout_core.units import SHARE, Unit

_OF_A_RUN: Final = re.compile(r"\.\d{8}-\d{6}-.+$")
"""What a run adds to the names of its faults."""
_PHASES: Final = {"baseline": "before", "during": "under the fault", "recovery": "afterwards"}
_CAUSES: Final = (
    "usual causes are a cache, another path to the server, or a client that learns real addresses and goes around the "
    "proxy, as those of Kafka, Redis Cluster and MongoDB do; lower min_share if so few requests use the edge"
)


def fault_name(name: str) -> str:
    """As the experiment has it, without the run that it is named after."""
    return _OF_A_RUN.sub("", name)


def rows(found: Evidence, units: Mapping[str, Unit], disturbed: Sequence[Reason] = ()) -> list[tuple[str, str]]:
    """The evidence as a table: what it is about, and what was seen. `units` are those of the hypotheses."""
    return [(what, line(text)) for what, text in _rows(found, units, disturbed)]


def _rows(found: Evidence, units: Mapping[str, Unit], disturbed: Sequence[Reason]) -> list[tuple[str, str]]:
    ground = [("changed by others", text) for text in disturbance_lines(disturbed)]
    if not found.contacts:
        return ground
    lines = [("met the fault", contact_text(contact)) for contact in found.contacts]
    lines += [("share", share_text(found))] if found.share is not None else []
    lines += [("on the edge", flow_text(flow)) for flow in found.flows]
    lines += [("fault in force", strength_text(strength)) for strength in found.strengths]
    lines += [("measured", text) for text in _moved(found, units)]
    if found.claims and not found.claimed:
        lines.append(("measured", "nothing was claimed for the time of the fault"))
    watched = [("changed by others", "nothing")] if found.strengths else []
    return lines + (ground or watched)


def summary(found: Evidence, units: Mapping[str, Unit]) -> str:
    """The evidence in a sentence; empty where there is none."""
    if not found.contacts:
        return ""
    idle = len({contact.target for contact in found.idle})
    targets = len({contact.target for contact in found.contacts})
    parts = [f"{targets - idle} of {targets} targets met the fault"] if targets > 1 or idle else []
    parts += [f"{share_text(found)} met the fault"] if found.share is not None else []
    changed = [move.hypothesis for move in found.moves if move.changed]
    moved = list(_moved(found, units))
    if found.claims and not found.claimed:
        parts.append("nothing was claimed for the time of the fault")
    elif found.unmoved:
        parts.append("nothing measured changed")
    elif changed:
        parts.append(next(text for text in moved if text.startswith(changed[0])))
        parts += [f"{_counted(len(changed) - 1, 'more measurement')} changed"] if len(changed) > 1 else []
    return line("; ".join(parts))


def plain(found: Evidence) -> dict[str, Any]:
    """What JSON can hold."""
    share = found.share
    return {
        "met": [{**contact._asdict(), "fault": fault_name(contact.fault)} for contact in found.contacts],
        "share": None if share is None else share._asdict(),
        "min_share": found.min_share,
        "edge": [flow._asdict() for flow in found.flows],
        "strength": [
            {**strength._asdict(), "fault": fault_name(strength.fault), "attributes": dict(strength.attributes),
             "selection": dict(strength.selection)}
            for strength in found.strengths
        ],
        "moved": [move._asdict() for move in found.moves],
        "unmoved": found.unmoved,
        "claimed": found.claimed,
    }  # fmt: skip


def contact_text(contact: Contact) -> str:
    """`latency on 127.0.0.1:8473/db: 412 hits on 10 connections with 412 exchanges`."""
    what = f"{fault_name(contact.fault)} on {contact.target}"
    if not contact.hits:
        return f"{what}: no traffic"
    counts = [_counted(contact.hits, "hit"), f"on {_counted(contact.connections, 'connection')}"]
    counts += [f"with {_counted(contact.exchanges, 'exchange')}"] if contact.exchanges else []
    return f"{what}: {' '.join(counts)}"


def share_text(found: Evidence) -> str:
    """`412 of 600 requests (69 %)`. More may be met than were sent: others use the edge, and a request may, twice."""
    share = found.share
    if share is None:
        return ""
    if share.met >= share.possible and share.value >= 1:
        return f"all {share.possible or share.met:.0f} {share.of}"
    if share.met > share.possible:
        return f"{share.met:.0f} exchanges of {share.possible:.0f} {share.of} ({_percent(share.value)})"
    met = f"{share.met:.0f} of {share.possible:.0f} {share.of}"
    if share.before is not None and share.value > share.met / max(share.possible, 1.0) + 0.01:
        return f"{met} ({_percent(share.before)} went over the edge before the fault)"
    return f"{met} ({_percent(share.value)})"


def flow_text(flow: Flow) -> str:
    """What the edge carried in one phase, a second."""
    rates = f"{flow.per_second(flow.exchanges):.3g} exchanges/s, {flow.per_second(flow.connections):.3g} connections/s"
    volume = f"{_bytes(flow.per_second(flow.sent_upstream))} up, {_bytes(flow.per_second(flow.sent_downstream))} down"
    done = [f"{seconds(flow.delay)} of delay injected"] if flow.delay else []
    for count, what in ((flow.ended_by_fault, "ended by the fault"), (flow.resets, "reset"),
                        (flow.dial_failures, "not dialled")):  # fmt: skip
        done += [f"{count} {what}"] if count else []
    return "; ".join([f"{_PHASES[flow.phase]}: {rates}, {volume}", *done])


def strength_text(strength: Strength) -> str:
    """`latency 3s on 127.0.0.1:8473/db from 10.2s to 40.1s`."""
    attributes = attributes_text(strength.kind, {**strength.attributes, **strength.selection})
    when = f"from {seconds(strength.since)} to {seconds(strength.until)}"
    return f"{fault_name(strength.fault)} ({attributes}) on {strength.target} {when}"


def attributes_text(kind: str, values: Mapping[str, Any]) -> str:
    """`latency 3s, jitter 1ms`: values in the units of the fault's declaration, without those that are nothing."""
    fields = KINDS[kind].fields() if kind in KINDS else {}
    parts = []
    for name, value in values.items():
        unit = unit_of(fields[name]) if name in fields else None
        if value:
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            parts.append(f"{name} {unit.format(value) if unit is not None and is_number else value}")
    return ", ".join(parts) or kind


def _moved(found: Evidence, units: Mapping[str, Unit]) -> Iterator[str]:
    for move in found.moves:
        unit = units.get(move.hypothesis)
        before, under = (
            "no data" if value is None else f"{value:.4g}" if unit is None else quantity(value, unit)
            for value in (move.before, move.under)
        )
        how = {None: "no data to compare", True: f"{before} before, {under} under the fault",
               False: f"{before} before, {under} under the fault: within its usual spread"}[move.changed]  # fmt: skip
        yield f"{move.hypothesis}: {how}"


def _percent(share: float) -> str:
    return SHARE.format(round(share, 3 if share < 0.1 else 2))


def _bytes(count: float) -> str:
    for limit, name in ((1e6, "MB/s"), (1e3, "kB/s")):
        if count >= limit:
            return f"{count / limit:.3g} {name}"
    return f"{count:.0f} B/s"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


# Reasons.


def _when(reason: Reason) -> str:
    lasted = reason.value("seconds")
    at = seconds(reason.value("at"))
    return f"for {seconds(lasted)}, beginning {at} into the run" if lasted else f"{at} into the run"


def _small_share(reason: Reason) -> str:
    what = "requests of the load" if reason.words.get("of") == "requests" else "exchanges on the edge"
    met, possible = reason.value("met"), reason.value("possible")
    before = ""
    if "before" in reason.numbers:
        before = f"; before the fault {_percent(reason.value('before'))} went over the edge"
    return (
        f"only {met:.0f} of {possible:.0f} {what} met the fault ({_percent(reason.value('share'))}; min_share asks for "
        f"{_percent(reason.value('min_share'))}){before}: {_CAUSES}"
    )


def _no_hits(reason: Reason) -> str:
    hit, targets, wanted = (int(reason.value(name)) for name in ("hit", "targets", "wanted"))
    return (
        f"{fault_name(reason.words.get('fault', ''))} met no traffic on {reason.subject}: "
        f"{hit} of {_counted(targets, 'target')} met it, and `met` asks for {wanted}"
    )


def _foreign(reason: Reason) -> str:
    words = reason.words
    by = f"of {words['run']}" if words.get("run") else "of somebody else"
    fault = f"{fault_name(words.get('fault', ''))} ({words.get('kind', '')})"
    return f"{reason.subject} also had the fault {fault} {by} {_when(reason)}"


def _changed_fault(reason: Reason) -> str:
    words, changes = reason.words, []
    for name in dict.fromkeys(key.partition(":")[2] for key in words if key.startswith(("was:", "now:"))):
        was, now = (_value(words.get("kind", ""), name, words.get(f"{when}:{name}", "")) for when in ("was", "now"))
        changes.append(f"{name} from {was} to {now}")
    what = f"somebody changed the fault {fault_name(words.get('fault', ''))} on {reason.subject}"
    return f"{what} ({', '.join(changes)}) {_when(reason)}"


def _value(kind: str, name: str, text: str) -> str:
    """An attribute's value in its unit, where that is known."""
    fields = KINDS[kind].fields() if kind in KINDS else {}
    unit = unit_of(fields[name]) if name in fields else None
    try:
        return unit.format(float(text)) if unit is not None else text or "unset"
    except ValueError:
        return text or "unset"


def _upstream(reason: Reason) -> str:
    before, after = reason.words.get("before", ""), reason.words.get("after", "")
    return f"somebody changed the upstream of {reason.subject} from {before} to {after} {_when(reason)}"


def _unmoved(reason: Reason) -> str:
    """With how much was done on the edge: little of it proves nothing, and much of it either that the service copes, or
    that it was not asked."""
    done = [f"{seconds(reason.value('delay'))} of delay"] if reason.value("delay") else []
    done += [f"{_counted(int(reason.value('ended')), 'connection')} ended"] if reason.value("ended") else []
    if not done:
        return "passed, but nothing measured changed under the fault, which may have been too weak to prove anything"
    met = int(reason.value("requests"))
    return (
        f"passed, and nothing measured changed, though the fault met {_counted(met, 'exchange')} on the edge "
        f"({' and '.join(done)} in all): the service copes with it, or what is measured does not need the edge"
    )


def _away(what: str) -> Callable[[Reason], str]:
    def away(reason: Reason) -> str:
        why = f" ({reason.words['why']})" if reason.words.get("why") else ""
        return f"{what.format(target=reason.subject)} {_when(reason)}{why}"

    return away


SENTENCES: Final[Mapping[str, Callable[[Reason], str]]] = {
    "small-share": _small_share,
    "no-hits": _no_hits,
    "passed-unmoved": _unmoved,
    "passed-unclaimed": lambda _: (
        "passed, but nothing was claimed for the time of the fault: that the service copes with it is not proved"
    ),
    "lost-journal": lambda it: f"{it.words.get('text', '')}; what is not recorded is not proved",
    "foreign-fault": _foreign,
    "fault-changed": _changed_fault,
    "upstream-changed": _upstream,
    "proxy-disabled": _away("somebody disabled {target}"),
    "proxy-enabled": _away("somebody enabled {target}, which had been disabled,"),
    "proxy-restarted": _away("the proxy process of {target} was restarted"),
    "proxy-frozen": _away("the proxy process of {target} stood still"),
    "proxy-unreachable": _away("{target} did not answer"),
    "proxy-missing": _away("somebody deleted or replaced the proxy of {target}"),
}  # fmt: skip
"""By the codes of model/evidence.py and model/disturbances.py."""


def disturbance_lines(reasons: Sequence[Reason]) -> list[str]:
    """What others did, a line each."""
    return [SENTENCES[reason.code](reason) for reason in reasons if reason.code in SENTENCES]
