"""The trials of a search: what each run says, and after which nothing more is tried."""

from __future__ import annotations

import pytest

from brownout_controller.cli.client.follow import Signals
from brownout_controller.cli.client.run_client import ClientOptions
from brownout_controller.cli.margin_search import SearchOutcome, TrialRun, explain_trial, limit_of, search
from brownout_controller.engine.run_request import RunRequest
from brownout_controller.model.experiment import read_experiment
from brownout_controller.model.fault_parameter import find_parameter
from brownout_controller.model.margin_search import Resolution, SearchPlan
from brownout_controller.probes import KINDS
from brownout_controller.report.margin.timeouts import OwnLimit
from brownout_core import document
from tests.support.builders import journals
from tests.support.builders.journals import Story
from tests.support.fakes.run_client import TEXT, Proving, Tale

_WHERE = ClientOptions(
    environment="local", config=None, runs=None, controller="127.0.0.1:1", token=None, token_file=None, tls_ca=None,
    tls_cert=None, tls_key=None, patience=1.0,
)  # fmt: skip


def hunt() -> SearchOutcome:
    root = document.parse(TEXT, "pay.yaml", columns=True)
    assert root is not None
    experiment = read_experiment(root, "pay.yaml", KINDS)
    dial = find_parameter(TEXT, root, experiment)
    order = RunRequest(TEXT, "pay.yaml", part_of="margin-1", seed=7)
    return SearchOutcome(dial, experiment, order, SearchPlan(50.0, 3200.0, Resolution(factor=1.1), own=800.0), None)


async def searched(
    venue: Proving, signals: Signals | None = None, *, after: int = 0
) -> tuple[SearchOutcome, list[TrialRun]]:
    """`after` so many runs a signal has come."""
    done, told, signals = hunt(), list[TrialRun](), signals or Signals()

    def ended(number: int, tried: TrialRun) -> None:
        told.append(tried)
        assert number == len(told)
        if number == after:
            signals.arrive("SIGINT")

    await search(done, venue, _WHERE, signals, begins=lambda *_: None, ended=ended)
    return done, told


async def test_each_trial_is_the_experiment_with_another_value_and_says_of_which_search_it_is() -> None:
    venue = Proving(187.0)
    done, told = await searched(venue)
    assert venue.values == [800, 50, 200, 100, 140, 170, 184]
    assert [tried.value for tried in told] == venue.values
    assert {
        order.text.replace(f"latency: {done.parameter.formatted(value)}", "latency: 800ms")
        for order, value in zip(venue.orders, venue.values, strict=True)
    } == {TEXT}
    assert {(order.part_of, order.seed) for order in venue.orders} == {("margin-1", 7)}
    assert venue.checked == 0, "the experiment is checked as it is written, see the command"
    assert done.status == 1, "the file's own value is broken"
    assert (done.search.finding().held, done.search.finding().broke) == (184, 200)


@pytest.mark.parametrize(
    ("tale", "verdict", "status"),
    [(journals.not_reverted, "not-reverted", 6), (journals.refused, "refused", 4), (journals.internal, "internal", 7),
     (lambda: journals.stopped("asked"), "stopped", 5)],
)  # fmt: skip
async def test_nothing_is_tried_after_a_verdict_that_says_so(tale: Tale, verdict: str, status: int) -> None:
    venue = Proving(187.0, {50.0: [tale]})
    done, _ = await searched(venue)
    assert venue.values == [800, 50]
    assert done.ended is not None
    assert (done.ended.value, done.status) == (verdict, status)


async def test_a_stop_condition_that_was_met_is_as_good_as_a_refutation() -> None:
    done, told = await searched(Proving(5000.0, {3200.0: [journals.stopped]}))
    assert told[1].answer == "broke"
    assert done.status == 0


@pytest.mark.parametrize("tale", [journals.untouched, lambda: journals.stopped("blind"), journals.closed_later])
async def test_an_inconclusive_run_counts_for_nothing_and_is_repeated_once(tale: Tale) -> None:
    venue = Proving(5000.0, {3200.0: [tale]})
    done, told = await searched(venue)
    assert venue.values == [800, 3200, 3200]
    assert [tried.answer for tried in told] == ["held", "unknown", "held"]
    assert done.status == 0

    venue = Proving(5000.0, {3200.0: [tale, tale]})
    done, _ = await searched(venue)
    assert venue.values == [800, 3200, 3200]
    assert done.status == 3


async def test_a_system_that_does_not_come_back_from_a_trial_is_told_from_one_that_was_never_well() -> None:
    broken, _ = await searched(Proving(187.0, {50.0: [journals.untouched, journals.untouched]}))
    assert broken.stuck == 800
    well, _ = await searched(Proving(5000.0, {3200.0: [journals.untouched, journals.untouched]}))
    assert well.stuck is None, "it held before"
    blind, _ = await searched(Proving(187.0, {50.0: [lambda: journals.stopped("blind")] * 2}))
    assert blind.stuck is None, "its baseline was met"
    assert (await searched(Proving(187.0)))[0].stuck is None


async def test_a_journal_that_was_not_written_to_its_end_is_no_answer() -> None:
    done, told = await searched(Proving(5000.0, {800.0: [Story, Story]}))
    assert [tried.answer for tried in told] == ["unknown", "unknown"]
    assert done.status == 3


async def test_a_signal_ends_the_search_and_what_is_known_stays() -> None:
    venue, signals = Proving(187.0), Signals()
    done, _ = await searched(venue, signals, after=3)
    assert venue.values == [800, 50, 200]
    assert (done.search.finding().held, done.search.finding().broke) == (50, 200)
    assert not done.search.finding().complete


async def test_a_run_that_a_signal_ended_says_nothing() -> None:
    signals = Signals()
    signals.came = "SIGTERM"
    done, told = await searched(Proving(187.0, {800.0: [journals.interrupted]}), signals)
    assert told == []
    assert [tried.answer for tried in done.tried] == ["unknown"]
    assert done.search.trials == []


async def test_a_time_that_grows_up_to_its_own_limit_is_told_from_one_that_leaps() -> None:
    """184 and 200 ms are the ends; the limit is 200 ms."""

    def run(*during: float) -> Tale:
        def tale() -> Story:
            story = Story().planned().samples("baseline", 1, 0.005).injected().samples("during", 6, *during)
            return story.hit().reverted().samples("recovery", 11, 0.005, 0.006).judged()

        return tale

    async def limit(below: Tale, above: Tale) -> OwnLimit | None:
        return limit_of((await searched(Proving(187.0, {184.0: [below], 200.0: [above]})))[0])

    assert await limit(run(0.185), run(0.203)) == OwnLimit("p99 stays low", "< 200ms", "185ms", "203ms")
    assert await limit(run(0.01), run(3.0)) is None, "it leaps"
    late = Story().planned().samples("baseline", 1, 0.005).injected().samples("during", 6, 0.19).hit().reverted()
    assert await limit(run(0.185), lambda: late.samples("recovery", 11, 0.3).judged()) is None, (
        "it broke in the recovery"
    )
    share = [{"name": "p99 stays low", "expect": "< 20%", "probe": "traffic"}]
    errors = {"name": "x", "hypotheses": [{"name": "p99 stays low", "traffic": "errors", "expect": "< 20%"}]}
    assert await limit(run(0.19), lambda: journals.refuted(terms=share, experiment=errors)) is None, "it is no time"
    assert limit_of((await searched(Proving(5000.0)))[0]) is None, "there is no end"


async def test_the_telling_hypothesis_is_the_one_that_broke_or_came_nearest() -> None:
    async def told(tale: Tale) -> str:
        _, trials = await searched(Proving(5000.0, {800.0: [tale, tale]}))
        return explain_trial(trials[0])

    assert await told(journals.passed) == "p99 stays low: 120ms (< 200ms)"
    assert await told(journals.refuted) == "p99 stays low: 306ms (< 200ms)"
    assert "p99 stays low (baseline): 400ms at worst" in await told(journals.untouched)
    terms = [{"name": name, "expect": "< 1s", "probe": "traffic"} for name in ("calm", "near")]

    def two() -> Story:
        story = Story(terms=terms).planned().injected()
        for phase, begin in (("baseline", 1.0), ("during", 6.0), ("recovery", 11.0)):
            for name, value in (("calm", 0.1), ("near", 0.9)):
                story.samples(phase, begin, value, name=name)  # type: ignore[arg-type]
        return story.hit().reverted().judged()

    assert await told(two) == "near: 900ms (< 1s)"
