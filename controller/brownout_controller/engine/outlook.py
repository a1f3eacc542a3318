"""A plan with what the hypotheses read now: what `--dry-run` shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

from brownout_controller.backends.base import BackendError, Target
from brownout_controller.engine.planning import LOCAL_POWERS, Planned, Setup, plan
from brownout_controller.engine.sampling import Sampler
from brownout_controller.model.journal import Refusal
from brownout_controller.model.probe import Surroundings
from brownout_proxy.faults.spec import FaultSpec


class Now(NamedTuple):
    """What a hypothesis reads before anything is done; `why` where that is nothing."""

    hypothesis: str
    expect: str
    value: float | None
    why: str


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a run would do. Times are in seconds; `trouble` is why the targets could not be asked."""

    name: str
    edges: Sequence[str]
    targets: Sequence[Target]
    faults: Sequence[FaultSpec]
    duration: float
    lease: float
    readings: Sequence[Now]
    refused: Sequence[Refusal]
    trouble: str = ""


async def look_ahead(setup: Setup, *, measure: bool) -> Outlook:
    """Touches nothing."""
    experiment, conditions, trouble = setup.experiment, setup.experiment.conditions, ""
    try:
        planned = await plan(setup)
    except BackendError as error:
        planned, trouble = Planned([], [], []), setup.masker.text(str(error))
    # A probe that may not use this machine must not do so here either.
    measure = measure and not any(refusal.net == LOCAL_POWERS for refusal in planned.refused)
    return Outlook(
        experiment.name,
        setup.edges,
        planned.chosen,
        experiment.faults,
        conditions.duration,
        cast(float, conditions.lease),
        await _readings(setup) if measure else [],
        planned.refused,
        trouble,
    )


async def _readings(setup: Setup) -> list[Now]:
    surroundings = Surroundings(prometheus=setup.environment.prometheus, allowed_commands=setup.allowed_commands)
    found = []
    for hypothesis in setup.experiment.hypotheses:
        sampler = Sampler(hypothesis, surroundings, _NoPhase(), lambda _: None, lambda *_: None)
        reading = await sampler.measure()
        await sampler.close()
        found.append(Now(hypothesis.name, hypothesis.terms.expect, reading.value, setup.masker.text(reading.why)))
    return found


class _NoPhase:
    phase = None
    since = 0.0
