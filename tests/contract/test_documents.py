"""Numbers in the documents are what the code computes."""

from __future__ import annotations

import re
from pathlib import Path

from brownout_core.faults import make
from brownout_core.faults.seeded_random import SeededRandom
from brownout_core.faults.spec import StageContext

_ROOT = Path(__file__).parents[2]


def test_the_example_of_reproducible_is_what_the_code_draws() -> None:
    draws = SeededRandom(42, "postgres", "latency_downstream", 1)
    text = (_ROOT / "docs/reproducible.md").read_text()
    numbers = [f"{draws.uniform(place):.6f}" for place in range(3)]
    assert re.findall(r"\b0\.\d{6}\b", text) == [*numbers, numbers[0]]


def test_the_delays_of_reproducible_are_what_the_fault_decides() -> None:
    text = (_ROOT / "docs/reproducible.md").read_text()
    written = re.search(r"`latency: \{latency: (\S+), jitter: (\S+)\}`", text)
    assert written is not None
    fault = make("latency", {"latency": written[1], "jitter": written[2]}, text=True)
    stage = fault.stage(StageContext(0.0, 0, SeededRandom(42, "postgres", "latency_downstream", 1)))
    assert stage is not None
    delays = [f"{stage.delay(offset) * 1e3:.3f}" for offset in (0, 1460)]
    assert re.findall(r"(\d+\.\d{3}) ms", text) == delays


def test_every_link_between_documents_leads_somewhere() -> None:
    for path in [*_ROOT.glob("*.md"), *_ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"
