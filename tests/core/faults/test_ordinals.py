"""Each number is that of one connection that counts."""

from __future__ import annotations

import random

from brownout_core.faults.ordinals import Ordinals


def test_connections_are_numbered_in_the_order_in_which_they_come() -> None:
    ordinals = Ordinals()
    for connection in (7, 3, 9):
        ordinals.give(connection)
    assert [ordinals.of(connection) for connection in (7, 3, 9, 4)] == [1, 2, 3, None]
    assert ordinals.used == 3


def test_the_number_of_one_that_does_not_count_goes_to_the_next() -> None:
    ordinals = Ordinals()
    for connection in (1, 2, 3):
        ordinals.give(connection)
    ordinals.end(1, counts=True)
    ordinals.end(2, counts=False)
    ordinals.end(8, counts=False)  # has none
    assert ordinals.used == 2
    ordinals.give(4)
    ordinals.give(5)
    assert [ordinals.of(connection) for connection in (1, 2, 3, 4, 5)] == [None, None, 3, 2, 4]


def test_in_any_order_of_coming_and_going_the_numbers_that_count_have_no_gap_and_are_there_once() -> None:
    chance, ordinals, taken = random.Random(1), Ordinals(), []
    live: list[int] = []
    for connection in range(500):
        ordinals.give(connection)
        live.append(connection)
        while live and chance.random() < 0.5:
            leaving = live.pop(chance.randrange(len(live)))
            number, counts = ordinals.of(leaving), chance.random() < 0.6
            taken += [number] * counts
            ordinals.end(leaving, counts=counts)
    taken += [ordinals.of(connection) for connection in live]
    assert len(set(taken)) == len(taken) == ordinals.used
    assert ordinals.used <= max(number or 0 for number in taken)
