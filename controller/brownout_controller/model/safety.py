"""The safety nets. Each is on unless the experiment switches it off by name, with a reason that the journal keeps.

The maximum duration, the lease and the verification of the undo are not among them: nothing switches those off.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from brownout_controller.model.endpoint import Endpoint, endpoint_of, endpoints_of, reaches
from brownout_controller.model.journal import Refusal
from brownout_core.spelling import unknown

if TYPE_CHECKING:
    from brownout_controller.model.environment import Limits
    from brownout_controller.model.experiment import BlastRadius, Conditions

NETS: Final[Mapping[str, str]] = {
    "zero-targets": "an edge that nothing carries is refused",
    "large-scope": "more targets than the environment's limits is refused",
    "protected-target": "a protected environment is refused",
    "already-faulted": "a target that has faults already is refused",
    "own-traffic": "a probe or a load that talks to the proxy of the run itself is refused",
    "lock": "a target that another run is at is refused",
    "baseline-gate": "nothing is injected unless the baseline holds",
}
"""Every net by its name, and what it does."""

OUTSIDE: Final = "outside"
"""The caller of an edge that begins where clients come in."""


def refusals(
    conditions: Conditions,
    *,
    environment: str,
    protected: bool,
    limits: Limits,
    found: Sequence[str],
    chosen: Sequence[str],
    faulted: Mapping[str, Sequence[str]],
    proxies: Sequence[str] = (),
) -> list[Refusal]:
    """What speaks against the run. `found` are all targets of the edge, `chosen` those to be hit, `faulted` has the
    names of the faults that are on them already; `proxies` are those that there are, for an edge without any."""
    found_refusals = []
    if protected:
        found_refusals.append(
            Refusal("protected-target", f"environment {environment!r} is protected", "choose another with --env")
        )
    if conditions.duration > limits.max_duration:
        found_refusals.append(
            Refusal(
                "max-duration",
                f"a duration of {conditions.duration:g} s is over the limit of {limits.max_duration:g} s",
                f"shorten it, or raise limits.max_duration of {environment!r}",
            )
        )
    if not found:
        found_refusals.append(
            Refusal(
                "zero-targets",
                f"nothing in environment {environment!r} carries {conditions.edge!r}: {_nearest(conditions, proxies)}",
                f"correct the edge, or name its proxy under edges of environment {environment!r}",
            )
        )
    if len(chosen) > limits.max_targets:
        found_refusals.append(too_many(len(chosen), limits))
    elif found and len(chosen) > 1 and len(chosen) / len(found) > limits.max_percent / 100:
        found_refusals.append(
            Refusal(
                "large-scope",
                f"{len(chosen)} of {len(found)} targets would be hit, and the limit is {limits.max_percent:g} %",
                "narrow blast_radius, or raise limits.max_percent",
            )
        )
    for target, names in faulted.items():
        if names:
            found_refusals.append(
                Refusal(
                    "already-faulted",
                    f"{target} has faults already: {', '.join(names)}",
                    "wait for the run that put them, or stop it; what is under no lease goes with brownout reset",
                )
            )
    return [refusal for refusal in found_refusals if refusal.net not in conditions.nets]


class Listener(NamedTuple):
    """Where a target takes connections, and where it passes them on to; `control` is where the proxy is asked."""

    target: str
    listen: str
    upstream: str
    control: str


def own_traffic(
    conditions: Conditions, asked: Mapping[str, Sequence[Endpoint]], listeners: Sequence[Listener]
) -> list[Refusal]:
    """Probes and loads that talk to the address on which a proxy of the run listens: they are what meets the fault, and
    what is behind the service is not. `asked` are the places that each connects to, by what it is called.

    The load of an edge from `outside` stands for the clients, and is meant to go through the proxy.
    """
    if "own-traffic" in conditions.nets or conditions.edge.partition("->")[0].strip() == OUTSIDE:
        return []
    return [
        Refusal(
            "own-traffic",
            f"{who} talks to {place}, where the proxy of {listener.target} itself listens: it would measure the fault, "
            "and not how a service copes with it",
            f"measure the service that calls through the proxy, or what is behind it, {listener.upstream}",
        )
        for who, places in asked.items()
        for listener in listeners
        for place in places[:1]
        if any(_is_own(one, listener) for one in places)
    ]


def _is_own(place: Endpoint, listener: Listener) -> bool:
    control = endpoint_of(listener.control)
    return any(reaches(place, there, control) for there in endpoints_of(listener.listen))


def _nearest(conditions: Conditions, proxies: Sequence[str]) -> str:
    """Which proxies there are, and which of them may be meant."""
    if not proxies:
        return "there is no proxy at all"
    sink = conditions.edge.rpartition("->")[2].strip()
    return unknown(f"proxy {sink!r}", sink, sorted(set(proxies)))


def too_many(chosen: int, limits: Limits) -> Refusal:
    """That so many targets are over the environment's limit."""
    return Refusal(
        "large-scope",
        f"{chosen} targets would be hit, and the limit is {limits.max_targets}",
        "narrow blast_radius, or raise limits.max_targets",
    )


def choose(targets: Sequence[str], radius: BlastRadius, seed: int) -> list[str]:
    """Which targets are hit: the same for the same seed, whatever their order."""
    order = sorted(targets)
    draw = random.Random(seed)
    draw.shuffle(order)
    return sorted(order[: _how_many(len(order), radius, draw)])


def _how_many(there: int, radius: BlastRadius, draw: random.Random) -> int:
    value = radius.value or 0
    if radius.mode == "all":
        return there
    if radius.mode == "fixed":
        return min(value, there)
    if radius.mode == "fixed-percent":
        return math.floor(there * value / 100)
    if radius.mode == "random-max-percent":
        return math.floor(there * draw.randint(0, value) / 100)
    return min(1, there)
