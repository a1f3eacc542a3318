"""`brownout schema` prints what editors read."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from brownout_controller.cli.commands.schema import schema


@pytest.mark.parametrize(
    ("words", "title"),
    [
        ([], "Brownout experiment"),
        (["environment"], "Brownout environments"),
        (["architecture"], "Brownout architecture"),
    ],
)
def test_it_is_json_and_says_what_it_is_of(words: list[str], title: str) -> None:
    result = CliRunner().invoke(schema, words)
    assert result.exit_code == 0
    assert json.loads(result.output)["title"] == title
