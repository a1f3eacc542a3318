"""The catalogue for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from brownout_catalogue.rendering.listing import Listing, explained, known
from brownout_catalogue.scoring.ranking import Row
from brownout_core.safe_text import json_text


def render(shown: Listing, rows: Sequence[tuple[int, Row]], unread: Sequence[Mapping[str, Any]] = ()) -> str:
    """`rows` are those that are told, each with its place; `unread` are journals of past runs that could not be
    read."""
    content = {
        "architecture": shown.architecture.name,
        "scenarios": len(shown.rows),
        "by_mode": dict(shown.by_mode),
        "rows": [row(place, one) for place, one in rows],
        "missing": [effect._asdict() for effect in shown.missing.effects],
        "missing_search": {"tried": shown.missing.tried, "values": shown.missing.values},
        "left_out": list(unread),
    }
    return json_text(content) + "\n"


def row(place: int, one: Row) -> dict[str, Any]:
    """One row with all that --explain tells."""
    scenario, told = one.scenario, explained(place, one)
    return {
        "place": place,
        "id": scenario.id,
        "title": scenario.title,
        "mode": scenario.mode.id,
        "target": scenario.target,
        "score": round(one.score, 6),
        "factors": {
            name: {"value": round(value, 6), "word": word, "reasons": list(reasons)}
            for name, value, word, reasons in told.factors
        },
        "tested": known(one.ignorance),
        "broken": one.ignorance.broken,
        "flows": [{"name": hold.stake.name, "grip": hold.grip} for hold in scenario.holds],
        "goes_wrong": told.goes_wrong,
        "look_for": list(told.look_for),
        "hypotheses": [
            {key: item for key, item in claim.model_dump(mode="json").items() if item} for claim in scenario.claims
        ],
        "edge": scenario.edge,
        "faults": [dict(fault) for fault in scenario.faults],
        "local": scenario.fill(scenario.mode.local.note or scenario.mode.local.none),
        "cluster": {
            "kind": scenario.mode.cluster.kind,
            "action": scenario.mode.cluster.action,
            "note": scenario.fill(scenario.mode.cluster.note or scenario.mode.cluster.none),
        },
    }
