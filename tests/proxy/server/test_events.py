"""Watchers get what happened since they last asked, and know what they missed."""

from __future__ import annotations

from brownout_proxy.server.events import KEPT_FAULTS, ConnectionEnded, Events, FaultAdded


def test_each_watcher_gets_every_event_once_in_order() -> None:
    events = Events()
    first, second = events.watch(), events.watch()
    for n in range(3):
        events.emit(float(n), FaultAdded("p", str(n), ""))
    taken, lost = first.take()
    assert [(item.at, item.event.proxy) for item in taken] == [(0.0, "p"), (1.0, "p"), (2.0, "p")]
    assert lost == 0
    assert first.take() == ([], 0)
    assert len(second.take()[0]) == 3


def test_a_slow_watcher_loses_the_oldest_and_is_told_how_many() -> None:
    events = Events()
    watcher = events.watch()
    for n in range(KEPT_FAULTS + 5):
        events.emit(float(n), FaultAdded("p", "f", ""))
    taken, lost = watcher.take()
    assert (len(taken), taken[0].at, lost) == (KEPT_FAULTS, 5.0, 5)
    assert watcher.take() == ([], 0)


def test_who_has_left_gets_nothing() -> None:
    events = Events()
    watcher = events.watch()
    assert events.watched
    events.leave(watcher)
    assert not events.watched
    events.emit(0.0, FaultAdded("p", "f", ""))
    assert watcher.take() == ([], 0)


def test_who_does_not_ask_for_the_ends_of_connections_costs_them_nothing() -> None:
    events = Events()
    watcher = events.watch(ends=False)
    assert (events.watched, len(events)) == (False, 1)
    events.emit(0.0, ConnectionEnded("p", 1, "closed", 1.0))
    events.emit(1.0, FaultAdded("p", "f", ""))
    assert [item.event for item in watcher.take()[0]] == [FaultAdded("p", "f", "")]
