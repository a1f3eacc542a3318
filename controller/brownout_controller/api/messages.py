"""Requests, dry runs and verdicts on the wire: from protobuf and back, for both ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from google.protobuf.duration_pb2 import Duration

from brownout_controller.backends.base import ProxyPlace, Target
from brownout_controller.engine.dry_run import CurrentReading, DryRun
from brownout_controller.engine.run_list import Row
from brownout_controller.engine.run_request import FaultRequest, RunRequest
from brownout_controller.engine.run_supervisor import HeldFaults
from brownout_controller.engine.store import Brief
from brownout_controller.model.environment import LOCAL
from brownout_controller.model.journal import Judged, LeftOut, Refusal
from brownout_controller.model.judge import Judgement
from brownout_controller.report.sentences import sentence
from brownout_controller.v1 import controller_pb2 as pb
from brownout_core import limits
from brownout_core.errors import InvalidSpec
from brownout_core.experiment_terms import LEASE
from brownout_core.formatting import line
from brownout_core.verdict import Verdict
from brownout_core.wire import read_fault, show_fault

RUN: Final = "brownout-run"
"""Trailing metadata with the run whose faults could not be put in place."""
SIGNALS: Final = {"SIGINT": pb.SIGNAL_INT, "SIGTERM": pb.SIGNAL_TERM}


def show_run_request(request: RunRequest) -> pb.Experiment:
    return pb.Experiment(
        text=request.text,
        file=request.file,
        environment=request.environment,
        variables=request.variables,
        seed=request.seed,
        replay=request.replay,
        part_of=request.part_of,
    )


def read_run_request(message: pb.Experiment) -> RunRequest:
    return RunRequest(
        message.text,
        message.file,
        message.environment or LOCAL,
        dict(message.variables),
        message.seed if message.HasField("seed") else None,
        message.replay,
        message.part_of,
    )


def show_fault_request(request: FaultRequest) -> pb.StartFaultsRequest:
    return pb.StartFaultsRequest(
        environment=request.environment,
        edges=request.edges,
        faults=[show_fault(spec) for spec in request.faults],
        blast_radius=pb.BlastRadius(mode=request.mode, value=request.value),
        duration=duration(request.duration),
        lease=duration(request.lease),
        seed=request.seed,
        because=request.because,
        replay=request.replay,
    )


def read_fault_request(message: pb.StartFaultsRequest) -> FaultRequest:
    """Raises InvalidSpec."""
    if not message.HasField("duration"):
        raise InvalidSpec("duration", "missing: faults have an end")
    limits.FAULTS.check(len(message.faults), "faults")
    faults = []
    for number, fault in enumerate(message.faults):
        try:
            faults.append(read_fault(fault))
        except InvalidSpec as error:
            raise InvalidSpec(f"faults[{number}].{error.path.removeprefix('fault.')}", error.reason) from None
    radius = message.blast_radius
    return FaultRequest(
        list(message.edges),
        faults,
        seconds(message.duration),
        seconds(message.lease) if message.HasField("lease") else LEASE,
        message.environment or LOCAL,
        radius.mode or "one",
        radius.value if radius.HasField("value") else None,
        message.seed if message.HasField("seed") else None,
        message.because,
        message.replay,
    )


def show_dry_run(dry_run: DryRun) -> pb.PlanResponse:
    return pb.PlanResponse(
        name=dry_run.name,
        edges=dry_run.edges,
        targets=[show_target(target) for target in dry_run.targets],
        faults=[show_fault(spec) for spec in dry_run.faults],
        duration=duration(dry_run.duration),
        lease=duration(dry_run.lease),
        readings=[pb.Reading(**now._asdict()) for now in dry_run.readings],
        refusals=[pb.Refusal(net=item.net, reason=item.reason, remedy=item.remedy) for item in dry_run.refused],
        trouble=dry_run.trouble,
        baseline=duration(dry_run.baseline),
        recovery=duration(dry_run.recovery),
        traffic=dry_run.traffic,
    )


def read_dry_run(message: pb.PlanResponse) -> DryRun:
    return DryRun(
        message.name,
        list(message.edges),
        [Target(target.id, target.proxy, target.where) for target in message.targets],
        [read_fault(fault) for fault in message.faults],
        seconds(message.duration),
        seconds(message.lease),
        [
            CurrentReading(
                now.hypothesis,
                now.expect,
                now.value if now.HasField("value") else None,
                now.why,
                now.holds if now.HasField("holds") else None,
                tuple(now.when),
                now.later,
                now.unit,
            )
            for now in message.readings
        ],
        [Refusal(item.net, item.reason, item.remedy) for item in message.refusals],
        message.trouble,
        seconds(message.baseline),
        seconds(message.recovery),
        message.traffic,
    )


def show_verdict(verdict: str | None) -> pb.Verdict:
    """Of the word that a journal has; one that this version does not know is none."""
    name = Verdict(verdict).name if verdict in set(Verdict) else "UNSPECIFIED"
    number: pb.Verdict = getattr(pb, f"VERDICT_{name}")
    return number


def show_row(row: Row) -> pb.RunInfo:
    brief, verdict = row.brief, row.brief.verdict
    return pb.RunInfo(
        run=brief.run_id,
        name=brief.name,
        environment=brief.environment,
        started=brief.started,
        state=row.state,
        verdict=show_verdict(None if verdict is None else verdict.verdict),
        exit=0 if verdict is None else verdict.exit,
        ad_hoc=not brief.claims,
        targets=row.targets,
        phase=row.phase,
        left=None if row.left is None else duration(row.left),
    )


def read_row(message: pb.RunInfo) -> Row:
    """Of a verdict without its reasons, which GetRun has."""
    judged = None
    if message.verdict != pb.VERDICT_UNSPECIFIED:
        word = Verdict[pb.Verdict.Name(message.verdict).removeprefix("VERDICT_")].value
        judged = Judged(word, message.exit, ())
    brief = Brief(message.run, message.name, message.environment, message.started, not message.ad_hoc, judged)
    left = seconds(message.left) if message.HasField("left") else None
    return Row(brief, message.state, message.phase, left, list(message.targets))


def show_left_out(one: LeftOut) -> pb.LeftOut:
    return pb.LeftOut(path=line(one.path), line=one.line or 0, reason=line(one.reason))


def read_left_out(message: pb.LeftOut) -> LeftOut:
    return LeftOut(message.path, message.line or None, message.reason)


def show_judgement(row: Row, judgement: Judgement) -> pb.GetRunResponse:
    """Reasons and results are those of the verdict, so there are none before there is one."""
    message = pb.GetRunResponse(run=show_row(row))
    if not row.is_over:
        return message
    message.reasons.extend(map(sentence, judgement.reasons))
    message.hits.update(judgement.hits)
    for result in judgement.results:
        counts = result.counts
        message.results.append(
            pb.Result(
                hypothesis=result.name,
                phase=result.phase,
                outcome=result.outcome,
                samples=counts.total,
                worst=result.worst,
                sentence=sentence(result.reason),
                **counts._asdict(),
            )
        )
    if judgement.recovery is not None:
        message.recovery.CopyFrom(duration(judgement.recovery))
    if judgement.stopping is not None:
        message.stopping.CopyFrom(duration(judgement.stopping))
    return message


def show_place(place: ProxyPlace) -> pb.Place:
    return pb.Place(**place._asdict())


def read_place(message: pb.Place) -> ProxyPlace:
    return ProxyPlace(message.where, message.proxy, list(message.edges), list(message.faults), message.trouble)


def show_held(held: HeldFaults) -> pb.HeldFaults:
    return pb.HeldFaults(
        run=held.run,
        environment=held.environment,
        faults=held.faults,
        targets=held.targets,
        left=duration(max(0.0, held.left)),
    )


def duration(length: float) -> Duration:
    message = Duration()
    message.FromTimedelta(timedelta(seconds=length))
    return message


def seconds(message: Any) -> float:
    length: float = message.seconds + message.nanos / 1e9
    return length


def show_target(target: Target) -> pb.Target:
    return pb.Target(id=target.id, proxy=target.proxy, where=target.where)
