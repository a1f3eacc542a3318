"""What we write is read as what was meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brownout_catalogue.importers.yaml.architecture_file import document, flow, scalar
from brownout_core.document import parse


def _read(text: str) -> object:
    root = parse(text, "f.yaml")
    return None if root is None else root.plain()


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("cart", "cart"),
        ("redis:7", "redis:7"),
        ("shop/cart@sha256:ab", '"shop/cart@sha256:ab"'),
        ("a: b", '"a: b"'),
        ("yes", '"yes"'),
        ("3", '"3"'),
        ("", '""'),
        ("a, b", '"a, b"'),
        ("über", '"über"'),
        (3, "3"),
        (True, "true"),
        (None, "null"),
    ],
)
def test_quotes_are_where_they_have_to_be(value: str | int | None, written: str) -> None:
    assert scalar(value) == written


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_any_text_comes_back(text: str) -> None:
    assert _read(f"k: {flow({'a': [text]})}") == {"k": {"a": [text]}}


def test_a_service_is_a_block_and_a_call_is_a_line() -> None:
    content = {
        "services": {
            "web": {"where": {"port": 80}, "calls": {"cart": {"guess": "weak: x"}, "db": {}}},
            "calls": {"probes": ["liveness"]},
            "db": {},
        }
    }
    written = document(content, "First.\n\nLast.")
    assert written == (
        "# First.\n#\n# Last.\nservices:\n  web:\n    where: {port: 80}\n    calls:\n"
        '      cart: {guess: "weak: x"}\n      db:\n  calls:\n    probes: [liveness]\n  db:\n'
    )
    assert _read(written) == {"services": {**content["services"], "web": {
        "where": {"port": 80}, "calls": {"cart": {"guess": "weak: x"}, "db": None}}, "db": None}}  # fmt: skip
