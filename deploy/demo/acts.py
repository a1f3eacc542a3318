"""What happens in the demo, act by act, and how it is judged: a fault must do what it says, and leave no trace."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from deploy.demo.clients import Seen

Toxic = Mapping[str, Any]

_SWIFT: Final = 0.1
"""What half of the calls take at most where nothing is wrong, in seconds: they take about 1 ms on an idle machine."""


@dataclass(frozen=True)
class Verdict:
    """What was measured, in words, and whether it is what was injected."""

    measured: str
    good: bool


Judge = Callable[[Seen], Verdict]


@dataclass(frozen=True)
class Act:
    """A fault of the story. No toxics means that the proxy is disabled. `size` is in bytes, times in seconds."""

    title: str
    service: str
    injected: str
    toxics: tuple[Toxic, ...]
    judge: Judge
    size: int = 1
    patience: float = 1.0
    seconds: float = 1.0
    at_least: int = 1


def takes(expected: float, *, late: float, early: float = 0.0) -> Judge:
    """Every call succeeds, none sooner than `early` before `expected`, and half of them at most `late` after it."""

    def judge(seen: Seen) -> Verdict:
        if not seen.durations or seen.failed:
            return Verdict(_counts(seen), False)
        least, median, most = min(seen.durations), seen.quantile(0.5), max(seen.durations)
        good = expected - early <= least and median <= expected + late
        return Verdict(f"{least:.3f} to {most:.3f} s", good)

    return judge


def fails(how: str, *, at_first: str = "") -> Judge:
    """Every call fails, and in this way; those on connections from before may fail in the way of `at_first`."""

    def judge(seen: Seen) -> Verdict:
        good = not seen.durations and seen.failures[how] > 0 and set(seen.failures) <= {how, at_first or how}
        return Verdict(_counts(seen), good)

    return judge


def vanishes(patience: float) -> Judge:
    """Nothing comes, no answer and no end either: every call ends because the client has waited for `patience`."""

    def judge(seen: Seen) -> Verdict:
        if seen.durations or set(seen.failures) != {"no answer"}:
            return Verdict(_counts(seen), False)
        return Verdict(f"no answer in {min(seen.waits):.2f} s", min(seen.waits) >= patience)

    return judge


def unharmed(seen: Seen) -> Verdict:
    """Before and after a fault: every call succeeds, and fast."""
    good = bool(seen.durations) and not seen.failed and seen.quantile(0.5) < _SWIFT
    return Verdict("" if good else _counts(seen), good)


def _counts(seen: Seen) -> str:
    told = [f"{count} {how}" for how, count in seen.failures.most_common()]
    if seen.durations or not told:
        told.append(f"{len(seen.durations)} answered")
    return ", ".join(told)


def _toxic(kind: str, stream: str = "downstream", **attributes: float) -> Toxic:
    return {"type": kind, "stream": stream, "attributes": attributes}


ACTS: Final = (
    Act(
        title="the database is slow", service="PostgreSQL", injected="latency 3 s",
        toxics=(_toxic("latency", latency=3000),),
        judge=takes(3.0, late=0.25), patience=10, at_least=2,
    ),
    Act(
        title="the cache is gone", service="Redis", injected="proxy disabled",
        toxics=(), judge=fails("refused", at_first="closed"),
    ),
    Act(
        title="partition", service="Redis", injected="timeout 0, both ways",
        toxics=(_toxic("timeout", "upstream", timeout=0), _toxic("timeout", "downstream", timeout=0)),
        judge=vanishes(0.5), patience=0.5,
    ),
    Act(
        # `early` is the burst that `bandwidth` may let through; PostgreSQL puts less than 100 bytes around the data.
        title="slow network, 50 kB an answer", service="PostgreSQL", injected="100 kB/s + 50 ms: 0.55 s",
        toxics=(_toxic("bandwidth", rate=100), _toxic("latency", latency=50)),
        judge=takes(0.55, early=0.02, late=0.1), size=50_000, patience=10, at_least=3,
    ),
    Act(
        title="connections are reset", service="Redis", injected="reset_peer",
        toxics=(_toxic("reset_peer"),), judge=fails("reset"),
    ),
)  # fmt: skip
