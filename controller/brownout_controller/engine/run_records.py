"""What the journal of a run begins with: what is run, and what is planned."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from brownout_controller.engine.injection import faults_of
from brownout_controller.engine.planning import Planned, Setup
from brownout_controller.model.evidence import reach
from brownout_controller.model.journal import Plan, Run
from brownout_core import __version__


def run_record(setup: Setup, run: str) -> Run:
    """The experiment and the environment as they were read; started now."""
    experiment = setup.experiment
    return Run(
        run_id=run,
        version=__version__,
        started=datetime.now(UTC).isoformat(timespec="milliseconds"),
        experiment=experiment.content,
        terms=[hypothesis.recorded.model_dump(mode="json", by_alias=True) for hypothesis in experiment.hypotheses],
        environment={"name": setup.environment_name, **setup.environment.for_journal()},
        seed=setup.seed,
        replay=setup.replay,
        recovery=experiment.conditions.recovery,
        source=experiment.source,
        nets_off=experiment.conditions.nets,
        lasting=_lasting(setup),
        part_of=setup.part_of,
    )


def _lasting(setup: Setup) -> Mapping[str, float]:
    """Seconds by state of the lifecycle."""
    conditions = setup.experiment.conditions
    if not setup.experiment.hypotheses:
        return {"observing": conditions.duration}
    return {"baseline": conditions.baseline, "observing": conditions.duration, "recovering": conditions.recovery}


def plan_record(setup: Setup, planned: Planned, run: str) -> Plan:
    """The targets and faults, and what undoes them."""
    conditions, faults = setup.experiment.conditions, faults_of(setup, run)
    return Plan(
        [target.plain for target in planned.chosen],
        [spec.name for spec in faults],
        [f"release the lease on {target.id}; it lapses after {conditions.lease:g} s" for target in planned.chosen],
        len(planned.found),
        reach(faults, len(planned.found), len(planned.chosen)),
        conditions.min_share,
        conditions.met,
        [target.id for target in planned.chosen if not target.enabled],
    )
