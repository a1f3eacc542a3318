"""What happens in the demo, act by act, and how it is judged: a fault must do what it says, and leave no trace."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from deploy.demo.clients import Seen

Toxic = Mapping[str, Any]


@dataclass(frozen=True)
class Verdict:
    """What was measured, in words, and whether it is what was injected."""

    measured: str
    good: bool


@dataclass(frozen=True)
class Act:
    """A fault of the story. No toxics means that the proxy is disabled. `size` is in bytes, times in seconds."""

    title: str
    service: str
    injected: str
    toxics: tuple[Toxic, ...]
    judge: Callable[[Seen], Verdict]
    size: int = 1
    patience: float = 1.0
    seconds: float = 1.0
    at_least: int = 1


def takes(expected: float, slack: float) -> Callable[[Seen], Verdict]:
    """Every call succeeds, none sooner than `expected` seconds, and half of them at most `slack` later."""

    def judge(seen: Seen) -> Verdict:
        if not seen.durations or seen.failed:
            return Verdict(f"{seen.failed} failed, {len(seen.durations)} succeeded", False)
        median, least = seen.quantile(0.5), min(seen.durations)
        return Verdict(f"{median:.2f} s, least {least:.2f} s", expected <= least and median <= expected + slack)

    return judge


def fails(*names: str) -> Callable[[Seen], Verdict]:
    """Every call fails, and with one of these errors."""

    def judge(seen: Seen) -> Verdict:
        told = ", ".join(f"{count} {name}" for name, count in seen.failures.most_common())
        measured = f"{told or 'no failure'}; {len(seen.durations)} succeeded"
        return Verdict(measured, bool(seen.failures) and not seen.durations and set(seen.failures) <= set(names))

    return judge


def unharmed(seen: Seen) -> bool:
    """Before and after a fault: every call succeeds, and fast."""
    return bool(seen.durations) and not seen.failed and seen.quantile(0.5) < 0.1


def _toxic(kind: str, stream: str = "downstream", **attributes: float) -> Toxic:
    return {"type": kind, "stream": stream, "attributes": attributes}


ACTS: Final = (
    Act(
        title="database answers slowly", service="postgres", injected="latency 3 s",
        toxics=(_toxic("latency", latency=3000),),
        judge=takes(3.0, 0.25), patience=10, at_least=2,
    ),
    Act(
        title="Redis is gone", service="redis", injected="proxy disabled",
        toxics=(), judge=fails("ConnectionError"),
    ),
    Act(
        title="partition", service="redis", injected="timeout 0, both ways",
        toxics=(_toxic("timeout", "upstream", timeout=0), _toxic("timeout", "downstream", timeout=0)),
        judge=fails("TimeoutError"), patience=0.5,
    ),
    Act(
        title="slow network", service="postgres", injected="0.55 s: 50 kB at 100 kB/s + 50 ms",
        toxics=(_toxic("bandwidth", rate=100), _toxic("latency", latency=50)),
        judge=takes(0.55, 0.1), size=50_000, patience=10, at_least=3,
    ),
    Act(
        title="connections are reset", service="redis", injected="reset_peer",
        toxics=(_toxic("reset_peer"),), judge=fails("ConnectionError", "ConnectionResetError"),
    ),
)  # fmt: skip
