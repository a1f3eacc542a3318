"""A short round of each parser, the same each time; `make fuzz` goes on for longer, and at the servers."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.fuzz.mutation import Mutator
from tests.fuzz.targets import TARGETS

_ROUND = """
import sys
from tests.fuzz.parsers import fuzz
found = [f"{name}: {wrong}" for name in sys.argv[1:] for wrong in fuzz(name, 1, runs=15).findings]
sys.exit("\\n".join(found) or 0)
"""


def test_each_parser_answers_or_raises_an_error_of_ours() -> None:
    done = subprocess.run([sys.executable, "-c", _ROUND, *TARGETS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_changed_was_good(name: str) -> None:
    corpus = TARGETS[name].corpus()
    assert corpus
    assert all(corpus)


def test_the_same_seed_makes_the_same_inputs() -> None:
    corpus = [b"a: 1\nb: 2\n"]
    made = [[Mutator(corpus, seed).make() for _ in range(1)] for seed in (1, 1, 2)]
    assert made[0] == made[1] != made[2]
