"""`brownout run --dry-run`: what a run would do, what would speak against it, and what its hypotheses read now.

Nothing is injected, and no load is sent.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import click

from brownout_controller.backends.base import BackendError
from brownout_controller.cli import outcome
from brownout_controller.engine.runner import Setup, plan
from brownout_controller.engine.sampling import Sampler
from brownout_controller.model.hypothesis import Hypothesis
from brownout_controller.model.journal import Refusal
from brownout_controller.model.probe import Reading, Surroundings
from brownout_controller.model.verdict import Verdict, worst
from brownout_proxy.faults.spec import FaultSpec, unit_of
from brownout_proxy.units import SECONDS, SHARE

_LATER: Final = "measured during a run only"


@dataclass(frozen=True, slots=True)
class Now:
    """What a hypothesis reads now. `holds` None: that cannot be said yet."""

    name: str
    phases: tuple[str, ...]
    expect: str
    value: float | None
    shown: str
    holds: bool | None
    why: str


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What one experiment would do."""

    experiment: str
    edge: str
    environment: str
    targets: tuple[str, ...]
    faults: tuple[str, ...]
    undo: str
    traffic: str
    seconds: float
    phases: str
    hypotheses: tuple[Now, ...]
    refusals: tuple[Refusal, ...]
    trouble: str = ""
    """Why the targets cannot be told."""

    @property
    def verdict(self) -> Verdict:
        """What a run could not get beyond, as things are; passed is that nothing is in its way."""
        if self.refusals:
            return Verdict.REFUSED
        return Verdict.INCONCLUSIVE if self.trouble else Verdict.PASSED


async def rehearse(setup: Setup) -> Rehearsal:
    """Asks the targets and the hypotheses, all of them at once."""
    experiment, conditions = setup.experiment, setup.experiment.conditions
    refused: Sequence[Refusal] = ()
    targets: tuple[str, ...] = ()
    trouble = ""
    reading = asyncio.gather(*(_now(hypothesis, setup) for hypothesis in experiment.hypotheses))
    try:
        planned = await plan(setup)
        targets, refused = tuple(target.id for target in planned.chosen), planned.refused
    except BackendError as error:
        trouble = str(error)
    mask, lease = setup.masker.text, SECONDS.format(float(conditions.lease))
    load = conditions.traffic
    times = {"baseline": conditions.baseline, "fault": conditions.duration, "recovery": conditions.recovery}
    return Rehearsal(
        experiment=experiment.name,
        edge=conditions.edge,
        environment=setup.environment_name,
        targets=targets,
        faults=tuple(in_words(spec) for spec in experiment.faults),
        undo=f"the run ends its lease; if it cannot, the fault ends by itself within {lease}",
        traffic="" if load is None else mask(f"{load.method} {load.url}, {load.rate:g} a second, through all phases"),
        seconds=experiment.longest,
        phases=", ".join(f"{name} {SECONDS.format(seconds)}" for name, seconds in times.items()),
        hypotheses=tuple(await reading),
        refusals=tuple(refused),
        trouble=mask(trouble),
    )  # fmt: skip


async def _now(hypothesis: Hypothesis, setup: Setup) -> Now:
    terms, mask = hypothesis.terms, setup.masker.text
    holds: bool | None = None
    if hypothesis.probe.only_in_runs:
        reading = Reading(None, _LATER)
    else:
        surroundings = Surroundings(prometheus=setup.environment.prometheus, allowed_commands=setup.allowed_commands)
        sampler = Sampler(hypothesis, surroundings, _NoPhase(), lambda _: None, lambda *_: None)
        try:
            reading = await sampler.measure()
        finally:
            await sampler.close()
        if terms.expected.needs_baseline:
            reading = reading._replace(why=reading.why or "the baseline that it is held against is measured in a run")
        elif reading.value is not None:
            holds = terms.expected.holds(reading.value)
    shown = outcome.valued(hypothesis)(reading.value) if reading.value is not None else "-"
    return Now(mask(terms.name), terms.when, terms.expect, reading.value, shown, holds, mask(reading.why))


def in_words(spec: FaultSpec) -> str:
    """`latency on answers (latency 1s): Delays ...`."""
    way = "answers" if spec.direction == "downstream" else "requests"
    units = {name: unit_of(info) for name, info in spec.fault.fields().items()}
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


def tell(rehearsals: Sequence[Rehearsal], *, as_json: bool) -> int:
    """Prints them; gives the exit status."""
    if as_json:
        click.echo(json.dumps([_plain(one) for one in rehearsals], indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(_told(one) for one in rehearsals), nl=False)
    return worst(one.verdict for one in rehearsals).exit


def _plain(one: Rehearsal) -> dict[str, Any]:
    return {**asdict(one), "refusals": [asdict(refusal) for refusal in one.refusals], "exit": one.verdict.exit}


def _told(one: Rehearsal) -> str:
    lines = [f"{one.experiment}: {one.edge} in {one.environment}; a dry run, nothing is touched"]
    said: Sequence[tuple[str, Sequence[str]]] = (
        ("target", one.targets or (one.trouble or "none",)),
        ("inject", one.faults),
        ("undo", (one.undo,)),
        ("traffic", (one.traffic,) if one.traffic else ()),
        ("takes", (f"{SECONDS.format(one.seconds)}: {one.phases}",)),
        ("refused", [f"{refusal.reason} ({refusal.net}); {refusal.remedy}" for refusal in one.refusals]),
    )
    lines += [f"  {word:<8} {text}" for word, texts in said for text in texts]
    rows = [(now.name, now.expect, now.shown, _state(now)) for now in one.hypotheses]
    shown = outcome.table([("hypothesis", "expected", "now", ""), *rows], outcome.fitting())
    return "\n".join(lines) + "\n\n" + shown + _consequence(one)


def _state(now: Now) -> str:
    if now.holds is None:
        return now.why
    return "ok" if now.holds else "does not hold now"


def _consequence(one: Rehearsal) -> str:
    if one.verdict is not Verdict.PASSED:
        return f"\nas things are, a run would end {one.verdict}, exit {one.verdict.exit}\n"
    missing = [now.name for now in one.hypotheses if "baseline" in now.phases and (now.holds is False or _blind(now))]
    if missing:
        return f"\nas things are, the baseline would not hold and nothing would be injected: {', '.join(missing)}\n"
    return ""


def _blind(now: Now) -> bool:
    return now.value is None and now.why != _LATER


class _NoPhase:
    phase = None
    since = 0.0
