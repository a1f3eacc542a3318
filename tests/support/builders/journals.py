"""Journals of runs that never were, for the tests of reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from brownout_controller.engine.store import JOURNAL
from brownout_controller.model.journal import (
    Closed,
    Counted,
    Entered,
    Entry,
    Failure,
    Injected,
    Interrupted,
    Judged,
    LoadSecond,
    Plan,
    Record,
    Refusal,
    Reverted,
    Run,
    Sample,
    Stop,
    StopCause,
    Undo,
    encode,
)
from brownout_controller.model.judge import judge
from brownout_controller.model.reasons import Number, Reason
from brownout_controller.report.run.run_report import RunReport, run_report
from brownout_core.experiment_terms import Phase

RUN_ID: Final = "20261124-100000-database-latency-abcd"
FAULT: Final = f"latency_downstream.{RUN_ID}"
NAME: Final = "p99 stays low"
NASTY: Final = "<script>alert(1)</script>\"'&]]>\x00\x1b[31m\ud800|`@everyone`\u202e\n# x"
"""What must come out of no report as it went in."""

TERMS: Final[Mapping[str, Any]] = {"name": NAME, "expect": "< 200ms", "probe": "traffic"}


class Story:
    """Writes a run record by record."""

    def __init__(self, *, terms: Sequence[Mapping[str, Any]] = (TERMS,), **changes: Any) -> None:
        self.entries: list[Entry] = []
        content = {
            "run_id": RUN_ID,
            "version": "0.1.0",
            "started": "2026-11-24T10:00:00.000+00:00",
            "experiment": {
                "name": "database-latency",
                "because": "the database was slow once",
                "edge": "payment -> postgresql",
                "fault": {"latency": {"delay": "300ms"}},
                "hypotheses": [{"name": NAME, "traffic": "p99", "expect": "< 200ms"}],
            },
            "terms": list(terms),
            "environment": {"name": "local", "backend": "proxy"},
            "seed": 7,
            "replay": "brownout run exp.yaml --env local --seed 7",
            "recovery": 10.0,
            "source": "exp.yaml",
        }
        self.at(0, Run(**{**content, **changes}))

    def at(self, at: float, *records: Record) -> Story:
        for record in records:
            self.entries.append(Entry(len(self.entries), at, record))
        return self

    def samples(self, phase: Phase, begin: float, *values: float | None, name: str = NAME, every: float = 1.0) -> Story:
        for number, value in enumerate(values):
            why = "" if value is not None else "nobody answered"
            self.at(begin + number * every, Sample(name, phase, value, why, 50.0))
        return self

    def planned(self) -> Story:
        target = {"id": "127.0.0.1:8475/db", "proxy": "db", "where": "127.0.0.1:8475"}
        return self.at(0.1, Plan([target], [FAULT], ["release the lease"]), Entered("baseline", "planned"))

    def injected(self, at: float = 5.0) -> Story:
        target = {"id": "127.0.0.1:8475/db", "proxy": "db", "where": "127.0.0.1:8475"}
        return self.at(
            at,
            Entered("injecting", "baseline"),
            Undo("u0", target, "release the lease"),
            Injected("u0", target["id"], [FAULT], 3.0),
            Entered("observing", "injecting"),
        )

    def hit(self, at: float = 9.0, hits: int = 425) -> Story:
        return self.at(at, Counted("127.0.0.1:8475/db", 300, 1000, 2000, {FAULT: hits}, {FAULT: min(hits, 251)}))

    def reverted(self, at: float = 10.0, *, verified: bool = True) -> Story:
        how, why = ("gone by a listing", "") if verified else ("", "nobody answers at 127.0.0.1:8475")
        self.at(at, Entered("reverting", "observing"))
        self.at(at + 0.01, Reverted("u0", "127.0.0.1:8475/db", verified, how, why))
        if verified:
            self.at(at + 0.02, Entered("recovering", "reverting"))
        return self

    def judged(self, at: float = 20.0) -> Story:
        last = [entry.record for entry in self.entries if isinstance(entry.record, Entered)]
        self.at(at, Entered("judged", last[-1].state if last else "planned"))
        verdict = judge(self.entries)
        return self.at(at, verdict.record())

    def load(self, seconds: int = 20) -> Story:
        for second in range(seconds):
            self.at(second + 1.2, LoadSecond(second, 50, 48, 2, 0.004, 0.005, 0.3, 0.31))
        return self

    def report(self) -> RunReport:
        return run_report(self.entries, RUN_ID)

    def store(self, root: Path, run_id: str = RUN_ID) -> Path:
        directory = root / run_id
        directory.mkdir(parents=True)
        text = "".join(encode(entry) + "\n" for entry in self.entries)
        (directory / JOURNAL).write_bytes(text.encode(errors="replace"))
        return directory


def passed(**changes: Any) -> Story:
    story = Story(**changes).planned().samples("baseline", 1, 0.005, 0.006).injected()
    story.samples("during", 6, 0.1, 0.12, 0.11).hit().reverted()
    return story.samples("recovery", 11, 0.3, 0.005, 0.006).load().judged()


def refuted(**changes: Any) -> Story:
    story = Story(**changes).planned().samples("baseline", 1, 0.005, 0.006).injected()
    story.samples("during", 6, 0.1, 0.306, 0.305).hit().reverted()
    return story.samples("recovery", 11, 0.005, 0.006).judged()


def untouched() -> Story:
    """The baseline was not met."""
    return Story().planned().samples("baseline", 1, 0.3, 0.4).judged(5)


def refused() -> Story:
    return Story().at(0.1, Refusal("zero-targets", "no proxy carries it", "start one")).judged(0.2)


def stopped(cause: StopCause = "condition", **changes: Any) -> Story:
    story = Story(**changes).planned().samples("baseline", 1, 0.005, 0.006).injected().samples("during", 6, 0.1, 0.9)
    words, numbers = {"expect": "< 200ms", "stop": "> 500ms"}, {"value": Number(0.9, "s")}
    reason = Reason("stop-met", NAME, "during", numbers=numbers, words=words)
    story.at(7.1, Stop(cause, "", NAME, 7.0, reason.plain())).hit(7.2).reverted(7.5)
    return story.samples("recovery", 9, 0.005).judged()


def not_reverted() -> Story:
    story = Story().planned().samples("baseline", 1, 0.005).injected().samples("during", 6, 0.1).hit()
    return story.reverted(verified=False).judged()


def internal() -> Story:
    story = Story().planned().samples("baseline", 1, 0.005).injected()
    return story.at(6, Failure("runner", "ZeroDivisionError: division by zero")).reverted().judged()


def interrupted() -> Story:
    story = Story().planned().samples("baseline", 1, 0.005).injected().samples("during", 6, 0.1)
    return story.at(7, Interrupted("SIGTERM")).reverted().judged()


def killed() -> Story:
    """Nobody closed it."""
    return Story().planned().samples("baseline", 1, 0.005).injected().samples("during", 6, 0.1)


def closed_later() -> Story:
    """Two hours after its death."""
    story = killed().at(7200, Reverted("u0", "127.0.0.1:8475/db", True, "found gone by a later start"))
    story.at(7200, Closed("a later start"))
    verdict = judge(story.entries)
    return story.at(7200, verdict.record())


ALL: Final = {
    "passed": passed,
    "refuted": refuted,
    "inconclusive": untouched,
    "refused": refused,
    "stopped": stopped,
    "not-reverted": not_reverted,
    "internal": internal,
}
"""A run of each verdict."""


def nasty() -> Story:
    """Every text of the journal is what an attacker, or bad luck, would choose."""
    name = NASTY.replace("\ud800", "")  # which pydantic does not take
    terms = {"name": name, "because": name, "expect": "< 200ms", "no_data": {"pass": name}, "probe": NASTY}
    experiment = {"name": NASTY, "because": NASTY, "edge": NASTY, "fault": {NASTY: NASTY}, "hypotheses": [terms]}
    story = Story(
        terms=[terms], experiment=experiment, version=NASTY, started=NASTY, replay=NASTY, source=NASTY,
        run_id=NASTY, environment={"name": NASTY, NASTY: NASTY}, nets_off={NASTY: NASTY},
    )  # fmt: skip
    target = {"id": NASTY, "proxy": NASTY, "where": NASTY}
    story.at(1, Plan([target], [NASTY], [NASTY]), Refusal(NASTY, NASTY, NASTY), Entered("baseline", "planned", NASTY))
    story.at(2, Undo(NASTY, target, NASTY), Injected(NASTY, NASTY, [NASTY], 3.0))
    story.at(3, Sample(name, "baseline", None, NASTY, None, ((NASTY, 1.0), (NASTY, 2.0))))
    story.at(4, Sample(name, "during", 9.0, NASTY), Counted(NASTY, 1, 1, 1, {NASTY: 1}, {NASTY: 1}))
    story.at(5, Stop("condition", NASTY, NASTY, 4.0), Reverted(NASTY, NASTY, False, NASTY, NASTY))
    return story.at(6, Failure(NASTY, NASTY), Interrupted(NASTY), Closed(NASTY), Judged(NASTY, 6, [NASTY]))
