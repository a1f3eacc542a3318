"""Tables that fit: the first columns stay, the others give way."""

from __future__ import annotations

import click

from brownout_core.tables import Cell, Column, table
from brownout_core.terminal import columns

COLUMNS = [
    Column("RUN"), Column("EXPERIMENT", gives="clipped"), Column("TOOK", right=True, gives="left out"), Column("HELD"),
]  # fmt: skip
ROWS = [[Cell("r1", "red"), Cell("a-name-of-20-letters"), Cell("5 s"), Cell("yes")]]


def _lines(width: int | None) -> list[str]:
    return [click.unstyle(line) for line in table(COLUMNS, ROWS, width)]


def test_columns_are_as_wide_as_what_is_in_them() -> None:
    assert _lines(None) == [
        "RUN  EXPERIMENT            TOOK  HELD",
        "r1   a-name-of-20-letters   5 s  yes",
    ]
    assert _lines(37) == _lines(None)


def test_a_column_is_clipped_before_another_is_left_out() -> None:
    assert _lines(30) == ["RUN  EXPERIMENT     TOOK  HELD", "r1   a-name-of-20…   5 s  yes"]
    assert _lines(28) == ["RUN  EXPERIMENT         HELD", "r1   a-name-of-20-let…  yes"]


def test_the_last_to_give_way_is_clipped_once_everything_else_is_left_out() -> None:
    titles = [Column("RUN"), Column("EXPERIMENT", gives="last"), Column("TOOK", gives="left out"), Column("HELD")]
    made = [click.unstyle(line) for line in table(titles, ROWS, 31)]
    assert made == ["RUN  EXPERIMENT            HELD", "r1   a-name-of-20-letters  yes"]
    assert click.unstyle(list(table(titles, ROWS, 28))[1]) == "r1   a-name-of-20-let…  yes"


def test_no_line_is_longer_than_the_screen_if_anything_can_give_way() -> None:
    for width in range(23, 60):
        assert max(map(columns, _lines(width))) <= width


def test_a_colour_does_not_change_the_place_of_anything() -> None:
    coloured = list(table(COLUMNS, ROWS, None))[1]
    assert coloured.startswith("\x1b[31m")
    assert click.unstyle(coloured).startswith("r1   a")
