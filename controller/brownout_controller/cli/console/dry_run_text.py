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


def print_dry_runs(dry_runs: Sequence[DryRun], environment: str, *, as_json: bool = False) -> int:
    """Prints the dry runs; returns the exit status."""
    if as_json:
        output.echo(json_text([_plain(dry_run) for dry_run in dry_runs]))
    else:
        output.echo("\n".join(_text(dry_run, environment) for dry_run in dry_runs), end="")
    return worst(foreseen(dry_run) for dry_run in dry_runs).exit


def foreseen(dry_run: DryRun) -> Verdict:
    """The verdict of a run that started now; PASSED where nothing would stop it."""
    if dry_run.refused:
        return Verdict.REFUSED
    return Verdict.INCONCLUSIVE if dry_run.trouble else Verdict.PASSED


def in_words(spec: FaultSpec) -> str:
    """`latency on answers (latency 1s): Delays ...`."""
    way = "answers" if spec.direction == "downstream" else "requests"
    units = {name: unit_of_field(info) for name, info in spec.fault.fields().items()}
    parts: list[str] = []
    for name, value in spec.fault.attributes().items():
        unit = units.get(name)
        if value or not parts:
            parts.append(f"{name} {unit.format(value) if unit is not None and not isinstance(value, str) else value}")
    selection = spec.selection
    parts += [f"{SHARE.format(selection.toxicity)} of the connections"] if selection.toxicity != 1 else []
    parts += [f"clients {', '.join(map(str, selection.clients))}"] if selection.clients else []
    parts += [f"the first {selection.first}"] if selection.first else []
    parts += [f"every {selection.every}th"] if selection.every else []
    return f"{spec.kind} on {way} ({', '.join(parts) or 'no attributes'}): {type(spec.fault).summary()}"


def _plain(dry_run: DryRun) -> dict[str, Any]:
    return {
        "name": dry_run.name,
        "edges": list(dry_run.edges),
        "targets": [target.id for target in dry_run.targets],
        "faults": [in_words(spec) for spec in dry_run.faults],
        "undo": _undo(dry_run),
        "traffic": dry_run.traffic,
        "seconds": {
            "baseline": dry_run.baseline,
            "duration": dry_run.duration,
            "recovery": dry_run.recovery,
            "lease": dry_run.lease,
        },
        "hypotheses": [now._asdict() for now in dry_run.readings],
        "refusals": [
            {"net": sections.net, "reason": sections.reason, "remedy": sections.remedy} for sections in dry_run.refused
        ],
        "trouble": dry_run.trouble,
        "exit": foreseen(dry_run).exit,
    }


def _text(dry_run: DryRun, environment: str) -> str:
    sections: Sequence[tuple[str, Sequence[str]]] = (
        ("target", [target.id for target in dry_run.targets] or [dry_run.trouble or "none"]),
        ("inject", [in_words(spec) for spec in dry_run.faults]),
        ("undo", [_undo(dry_run)]),
        ("traffic", [f"{dry_run.traffic}, through all phases"] if dry_run.traffic else []),
        ("takes", [_takes(dry_run)]),
        ("refused", [f"{refusal.reason} ({refusal.net}); {refusal.remedy}" for refusal in dry_run.refused]),
    )
    lines = [line(f"{dry_run.name}: {', '.join(dry_run.edges)} in {environment}; a dry run, nothing is touched")]
    lines += [f"  {word:<8} {line(text)}" for word, texts in sections for text in texts]
    text = "\n".join(lines) + "\n"
    if dry_run.readings:
        rows = [(now.hypothesis, now.expect, _value(now), _state(now)) for now in dry_run.readings]
        text += "\n" + outcome.table([("hypothesis", "expected", "now", ""), *rows], outcome.fitting())
    return text + _consequence(dry_run)


def _undo(dry_run: DryRun) -> str:
    return f"the run ends its lease; if it cannot, the fault ends by itself within {SECONDS.format(dry_run.lease)}"


def _takes(dry_run: DryRun) -> str:
    times = {"baseline": dry_run.baseline, "fault": dry_run.duration, "recovery": dry_run.recovery}
    parts = ", ".join(f"{name} {SECONDS.format(seconds)}" for name, seconds in times.items())
    return f"{SECONDS.format(sum(times.values()))}: {parts}"


def _value(now: CurrentReading) -> str:
    return "-" if now.value is None else quantity(now.value, UNITS.get(now.unit, COUNT))


def _state(now: CurrentReading) -> str:
    if now.holds is None:
        return now.why
    return "ok" if now.holds else "does not hold now"


def _consequence(dry_run: DryRun) -> str:
    verdict = foreseen(dry_run)
    if verdict is not Verdict.PASSED:
        return f"\nas things are, a run would end {verdict}, exit {verdict.exit}\n"
    needed = [now for now in dry_run.readings if "baseline" in now.when]
    bad = [now.hypothesis for now in needed if now.holds is False or (_blind(now) and not dry_run.traffic)]
    if bad:
        return f"\nas things are, the baseline would not hold and nothing would be injected: {', '.join(bad)}\n"
    blind = [now.hypothesis for now in needed if _blind(now)]
    if blind:
        return f"\nno load is sent now, and with it these must have data: {', '.join(blind)}\n"
    return ""


def _blind(now: CurrentReading) -> bool:
    return now.value is None and now.holds is None and not now.later
