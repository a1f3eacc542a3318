"""What docs/catalogue.md shows and a test holds it to: the story's ten beside ours, the examples' lists, the modes.

`python -m tests.support.catalogue` writes the tables anew; they stand in the page as they are printed. With
`--random` it prints how well the orders agree when every constant of the score is changed at random by up to 30 %.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any, Final

from brownout_catalogue.architecture import read_architecture
from brownout_catalogue.rendering.listing import word
from brownout_catalogue.scoring import criticality, factors, modes, ranking
from brownout_catalogue.scoring.modes import library
from brownout_catalogue.scoring.ranking import Row, rank
from brownout_catalogue.scoring.scenario import kind_of_fault
from brownout_core import document

EXAMPLES: Final = Path(__file__).parents[2] / "examples" / "architectures"
STORY: Final[Mapping[str, str]] = {
    "database-slow/payment-service/postgresql": "payment-service to PostgreSQL timeout",
    "cache-gone/redis": "full Redis outage",
    "service-slow/auth-service": "auth-service slower than 5 s",
    "queue-split/rabbitmq": "RabbitMQ partitioned",
    "memory-pressure/api-gateway": "api-gateway memory pressure",
    "dies-in-transaction/payment-service": "payment-service pod dying in mid-transaction",
    "dns-fails/all-services": "DNS failing between services",
    "cut-off/payment-service/auth-service": "payment-service cut off from auth-service",
    "disk-pressure/postgresql": "disk pressure on the PostgreSQL primary",
    "certificate-expired/all-services": "expired mTLS certificate",
}
"""Our scenarios' ids, and how the story calls them."""


def ranked(example: str = "fintech") -> Sequence[Row]:
    path = EXAMPLES / f"{example}.yaml"
    return rank(read_architecture(document.read(path, columns=True), str(path)))


def places(rows: Sequence[Row]) -> list[int]:
    """Where the ten stand among all, in the story's order. Raises ValueError if one is not there."""
    ids = [row.scenario.id for row in rows]
    return [ids.index(name) + 1 for name in STORY]


def positions(values: Sequence[int]) -> list[int]:
    """The values' order among themselves, from 1 on; no two are the same."""
    return [sorted(values).index(value) + 1 for value in values]


def spearman(values: Sequence[int]) -> float:
    """How well the order of the values agrees with the order in which they are given: 1 wholly, 0 not, -1 reversed."""
    count = len(values)
    squares = sum((place - position) ** 2 for place, position in enumerate(positions(values), 1))
    return 1 - 6 * squares / (count * (count**2 - 1))


def kendall(values: Sequence[int]) -> float:
    """The share of pairs that stand in the given order, less the share of those that do not."""
    pairs = list(combinations(values, 2))
    return sum(1 if first < second else -1 for first, second in pairs) / len(pairs)


def story_table() -> str:
    """Where the ten stand in the list for the story's architecture."""
    rows = ranked()
    found = places(rows)
    lines = [
        "| story | of the ten, ours | in our whole list | score | scenario |",
        "| ---: | ---: | ---: | ---: | --- |",
    ]
    for number, (name, place, position) in enumerate(zip(STORY.values(), found, positions(found), strict=True), 1):
        lines.append(f"| {number} | {position} | {place} | {100 * rows[place - 1].score:.0f} | {name} |")
    agreement = f"Rank correlation: {spearman(found):.2f} (Spearman), {kendall(found):.2f} (Kendall)"
    return "\n".join([*lines, "", f"{agreement}; {len(rows)} scenarios in all."])


def example_table(example: str) -> str:
    """The top ten of an example."""
    lines = ["| # | score | scenario | impact | exposure | safety |", "| ---: | ---: | --- | --- | --- | --- |"]
    for place, row in enumerate(ranked(example)[:10], 1):
        words = " | ".join(word(factor.value) for factor in (row.impact, row.exposure, row.safety))
        lines.append(f"| {place} | {100 * row.score:.0f} | {row.scenario.title} | {words} |")
    return "\n".join(lines)


def modes_table() -> str:
    """The library."""
    lines = ["| mode | happens | contained | by the proxy | by Chaos Mesh |", "| --- | --- | --- | --- | --- |"]
    for mode in library().modes.values():
        kinds = ", ".join(dict.fromkeys(f"`{kind_of_fault(fault)}`" for fault in mode.local.faults)) or "no"
        cluster = f"{mode.cluster.kind} {mode.cluster.action}".strip() or "no"
        lines.append(f"| `{mode.id}` | {mode.often} | {mode.contained} | {kinds} | {cluster} |")
    return "\n".join(lines)


def tables() -> Sequence[str]:
    """All that the page has to have."""
    examples = (path.stem for path in sorted(EXAMPLES.glob("*.yaml")))
    return (story_table(), *map(example_table, examples), modes_table())


_CHANGE: Final = 0.3
"""By how much of itself a constant is changed at most."""
_TRIALS: Final = 200


@contextmanager
def changed_constants(random: Random) -> Iterator[None]:
    """Every number of the score times 0.7 to 1.3, in all modules that use it; shares stay at most 1."""
    homes = (criticality, factors, modes, ranking)
    factor: dict[str, float] = {}
    before: list[tuple[Any, str, Any]] = []
    for home in homes:
        for name, value in vars(home).items():
            numbers = value if isinstance(value, Mapping) else {"": value}
            if not name.isupper() or not all(isinstance(one, (float, modes.Level)) for one in numbers.values()):
                continue
            before.append((home, name, value))
    for home, name, value in before:
        if isinstance(value, Mapping):
            setattr(
                home, name, {key: _times(one, _drawn(f"{name}.{key}", factor, random)) for key, one in value.items()}
            )
        else:
            setattr(home, name, _times(value, _drawn(name, factor, random)))
    try:
        yield
    finally:
        for home, name, value in before:
            setattr(home, name, value)


def _drawn(name: str, factor: dict[str, float], random: Random) -> float:
    return factor.setdefault(name, random.uniform(1 - _CHANGE, 1 + _CHANGE))


def _times(value: Any, factor: float) -> Any:
    if isinstance(value, modes.Level):
        return value._replace(value=_times(value.value, factor))
    return min(1.0, value * factor) if value <= 1 else value * factor


def agreement_under_changes(seed: int = 1) -> Sequence[float]:
    """Spearman's coefficients for so many random changes of the constants, the smallest first."""
    random, found = Random(seed), []
    for _ in range(_TRIALS):
        with changed_constants(random):
            found.append(spearman(places(ranked())))
    return sorted(found)


if __name__ == "__main__":
    if "--random" in sys.argv:
        all_of_them = agreement_under_changes()
        shares = (0.05, 0.5, 0.95)
        print(", ".join(f"{share:.0%}: {all_of_them[round(share * (_TRIALS - 1))]:.2f}" for share in shares))
        sys.exit()
    print("\n\n".join(tables()))
