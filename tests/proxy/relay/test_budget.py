"""The budget slows links down and stops none."""

from __future__ import annotations

from brownout_proxy.relay.budget import Budget


def test_a_link_that_holds_little_may_always_read() -> None:
    budget = Budget(1000)
    budget.change(5000)
    assert budget.allows(0)
    assert not budget.allows(1 << 20)


def test_who_waits_is_woken_once_when_there_is_room() -> None:
    woken: list[str] = []
    budget, wake = Budget(1000), lambda: woken.append("up")
    budget.change(2000)
    budget.wait(wake)
    budget.wait(wake)
    budget.change(-1050)
    assert woken == []
    budget.change(-100)
    assert woken == ["up"]
    assert (budget.used, budget.waits) == (850, 1)


def test_who_has_left_is_not_woken() -> None:
    woken: list[str] = []
    budget, wake = Budget(1000), lambda: woken.append("up")
    budget.change(2000)
    budget.wait(wake)
    budget.forget(wake)
    budget.change(-2000)
    assert woken == []
