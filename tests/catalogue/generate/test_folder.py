"""A folder of experiments, written again: nothing of a person's is lost, and nothing that changed goes untold."""

from __future__ import annotations

import pytest

from brownout_catalogue.generate.experiment_file import Setting
from brownout_catalogue.generate.folder import Outcome, Plan, plan
from brownout_catalogue.rendering.listing import listing
from tests.support.builders.architectures import SHOP, read

ENTRY = {"": "http://x/"}
NAME = "database-slow.orders.postgres.yaml"


def _plan(text: str, there: dict[str, str] | None = None, top: int = 99, entries: dict[str, str] | None = None) -> Plan:
    architecture = read(text)
    return plan(listing(architecture), top, Setting(architecture, "a.yaml", entries or {}), there or {})


def _files(found: Plan) -> dict[str, str]:
    return {outcome.name: outcome.text for outcome in found.outcomes if outcome.text is not None}


@pytest.fixture(scope="module")
def written() -> dict[str, str]:
    return _files(_plan(SHOP, entries=ENTRY))


def _of(found: Plan, name: str = NAME) -> Outcome:
    return next(outcome for outcome in found.outcomes if outcome.name == name)


def test_the_first_rows_are_written_and_written_again_they_are_unchanged() -> None:
    first = _plan(SHOP, top=3)
    assert [outcome.became for outcome in first.outcomes] == ["written"] * 3
    assert first.wanted == [outcome.name for outcome in first.outcomes]
    again = _plan(SHOP, _files(first), top=3)
    assert [(outcome.became, outcome.text, outcome.is_behind) for outcome in again.outcomes] == [
        ("unchanged", None, False)
    ] * 3


def test_another_order_alone_is_no_reason_to_touch_a_file(written: dict[str, str]) -> None:
    richer = SHOP.replace("services:", "services:\n  other-db: {kind: database}\n  other: {calls: [other-db]}", 1)
    assert "now: row" in written[NAME]
    moved = _of(_plan(richer, written))
    assert (moved.became, moved.text) == ("unchanged", None)


def test_an_untouched_file_follows_the_architecture_and_says_what_changed(written: dict[str, str]) -> None:
    updated = _of(_plan(SHOP.replace("timeout: 2s", "timeout: 5s"), written))
    assert updated.became == "updated"
    assert updated.text is not None
    assert "delay: 10s" in updated.text
    assert "fault.latency.delay: 4s -> 10s" in updated.details
    assert updated.is_behind
    worded = _of(_plan(SHOP.replace("revenue: 80%", "revenue: 79%"), written))
    assert (worded.became, worded.details[0][:13]) == ("updated", "comments only")


def test_a_person_s_file_is_kept_and_drift_is_told_where_the_architecture_changed(written: dict[str, str]) -> None:
    mine = {**written, NAME: written[NAME].replace("delay: 4s", "delay: 3s").replace("rate: 10/s", "rate: 50/s")}
    kept = _of(_plan(SHOP, mine))
    assert (kept.became, kept.text, kept.is_behind) == ("kept", None, False)
    drifted = _of(_plan(SHOP.replace("timeout: 2s", "timeout: 5s"), mine))
    assert (drifted.became, drifted.text, drifted.is_behind) == ("drift", None, True)
    assert drifted.details == ("fault.latency.delay: file 3s, the architecture now gives 10s",)


def test_a_file_that_cannot_be_read_is_kept_and_told(written: dict[str, str]) -> None:
    broken = _of(_plan(SHOP, {**written, NAME: written[NAME].replace("fault: {", "fault: {{")}))
    assert (broken.became, broken.text) == ("drift", None)
    assert "cannot be read" in broken.details[0]


def test_a_file_of_that_name_that_is_a_person_s_own_is_left_alone() -> None:
    own = _of(_plan(SHOP, {NAME: "name: mine\n"}))
    assert (own.became, own.text, own.is_behind) == ("not ours", None, False)


def test_a_scenario_that_is_gone_leaves_its_file(written: dict[str, str]) -> None:
    gone = _of(
        _plan(SHOP.replace("      postgres: {timeout: 2s}\n", "").replace("orders, postgres]", "orders]"), written)
    )
    assert (gone.became, gone.text, gone.is_behind) == ("orphaned", None, True)
    assert gone.details == ("the architecture no longer has database-slow/orders/postgres",)


def test_a_file_that_fell_out_of_the_first_rows_is_kept_up_all_the_same(written: dict[str, str]) -> None:
    few = _plan(SHOP.replace("timeout: 2s", "timeout: 5s"), written, top=1)
    assert len(few.wanted) == 1
    assert _of(few).became == "updated"


def test_a_file_that_somebody_renamed_is_found_by_its_marks(written: dict[str, str]) -> None:
    moved = {("pay.yaml" if name == NAME else name): text for name, text in written.items()}
    found = _plan(SHOP.replace("timeout: 2s", "timeout: 5s"), moved)
    assert _of(found, "pay.yaml").became == "updated"
    assert NAME not in {outcome.name for outcome in found.outcomes}


def test_what_was_given_once_need_not_be_given_again(written: dict[str, str]) -> None:
    assert {outcome.became for outcome in _plan(SHOP, written).outcomes} == {"unchanged"}
    lost = {name: text for name, text in written.items() if name != NAME}
    again = _of(_plan(SHOP, lost))
    assert again.text is not None
    assert "url: http://x/\n" in again.text  # as the other files of the flow have it
    elsewhere = _of(_plan(SHOP, written, entries={"": "http://y/"}))
    assert elsewhere.details == ("traffic.url: http://x/ -> http://y/",)
