"""What became of a file: untouched, changed by a person, or out of step with the architecture."""

from __future__ import annotations

import pytest

from brownout_catalogue.generate.drift import (
    PASSING,
    drifts,
    is_untouched,
    leaves,
    mark,
    marked,
    mentions,
    same,
    unmarked,
)
from brownout_core.errors import InvalidSpec

TEXT = """\
# why
# now: row 1
fault: {latency: {delay: 4s}}
duration: 30s
traffic: {rate: 10/s}
hypotheses:
  - {name: fast, expect: < 2s}
"""
WRITTEN = marked("database-slow/orders/postgres", TEXT, {"for": "buy"})


def _drifts(text: str, fresh: str) -> list[str]:
    return [str(one) for one in drifts(text, fresh)]


def test_a_file_tells_what_it_is_of_and_what_it_was_made_with() -> None:
    known = mark(WRITTEN)
    assert known is not None
    assert (known.of, known.inputs) == ("database-slow/orders/postgres", {"for": "buy"})
    assert mark(TEXT) is None
    assert unmarked(WRITTEN) == TEXT
    assert leaves(WRITTEN) == leaves(TEXT)


def test_a_file_as_it_was_written_is_untouched_whatever_git_makes_of_its_lines() -> None:
    assert is_untouched(WRITTEN)
    assert is_untouched(WRITTEN.replace("\n", "\r\n"))
    assert is_untouched("\ufeff" + WRITTEN)
    assert is_untouched(marked("x", TEXT.replace("\n", "\r\n"), {}))
    assert not is_untouched(TEXT)


@pytest.mark.parametrize(
    "change", [("4s", "3s"), ("# why", "# because"), ("duration", "# mine\nduration"), ("30s\n", "")]
)
def test_any_change_is_a_person_s_be_it_a_comment(change: tuple[str, str]) -> None:
    assert not is_untouched(WRITTEN.replace(*change, 1))


def test_what_is_true_on_the_day_only_is_no_difference() -> None:
    assert same(WRITTEN, marked("x", TEXT.replace(f"{PASSING}row 1", f"{PASSING}row 7"), {}))
    assert not same(WRITTEN, marked("x", TEXT.replace("why", "because"), {}))


def test_a_person_s_own_value_is_no_drift_while_ours_is_the_same() -> None:
    mine = WRITTEN.replace("10/s", "50/s").replace("4s", "3s")
    assert _drifts(mine, TEXT) == []


def test_a_value_that_would_be_written_anew_is_drift() -> None:
    mine = WRITTEN.replace("10/s", "50/s").replace("4s", "3s")
    now = TEXT.replace("4s", "8s").replace("30s", "45s")
    assert _drifts(mine, now) == [
        "fault.latency.delay: file 3s, the architecture now gives 8s",
        "duration: file 30s, the architecture now gives 45s",
    ]


def test_who_has_the_new_value_already_has_no_drift() -> None:
    assert _drifts(WRITTEN.replace("4s", "8s"), TEXT.replace("4s", "8s")) == []


def test_what_would_no_longer_be_said_is_drift_and_what_a_person_added_is_not() -> None:
    mine = WRITTEN.replace("duration", "seed: 7\nduration")
    assert _drifts(mine, TEXT.replace("traffic: {rate: 10/s}\n", "")) == [
        "traffic.rate: file 10/s, the architecture now gives nothing"
    ]


def test_hypotheses_are_compared_by_their_names_not_by_their_places() -> None:
    mine = WRITTEN.replace("  - {name: fast", "  - {name: own, expect: == 1}\n  - {name: fast")
    assert _drifts(mine, TEXT) == []
    assert _drifts(mine, TEXT.replace("< 2s", "< 1s")) == [
        "hypotheses[fast].expect: file < 2s, the architecture now gives < 1s"
    ]


def test_a_line_in_the_file_keeps_a_value_for_good() -> None:
    now = TEXT.replace("4s", "8s").replace("30s", "45s")
    for keep, left in (("fault", 1), ("fault.latency.delay, duration", 0), ("faul", 2)):
        assert len(_drifts(WRITTEN.replace("4s", "3s") + f"# keep: {keep}\n", now)) == left, keep


def test_a_file_that_lost_its_marks_for_values_drifts_where_it_differs() -> None:
    lost = "\n".join(line for line in WRITTEN.splitlines() if not line.startswith("# values"))
    assert _drifts(lost.replace("4s", "3s"), TEXT) == ["fault.latency.delay: file 3s, the architecture now gives 4s"]


def test_a_file_that_is_no_yaml_any_more_is_an_error_and_what_it_was_given_is_nothing_to_fall_over() -> None:
    with pytest.raises(InvalidSpec) as caught:
        drifts(WRITTEN.replace("{latency", "{{latency"), TEXT)
    assert mentions(caught.value).startswith("cannot be read: line ")
    broken = mark(WRITTEN.replace('{"for"', '{for"'))
    assert broken is not None
    assert broken.inputs == {}
