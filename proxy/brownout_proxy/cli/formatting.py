"""How a toxic of the HTTP API is written for a person, and for a program that reads toxiproxy-cli's lines."""

from __future__ import annotations

from collections.abc import Iterator

from brownout_core.units import SHARE
from brownout_proxy.cli.client import Json


def toxic_line(toxic: Json) -> list[str]:
    """The cells of toxiproxy-cli's line; conditions and a lease, which it does not know, follow at the end."""
    attributes = toxic.get("attributes") or {}
    return [
        toxic["name"],
        f"type={toxic['type']}",
        f"stream={toxic['stream']}",
        f"toxicity={toxic['toxicity']:.2f}",
        "attributes=[",
        *(f"{key}={attributes[key]}" for key in sorted(attributes)),
        "]",
        *_conditions(toxic),
        *_left(toxic),
        *([f"lease={toxic['lease']}"] if toxic.get("lease") else []),
    ]


def attributes_in_words(toxic: Json) -> str:
    """`latency=300ms jitter=10ms`, with the units that the fault declares; zeros are left out."""
    attributes = toxic.get("attributes") or {}
    words = [f"{key}={_with_unit(toxic['type'], key, value)}" for key, value in attributes.items() if value]
    return " ".join(words) or " ".join(f"{key}=0" for key in list(attributes)[:1]) or "-"


def _with_unit(kind: str, key: str, value: Json) -> str:
    from brownout_core.faults import KINDS  # late: lines for programs do not need them
    from brownout_core.faults.spec import unit_of

    declared = KINDS[kind].fields().get(key) if kind in KINDS else None
    unit = unit_of(declared) if declared is not None else None
    if unit is None or isinstance(value, (str, bool)):
        return str(value)
    words = unit.format(value)
    return words if unit.parse(words) == value else f"{value}{unit.symbol}"  # 1000001ms, not 16.6667m


def selection_in_words(toxic: Json) -> str:
    """Which connections are hit: `all`, or the conditions."""
    share = toxic["toxicity"]
    conditions = list(_conditions(toxic))
    if share < 1:
        conditions.insert(0, SHARE.format(share))
    return " ".join(conditions) or "all"


def hits_in_words(toxic: Json) -> str:
    """`12 on 3 connections, 2 left`; nothing where the server does not count."""
    status = toxic.get("status")
    if not status:
        return ""
    connections = status["connections"]
    left = "" if status.get("left") is None else f", {status['left']} left"
    return f"{status['hits']} on {connections} connection{'s' if connections != 1 else ''}{left}"


def _left(toxic: Json) -> Iterator[str]:
    """How many connections the condition `first` still has; nothing without one."""
    left = (toxic.get("status") or {}).get("left")
    if left is not None:
        yield f"left={left}"


def _conditions(toxic: Json) -> Iterator[str]:
    if toxic.get("clients"):
        yield f"clients={','.join(toxic['clients'])}"
    for key in ("first", "every"):
        if toxic.get(key):
            yield f"{key}={toxic[key]}"
