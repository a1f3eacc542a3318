"""Files of variables: one meaning for each line, and an error with the line, but never with a value."""

from __future__ import annotations

import pytest

from brownout_controller.model.var_file import read_var_file
from brownout_core.errors import InvalidSpec

FILE = """\
# a comment

PLAIN=value
  SPACED =  two words\t
export EXPORTED=1
EMPTY=
URL=http://u:p@h/?a=b#c
DOLLAR=${PLAIN} $PLAIN `id`
SINGLE='as # it \\n stands'   # a comment
DOUBLE="a\\tb\\n\\"c\\" \\\\ \\$ 'd' # e"
QUOTE=it's
"""


def test_each_line_has_one_meaning() -> None:
    assert read_var_file(FILE.replace("\n", "\r\n"), "x.env") == {
        "PLAIN": "value",
        "SPACED": "two words",
        "EXPORTED": "1",
        "EMPTY": "",
        "URL": "http://u:p@h/?a=b#c",
        "DOLLAR": "${PLAIN} $PLAIN `id`",
        "SINGLE": "as # it \\n stands",
        "DOUBLE": "a\tb\n\"c\" \\ $ 'd' # e",
        "QUOTE": "it's",
    }
    assert read_var_file("", "x.env") == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("A=1\nB", r"x.env:2: is not NAME=VALUE"),
        ("=hunter2", r"x.env:1: is not NAME=VALUE"),
        ("1A=hunter2", r"x.env:1: is not NAME=VALUE"),
        ("A-B=hunter2", r"x.env:1: is not NAME=VALUE"),
        ("A: hunter2", r"x.env:1: is not NAME=VALUE"),
        ("A=1\n\nA=hunter2", r"x.env:3: A is there already, on line 1"),
        ("A='hunter2", r"x.env:1: A: what begins with '"),
        ("A='hunter'2'", r"x.env:1: A: what begins with '"),
        ('A="hunter2', r'x.env:1: A: what begins with "'),
        ('A="hunter2\\', r'x.env:1: A: what begins with "'),
        ('A="hunter\\x2"', r"x.env:1: A: \\x means nothing here"),
        ("A=hunter2 # or is it", r"x.env:1: A: is a # part of it"),
        ("A=hunter\x002", r"x.env:1: A: a value has no NUL"),
    ],
)
def test_what_could_be_meant_otherwise_is_refused_with_its_line_and_without_its_value(text: str, told: str) -> None:
    with pytest.raises(InvalidSpec, match=f"^{told}") as caught:
        read_var_file(text, "x.env")
    assert "hunter" not in str(caught.value)
