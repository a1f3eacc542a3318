"""`brownout run --dry-run` in words: what a run would do, what speaks against it, and what its hypotheses read now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from brownout_controller.cli.console import outcome, output
from brownout_controller.engine.dry_run import CurrentReading, DryRun
from brownout_core.faults.spec import FaultSpec
from brownout_core.faults.spec import unit_of as unit_of_field
from brownout_core.formatting import line, quantity
from brownout_core.quantity import UNITS
from brownout_core.safe_text import json_text
from brownout_core.units import COUNT, SECONDS, SHARE
from brownout_core.verdict import Verdict, worst


def tell(outlooks: Sequence[DryRun], environment: str, *, as_json: bool = False) -> int:
    """Prints them; gives the exit status."""
    if as_json:
        output.say(json_text([_plain(one) for one in outlooks]))
    else:
        output.say("\n".join(_told(one, environment) for one in outlooks), end="")
    return worst(foreseen(one) for one in outlooks).exit


def foreseen(one: DryRun) -> Verdict:
    """What a run could not get beyond, as things are; passed is that nothing is in its way."""
    if one.refused:
        return Verdict.REFUSED
    return Verdict.INCONCLUSIVE if one.trouble else Verdict.PASSED


def in_words(spec: FaultSpec) -> str:
    """`latency on answers (latency 1s): Delays ...`."""
    way = "answers" if spec.direction == "downstream" else "requests"
    units = {name: unit_of_field(info) for name, info in spec.fault.fields().items()}
    told: list[str] = []
    for name, value in spec.fault.attributes().items():
        unit = units.get(name)
        if value or not told:
            told.append(f"{name} {unit.format(value) if unit is not None and not isinstance(value, str) else value}")
    selection = spec.selection
    told += [f"{SHARE.format(selection.toxicity)} of the connections"] if selection.toxicity != 1 else []
    told += [f"clients {', '.join(map(str, selection.clients))}"] if selection.clients else []
    told += [f"the first {selection.first}"] if selection.first else []
    told += [f"every {selection.every}th"] if selection.every else []
    return f"{spec.kind} on {way} ({', '.join(told) or 'no attributes'}): {type(spec.fault).summary()}"


def _plain(one: DryRun) -> dict[str, Any]:
    return {
        "name": one.name,
        "edges": list(one.edges),
        "targets": [target.id for target in one.targets],
        "faults": [in_words(spec) for spec in one.faults],
        "undo": _undo(one),
        "traffic": one.traffic,
        "seconds": {"baseline": one.baseline, "duration": one.duration, "recovery": one.recovery, "lease": one.lease},
        "hypotheses": [now._asdict() for now in one.readings],
        "refusals": [{"net": said.net, "reason": said.reason, "remedy": said.remedy} for said in one.refused],
        "trouble": one.trouble,
        "exit": foreseen(one).exit,
    }


def _told(one: DryRun, environment: str) -> str:
    said: Sequence[tuple[str, Sequence[str]]] = (
        ("target", [target.id for target in one.targets] or [one.trouble or "none"]),
        ("inject", [in_words(spec) for spec in one.faults]),
        ("undo", [_undo(one)]),
        ("traffic", [f"{one.traffic}, through all phases"] if one.traffic else []),
        ("takes", [_takes(one)]),
        ("refused", [f"{refusal.reason} ({refusal.net}); {refusal.remedy}" for refusal in one.refused]),
    )
    lines = [line(f"{one.name}: {', '.join(one.edges)} in {environment}; a dry run, nothing is touched")]
    lines += [f"  {word:<8} {line(text)}" for word, texts in said for text in texts]
    text = "\n".join(lines) + "\n"
    if one.readings:
        rows = [(now.hypothesis, now.expect, _value(now), _state(now)) for now in one.readings]
        text += "\n" + outcome.table([("hypothesis", "expected", "now", ""), *rows], outcome.fitting())
    return text + _consequence(one)


def _undo(one: DryRun) -> str:
    return f"the run ends its lease; if it cannot, the fault ends by itself within {SECONDS.format(one.lease)}"


def _takes(one: DryRun) -> str:
    times = {"baseline": one.baseline, "fault": one.duration, "recovery": one.recovery}
    parts = ", ".join(f"{name} {SECONDS.format(seconds)}" for name, seconds in times.items())
    return f"{SECONDS.format(sum(times.values()))}: {parts}"


def _value(now: CurrentReading) -> str:
    return "-" if now.value is None else quantity(now.value, UNITS.get(now.unit, COUNT))


def _state(now: CurrentReading) -> str:
    if now.holds is None:
        return now.why
    return "ok" if now.holds else "does not hold now"


def _consequence(one: DryRun) -> str:
    verdict = foreseen(one)
    if verdict is not Verdict.PASSED:
        return f"\nas things are, a run would end {verdict}, exit {verdict.exit}\n"
    needed = [now for now in one.readings if "baseline" in now.when]
    bad = [now.hypothesis for now in needed if now.holds is False or (_blind(now) and not one.traffic)]
    if bad:
        return f"\nas things are, the baseline would not hold and nothing would be injected: {', '.join(bad)}\n"
    blind = [now.hypothesis for now in needed if _blind(now)]
    if blind:
        return f"\nno load is sent now, and with it these must have data: {', '.join(blind)}\n"
    return ""


def _blind(now: CurrentReading) -> bool:
    return now.value is None and now.holds is None and not now.later
