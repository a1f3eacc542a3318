"""Truth files are of the form, and, where the checkouts are at hand, an import finds what they say."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

import pytest

from tools.import_truth import FOLDER_VARIABLE, TRUTHS, measure, read_truth, table, totals, truths

PRECISION: Final = 0.95
RECALL: Final = 0.85
NAMES: Final = sorted(path.stem for path in TRUTHS.glob("*.yaml"))

MINIMAL: Final = """\
repository: shop/shop
commit: 0123456789abcdef0123456789abcdef01234567
kind: compose
files: [compose.yaml]
services: [web, cart, db]
calls: {web: [cart], cart: [db]}
entries: [web]
"""


def test_there_are_at_least_15_systems() -> None:
    assert len(NAMES) >= 15


@pytest.mark.parametrize("name", NAMES)
def test_a_truth_file_pins_its_commit_and_names_only_its_own_services(name: str) -> None:
    truth = read_truth(TRUTHS / f"{name}.yaml")
    assert re.fullmatch(r"[0-9a-f]{40}", truth.commit)
    assert truth.repository.count("/") == 1
    assert all((truth.files, truth.calls, truth.entries))


@pytest.mark.parametrize(
    "change",
    [("web: [cart]", "web: [nobody]"), ("[cart], cart", "[cart, cart], cart"), ("entries: [web]", "entries: [x]"),
     ("kind: compose", "kind: helm"), ("commit:", "revision:")],
)  # fmt: skip
def test_a_truth_file_that_is_not_of_the_form_is_refused(tmp_path: Path, change: tuple[str, str]) -> None:
    (tmp_path / "shop.yaml").write_text(MINIMAL.replace(*change))
    with pytest.raises(ValueError, match=r"shop\.yaml"):
        read_truth(tmp_path / "shop.yaml")


def test_missed_and_false_calls_are_counted(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(MINIMAL)
    (tmp_path / "shop+shop").mkdir()
    (tmp_path / "shop+shop/compose.yaml").write_text(
        "services:\n  web: {environment: {CART_URL: 'http://cart:80', DB_URL: 'postgres://db:5432'}}\n  cart: {}\n"
        "  db: {image: postgres}\n"
    )
    result = measure(read_truth(tmp_path / "shop.yaml"), tmp_path)
    assert [set(one) for one in (result.right, result.missed, result.false)] == [
        {"web -> cart"},
        {"cart -> db"},
        {"web -> db"},
    ]
    assert totals([result]).precision == totals([result]).recall == 0.5
    assert "| 3 | 2 | 1 | 1 | 1 | 50% | 50% |" in table([result])


@pytest.mark.skipif(FOLDER_VARIABLE not in os.environ, reason=f"{FOLDER_VARIABLE} names no folder of checkouts")
def test_an_import_of_real_systems_finds_most_calls_and_few_others() -> None:
    systems = Path(os.environ[FOLDER_VARIABLE])
    here = [truth for truth in truths() if truth.folder(systems).is_dir()]
    assert here, f"{systems} has none of the checkouts"
    measures = [measure(truth, systems) for truth in here]
    whole = totals(measures)
    assert whole.precision >= PRECISION, table(measures)
    assert whole.recall >= RECALL, table(measures)
