"""Numbers in the documents are what the code computes."""

from __future__ import annotations

import re
from pathlib import Path

from brownout_proxy.faults.draw import Draws

_ROOT = Path(__file__).parents[2]


def test_the_example_of_reproducible_is_what_the_code_draws() -> None:
    draws = Draws(42, "postgres", "latency_downstream", 1)
    text = (_ROOT / "docs/reproducible.md").read_text()
    written = re.findall(r"\b0\.\d{6}\b", text)
    assert written == [f"{draws.uniform(place):.6f}" for place in range(3)]


def test_every_link_between_documents_leads_somewhere() -> None:
    for path in [*_ROOT.glob("*.md"), *_ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"
