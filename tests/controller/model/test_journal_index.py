"""A journal sorted by what happened."""

from __future__ import annotations

from brownout_controller.model.journal import Entered, Entry, Record, Run, Sample, Stop
from brownout_controller.model.journal_index import JournalIndex, stop_reason, terms_of
from brownout_controller.model.reasons import TEXT, Number, Reason


def _index(*records: tuple[float, Record]) -> JournalIndex:
    return JournalIndex(Entry(number, at, record) for number, (at, record) in enumerate(records))


def test_a_phase_lasts_until_the_next_state_and_one_that_goes_on_until_now() -> None:
    index = _index(
        (1.0, Entered("baseline", "planned")),
        (4.0, Entered("injecting", "baseline")),
        (4.5, Entered("observing", "injecting")),
        (9.0, Sample("h", "during", 1.0)),
    )
    assert index.phase_seconds() == {"baseline": 3.0, "during": 4.5}


def test_samples_that_count_are_in_the_order_in_which_they_began() -> None:
    late, early, settling = (
        Sample("h", "during", 2.0, took=0.1), Sample("h", "during", 1.0, took=5.0),
        Sample("h", "during", 3.0, settling=True),
    )  # fmt: skip
    index = _index((7.0, late), (8.0, early), (8.5, settling))
    assert [sample.value for _, sample in index.counting("h", "during")] == [1.0, 2.0]


def test_a_stop_is_typed_or_has_the_words_of_an_older_journal() -> None:
    typed = Reason("blind", "h", "during", numbers={"seconds": Number(6.0, "s")})
    assert stop_reason(Stop("blind", "", "h", 1.0, typed.plain())) == typed
    old = Reason(TEXT, "h", words={"text": "h was 9"})
    assert stop_reason(Stop("condition", "h was 9", "h")) == old
    assert stop_reason(Stop("condition", "h was 9", "h", reason={"code": 9})) == old


def test_terms_of_an_older_journal_get_the_unit_that_can_be_guessed() -> None:
    content = {"hypotheses": [{"name": "h", "traffic": "p99", "expect": "<= 2 * baseline"}]}
    terms = [{"name": "h", "expect": "<= 2 * baseline", "probe": "traffic", "from a newer version": 1}]
    (old,) = terms_of(Run("r", "1", "", content, terms, {}, 7, "", 0.0))
    assert (old.unit, old.waits) == ("s", None)
    (new,) = terms_of(Run("r", "1", "", content, [{**terms[0], "unit": "share", "waits": ""}], {}, 7, "", 0.0))
    assert (new.unit, new.waits) == ("share", "")
