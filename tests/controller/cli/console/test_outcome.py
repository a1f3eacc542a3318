"""What a run came to, for people."""

from __future__ import annotations

import pytest

from brownout_controller.cli.console import outcome
from brownout_controller.cli.console.outcome import OutputStyle
from brownout_controller.model.accounting import Counts
from brownout_controller.model.evidence import Contact, Evidence, Move, Share
from brownout_controller.model.judge import Judgement
from brownout_controller.model.reasons import TEXT, Number, Reason
from brownout_controller.model.results import Outcome, Result
from brownout_core.experiment_terms import Phase
from brownout_core.verdict import Verdict
from tests.support.builders.experiments import begun, claimed

_CLAIM = {"name": "p99 stays low", "traffic": "p99", "expect": "< 300ms"}
_LOAD = {"url": "http://127.0.0.1:1/", "rate": 500}


def text(words: str) -> Reason:
    return Reason(TEXT, words={"text": words})


def _result(phase: Phase, outcome: Outcome, counts: Counts, worst: float | None = None) -> Result:
    numbers = {name: Number(value) for name, value in counts._asdict().items()}
    reason = Reason(outcome, "p99 stays low", phase, numbers=numbers)
    return Result("p99 stays low", phase, outcome, counts, worst, reason)


def _told(verdict: Verdict = Verdict.REFUTED, look: OutputStyle | None = None) -> str:
    results = (
        _result("baseline", "held", Counts(9), 0.01234),
        _result("during", "broke", Counts(4, 3, 1, 1), 0.5),
        _result("recovery", "no-data", Counts(unanswered=9)),
    )
    judged = Judgement(verdict, verdict.exit, (text("p99 stays low (during): bad"),), results, {}, 1.25)
    return outcome.verdict_text(begun(claimed(_CLAIM, traffic=_LOAD)), judged, look)


def test_the_table_has_values_in_their_unit_and_every_line_stands_for_itself() -> None:
    lines = _told().splitlines()
    assert lines[0].split() == ["hypothesis", "phase", "expected", "worst", "seen", "measurements", "outcome"]
    assert [line.split()[-1] for line in lines[1:4]] == ["held", "broke", "no-data"]
    assert "12.3ms  9 good, of 9" in lines[1]
    assert "500ms  4 good, 3 bad, 1 unanswered, 1 missing, of 9" in lines[2]
    assert "-  9 unanswered, of 9" in lines[3]
    assert all(line.startswith("p99 stays low") for line in lines[1:4])
    assert "\x1b" not in "".join(lines)


def test_the_last_line_says_the_verdict_in_words() -> None:
    told = _told()
    assert "  p99 stays low (during): bad\n" in told
    assert "recovered 1.2 s after the revert" in told
    last = told.splitlines()[-1]
    assert last == "verdict: refuted, exit status 1: the fault was in place and a hypothesis did not hold"


def test_on_a_narrow_terminal_nothing_is_wider_and_nothing_is_lost() -> None:
    lines = _told(look=OutputStyle(40)).splitlines()
    assert max(map(len, lines)) <= 40
    assert "".join("".join(lines).split()).count("p99stayslow(during):bad") == 1


def test_a_narrow_terminal_gets_the_measurements_in_a_table_of_their_own() -> None:
    lines = [line.rstrip() for line in _told(look=OutputStyle(60)).splitlines()]
    assert lines[0].split() == ["hypothesis", "phase", "expected", "worst", "seen", "outcome"]
    assert lines[4].split() == ["hypothesis", "phase", "measurements"]
    assert "4 good, 3 bad, 1 unanswered, 1 missing, of 9" in " ".join(" ".join(lines[6:8]).split())
    assert max(map(len, lines)) <= 60


def test_colours_are_for_those_who_see_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" in _told(look=OutputStyle(80, colour=True))
    assert "\x1b" not in _told(look=OutputStyle(80))
    assert outcome.fitting() == OutputStyle(), "this is no terminal"


def test_a_run_of_which_nothing_is_known_has_its_verdict_all_the_same() -> None:
    verdict = Verdict.INCONCLUSIVE
    told = outcome.verdict_text(None, Judgement(verdict, verdict.exit, (text("the run was cut off"),)))
    assert told.splitlines() == [
        "  the run was cut off", f"verdict: inconclusive, exit status 3: {verdict.meaning}"
    ]  # fmt: skip


def test_a_hypothesis_that_stopped_the_run_is_told_though_no_sample_counts() -> None:
    results = (_result("during", "broke", Counts()),)
    judged = Judgement(Verdict.STOPPED, Verdict.STOPPED.exit, (text("p99 was 0.4"),), results)
    lines = outcome.verdict_text(begun(claimed(_CLAIM, traffic=_LOAD)), judged).splitlines()
    assert lines[1].split()[-2:] == ["none", "broke"]
    untested = judged.results[0]._replace(outcome="untested")
    told = outcome.verdict_text(
        begun(claimed(_CLAIM, traffic=_LOAD)), Judgement(Verdict.STOPPED, 5, (text("x"),), (untested,))
    )
    assert "untested" not in told


def test_a_long_reason_is_broken_between_words_on_a_narrow_terminal() -> None:
    judged = Judgement(Verdict.INCONCLUSIVE, 3, (text("nobody measured anything " * 6),))
    lines = outcome.verdict_text(begun(claimed(_CLAIM, traffic=_LOAD)), judged, OutputStyle(60)).splitlines()
    assert max(map(len, lines)) <= 60
    assert {line.lstrip().split()[0] for line in lines[:-2]} <= {"nobody", "measured", "anything"}


def test_the_evidence_has_a_line_of_its_own_that_fits_a_narrow_terminal() -> None:
    seen = Evidence(
        [Contact("127.0.0.1:8475/postgresql", "slow", 9, 1, 9)], Share(0.685, 411, 600, "requests", 0.9),
        moves=[Move("p99 stays low", 0.012, 0.5, changed=True)], claims=True, claimed=True,
    )  # fmt: skip
    judged = Judgement(Verdict.PASSED, 0, (Reason("passed"),), evidence=seen)
    run = begun(claimed(_CLAIM, traffic=_LOAD))
    (line,) = [line for line in outcome.verdict_text(run, judged).splitlines() if line.startswith("evidence: ")]
    assert "411 of 600 requests" in line
    assert "p99 stays low: 12ms before, 500ms under the fault" in line
    assert max(map(len, outcome.verdict_text(run, judged, OutputStyle(60)).splitlines())) <= 60
